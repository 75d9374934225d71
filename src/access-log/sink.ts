/**
 * Where the lines go: standard output, or a file that may be renamed away under us (logrotate).
 *
 * A slow reader blocks only this thread. Lines that cannot be written (disk full, reader gone) are
 * lost and counted.
 */

import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs'

/**
 * The log shares standard output: a write of at most this size is never split (pipe(7), PIPE_BUF).
 */
const PIPE_BYTES = 4096
/** The pause between attempts at a full pipe. A blocking write could not be ended. */
const FULL_WAIT_MS = 10
/** A named pipe without a reader is then an error instead of a wait. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
const NEWLINE = 10
const END_OF_LINE = Uint8Array.of(NEWLINE)
const STDOUT = 1

/** The current error, or null. */
export type Trouble = { readonly code: string; readonly message: string }

export class Sink {
  /** Lines that could not be written, since the start. */
  lost = 0
  trouble: Trouble | null = null
  readonly #path: string | null
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4))
  /** The disk was full in the middle of a line: the next line must not continue it. */
  #torn = false
  #fd = -1

  /** @param path  null: standard output. */
  constructor(path: string | null) {
    this.#path = path
    this.#open()
  }

  /** Writes whole lines. */
  write(bytes: Uint8Array): void {
    if (this.#fd < 0) this.#open()
    if (this.#fd < 0) this.lost += linesIn(bytes)
    else if (this.#path === null) this.#writeLines(bytes)
    else this.#writeAll(bytes)
  }

  /** Reopens the file, under the same name. */
  reopen(): void {
    if (this.#path === null) return
    this.close()
    this.#open()
  }

  /** Reopens the file if its name now refers to another one. */
  follow(): void {
    if (this.#path === null || (this.#fd >= 0 && this.#isCurrent(this.#path))) return
    this.reopen()
  }

  close(): void {
    if (this.#fd > STDOUT) closeSync(this.#fd)
    this.#fd = -1
  }

  #isCurrent(path: string): boolean {
    try {
      const [named, open] = [statSync(path), fstatSync(this.#fd)]
      return named.ino === open.ino && named.dev === open.dev
    } catch {
      return false
    }
  }

  #open(): void {
    try {
      this.#fd = this.#path === null ? openStdout() : openSync(this.#path, FLAGS | constants.O_CREAT, 0o640)
    } catch (error) {
      this.#fail(error)
    }
  }

  #writeLines(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const most = Math.min(from + PIPE_BYTES, bytes.length)
      const newline = bytes.lastIndexOf(NEWLINE, most - 1)
      const end = newline < from ? bytes.indexOf(NEWLINE, from) + 1 : newline + 1
      this.#writeAll(bytes.subarray(from, end))
      from = end
    }
  }

  #writeAll(bytes: Uint8Array): void {
    this.#torn &&= fstatSync(this.#fd).size > 0 && this.#put(END_OF_LINE) === 0
    const written = this.#torn ? 0 : this.#put(bytes)
    if (written > 0) this.#torn = bytes[written - 1] !== NEWLINE
    this.lost += linesIn(bytes.subarray(written))
  }

  /** How much of it could be written. */
  #put(bytes: Uint8Array): number {
    for (let from = 0; from < bytes.length; ) {
      try {
        from += writeSync(this.#fd, bytes, from, bytes.length - from)
        this.trouble = null
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          Atomics.wait(this.#sleep, 0, 0, FULL_WAIT_MS)
          continue
        }
        this.#fail(error)
        return from
      }
    }
    return bytes.length
  }

  #fail(error: unknown): void {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException
    this.trouble = { code, message }
  }
}

/**
 * A pipe or terminal is reopened, so that O_NONBLOCK applies only to this descriptor and not to
 * other processes that share standard output. A file is not reopened: all who share it have one
 * position.
 */
function openStdout(): number {
  const stat = fstatSync(STDOUT)
  return stat.isFIFO() || stat.isCharacterDevice() ? openSync(`/proc/self/fd/${STDOUT}`, FLAGS) : STDOUT
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}
