/**
 * The times of one connection, and one timer for all its deadlines (../decide/deadline.ts): a byte
 * that moves only stores the time, and the timer reads it.
 */

import type { World } from '../../base/world.ts'
import { deadlineMs, IN_TIME, overdue } from '../decide/deadline.ts'
import type { Decision } from '../decide/decision.ts'
import type { State } from '../decide/state.ts'
import { FROM_CLIENT, type From } from '../worker/journal.ts'

/** The longest time that `setTimeout` takes. */
export const TIMER_MAX_MS = 2 ** 31 - 1

type TimingOptions = {
  readonly world: World
  readonly acceptedMs: number
  /** Its limits, once it is decided about. */
  readonly decision: Decision
  readonly stateOf: () => State
  /** Its time is up: a reason, or READ_LATE. */
  readonly onLate: (reason: number) => void
}

export class Timing {
  readUntilMs = 0
  dialedMs = 0
  activeMs = 0
  agreeUntilMs = Number.POSITIVE_INFINITY
  clientOwedMs = 0
  upstreamOwedMs = 0
  readonly acceptedMs: number
  readonly #options: TimingOptions
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: TimingOptions) {
    this.#options = options
    this.acceptedMs = options.acceptedMs
  }

  get nowMs(): number {
    return this.#options.world.monotonicMs()
  }

  /** Sets the timer for its next deadline. Call it if the deadline may have moved forward. */
  readonly watch = (): void => {
    clearTimeout(this.#timer)
    if (this.#overdue() === IN_TIME) this.#lookAgain()
    else setImmediate(this.#judge)
  }

  /** Bytes from a side begin to wait for the other side's socket, or it has taken some or all. */
  owe(from: From, isWaiting: boolean): void {
    if (this.#options.decision.writeTimeoutMs === 0) return
    const sinceMs = isWaiting ? this.nowMs : 0
    if (from === FROM_CLIENT) this.clientOwedMs = sinceMs
    else this.upstreamOwedMs = sinceMs
    if (isWaiting) this.watch()
  }

  /** It is over. */
  end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  /**
   * Its time was up a turn of the loop ago, so everything that had arrived by then is read by now.
   */
  readonly #judge = (): void => {
    if (this.#isOver) return
    const reason = this.#overdue()
    if (reason === IN_TIME) this.watch()
    else this.#options.onLate(reason)
  }

  #overdue(): number {
    const { stateOf, decision } = this.#options
    return overdue(stateOf(), this, decision, this.nowMs)
  }

  #lookAgain(): void {
    const { stateOf, decision } = this.#options
    const waitMs = deadlineMs(stateOf(), this, decision) - this.nowMs
    if (waitMs === Number.POSITIVE_INFINITY) return
    // It may have come since the look before this one: Node warns of a negative time.
    this.#timer = setTimeout(this.watch, Math.min(Math.max(Math.ceil(waitMs), 0), TIMER_MAX_MS))
  }
}
