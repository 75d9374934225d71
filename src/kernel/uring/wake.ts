/** A ring's part in being woken (../wake.ts): it reads the eventfd. */

import { prepareRead } from './prepare.ts'
import type { Ring } from './ring.ts'

const COUNT_BYTES = 8

export class Wake {
  readonly fd: number
  readonly #count: number

  constructor(ring: Ring, fd: number) {
    this.fd = fd
    this.#count = ring.arena.take(COUNT_BYTES)
  }

  /**
   * Waits for the next wake: one completion. Prepared again each time before looking at what woke
   * it.
   */
  prepare(ring: Ring, word: number, generation: number): void {
    prepareRead(ring, this.fd, this.#count, COUNT_BYTES, word, generation)
  }
}
