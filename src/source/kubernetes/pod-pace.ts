/**
 * How often Pods alone cause a compilation. A compilation has all rules to read, whichever Pod has
 * changed, and a rollout changes Pods all the time. The first change is compiled at once; then
 * there is a pause in proportion to what that took, and what comes meanwhile is compiled together.
 * Not for Pods that a selector may have chosen: an endpoint that ends cannot wait (source.ts).
 */

import { monotonicMs } from '../../base/clock.ts'

/** So Pods take a quarter of the compiling thread's time at most. */
const PAUSES = 3
const PAUSE_MS_MAX = 5_000

export class PodPace {
  readonly #call: () => unknown
  readonly #nowMs: () => number
  #timer: NodeJS.Timeout | undefined
  /** A Pod has changed, and nothing has been called since. */
  #isTouched = false
  #isCompiling = false
  #begunMs = 0
  #untilMs = Number.NEGATIVE_INFINITY

  /** @param call  Something is to be compiled, if nothing else has caused it meanwhile. */
  constructor(call: () => unknown, nowMs = monotonicMs) {
    this.#call = call
    this.#nowMs = nowMs
  }

  /** A Pod has changed. */
  touch(): void {
    this.#isTouched = true
    this.#wait()
  }

  cancel(): void {
    this.#isTouched = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What has changed is handed over to be compiled. */
  begin(): void {
    this.#isCompiling = true
    this.#begunMs = this.#nowMs()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** It is compiled, whatever came of it. */
  end(): void {
    const nowMs = this.#nowMs()
    this.#isCompiling = false
    this.#untilMs = nowMs + Math.min(PAUSES * (nowMs - this.#begunMs), PAUSE_MS_MAX)
    if (this.#isTouched) this.#wait()
  }

  /** Until Pods may cause another one; 0: at once. */
  get waitMs(): number {
    return Math.max(0, this.#untilMs - this.#nowMs())
  }

  /** How long a compilation takes, and so the pause after it, is known at its end. */
  #wait(): void {
    if (this.#isCompiling) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#isTouched = false
      this.#call()
    }, this.waitMs)
  }
}
