/**
 * Readers in sequence: a load balancer's header first, then the client's own bytes. Each sees what
 * the one before has left.
 */

import type { Arrival } from './arrival.ts'
import type { Asked, Reader } from './reader.ts'

export class Readers implements Reader {
  readonly #readers: readonly Reader[]

  constructor(readers: readonly Reader[]) {
    this.#readers = readers
  }

  begin(arrival: Arrival, nowMs: number): boolean {
    arrival.taken = 0
    return this.#begin(arrival, nowMs, 0)
  }

  /** Goes on to the first reader from `index` on that has something to read. */
  #begin(arrival: Arrival, nowMs: number, index: number): boolean {
    for (let next = index; next < this.#readers.length && arrival.refusal < 0; next++) {
      arrival.reader = next
      if (this.#readers[next].begin(arrival, nowMs)) return true
    }
    return false
  }

  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number {
    for (;;) {
      const left = arrival.taken === 0 ? bytes : bytes.subarray(arrival.taken)
      const answer = this.#readers[arrival.reader].read(arrival, left, asked)
      if (answer < 0) return answer
      arrival.taken += answer
      // A reader's deadline counts from accept, so none of them reads the clock.
      if (!this.#begin(arrival, arrival.arrivedMs, arrival.reader + 1)) return arrival.taken
    }
  }
}
