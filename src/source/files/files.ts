/**
 * Files: what the operator's PATH arguments hold, as bytes.
 *
 * A folder stands for every *.yaml, *.yml and *.json in it, in the order of their names. Subfolders
 * are read only with `recursive`, as `kubectl apply -R` does. Symbolic links are followed, so a
 * mounted Kubernetes ConfigMap works: its entries are links through `..data` into a folder
 * `..2026_01_02…`, and names that begin with a dot are skipped, so nothing is read twice. A file
 * that cannot be read comes back as an Error beside its name; config/ reports it.
 */

import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { wallMs } from '../../base/clock.ts'
import type { ApiEntry } from '../../config/api-objects.ts'
import { FILE_BYTES_MAX } from '../../config/text/limits.ts'
import { type UnreadFolder, unreadBelow } from './unread.ts'

export type SourceFile = { readonly file: string; readonly bytes: Uint8Array | Error }

/** Where a configuration comes from. */
export type Sources = {
  /** Files and folders as the operator named them; `-` is standard input. */
  readonly paths: readonly string[]
  /** Whether folders inside folders are read too. */
  readonly recursive?: boolean
  /** What can be read only once (standard input, pipes), by path, as cli/input.ts read it. */
  readonly once?: ReadonlyMap<string, SourceFile>
  /** What a cluster's API has, where a command read it once. */
  readonly objects?: readonly ApiEntry[]
}

const CONFIGURATION = /\.(ya?ml|json)$/i
/**
 * Hidden files (with them ConfigMap's `..data`, Emacs' `.#lock` and vim's `.a.yaml.swp`) and Emacs'
 * `#a.yaml#`.
 */
const LEFTOVER = /^[.#]/

/** Whether a folder's entry of this name is skipped. */
const isLeftover = (name: string): boolean => LEFTOVER.test(name)

/** All files that the paths stand for, and unread files below them. */
export function readSources(sources: Sources): {
  readonly files: readonly SourceFile[]
  readonly unread: readonly UnreadFolder[]
} {
  const { entries, passedOver } = new Walk(sources)
  const unread = [...passedOver].flatMap(([folder, below]) => unreadBelow(folder, below) ?? [])
  return { files: filesOf(entries), unread }
}

/** Reads every file that the paths stand for, each file once, in a stable order. */
export const readFiles = (sources: Sources): SourceFile[] => filesOf(new Walk(sources).entries)

const filesOf = (entries: readonly Entry[]): SourceFile[] =>
  entries.flatMap(entry => {
    if ('bytes' in entry) return [entry]
    if ('error' in entry) return [{ file: entry.path, bytes: entry.error }]
    return entry.stats.isDirectory() ? [] : [{ file: entry.path, bytes: readOne(entry) }]
  })

/** How long no file or folder that the paths stand for has been written, in milliseconds. */
export function restedMs(sources: Sources): number {
  const nowMs = wallMs()
  const ages = new Walk(sources).entries.flatMap(entry =>
    'stats' in entry ? [nowMs - entry.stats.mtimeMs] : [],
  )
  return ages.filter(age => age >= 0).reduce((least, age) => Math.min(least, age), Number.POSITIVE_INFINITY)
}

/** A file or folder on the way; `named` is one that the operator named. */
type Found = { readonly path: string; readonly stats: Stats; readonly named: boolean }
type Entry = SourceFile | Found | { readonly path: string; readonly error: Error }

/** One scan of everything that the paths stand for. */
class Walk {
  readonly entries: Entry[] = []
  /** By folder that the operator named, its folders that are not read. */
  readonly passedOver = new Map<string, string[]>()
  /** Real paths: they drop a file that two paths lead to, and end a loop of links. */
  readonly #seen = new Set<string>()
  readonly #recursive: boolean

  constructor({ paths, recursive = false, once }: Sources) {
    this.#recursive = recursive
    for (const path of paths) {
      const read = once?.get(path)
      if (read) this.entries.push(read)
      else this.#visit(join(path), true)
    }
  }

  #visit(path: string, named: boolean): void {
    try {
      const stats = statSync(path)
      const real = stats.isFile() || stats.isDirectory() ? realpathSync(path) : path // a pipe's link leads to no path
      if (this.#seen.has(real)) return
      if (!named && stats.isDirectory() && !this.#recursive) {
        this.passedOver.getOrInsertComputed(dirname(path), () => []).push(path)
        return
      }
      if (!named && !stats.isDirectory() && !CONFIGURATION.test(path)) return
      this.#seen.add(real)
      this.entries.push({ path, stats, named })
      if (stats.isDirectory()) this.#visitFolder(path)
    } catch (error) {
      if (named || CONFIGURATION.test(path)) this.entries.push({ path, error: asError(error) })
    }
  }

  #visitFolder(path: string): void {
    for (const name of namesIn(path, error => this.entries.push({ path, error }))) {
      if (!isLeftover(name)) this.#visit(join(path, name), false)
    }
  }
}

function namesIn(folder: string, onError: (error: Error) => void): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    onError(asError(error))
    return []
  }
}

/** A pipe or a device is read only if the operator named it, by cli/input.ts. */
function readOne({ path, stats }: Found): Uint8Array | Error {
  if (!stats.isFile()) return new Error('it is neither a file nor a folder')
  if (stats.size > FILE_BYTES_MAX) return tooLarge()
  try {
    return readFileSync(path)
  } catch (error) {
    return asError(error)
  }
}

export const tooLarge = (): Error => new Error(`it is larger than ${FILE_BYTES_MAX / 1024 ** 2} MiB`)

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
