/**
 * Open connections of an endpoint over all workers, for LEAST_REQUEST. As in crowd.ts, what other
 * workers have is read once a millisecond for each endpoint; what this one has is always exact.
 *
 * So two workers may choose the same endpoint within a millisecond. The choice of the better of two
 * bears information that is older than that (Mitzenmacher, How Useful Is Old Information?, 2000).
 */

import { openAt, type Stats, sumOpen } from '../../stats/stats.ts'

const FRESH_MS = 1

export class Loads {
  readonly #stats: Stats
  readonly #worker: number
  /** By slot: what the others had, and when. They grow with the highest slot that was asked for. */
  #others = new Int32Array(0)
  #summedMs = new Float64Array(0)

  constructor(stats: Stats, worker: number) {
    this.#stats = stats
    this.#worker = worker
  }

  /** @param nowMs  On any clock that goes on. */
  of(slot: number, nowMs: number): number {
    const own = this.#stats.words[openAt(this.#worker, slot)]
    if (slot >= this.#others.length) this.#grow(slot)
    const ageMs = nowMs - this.#summedMs[slot]
    if (ageMs >= 0 && ageMs < FRESH_MS) return own + this.#others[slot]
    const sum = sumOpen(this.#stats, slot)
    this.#others[slot] = sum - own
    this.#summedMs[slot] = nowMs
    return sum
  }

  #grow(slot: number): void {
    const count = 2 ** Math.ceil(Math.log2(slot + 64))
    const others = new Int32Array(count)
    const summedMs = new Float64Array(count).fill(Number.NEGATIVE_INFINITY)
    others.set(this.#others)
    summedMs.set(this.#summedMs)
    this.#others = others
    this.#summedMs = summedMs
  }
}
