/**
 * Files: what the operator's PATH arguments hold, as bytes.
 *
 * A folder stands for every *.yaml, *.yml and *.json in it, in the order of their names; folders inside
 * it are left alone, as `kubectl apply -f` leaves them. Symbolic links are followed, so a mounted Kubernetes ConfigMap works: its entries are links through `..data`
 * into a folder `..2026_01_02…`, and all names that begin with a dot are passed over, so nothing is read
 * twice. What cannot be read comes back as an Error beside its name: saying so is for config/.
 */

import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { wallMs } from '../base/clock.ts'
import { FILE_BYTES_MAX } from '../config/text/limits.ts'

export type SourceFile = { readonly file: string; readonly bytes: Uint8Array | Error }

const CONFIGURATION = /\.(ya?ml|json)$/i
/** Hidden files (with them ConfigMap's `..data`, Emacs' `.#lock` and vim's `.a.yaml.swp`) and Emacs' `#a.yaml#`. */
const LEFTOVER = /^[.#]/

/** Whether a folder's entry of this name is passed over. */
export const isLeftover = (name: string): boolean => LEFTOVER.test(name)

/** Reads every file that the paths stand for, each file once, in a stable order. */
export function readFiles(paths: readonly string[]): SourceFile[] {
  return walk(paths).flatMap(entry => {
    if ('error' in entry) return [{ file: entry.path, bytes: entry.error }]
    return entry.stats.isDirectory() ? [] : [{ file: entry.path, bytes: readOne(entry) }]
  })
}

/** For how long nothing that the paths stand for has been written, files and folders, in milliseconds. */
export function restedMs(paths: readonly string[]): number {
  const nowMs = wallMs()
  const ages = walk(paths).flatMap(entry => ('stats' in entry ? [nowMs - entry.stats.mtimeMs] : []))
  return ages.filter(age => age >= 0).reduce((least, age) => Math.min(least, age), Number.POSITIVE_INFINITY)
}

/** A file or folder on the way; `named` is one that the operator gave. */
type Found = { readonly path: string; readonly stats: Stats; readonly named: boolean }
type Entry = Found | { readonly path: string; readonly error: Error }

function walk(paths: readonly string[]): Entry[] {
  const found: Entry[] = []
  const seen = new Set<string>()
  for (const path of paths) visit(join(path), true, found, seen)
  return found
}

/** `seen` holds real paths: it drops a file that two paths lead to. */
function visit(path: string, named: boolean, found: Entry[], seen: Set<string>): void {
  try {
    const stats = statSync(path)
    const real = stats.isFile() || stats.isDirectory() ? realpathSync(path) : path // a pipe's link leads to no path
    if (seen.has(real)) return
    if (!named && (stats.isDirectory() || !CONFIGURATION.test(path))) return
    seen.add(real)
    found.push({ path, stats, named })
    if (stats.isDirectory()) visitFolder(path, found, seen)
  } catch (error) {
    if (named || CONFIGURATION.test(path)) found.push({ path, error: asError(error) })
  }
}

function visitFolder(path: string, found: Entry[], seen: Set<string>): void {
  for (const name of readdirSync(path).sort()) {
    if (!isLeftover(name)) visit(join(path, name), false, found, seen)
  }
}

/** A pipe or a device is read only where the operator named it: `weir check <(helm template …)`. */
function readOne({ path, stats, named }: Found): Uint8Array | Error {
  if (!stats.isFile() && !named) return new Error('it is neither a file nor a folder')
  if (stats.size > FILE_BYTES_MAX) return new Error(`it is larger than ${FILE_BYTES_MAX / 1024 ** 2} MiB`)
  try {
    return readFileSync(path)
  } catch (error) {
    return asError(error)
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
