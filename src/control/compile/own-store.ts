/**
 * Files that an earlier process of the same user left for this one, in a directory that only the
 * user can read and write (cli/compile-cache.js chooses it).
 *
 * A file's name has a digest of the code that made it, so another version of weir, or an edited
 * source, makes everything again. weir ignores a file that is damaged or not the user's own, and
 * serves whether or not it can write one.
 */

import { createHash, hash } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { codeDigest } from '../../base/own-files.ts'

/** Of the files with one ending, the latest. */
const FILES_MAX = 8
const OTHERS = 0o077
const DIGEST_BYTES = 32

export class OwnStore {
  readonly #directory: string
  readonly #paths: readonly string[]
  readonly #ending: string

  /**
   * @param paths   What the operator named: each has a file of its own.
   * @param ending  What kind of file it is.
   */
  constructor(directory: string, paths: readonly string[], ending: string) {
    this.#directory = directory
    this.#paths = paths
    this.#ending = ending
  }

  get #file(): string {
    const facts = [codeDigest(), process.version, process.cwd(), ...this.#paths]
    return join(this.#directory, `${hash('sha256', JSON.stringify(facts))}${this.#ending}`)
  }

  /** What was written last; null, if there is no file that counts. */
  read(): Buffer | null {
    try {
      const bytes = readOwn(this.#file)
      const body = bytes.subarray(DIGEST_BYTES)
      return Buffer.compare(bytes.subarray(0, DIGEST_BYTES), digestOf([body])) === 0 ? body : null
    } catch {
      return null
    }
  }

  /** Replaces what was written before, at once. */
  write(parts: readonly Uint8Array[]): void {
    const file = this.#file
    const temporary = `${file}.${process.pid}`
    try {
      const fd = openSync(temporary, 'wx', 0o600)
      try {
        for (const part of [digestOf(parts), ...parts]) writeAll(fd, part)
      } finally {
        closeSync(fd)
      }
      renameSync(temporary, file)
      this.#prune()
    } catch {
      rmSync(temporary, { force: true })
    }
  }

  #prune(): void {
    const files = readdirSync(this.#directory)
      .filter(name => name.endsWith(this.#ending))
      .map(name => join(this.#directory, name))
    const byAge = files.map(file => ({ file, ms: statSync(file).mtimeMs })).sort((a, b) => b.ms - a.ms)
    for (const { file } of byAge.slice(FILES_MAX)) rmSync(file, { force: true })
  }
}

function digestOf(parts: readonly Uint8Array[]): Buffer {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest()
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

/** The content of a file that only the user can have written. */
function readOwn(file: string): Buffer {
  const fd = openSync(file, 'r')
  try {
    const { uid, mode } = fstatSync(fd)
    if (uid !== process.geteuid?.() || (mode & OTHERS) !== 0) throw new Error('it is not the user’s own')
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}
