/**
 * Path resolution (path_resolution(7)): every folder and link on the way to a path's target.
 *
 * If two answers differ, the path leads elsewhere now: a folder on the way, or on the way to a
 * link's target, was renamed, replaced, mounted over, created or deleted. For a file, only the way
 * to it counts: the watch notices its content by itself.
 */

import { lstat, readdir, readlink } from 'node:fs/promises'
import { dirname, join, parse, resolve, sep } from 'node:path'

/** The kernel's own limit: path_resolution(7), ELOOP. */
const LINKS_MAX = 40

/** The folders and links on the way to `path`, as a text to compare. */
export async function resolutionOf(path: string): Promise<string> {
  const { root } = parse(resolve(path))
  const steps: string[] = []
  let at = root
  let links = 0
  for (const todo = namesOf(resolve(path)); todo.length > 0; ) {
    const name = todo.shift() as string
    if (name === '..') {
      at = dirname(at) // no link is left in it
      continue
    }
    const next = join(at, name)
    const step = await lookAt(next)
    if (step.target === null || links++ === LINKS_MAX) {
      steps.push(step.identity)
      at = next
      if (!step.isFolder) return steps.join(' ')
    } else {
      steps.push(`${step.identity} → ${step.target}`)
      if (step.target.startsWith(sep)) at = root
      todo.unshift(...namesOf(step.target))
    }
  }
  return steps.join(' ')
}

/**
 * Links below the folder, at any depth; a link to a folder counts, but its content is not searched.
 */
export async function linksBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])
  return entries.filter(each => each.isSymbolicLink()).map(each => join(each.parentPath, each.name))
}

const namesOf = (path: string): string[] => path.split(sep).filter(name => name !== '' && name !== '.')

type Step = { readonly identity: string; readonly target: string | null; readonly isFolder: boolean }

/** An inode's number can be reused at once; together with the time of birth it is unique. */
async function lookAt(path: string): Promise<Step> {
  try {
    const stats = await lstat(path, { bigint: true })
    const identity = stats.isFile() ? 'file' : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`
    const target = stats.isSymbolicLink() ? await readlink(path) : null
    return { identity, target, isFolder: stats.isDirectory() }
  } catch (error) {
    return { identity: (error as NodeJS.ErrnoException).code ?? 'error', target: null, isFolder: false }
  }
}
