/**
 * Debounce: many events become one call.
 *
 * The call comes when there was no event for `quietMs`, and at the latest `mostMs` after the first
 * one, so a file that is written all the time cannot delay a reload for ever.
 */

import { monotonicMs } from '../../base/clock.ts'

export class Debounce {
  readonly #call: () => void
  readonly #quietMs: number
  readonly #mostMs: number
  #timer: NodeJS.Timeout | undefined
  #firstMs = 0

  constructor(call: () => void, quietMs: number, mostMs: number) {
    this.#call = call
    this.#quietMs = quietMs
    this.#mostMs = mostMs
  }

  /** Notes an event. */
  touch(): void {
    const nowMs = monotonicMs()
    if (this.#timer === undefined) this.#firstMs = nowMs
    clearTimeout(this.#timer)
    const waitMs = Math.max(0, Math.min(this.#quietMs, this.#firstMs + this.#mostMs - nowMs))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#call()
    }, waitMs)
  }

  /** Forgets what was noted. */
  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
