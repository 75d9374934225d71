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
 *
 * chokidar gets only folders that exist. It would await a missing path by reading the whole folder
 * above it at each event there, and under a busy /tmp never be ready; and it forgets to end the
 * watch of a link's target if the link's folder vanishes while it adds the link by name. So nothing
 * waits for chokidar without a limit, and none of its handles keeps the process.
 */

import { stat } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import chokidar, { type FSWatcher } from 'chokidar'
import { settlesWithin } from '../../base/settles-within.ts'
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
/** chokidar ends its watches at once, but then waits for what it was reading: a disk may hang. */
const CLOSE_MS = 1_000

export type Watch = {
  /** Resolves when changes from now on are seen, or when it is closed. */
  readonly begun: Promise<void>
  close(): Promise<void>
}

/** Watches `paths`, which need not exist yet. */
export function watchPaths(
  paths: readonly string[],
  onChange: () => void,
  onError: (error: Error) => void,
): Watch {
  if (paths.length === 0) return { begun: Promise.resolve(), close: async () => {} } // standard input alone never changes
  return new Watching(paths, onChange, onError)
}

class Watching implements Watch {
  readonly begun: Promise<void>
  readonly #roots: readonly string[]
  readonly #parents: readonly string[]
  readonly #debounce: Debounce
  readonly #onError: (error: Error) => void
  #watcher: FSWatcher | null = null
  #resolutions: ReadonlyMap<string, string> = new Map()
  /** Links may have been added or removed. */
  #hasEvents = true
  #links: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  /** Once it is true, nothing is opened any more, whatever was under way. */
  #closed = false
  readonly #end = Promise.withResolvers<void>()

  constructor(paths: readonly string[], onChange: () => void, onError: (error: Error) => void) {
    this.#roots = paths.map(path => resolve(path))
    this.#parents = this.#roots.map(root => dirname(root))
    this.#debounce = new Debounce(onChange, QUIET_MS, MOST_MS)
    this.#onError = onError
    this.begun = Promise.race([this.#begin(), this.#end.promise])
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#end.resolve()
    clearTimeout(this.#timer)
    this.#debounce.cancel()
    await this.#closeWatcher()
  }

  async #begin(): Promise<void> {
    this.#resolutions = await this.#look()
    await this.#watch()
    this.#lookLater()
  }

  async #closeWatcher(): Promise<void> {
    if (this.#watcher) await settlesWithin(this.#watcher.close(), CLOSE_MS)
  }

  /**
   * Starts or restarts chokidar, one after the other, since two instances share what they watch.
   */
  async #watch(): Promise<void> {
    await this.#closeWatcher()
    const folders = await foldersOf([...this.#roots, ...this.#parents])
    if (this.#closed) return
    const watcher = chokidar.watch(folders, {
      ignoreInitial: true,
      persistent: false, // the look's timer keeps the process
      ignored: path => !isWanted(resolve(path), this.#roots, this.#parents),
    })
    watcher.on('all', () => {
      this.#hasEvents = true
      this.#debounce.touch()
    })
    watcher.on('error', error => this.#onError(error instanceof Error ? error : new Error(String(error))))
    this.#watcher = watcher
    const ready = new Promise<void>(resolve => watcher.once('ready', resolve))
    const settled = Promise.race([ready, this.#end.promise])
    while (!(await settlesWithin(settled, LOOK_MS))) {
      if (await this.#leadsElsewhere()) return this.#watch() // a folder vanished, and chokidar awaits it
    }
  }

  #lookLater(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      void this.#lookAgain()
        .catch(this.#onError)
        .finally(() => this.#lookLater())
    }, LOOK_MS)
  }

  async #lookAgain(): Promise<void> {
    if (!(await this.#leadsElsewhere()) || this.#closed) return
    this.#debounce.touch()
    await this.#watch()
    if (this.#closed) return
    this.#hasEvents = true
    this.#debounce.touch() // for changes made meanwhile
  }

  /** Whether a path or a link means something else than when it was last looked at. */
  async #leadsElsewhere(): Promise<boolean> {
    const before = this.#resolutions
    this.#resolutions = await this.#look()
    return [...this.#resolutions].some(
      ([path, resolution]) => (before.get(path) ?? resolution) !== resolution,
    )
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

/** Those that are folders now, each once. */
async function foldersOf(paths: readonly string[]): Promise<string[]> {
  const isFolder = async (path: string): Promise<boolean> => (await stat(path)).isDirectory()
  const found = [...new Set(paths)].map(async path =>
    (await isFolder(path).catch(() => false)) ? [path] : [],
  )
  return (await Promise.all(found)).flat()
}

function isWanted(path: string, roots: readonly string[], parents: readonly string[]): boolean {
  if (roots.some(root => path === root || path.startsWith(root + sep))) return true
  return parents.includes(path) || (basename(path).startsWith('..') && parents.includes(dirname(path)))
}
