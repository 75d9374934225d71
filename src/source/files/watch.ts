/**
 * The watch: reports changes under the operator's paths.
 *
 * chokidar watches. Its options were found by experiments with real layouts
 * (test/source/watch.test.ts). It follows links, so a link's target may change in place. The folder
 * above each path is watched too, for that path and for entries that begin with `..`, since from
 * below chokidar sees neither that a folder was quickly replaced by another, nor, for a single file
 * that is a link through ConfigMap's `..data`, that `..data` was swapped. No event reports changes
 * further up reliably (a replaced grandparent, a mount, the way to a link's target), so a check
 * runs every second and restarts chokidar if a path leads elsewhere. Comparing contents decides
 * whether anything has changed (compile.ts).
 */

import { basename, dirname, resolve, sep } from 'node:path'
import chokidar, { type FSWatcher } from 'chokidar'
import { Debounce } from './debounce.ts'
import { linksBelow, resolutionOf } from './path-resolution.ts'

/** Quiet for this long, a save is over. */
const QUIET_MS = 100
/** A reload starts at the latest this long after the first event. */
const MOST_MS = 1_000
/**
 * The interval between two checks of what the paths mean: a few lstat(2) for each path and link.
 */
const LOOK_MS = 1_000

export type Watch = { close(): Promise<void> }

/** Watches `paths`, which need not exist yet; resolves when changes from now on are seen. */
export async function watchPaths(
  paths: readonly string[],
  onChange: () => void,
  onError: (error: Error) => void,
): Promise<Watch> {
  if (paths.length === 0) return { close: async () => {} } // standard input alone never changes
  const watching = new Watching(paths, onChange, onError)
  await watching.begin()
  return watching
}

class Watching implements Watch {
  readonly #roots: readonly string[]
  readonly #debounce: Debounce
  readonly #onError: (error: Error) => void
  #watcher: FSWatcher | null = null
  #resolutions: ReadonlyMap<string, string> = new Map()
  /** Links may have been added or removed. */
  #hasEvents = true
  #links: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(paths: readonly string[], onChange: () => void, onError: (error: Error) => void) {
    this.#roots = paths.map(path => resolve(path))
    this.#debounce = new Debounce(onChange, QUIET_MS, MOST_MS)
    this.#onError = onError
  }

  async begin(): Promise<void> {
    this.#resolutions = await this.#look()
    await this.#watch()
    this.#lookLater()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#looking
    this.#debounce.cancel()
    await this.#watcher?.close()
  }

  /**
   * Starts or restarts chokidar, one after the other, since two instances share what they watch.
   */
  async #watch(): Promise<void> {
    await this.#watcher?.close()
    const parents = this.#roots.map(root => dirname(root))
    const watcher = chokidar.watch([...new Set([...this.#roots, ...parents])], {
      ignoreInitial: true,
      ignored: path => !isWanted(resolve(path), this.#roots, parents),
    })
    watcher.on('all', () => {
      this.#hasEvents = true
      this.#debounce.touch()
    })
    watcher.on('error', error => this.#onError(error instanceof Error ? error : new Error(String(error))))
    this.#watcher = watcher
    await new Promise<void>(ready => watcher.once('ready', ready))
  }

  #lookLater(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#lookAgain()
        .catch(this.#onError)
        .finally(() => this.#lookLater())
    }, LOOK_MS)
  }

  async #lookAgain(): Promise<void> {
    const before = this.#resolutions
    this.#resolutions = await this.#look()
    const isSame = ([path, resolution]: [string, string]): boolean =>
      (before.get(path) ?? resolution) === resolution
    if (this.#closed || [...this.#resolutions].every(isSame)) return
    this.#debounce.touch()
    await this.#watch()
    this.#hasEvents = true
    this.#debounce.touch() // for changes made meanwhile
  }

  /** What the paths, and the links below them, lead to. */
  async #look(): Promise<Map<string, string>> {
    if (this.#hasEvents) {
      this.#hasEvents = false
      this.#links = (await Promise.all(this.#roots.map(linksBelow))).flat()
    }
    const resolutions = new Map<string, string>()
    for (const path of [...this.#roots, ...this.#links]) resolutions.set(path, await resolutionOf(path))
    return resolutions
  }
}

function isWanted(path: string, roots: readonly string[], parents: readonly string[]): boolean {
  if (roots.some(root => path === root || path.startsWith(root + sep))) return true
  return parents.includes(path) || (basename(path).startsWith('..') && parents.includes(dirname(path)))
}
