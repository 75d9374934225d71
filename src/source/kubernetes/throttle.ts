/**
 * Throttle: many events become one call, and calls do not come too often.
 *
 * The call comes a moment after an event, so that what belongs together is together, and not sooner
 * than `everyMs` after the call before.
 */

import { monotonicMs } from '../../base/clock.ts'

export class Throttle {
  readonly #call: () => void
  readonly #firstMs: number
  readonly #everyMs: number
  #calledMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(call: () => void, firstMs: number, everyMs: number) {
    this.#call = call
    this.#firstMs = firstMs
    this.#everyMs = everyMs
  }

  touch(): void {
    if (this.#timer !== undefined) return
    const waitMs = Math.max(this.#firstMs, this.#calledMs + this.#everyMs - monotonicMs())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#calledMs = monotonicMs()
      this.#call()
    }, waitMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
