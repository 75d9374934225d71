/**
 * The arena: all memory of one worker that the kernel reads or writes.
 *
 * A small typed array lives on V8's heap and may move in a collection, while the kernel keeps the
 * old address. So everything that the kernel sees is in one mapping, which never moves. Inside weir
 * an address is an offset into it, a small integer that cannot point elsewhere; adding `base` gives
 * the kernel's address, exact as a double, since user space ends far below 2^53.
 *
 * Parts are allocated when a worker starts and freed together when it ends. A page costs memory
 * only once it has been touched.
 */

import { assert } from '../base/assert.ts'
import * as libc from './libc.ts'

/** MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE: mmap(2). */
const MAP_FLAGS = 0x02 | 0x20 | 0x4000

/** The largest arena, so that every offset is a small integer to V8 as well. */
const BYTES_MAX = 2 ** 30

export class Arena {
  /** The kernel's address of offset 0. */
  readonly base: number
  readonly bytes: number
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly #buffer: ArrayBuffer
  #next = 0

  private constructor(address: bigint, bytes: number) {
    this.base = Number(address)
    this.bytes = bytes
    this.#buffer = libc.memory(address, bytes)
    this.u8 = new Uint8Array(this.#buffer)
    this.u16 = new Uint16Array(this.#buffer)
    this.i32 = new Int32Array(this.#buffer)
    this.u32 = new Uint32Array(this.#buffer)
  }

  /** Maps `bytes` bytes of zeros, or returns −errno: −ENOMEM. */
  static map(bytes: number): Arena | number {
    assert(Number.isInteger(bytes) && bytes > 0 && bytes <= BYTES_MAX, `an arena of ${bytes} bytes`)
    const whole = Math.ceil(bytes / 4096) * 4096
    const address = libc.mmapLow(whole, MAP_FLAGS)
    return address < 0n ? Number(address) : new Arena(address, whole)
  }

  /** Takes `bytes` bytes for good, at a multiple of `align`; default: a cache line. */
  take(bytes: number, align = 64): number {
    const at = Math.ceil(this.#next / align) * align
    assert(bytes > 0 && at + bytes <= this.bytes, `${bytes} bytes from an arena with ${this.bytes - at} left`)
    this.#next = at + bytes
    return at
  }

  /**
   * The kernel's address of offset `at`, for a direct call. Made once, not per call: it allocates.
   */
  pointer(at: number): bigint {
    assert(at >= 0 && at < this.bytes, `offset ${at} in an arena of ${this.bytes} bytes`)
    return BigInt(this.base + at)
  }

  /**
   * Gives everything back. No operation may be left in the kernel; every view is empty from now on.
   */
  unmap(): number {
    this.#buffer.transfer(0) // a view used in spite of this reads undefined, not freed memory
    return libc.munmap(BigInt(this.base), this.bytes)
  }
}
