/**
 * The watch: tells when something under the operator's paths has changed.
 *
 * chokidar does the watching. What it is told here was found out on real layouts (test/control/watch.test.ts).
 * It follows links, so that the target of a link may change in place. The folder above each path is watched
 * too, for that path and for entries that begin with `..`, since from below chokidar sees neither that a
 * folder was quickly replaced by another, nor, for a single file that is a link through ConfigMap's `..data`,
 * that `..data` was swapped. Whether an event means a change is decided by comparing contents (compile.ts).
 */

import { basename, dirname, resolve, sep } from 'node:path'
import chokidar from 'chokidar'
import { Debounce } from './debounce.ts'

/** Quiet for this long, a save is over. */
const QUIET_MS = 100
/** A reload starts at the latest this long after the first event. */
const MOST_MS = 1_000

export type Watch = { close(): Promise<void> }

/** Watches `paths`, which need not exist yet; resolves when changes from now on are seen. */
export async function watchPaths(
  paths: readonly string[],
  onChange: () => void,
  onError: (error: Error) => void,
): Promise<Watch> {
  if (paths.length === 0) return { close: async () => {} } // standard input alone never changes
  const roots = paths.map(path => resolve(path))
  const parents = roots.map(root => dirname(root))
  const debounce = new Debounce(onChange, QUIET_MS, MOST_MS)
  const watcher = chokidar.watch([...new Set([...roots, ...parents])], {
    ignoreInitial: true,
    ignored: path => !isWanted(resolve(path), roots, parents),
  })
  watcher.on('all', () => debounce.touch())
  watcher.on('error', error => onError(error instanceof Error ? error : new Error(String(error))))
  await new Promise<void>(ready => watcher.once('ready', ready))
  return {
    close() {
      debounce.cancel()
      return watcher.close()
    },
  }
}

function isWanted(path: string, roots: readonly string[], parents: readonly string[]): boolean {
  if (roots.some(root => path === root || path.startsWith(root + sep))) return true
  return parents.includes(path) || (basename(path).startsWith('..') && parents.includes(dirname(path)))
}
