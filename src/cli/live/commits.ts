/**
 * The commits that brought the contents of files, for `weir reloads`.
 *
 * A reload keeps git's hash of each changed file. So the commit is that which gave a file this very
 * content, whenever it was made, and a file that was never committed has none.
 *
 * weir only reads, and runs nothing that a repository's configuration names: no hook, no fsmonitor,
 * no pager, no signature check, no text conversion, no fetch.
 */

import { execFile } from 'node:child_process'
import { basename, dirname } from 'node:path'

export type Commit = {
  readonly hash: string
  readonly author: string
  /** ISO 8601. */
  readonly at: string
  readonly subject: string
}

const GIT_MS_MAX = 10_000
const OUTPUT_MAX = 4 * 2 ** 20

const SAFE = [
  ...['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.pager=cat', 'log.showSignature=false'],
  ...['diff.external=', 'core.attributesFile=/dev/null', 'protocol.allow=never'],
].flatMap(each => ['-c', each])

const VARIABLES = { GIT_OPTIONAL_LOCKS: '0', GIT_NO_LAZY_FETCH: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }

/** Commits of a file that are looked at. */
const COMMITS_MAX = 5_000

/** By git's hash of a content: the commits that gave it to a file, newest first. */
export type Commits = ReadonlyMap<string, readonly Commit[]>

/** None if `file` is in no checkout. */
export async function commitsOf(file: string): Promise<Commits> {
  const found = await git(dirname(file), [
    ...['log', '--no-ext-diff', '--no-textconv', '--no-show-signature', '--no-renames', '--no-abbrev'],
    ...['--raw', '--diff-merges=first-parent', `--max-count=${COMMITS_MAX}`],
    ...['--format=%x00%H%x1f%an%x1f%aI%x1f%s', '--', basename(file)],
  ])
  const commits = new Map<string, Commit[]>()
  for (const each of (found ?? '').split('\0')) {
    const [head = '', ...changes] = each.split('\n')
    const [hash, author, at, subject] = head.split('\x1f')
    for (const line of changes) {
      const blob = /^:\d+ \d+ [0-9a-f]+ ([0-9a-f]+) /.exec(line)?.[1]
      if (hash && blob) commits.getOrInsertComputed(blob, () => []).push({ hash, author, at, subject })
    }
  }
  return commits
}

/** The newest before `atMs`, else the first; null: none. */
export function commitAt(commits: Commits, blob: string, atMs: number): Commit | null {
  const found = commits.get(blob) ?? []
  return found.find(({ at }) => Date.parse(at) <= atMs) ?? found.at(-1) ?? null
}

/** What git writes; null if it fails, or is not there. */
function git(folder: string, words: readonly string[]): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const options = {
    cwd: folder,
    env: { ...process.env, ...VARIABLES },
    timeout: GIT_MS_MAX,
    maxBuffer: OUTPUT_MAX,
  }
  execFile('git', [...SAFE, '--no-pager', ...words], options, (error, stdout) =>
    resolve(error ? null : stdout),
  )
  return promise
}
