/**
 * What the directions hold: bytes in the order in which they came, in the buffers that the kernel took for
 * them, until they are sent.
 *
 *   small buffers   for receives that repeat, of flows that say a little at a time
 *   large buffers   for single receives, of flows that say more
 *
 * Each direction has a queue, a list through the buffers; an idle one has none of them. A buffer's number
 * here tells both kinds apart. That a queue stays short is flows.ts' part.
 */

import { assert } from '../../base/assert.ts'
import type { BufferPool } from '../../kernel/kernel.ts'

/** Numbers of large buffers are this much greater. */
const LARGE = 1 << 16
const NONE = -1

export class Queues {
  readonly small: BufferPool
  readonly large: BufferPool
  /** By direction: the first and the last buffer of its queue, and how many there are. */
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #count: Uint16Array
  /** By buffer, the large ones behind the small ones: the next of its queue, where its bytes begin, and how many there are. */
  readonly #next: Int32Array
  readonly #offset: Int32Array
  readonly #bytes: Int32Array

  constructor(small: BufferPool, large: BufferPool, directions: number) {
    this.small = small
    this.large = large
    this.#first = new Int32Array(directions).fill(NONE)
    this.#last = new Int32Array(directions).fill(NONE)
    this.#count = new Uint16Array(directions)
    const buffers = small.count + large.count
    this.#next = new Int32Array(buffers)
    this.#offset = new Int32Array(buffers)
    this.#bytes = new Int32Array(buffers)
  }

  /** The buffer in the flags of a completion, −1 where it has none. It is to be added or given. */
  take(flags: number, isLarge: boolean): number {
    if (!isLarge) return this.small.take(flags)
    const id = this.large.take(flags)
    return id < 0 ? NONE : id + LARGE
  }

  isLarge(buffer: number): boolean {
    return buffer >= LARGE
  }

  /** Gives back a buffer that no queue has. */
  give(buffer: number): void {
    if (buffer >= LARGE) this.large.give(buffer - LARGE)
    else this.small.give(buffer)
  }

  /** Puts `bytes` bytes in `buffer` behind what the direction holds. */
  add(direction: number, buffer: number, bytes: number): void {
    assert(bytes > 0, 'an empty buffer is queued')
    const row = this.#row(buffer)
    this.#next[row] = NONE
    this.#offset[row] = 0
    this.#bytes[row] = bytes
    if (this.#count[direction]++ === 0) this.#first[direction] = buffer
    else this.#next[this.#row(this.#last[direction])] = buffer
    this.#last[direction] = buffer
  }

  /** BufferPool that the direction holds. */
  count(direction: number): number {
    return this.#count[direction]
  }

  /** Of the direction's first buffer: where in the arena its bytes begin, and how many there are. */
  at(direction: number): number {
    const buffer = this.#first[direction]
    const place = buffer >= LARGE ? this.large.at(buffer - LARGE) : this.small.at(buffer)
    return place + this.#offset[this.#row(buffer)]
  }

  bytes(direction: number): number {
    return this.#bytes[this.#row(this.#first[direction])]
  }

  /** `bytes` bytes of the first buffer were sent; it is given back once it is empty. */
  advance(direction: number, bytes: number): void {
    const buffer = this.#first[direction]
    const row = this.#row(buffer)
    this.#offset[row] += bytes
    this.#bytes[row] -= bytes
    if (this.#bytes[row] > 0) return
    this.#first[direction] = this.#next[row]
    this.#count[direction]--
    this.give(buffer)
  }

  /** Gives back all that the direction holds. */
  drop(direction: number): void {
    while (this.#count[direction] > 0) this.advance(direction, this.bytes(direction))
  }

  #row(buffer: number): number {
    return buffer >= LARGE ? buffer - LARGE + this.small.count : buffer
  }
}
