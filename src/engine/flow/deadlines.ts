/** When a slot's time is up: ../decide/deadline.ts on the words of slots.ts. */

import { deadlineMs, overdue } from '../decide/deadline.ts'
import type { State } from '../decide/state.ts'
import type { Slots } from './slots.ts'

export class Deadlines {
  readonly #slots: Slots
  /** Filled for the slot in question: no object is made for each. */
  readonly #times = { acceptedMs: 0, dialedMs: 0, activeMs: 0 }
  readonly #allowed = { connectTimeoutMs: 0, idleTimeoutMs: 0, maxDurationMs: 0 }

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** The reason for which the connection's time is up, or −1. */
  overdue(slot: number, nowMs: number): number {
    this.#fill(slot)
    return overdue(this.#slots.state[slot] as State, this.#times, this.#allowed, nowMs)
  }

  /** When to look at it next; Infinity where nothing limits it. */
  nextMs(slot: number): number {
    this.#fill(slot)
    return deadlineMs(this.#slots.state[slot] as State, this.#times, this.#allowed)
  }

  #fill(slot: number): void {
    const slots = this.#slots
    this.#times.acceptedMs = slots.acceptedMs[slot]
    this.#times.dialedMs = slots.dialedMs[slot]
    this.#times.activeMs = slots.activeMs[slot]
    this.#allowed.connectTimeoutMs = slots.connectTimeoutMs[slot]
    this.#allowed.idleTimeoutMs = slots.idleTimeoutMs[slot]
    this.#allowed.maxDurationMs = slots.maxDurationMs[slot]
  }
}
