/**
 * Notices a reset by a side without a receive: its bytes wait for the other side, or it has ended.
 *
 * A receive notices a reset, and almost always each side has one. So nothing happens at once: a
 * check a while later (deadlines.ts) gives a side without a receive its own poll, until the
 * connection ends. Bytes before the reset are delivered for as long as the other side reads them;
 * then the reset follows. If nothing has moved for a second, weir resets both sides.
 */

import { mark } from '../../base/mark.ts'
import { POLL_ERR, type SocketCalls } from '../../kernel/kernel.ts'
import { State } from '../decide/state.ts'
import { type Clock, type Deadlines, UNHEARD_MS } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Ports } from './ports.ts'
import { CLIENT, FlowIs, PortIs, type Side, type Slots, UPSTREAM } from './slots.ts'

type WatchOptions = {
  readonly sockets: SocketCalls
  readonly slots: Slots
  readonly ports: Ports
  readonly deadlines: Deadlines
  readonly endings: Endings
  readonly clock: Clock
}

export class Watch {
  readonly #options: WatchOptions

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Checks an open connection; may end it. */
  look(slot: number): void {
    const { state } = this.#options.slots
    this.#lookAt(slot, CLIENT)
    if (state[slot] === State.Relaying || state[slot] === State.HalfClosed) this.#lookAt(slot, UPSTREAM)
  }

  /** What the poll says. */
  completed(slot: number, side: Side, events: number, flags: number): void {
    const { slots, ports, deadlines } = this.#options
    ports.watched(slot, side, flags)
    // An end of both sides (POLLHUP) alone is no failure: bytes may still be on their way.
    if (events < 0 || (events & POLL_ERR) === 0) return
    slots.port[2 * slot + side] |= PortIs.broken
    mark('a poll hears of a reset')
    if (this.#saysNothing(slot, side)) this.#break(slot, side)
    else deadlines.unheard(slot)
  }

  #lookAt(slot: number, side: Side): void {
    const { slots, ports, deadlines, clock } = this.#options
    const at = 2 * slot + side
    if ((slots.port[at] & PortIs.broken) !== 0) {
      if (clock.nowMs - slots.activeMs[slot] >= UNHEARD_MS) {
        mark('nothing moves after a reset')
        this.#break(slot, side)
      } else deadlines.unheard(slot)
    } else if (ports.isUnheard(at)) ports.watch(slot, side)
  }

  /** Whether no bytes of the side remain to be delivered, or the other side is gone. */
  #saysNothing(slot: number, side: Side): boolean {
    const { slots } = this.#options
    return slots.state[slot] <= State.Dialing || (slots.flow[2 * slot + side] & FlowIs.finished) !== 0
  }

  #break(slot: number, side: Side): void {
    const { slots, sockets, endings } = this.#options
    endings.break(slot, side, sockets.pendingError(slots.fd[2 * slot + side]))
  }
}
