/** Counts and records one connection, from accept to close. */

import { Counter, closedAt } from '../../stats/stats.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'

export class Account {
  /** Row of the journal; −1: none. */
  row = -1
  /** It was, or is, read from before the decision. */
  isRead = false
  #isOpen = false
  readonly #counters: Float64Array
  readonly #journal: Journal

  constructor(counters: Float64Array, journal: Journal) {
    this.#counters = counters
    this.#journal = journal
    counters[Counter.accepted]++
    counters[Counter.open]++
  }

  reading(arrival: Arrival): void {
    this.isRead = true
    this.#journal.reading(this.row, arrival)
  }

  /** It goes on. */
  opened(arrival: Arrival): void {
    this.#isOpen = true
    this.#journal.opened(this.row, arrival)
  }

  /** The kernel's error for the failure that it ends with, if it has a row. */
  broke(errno: number): void {
    if (this.#isOpen || this.isRead) this.#journal.broke(this.row, errno)
  }

  /** It is over; `arrival` belongs to one that went nowhere, and is given back. */
  closed(reason: number, arrival: Arrival | null, reception: Reception, nowMs: number): void {
    if (arrival === null) this.#journal.closed(this.row, reason, nowMs)
    else {
      this.#journal.refused(this.isRead ? this.row : -1, arrival, reason, nowMs)
      reception.leave(arrival)
    }
    // In this order: where no connection is open, each has been counted under a reason.
    this.#counters[closedAt(reason)]++
    this.#counters[Counter.open]--
  }
}
