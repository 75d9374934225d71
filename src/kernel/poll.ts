/**
 * Which of many sockets have failed, in one call: poll(2), which reports that (POLLERR) without
 * being asked.
 *
 * For sockets that have no pending operation. struct pollfd is 8 bytes: fd i32, events i16, revents
 * i16.
 */

import type { Arena } from './arena.ts'
import * as libc from './libc.ts'

/** Sockets per call. */
const AT_ONCE = 1024
const POLLFD_BYTES = 8
const POLL_ERR = 8

export class Poll {
  readonly #arena: Arena
  readonly #at: number
  readonly #pointer: bigint

  /** Takes 8 KiB of the arena. */
  constructor(arena: Arena) {
    this.#arena = arena
    this.#at = arena.take(AT_ONCE * POLLFD_BYTES)
    this.#pointer = arena.pointer(this.#at)
  }

  /** Calls `onFailed` with the index in `fds` of each failed descriptor. */
  failed(fds: readonly number[], onFailed: (index: number) => void): void {
    for (let from = 0; from < fds.length; from += AT_ONCE) this.#ask(fds, from, onFailed)
  }

  #ask(fds: readonly number[], from: number, onFailed: (index: number) => void): void {
    const { i32, u16 } = this.#arena
    const count = Math.min(AT_ONCE, fds.length - from)
    for (let each = 0; each < count; each++) {
      i32[(this.#at + each * POLLFD_BYTES) / 4] = fds[from + each]
      i32[(this.#at + each * POLLFD_BYTES) / 4 + 1] = 0
    }
    if (libc.poll(this.#pointer, count, 0) <= 0) return
    const failed: number[] = []
    for (let each = 0; each < count; each++) {
      const said = u16[(this.#at + each * POLLFD_BYTES) / 2 + 3]
      if ((said & POLL_ERR) !== 0) failed.push(from + each)
    }
    failed.forEach(onFailed)
  }
}
