/**
 * How often Pods alone cause a compilation. A compilation has all rules to read, whichever Pod has
 * changed, and a rollout changes Pods all the time. The first change is compiled at once; then
 * there is a pause in proportion to what that took, and what comes meanwhile is compiled together.
 */

import { monotonicMs } from '../../base/clock.ts'

/** So Pods take a quarter of the compiling thread's time at most. */
const PAUSES = 3
const PAUSE_MS_MAX = 5_000

export class PodPace {
  readonly #call: () => unknown
  readonly #nowMs: () => number
  #timer: NodeJS.Timeout | undefined
  #begunMs = 0
  #untilMs = Number.NEGATIVE_INFINITY

  /** @param call  Something is to be compiled, if nothing else has caused it meanwhile. */
  constructor(call: () => unknown, nowMs = monotonicMs) {
    this.#call = call
    this.#nowMs = nowMs
  }

  /** A Pod has changed. */
  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#call()
    }, this.waitMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }

  /** What has changed is handed over to be compiled. */
  begin(): void {
    this.#begunMs = this.#nowMs()
  }

  /** It is served. */
  end(): void {
    const nowMs = this.#nowMs()
    this.#untilMs = nowMs + Math.min(PAUSES * (nowMs - this.#begunMs), PAUSE_MS_MAX)
  }

  /** Until Pods may cause another one; 0: at once. */
  get waitMs(): number {
    return Math.max(0, this.#untilMs - this.#nowMs())
  }
}
