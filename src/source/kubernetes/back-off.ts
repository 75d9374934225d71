/**
 * How long to wait after a failure: twice as long each time, with jitter, and from the start again
 * after a while of health (client-go, reflector.go: 800 ms to 30 s, reset after two minutes).
 */

import { monotonicMs } from '../../base/clock.ts'
import { nextBelow, type Random } from '../../base/random.ts'

export type Waits = { readonly leastMs: number; readonly mostMs: number; readonly healthyMs: number }

export class BackOff {
  readonly #waits: Waits
  readonly #random: Random
  #nextMs: number
  #failedMs = Number.NEGATIVE_INFINITY

  constructor(waits: Waits, random: Random) {
    this.#waits = waits
    this.#random = random
    this.#nextMs = waits.leastMs
  }

  /** The wait after another failure: the step, and up to as much again by chance. */
  next(): number {
    const { leastMs, mostMs, healthyMs } = this.#waits
    const nowMs = monotonicMs()
    if (nowMs - this.#failedMs > healthyMs) this.#nextMs = leastMs
    this.#failedMs = nowMs
    const waitMs = this.jittered(this.#nextMs)
    this.#nextMs = Math.min(this.#nextMs * 2, mostMs)
    return waitMs
  }

  /** A wait with jitter, which does not grow. */
  jittered(ms: number): number {
    return ms + nextBelow(this.#random, Math.max(1, Math.floor(ms)))
  }
}
