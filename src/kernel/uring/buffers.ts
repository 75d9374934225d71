/**
 * Provided buffers: a ring of equal buffers from which the kernel takes one when bytes have
 * arrived, so that an idle connection holds none (io_uring_register_buf_ring(3), kernel 5.19).
 *
 *   spare ─▶ offered ─bytes arrive: a completion with CQE_F_BUFFER─▶ taken ─give─▶ offered, or spare
 *
 * The kernel takes them in FIFO order, so few are offered; spares are LIFO. So memory and caches
 * see few buffers until many are needed.
 *
 * Every completion with CQE_F_BUFFER has one, whatever its result: `take` it, `give` it back once.
 * If none is free, a receive ends with −ENOBUFS, and is prepared again after the next `give`.
 *
 * An entry is 16 bytes: address u64, length u32, number u16, and a u16 that is the ring's tail in
 * the first entry and unused in the others.
 */

import { assert } from '../../base/assert.ts'
import type { Arena } from '../arena.ts'
import * as libc from '../libc.ts'
import { CQE_F_BUFFER, REGISTER_PBUF_RING } from './io-uring.ts'
import type { Ring } from './ring.ts'

const ENTRY_BYTES = 16
const TAIL = 7 // in u16 from the ring's start
const OFFERED_MAX = 32_768
const COUNT_MAX = 65_536

type BufferOptions = {
  /** The group's number in this ring, which receives name: 0–65 535. */
  readonly group: number
  readonly count: number
  /** How many of them the kernel may choose from, a power of two; default: all. */
  readonly offered?: number
  readonly bytesEach: number
  readonly roomEach: number
}

export class Buffers {
  readonly group: number
  readonly count: number
  readonly bytesEach: number
  readonly roomEach: number
  /** The number of free ones. */
  free = 0
  readonly #offeredMax: number
  #offered = 0
  /** Numbers of the spare ones, the last used last. */
  readonly #spare: Uint16Array
  #spareCount = 0
  readonly #arena: Arena
  readonly #entries: number
  readonly #bytes: number
  readonly #taken: Uint8Array
  #tail = 0

  private constructor(arena: Arena, { group, count, bytesEach, roomEach, offered = count }: BufferOptions) {
    this.#offeredMax = offered
    this.#spare = new Uint16Array(count)
    this.group = group
    this.count = count
    this.bytesEach = bytesEach
    this.roomEach = roomEach
    this.#arena = arena
    this.#entries = arena.take(offered * ENTRY_BYTES, 4096)
    this.#bytes = arena.take(count * roomEach, 4096)
    this.#taken = new Uint8Array(count).fill(1)
  }

  /**
   * Takes memory from the ring's arena and registers it, or returns −errno; all buffers are free.
   */
  static open(ring: Ring, options: BufferOptions): Buffers | number {
    const { group, count, bytesEach, roomEach, offered = count } = options
    assert(offered <= OFFERED_MAX && Number.isInteger(Math.log2(offered)), `${offered} buffers offered`)
    assert(count >= offered && count <= COUNT_MAX, `${count} buffers`)
    assert(
      group >= 0 && group <= 0xffff && bytesEach > 0 && roomEach >= bytesEach,
      `buffer group ${group} of ${bytesEach} bytes each`,
    )
    const buffers = new Buffers(ring.arena, options)
    const result = buffers.#register(ring.fd)
    if (result < 0) return result
    for (let id = count - 1; id >= 0; id--) buffers.give(id)
    return buffers
  }

  /** The buffer in a completion's flags; −1: none. The caller owns it until it gives it back. */
  take(flags: number): number {
    if ((flags & CQE_F_BUFFER) === 0) return -1
    const id = flags >>> 16
    assert(this.#taken[id] === 0, 'a buffer is taken already', id)
    this.#taken[id] = 1
    this.free--
    this.#offered--
    if (this.#spareCount > 0) this.#offer(this.#spare[--this.#spareCount])
    return id
  }

  /** Takes a spare one, which was not offered to the kernel, for weir's own bytes; −1: none. */
  borrow(): number {
    if (this.#spareCount === 0) return -1
    const id = this.#spare[--this.#spareCount]
    this.#taken[id] = 1
    this.free--
    return id
  }

  /** The arena's offset of buffer `id`. */
  at(id: number): number {
    return this.#bytes + id * this.roomEach
  }

  /** Gives buffer `id` back to the kernel, which may fill it at once. */
  give(id: number): void {
    assert(this.#taken[id] === 1, 'a buffer is not taken', id)
    this.#taken[id] = 0
    this.free++
    if (this.#offered < this.#offeredMax) this.#offer(id)
    else this.#spare[this.#spareCount++] = id
  }

  #offer(id: number): void {
    this.#offered++
    const { u16, u32, base } = this.#arena
    const entry = this.#entries + (this.#tail & (this.#offeredMax - 1)) * ENTRY_BYTES
    const address = base + this.at(id)
    u32[entry / 4] = address
    u32[entry / 4 + 1] = address / 2 ** 32
    u32[entry / 4 + 2] = this.bytesEach
    u16[entry / 2 + 6] = id
    this.#tail = (this.#tail + 1) & 0xffff
    // A plain store is enough: the kernel reads it only while this thread waits (DEFER_TASKRUN).
    // For an atomic one V8 calls a function.
    u16[this.#entries / 2 + TAIL] = this.#tail
  }

  /** struct io_uring_buf_reg, 40 bytes: ring_addr u64, ring_entries u32, bgid u16, flags u16. */
  #register(fd: number): number {
    const at = this.#arena.take(40)
    const address = this.#arena.base + this.#entries
    this.#arena.u32.set([address, address / 2 ** 32, this.#offeredMax, this.group], at / 4)
    return libc.ioUringRegister(fd, REGISTER_PBUF_RING, this.#arena.pointer(at), 1)
  }
}
