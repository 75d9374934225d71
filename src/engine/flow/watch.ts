/**
 * A reset by a side that nothing is received from: its bytes wait for the other side, or it has
 * ended.
 *
 * A receive hears of a reset, and almost always each side has one. So nothing is done at once: a
 * look, a second later, gives a side that has none then a poll of its own, which stays until the
 * connection ends. What a side said before it reset goes on for as long as the other side takes it,
 * and meets the reset at its end; once nothing has moved for a second, nobody waits any longer.
 */

import { MORE, POLL_ERR, type SocketCalls } from '../../kernel/kernel.ts'
import { State } from '../decide/state.ts'
import type { Ask } from './ask.ts'
import * as Operation from './operations.ts'
import { CLIENT, Flow, type Side, type Slots, UPSTREAM } from './slots.ts'

/** Between two looks, and how long nothing moves before a reset counts at once. */
const RELAYING_MS = 1000
/** A dial that takes longer than this has its client watched. */
const DIALING_MS = 50

export type WatchOptions = {
  readonly ask: Ask
  readonly sockets: SocketCalls
  readonly slots: Slots
  /** The time of this turn of the loop. */
  readonly clock: { readonly nowMs: number }
  /** `look` is to come again after this time. */
  readonly onWait: (waitMs: number) => void
  /** The side has reset, or failed otherwise: −errno, 0 where the kernel does not say. */
  readonly onBroken: (slot: number, side: Side, result: number) => void
}

export class Watch {
  readonly #options: WatchOptions

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Nothing is received from a side of it at the moment. */
  unheard(slot: number): void {
    const { slots, onWait } = this.#options
    onWait(slots.state[slot] === State.Dialing ? DIALING_MS : RELAYING_MS)
  }

  /** The look at an open connection; it may end it. */
  look(slot: number): void {
    const { slots } = this.#options
    this.#lookAt(slot, CLIENT)
    if (slots.state[slot] === State.Relaying || slots.state[slot] === State.HalfClosed)
      this.#lookAt(slot, UPSTREAM)
  }

  /** What the poll says. */
  completed(slot: number, side: Side, events: number, flags: number): void {
    const { slots } = this.#options
    const direction = 2 * slot + side
    if ((flags & MORE) === 0) {
      slots.flow[direction] &= ~Flow.watched
      this.unheard(slot)
    }
    // An end of both sides (POLLHUP) alone is no failure: bytes may still be on their way.
    if (events < 0 || (events & POLL_ERR) === 0) return
    slots.flow[direction] |= Flow.broken
    if (this.#saysNothing(slot, side)) this.#break(slot, side)
    else this.unheard(slot)
  }

  /** Calls the polls back: how many there were. */
  cancel(slot: number): number {
    return this.#cancel(slot, CLIENT) + this.#cancel(slot, UPSTREAM)
  }

  #lookAt(slot: number, side: Side): void {
    const { ask, slots, clock } = this.#options
    const direction = 2 * slot + side
    const flow = slots.flow[direction]
    if ((flow & Flow.broken) !== 0) {
      if (clock.nowMs - slots.activeMs[slot] >= RELAYING_MS) this.#break(slot, side)
      else this.unheard(slot)
    } else if ((flow & (Flow.receiving | Flow.watched)) === 0) {
      slots.flow[direction] |= Flow.watched
      ask.watch(slot, side)
    }
  }

  /** Whether nothing that the side said is still to go on, or nobody is there to take it. */
  #saysNothing(slot: number, side: Side): boolean {
    const { slots } = this.#options
    return slots.state[slot] === State.Dialing || (slots.flow[2 * slot + side] & Flow.finished) !== 0
  }

  #break(slot: number, side: Side): void {
    const { slots, sockets, onBroken } = this.#options
    onBroken(slot, side, sockets.pendingError(slots.fd[2 * slot + side]))
  }

  #cancel(slot: number, side: Side): number {
    const { ask, slots } = this.#options
    if ((slots.flow[2 * slot + side] & Flow.watched) === 0) return 0
    ask.cancel(slot, Operation.WATCH, side)
    return 1
  }
}
