/**
 * Equal buffers of the arena, last in, first out: since bytes are sent right after they are
 * received, one buffer serves all flows that do not block, and stays in the cache.
 */

import { assert } from '../../base/assert.ts'
import type { Arena } from '../arena.ts'
import { BUFFER, type BufferPool } from '../kernel.ts'

const COUNT_MAX = 65_536

export class Pool implements BufferPool {
  readonly count: number
  readonly bytesEach: number
  readonly roomEach: number
  free: number
  readonly #base: number
  readonly #at: number
  /** Numbers of the free ones, the next one last. */
  readonly #spare: Uint16Array
  readonly #taken: Uint8Array

  constructor(
    arena: Arena,
    { count, bytesEach, roomEach }: Pick<BufferPool, 'count' | 'bytesEach' | 'roomEach'>,
  ) {
    assert(count > 0 && count <= COUNT_MAX, `${count} buffers`)
    this.count = count
    this.bytesEach = bytesEach
    this.roomEach = roomEach
    this.free = count
    this.#at = arena.take(count * roomEach, 4096)
    this.#base = arena.base
    this.#spare = Uint16Array.from({ length: count }, (_, index) => count - 1 - index)
    this.#taken = new Uint8Array(count)
  }

  /** The kernel's address of the next one. There must be one. */
  get next(): number {
    return this.#base + this.at(this.#spare[this.free - 1])
  }

  /** Takes the next one; returns its bits for a completion's flags. */
  fill(): number {
    assert(this.free > 0, 'no buffer is free')
    const id = this.#spare[--this.free]
    this.#taken[id] = 1
    return BUFFER | (id << 16)
  }

  take(flags: number): number {
    return (flags & BUFFER) === 0 ? -1 : flags >>> 16
  }

  borrow(): number {
    if (this.free === 0) return -1
    const id = this.#spare[--this.free]
    this.#taken[id] = 1
    return id
  }

  give(id: number): void {
    assert(this.#taken[id] === 1, 'a buffer is not taken', id)
    this.#taken[id] = 0
    this.#spare[this.free++] = id
  }

  at(id: number): number {
    return this.#at + id * this.roomEach
  }
}
