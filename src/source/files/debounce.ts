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
  #lastMs = 0

  constructor(call: () => void, quietMs: number, mostMs: number) {
    this.#call = call
    this.#quietMs = quietMs
    this.#mostMs = mostMs
  }

  /** Notes an event. Events may be many: only the first one sets a timer. */
  touch(): void {
    this.#lastMs = monotonicMs()
    if (this.#timer !== undefined) return
    this.#firstMs = this.#lastMs
    this.#wait()
  }

  get #dueMs(): number {
    return Math.min(this.#lastMs + this.#quietMs, this.#firstMs + this.#mostMs)
  }

  #wait(): void {
    const dueMs = this.#dueMs
    const onTime = (): void => {
      if (this.#dueMs > dueMs) {
        this.#wait()
        return
      }
      this.#timer = undefined
      this.#call()
    }
    this.#timer = setTimeout(onTime, Math.max(0, dueMs - monotonicMs()))
  }

  /** Forgets what was noted. */
  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
