/**
 * Open connections over all workers, without reading each worker's count for each connection.
 *
 * The counts of others lie in cache lines that they write all the time, so reading W of them costs
 * W transfers between processors, here and at their next writes. While the limit is far, a sum of
 * the others is good for a millisecond; near it, each connection is compared with an exact one.
 */

import { Counter, type Stats, sumCounter } from '../../stats/stats.ts'

const FRESH_MS = 1
/** More connections than a worker accepts in that time, several times. */
const ACCEPTED_MOST = 256

export class Crowd {
  readonly #stats: Stats
  readonly #own: Float64Array
  #others = 0
  #summedMs = Number.NEGATIVE_INFINITY

  constructor(stats: Stats, worker: number) {
    this.#stats = stats
    this.#own = stats.counters[worker]
  }

  /** Whether more than `most` are open. */
  exceeds(most: number, nowMs: () => number): boolean {
    const { workers } = this.#stats
    const own = this.#own[Counter.open]
    if (workers === 1) return own > most
    if (own + this.#others + ACCEPTED_MOST * workers > most) return this.#sum() > most
    const now = nowMs()
    if (now - this.#summedMs < FRESH_MS && now >= this.#summedMs) return false
    this.#summedMs = now
    return this.#sum() > most
  }

  #sum(): number {
    const sum = sumCounter(this.#stats, Counter.open)
    this.#others = sum - this.#own[Counter.open]
    return sum
  }
}
