/**
 * Bulk without copying: bytes go from socket to socket through a pipe, by splice(2)
 * (kernel/pipes.ts).
 *
 * Only directions that carry bulk use it, for as long as they do. bulk.ts decides which, and waits
 * for their sockets; a receive detects their end. A direction holds a pipe only while bytes are in
 * it, so an idle flow holds none, and a stalled reader holds one. If no pipe is available, weir
 * copies.
 */

import { assert } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import type { Pipe, PipeCalls } from '../../kernel/kernel.ts'
import type { Slots } from './slots.ts'

/** Smaller ones do not beat copying, larger ones need fs.pipe-max-size: kernel/pipes.ts. */
const PIPE_BYTES = 2 ** 20
/**
 * For each worker; the kernel's limit for a user without CAP_SYS_RESOURCE is 64 of this size
 * (pipe(7)).
 */
const PIPES_MAX = 64
/** Kept open while no direction needs them. */
const SPARE_MAX = 4
/** A turn that moves less is not bulk, and copying it is cheaper; the same holds for a receive. */
export const BULK_LEAST_BYTES = 32_768

/** What a direction needs to go on. */
export const Next = {
  /** Bytes from its source. */
  readable: 0,
  /** Room at its target. */
  writable: 1,
  /** Copying: it is quiet, or has ended, or there is no pipe. Its pipe is empty. */
  copy: 2,
  /** Its source or its target is broken; `error` says how. */
  brokenSource: 3,
  brokenTarget: 4,
} as const
export type Next = (typeof Next)[keyof typeof Next]

export class Splicer {
  /** Bytes that the last `pump` read from its source. */
  taken = 0
  /** Bytes that it wrote to its target. */
  given = 0
  /** −errno, if the last `pump` found a socket broken. */
  error = 0
  readonly #pipes: PipeCalls
  readonly #descriptorCeiling: number
  readonly #slots: Slots
  readonly #spare: Pipe[] = []
  /** By direction; `piped` of the slots has the number of bytes in it. */
  readonly #inUse = new Map<number, Pipe>()

  constructor(pipes: PipeCalls, slots: Slots, descriptorCeiling: number) {
    this.#pipes = pipes
    this.#slots = slots
    this.#descriptorCeiling = descriptorCeiling
  }

  /**
   * Moves available bytes, up to a full pipe, from `source` to `target`: two non-blocking sockets.
   * A broken target would raise SIGPIPE, which Node ignores.
   */
  pump(direction: number, source: number, target: number): Next {
    this.taken = this.given = 0
    const pipe = this.#inUse.get(direction) ?? this.#open(direction)
    if (pipe === null) return Next.copy
    const next = this.#move(direction, pipe, source, target)
    if (this.#slots.piped[direction] === 0) this.drop(direction)
    return next
  }

  /** Takes the pipe away from a direction; bytes left in it are lost. */
  drop(direction: number): void {
    const pipe = this.#inUse.get(direction)
    if (pipe === undefined) return
    this.#inUse.delete(direction)
    if (this.#slots.piped[direction] === 0 && this.#spare.length < SPARE_MAX) this.#spare.push(pipe)
    else this.#pipes.close(pipe)
  }

  /** Closes the spare pipes; no direction has one now. */
  end(): void {
    assert(this.#inUse.size === 0, 'a pipe is in use')
    for (const pipe of this.#spare.splice(0)) this.#pipes.close(pipe)
  }

  #move(direction: number, pipe: Pipe, source: number, target: number): Next {
    const { piped } = this.#slots
    const taken = this.#pipes.splice(source, pipe.writeFd, PIPE_BYTES - piped[direction])
    if (isBroken(taken)) return this.#broken(Next.brokenSource, taken)
    if (taken > 0) {
      this.taken = taken
      piped[direction] += taken
    }
    // 0 does not prove an end: urgent data (tcp(7)) stops splice(2) as well. A receive tells.
    if (piped[direction] === 0) return Next.copy
    const given = this.#pipes.splice(pipe.readFd, target, piped[direction])
    if (isBroken(given)) return this.#broken(Next.brokenTarget, given)
    if (given > 0) {
      this.given = given
      piped[direction] -= given
    }
    if (piped[direction] > 0) return Next.writable
    return taken < BULK_LEAST_BYTES ? Next.copy : Next.readable
  }

  #broken(next: Next, error: number): Next {
    this.error = error
    return next
  }

  #open(direction: number): Pipe | null {
    const pipe = this.#spare.pop() ?? this.#openLarge()
    if (pipe === null) return null
    this.#slots.piped[direction] = 0
    this.#inUse.set(direction, pipe)
    return pipe
  }

  /**
   * A new pipe, or null at any of the limits: weir's, that of open files, that of the user's pipes.
   */
  #openLarge(): Pipe | null {
    if (this.#inUse.size >= PIPES_MAX) return null
    const pipe = this.#pipes.open(PIPE_BYTES)
    if (typeof pipe === 'number') {
      mark('there is no pipe')
      return null
    }
    if (pipe.bytes >= PIPE_BYTES && Math.max(pipe.readFd, pipe.writeFd) < this.#descriptorCeiling) return pipe
    this.#pipes.close(pipe)
    return null
  }
}

/** EIO means a lost errno (libc.ts): the next try, after a wait, returns the true one. */
const isBroken = (result: number): boolean => result < 0 && result !== -Errno.EAGAIN && result !== -Errno.EIO
