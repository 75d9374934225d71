/**
 * The file that a rollout changes. It is replaced as a whole, and never over what somebody else has
 * written meanwhile.
 */

import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

export class RolloutFile {
  readonly path: string
  /** What it held at the start. */
  readonly original: string
  readonly #real: string
  /** What this rollout has left in it. */
  #known: string

  /** Throws as `readFileSync` does, and a TypeError for what is no UTF-8. */
  constructor(path: string) {
    this.path = path
    this.#real = realpathSync(path)
    this.original = textOf(this.#real)
    this.#known = this.original
  }

  /** What it holds now. */
  text(): string {
    return textOf(this.#real)
  }

  /** Whether it holds anything but what this rollout has left in it. */
  isForeign(): boolean {
    try {
      return realpathSync(this.path) !== this.#real || this.text() !== this.#known
    } catch {
      return true
    }
  }

  /**
   * Replaces it by a rename, so nobody reads half of it. Its mode and owner stay, and a link stays
   * a link. The reason why it cannot, or null.
   */
  write(text: string): string | null {
    const folder = dirname(this.#real)
    const aside = join(folder, `.${basename(this.#real)}.rollout-${process.pid}`) // hidden: no gateway reads it
    try {
      const { mode, uid, gid } = statSync(this.#real)
      rmSync(aside, { force: true })
      writeFileSync(aside, text, { flush: true, flag: 'wx', mode: 0o600 })
      giveTo(aside, uid, gid)
      chmodSync(aside, mode & 0o7777)
      renameSync(aside, this.#real)
      this.#known = text
      sync(folder)
      return null
    } catch (error) {
      rmSync(aside, { force: true })
      const { code, message } = error as NodeJS.ErrnoException
      return `${this.path} cannot be written (${code ?? message})`
    }
  }
}

/** A byte order mark is kept, and what is no UTF-8 is not changed. */
const textOf = (file: string): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))

/** Only root can, where it is another's. */
function giveTo(file: string, uid: number, gid: number): void {
  const now = statSync(file)
  if (now.uid !== uid || now.gid !== gid) chownSync(file, uid, gid)
}

/** So that the new name outlives a crash; a file system without it has no such promise. */
function sync(folder: string): void {
  try {
    const fd = openSync(folder, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // The file is written.
  }
}
