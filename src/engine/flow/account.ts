/**
 * Counts the bytes of a connection: those that came from a side, and those that the other side's
 * socket took.
 */

import { Counter } from '../../stats/stats.ts'
import type { Journal } from '../worker/journal.ts'
import type { Clock } from './deadlines.ts'
import type { Queues } from './queues.ts'
import type { Side } from './slots.ts'

const BYTES = [Counter.clientBytes, Counter.upstreamBytes] as const

type AccountOptions = {
  readonly queues: Queues
  readonly journal: Journal
  /** This worker's counters (stats/stats.ts). */
  readonly counters: Float64Array
  readonly clock: Clock
}

export class Account {
  readonly #queues: Queues
  readonly #journal: Journal
  readonly #counters: Float64Array
  readonly #clock: Clock

  constructor({ queues, journal, counters, clock }: AccountOptions) {
    this.#queues = queues
    this.#journal = journal
    this.#counters = counters
    this.#clock = clock
  }

  /** Bytes came from `side` and will go on. */
  came(slot: number, side: Side, bytes: number): void {
    this.#counters[BYTES[side]] += bytes
    this.#journal.received(slot, side, bytes, this.#clock.nowMs)
  }

  /** `bytes` bytes of the first buffer of `side`'s direction were sent. */
  went(slot: number, side: Side, bytes: number): void {
    const counted = this.#queues.counted(2 * slot + side, bytes)
    if (counted > 0) this.delivered(slot, side, counted)
  }

  /** Bytes of `side` were sent. */
  delivered(slot: number, side: Side, bytes: number): void {
    this.#journal.delivered(slot, side, bytes, this.#clock.nowMs)
  }

  /** The end of `side` was passed to the other side. */
  ended(slot: number, side: Side): void {
    this.#journal.ended(slot, side, this.#clock.nowMs)
  }
}
