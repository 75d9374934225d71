/**
 * The queues of the directions: received bytes in order, in the buffers that the kernel filled,
 * until they are sent.
 *
 * small buffers   for repeating receives, of flows with little traffic large buffers   for single
 * receives, of flows with more
 *
 * Each direction has a queue, a linked list of buffers; an idle one is empty. A buffer's number
 * tells its kind. weir's own bytes are in a borrowed buffer and are not counted. flows.ts keeps
 * queues short.
 */

import { assert } from '../../base/assert.ts'
import type { BufferPool } from '../../kernel/kernel.ts'

/** Numbers of large buffers have this offset. */
const LARGE = 1 << 16
const NONE = -1

export class Queues {
  readonly small: BufferPool
  readonly large: BufferPool
  /** By direction: the first and the last buffer of its queue, and its length. */
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #count: Uint16Array
  /**
   * By buffer, large ones after small ones: the next of its queue, where its bytes begin, how many
   * there are, and how many of them count as delivered once they are sent.
   */
  readonly #next: Int32Array
  readonly #offset: Int32Array
  readonly #bytes: Int32Array
  readonly #counted: Int32Array

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
    this.#counted = new Int32Array(buffers)
  }

  /** The buffer in the flags of a completion; −1: none. The caller adds it or gives it back. */
  take(flags: number, isLarge: boolean): number {
    if (!isLarge) return this.small.take(flags)
    const id = this.large.take(flags)
    return id < 0 ? NONE : id + LARGE
  }

  isLarge(buffer: number): boolean {
    return buffer >= LARGE
  }

  /** Gives back a buffer that is in no queue. */
  give(buffer: number): void {
    if (buffer >= LARGE) this.large.give(buffer - LARGE)
    else this.small.give(buffer)
  }

  /** A buffer for weir's own bytes; −1: none is free. The caller adds it or gives it back. */
  borrow(isLarge: boolean): number {
    if (!isLarge) return this.small.borrow()
    const id = this.large.borrow()
    return id < 0 ? NONE : id + LARGE
  }

  /** The position of a buffer's bytes in the kernel's memory. */
  placeOf(buffer: number): number {
    return buffer >= LARGE ? this.large.at(buffer - LARGE) : this.small.at(buffer)
  }

  /**
   * Appends `bytes` bytes in `buffer` to the direction.
   *
   * @param counted  How many of them are payload: 0 for weir's own.
   */
  add(direction: number, buffer: number, bytes: number, counted: number): void {
    this.#fill(buffer, bytes, counted)
    if (this.#count[direction]++ === 0) this.#first[direction] = buffer
    else this.#next[this.#row(this.#last[direction])] = buffer
    this.#last[direction] = buffer
  }

  /** Prepends weir's own bytes to the direction, of which nothing is being sent. */
  lead(direction: number, buffer: number, bytes: number): void {
    this.#fill(buffer, bytes, 0)
    if (this.#count[direction]++ === 0) this.#last[direction] = buffer
    else this.#next[this.#row(buffer)] = this.#first[direction]
    this.#first[direction] = buffer
  }

  #fill(buffer: number, bytes: number, counted: number): void {
    assert(bytes > 0, 'an empty buffer is queued')
    const row = this.#row(buffer)
    this.#next[row] = NONE
    this.#offset[row] = 0
    this.#bytes[row] = bytes
    this.#counted[row] = counted
  }

  /**
   * Appends bytes to the direction, into its last buffer if they fit, so that small pieces share
   * buffers.
   */
  addCompact(direction: number, buffer: number, bytes: number, memory: Uint8Array): void {
    const last = this.#last[direction]
    const row = this.#row(last)
    const isFull =
      this.#count[direction] === 0 ||
      last >= LARGE ||
      buffer >= LARGE ||
      this.#offset[row] + this.#bytes[row] + bytes > this.small.bytesEach
    if (isFull) this.add(direction, buffer, bytes, bytes)
    else {
      const from = this.small.at(buffer)
      memory.copyWithin(this.small.at(last) + this.#offset[row] + this.#bytes[row], from, from + bytes)
      this.#bytes[row] += bytes
      this.#counted[row] += bytes
      this.give(buffer)
    }
  }

  /**
   * How many more of the direction's buffers have weir's own bytes alone than have payload. A
   * buffer with the rest of a record is one of the former, and comes with one of the latter.
   */
  ownMore(direction: number): number {
    let more = 0
    let buffer = this.#first[direction]
    for (let left = this.#count[direction]; left > 0; left--) {
      const row = this.#row(buffer)
      more += this.#counted[row] === 0 ? 1 : -1
      buffer = this.#next[row]
    }
    return more
  }

  /** The number of bytes in the direction. */
  held(direction: number): number {
    let bytes = 0
    let buffer = this.#first[direction]
    for (let left = this.#count[direction]; left > 0; left--) {
      const row = this.#row(buffer)
      bytes += this.#bytes[row]
      buffer = this.#next[row]
    }
    return bytes
  }

  /**
   * All bytes of the direction: a view of the memory or, if they are in several buffers, a copy in
   * `into`.
   */
  gather(direction: number, memory: Uint8Array, into: Uint8Array): Uint8Array {
    let gathered = 0
    let buffer = this.#first[direction]
    for (let left = this.#count[direction]; left > 0; left--) {
      const row = this.#row(buffer)
      const from = this.placeOf(buffer) + this.#offset[row]
      const piece = memory.subarray(from, from + this.#bytes[row])
      if (this.#count[direction] === 1) return piece
      into.set(piece, gathered)
      gathered += piece.length
      buffer = this.#next[row]
    }
    return into.subarray(0, gathered)
  }

  /** Drops the first `bytes` bytes, at most all. */
  skip(direction: number, bytes: number): void {
    for (let left = bytes; left > 0; ) {
      const part = Math.min(left, this.bytes(direction))
      this.advance(direction, part)
      left -= part
    }
  }

  /** The number of buffers of the direction. */
  count(direction: number): number {
    return this.#count[direction]
  }

  /** The direction's first buffer: the position of its bytes in the kernel's memory. */
  at(direction: number): number {
    const buffer = this.#first[direction]
    return this.placeOf(buffer) + this.#offset[this.#row(buffer)]
  }

  /** The direction's first buffer: the number of its bytes. */
  bytes(direction: number): number {
    return this.#bytes[this.#row(this.#first[direction])]
  }

  /** How many of `bytes` bytes sent from the first buffer are payload. */
  counted(direction: number, bytes: number): number {
    return Math.min(bytes, this.#counted[this.#row(this.#first[direction])])
  }

  /** `bytes` bytes of the first buffer were sent; gives it back once it is empty. */
  advance(direction: number, bytes: number): void {
    const buffer = this.#first[direction]
    const row = this.#row(buffer)
    this.#offset[row] += bytes
    this.#bytes[row] -= bytes
    this.#counted[row] = Math.max(0, this.#counted[row] - bytes)
    if (this.#bytes[row] > 0) return
    this.#first[direction] = this.#next[row]
    this.#count[direction]--
    this.give(buffer)
  }

  /**
   * Removes the first buffer, which the caller then owns; its remaining bytes are moved to its
   * beginning.
   */
  takeFirst(direction: number, memory: Uint8Array): number {
    const buffer = this.#first[direction]
    const row = this.#row(buffer)
    const [at, offset] = [this.placeOf(buffer), this.#offset[row]]
    if (offset > 0) memory.copyWithin(at, at + offset, at + offset + this.#bytes[row])
    this.#first[direction] = this.#next[row]
    this.#count[direction]--
    return buffer
  }

  /** Gives back all buffers of the direction. */
  drop(direction: number): void {
    while (this.#count[direction] > 0) this.advance(direction, this.bytes(direction))
  }

  #row(buffer: number): number {
    return buffer >= LARGE ? buffer - LARGE + this.small.count : buffer
  }
}
