/** How a ring is woken (../wake.ts): it reads the eventfd. */

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
   * Waits for the next wake: one completion. Prepare it again each time before checking what woke.
   */
  prepare(ring: Ring, word: number, generation: number): void {
    prepareRead(ring, this.fd, this.#count, COUNT_BYTES, word, generation)
  }
}
