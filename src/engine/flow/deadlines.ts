/**
 * Timeouts of slots: the rules of ../decide/deadline.ts on the words of slots.ts, with a timer
 * wheel (base/timer-wheel.ts). Moving a deadline later only stores a time; when the old timer
 * fires, it finds the new time.
 */

import { TimerWheel } from '../../base/timer-wheel.ts'
import { deadlineMs, overdue } from '../decide/deadline.ts'
import { State } from '../decide/state.ts'
import { CLIENT, type Side, type Slots, UPSTREAM } from './slots.ts'

/** The time of this turn of the loop, monotonic. */
export type Clock = { nowMs: number }

/** A side without a receive is checked after this time, and again while it has none (watch.ts). */
export const UNHEARD_MS = 1000
/** After this time of dialing, or without a buffer, weir watches the client. */
const DIALING_MS = 50

export class Deadlines {
  readonly #slots: Slots
  readonly #wheel: TimerWheel
  readonly #clock: Clock
  /** Filled for the slot in question, so that no object is made for each. */
  readonly #times = {
    readUntilMs: 0,
    acceptedMs: 0,
    dialedMs: 0,
    activeMs: 0,
    agreeUntilMs: 0,
    clientOwedMs: 0,
    upstreamOwedMs: 0,
  }
  readonly #allowed = { connectTimeoutMs: 0, idleTimeoutMs: 0, maxDurationMs: 0, writeTimeoutMs: 0 }

  constructor(slots: Slots, clock: Clock) {
    this.#slots = slots
    this.#clock = clock
    this.#wheel = new TimerWheel(slots.count, clock.nowMs)
  }

  /** When slots are due for a check, or earlier. */
  get nextMs(): number {
    return this.#wheel.nextMs
  }

  /** Calls `look` with each due slot and removes it. */
  due(look: (slot: number) => void): void {
    this.#wheel.expire(this.#clock.nowMs, look)
  }

  /** The reason for which the connection times out, READ_LATE, or IN_TIME. */
  overdue(slot: number): number {
    this.#fill(slot)
    return overdue(this.#slots.state[slot] as State, this.#times, this.#allowed, this.#clock.nowMs)
  }

  /** Schedules a check of the slot at its next deadline. */
  expect(slot: number): void {
    this.#fill(slot)
    this.#wheel.arm(slot, deadlineMs(this.#slots.state[slot] as State, this.#times, this.#allowed))
  }

  /** A side has no receive now, so nothing would notice its reset. */
  unheard(slot: number): void {
    const waitMs = this.#slots.state[slot] <= State.Dialing ? DIALING_MS : UNHEARD_MS
    this.#wheel.arm(slot, this.#clock.nowMs + waitMs)
  }

  /** Its upstream is looked at once it has been connected for a while (dialer.ts). */
  settle(slot: number): void {
    this.#wheel.arm(slot, this.#slots.dialedMs[slot] + UNHEARD_MS)
  }

  /** Bytes of `side` wait for the other side's socket, which has to take one in time. */
  owe(slot: number, side: Side): void {
    const { owedMs, writeTimeoutMs } = this.#slots
    const direction = 2 * slot + side
    if (owedMs[direction] !== 0) return
    owedMs[direction] = this.#clock.nowMs
    this.#wheel.arm(slot, this.#clock.nowMs + writeTimeoutMs[slot])
  }

  /** Removes its deadline. */
  forget(slot: number): void {
    this.#wheel.clear(slot)
  }

  #fill(slot: number): void {
    const slots = this.#slots
    this.#times.readUntilMs = slots.readUntilMs[slot]
    this.#times.acceptedMs = slots.acceptedMs[slot]
    this.#times.dialedMs = slots.dialedMs[slot]
    this.#times.activeMs = slots.activeMs[slot]
    this.#times.agreeUntilMs = slots.agreeUntilMs[slot]
    this.#times.clientOwedMs = slots.owedMs[2 * slot + CLIENT]
    this.#times.upstreamOwedMs = slots.owedMs[2 * slot + UPSTREAM]
    this.#allowed.writeTimeoutMs = slots.writeTimeoutMs[slot]
    this.#allowed.connectTimeoutMs = slots.connectTimeoutMs[slot]
    this.#allowed.idleTimeoutMs = slots.idleTimeoutMs[slot]
    this.#allowed.maxDurationMs = slots.maxDurationMs[slot]
  }
}
