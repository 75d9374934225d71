/**
 * Upstreams that reset before a byte has gone either way, as those of a server that dies with
 * connections in its queue. The client cannot tell that there was one, and weir still has all that
 * it has said: another endpoint may be dialed (dialer.ts).
 *
 *   relaying ─ reset ─▶ all that is in the kernel ends ─┬─▶ another dial
 *                                                      └─ it has taken or said bytes ─▶ closed
 *
 * What weir itself says first (a PROXY header, a request for TLS, a handshake) counts as bytes.
 */

import { mark } from '../../base/mark.ts'
import { errnoName } from '../../kernel/errno.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Attempts } from '../decide/attempts.ts'
import { isReset } from '../decide/failures.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Account } from './account.ts'
import type { Ask } from './ask.ts'
import type { Clock } from './deadlines.ts'
import type { Endings } from './endings.ts'
import * as Operation from './operations.ts'
import { Came, type Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, PortIs, type Slots, UPSTREAM } from './slots.ts'

type EarlyResetsOptions = {
  readonly ask: Ask
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly account: Account
  readonly attempts: Attempts
  readonly journal: Journal
  readonly endings: Endings
  readonly clock: Clock
}

export class EarlyResets {
  readonly #options: EarlyResetsOptions

  constructor(options: EarlyResetsOptions) {
    this.#options = options
  }

  /** A connected upstream has failed; true: it may be replaced, and is called back from now on. */
  begins(slot: number, error: number): boolean {
    const { journal, slots, clock } = this.#options
    if (slots.state[slot] !== State.Relaying || !isReset(errnoName(error)) || !this.#isUntouched(slot))
      return false
    mark('an upstream resets before a byte')
    journal.broke(slot, error)
    slots.enter(slot, State.Dialing)
    slots.dialedMs[slot] = clock.nowMs
    slots.owedMs[2 * slot + CLIENT] = 0
    slots.port[2 * slot + UPSTREAM] |= PortIs.lost
    this.#callBack(slot)
    return true
  }

  has(slot: number): boolean {
    return (this.#options.slots.port[2 * slot + UPSTREAM] & PortIs.lost) !== 0
  }

  /** A receive has completed: bytes that have come all the same were its answer. */
  received(slot: number, result: number, flags: number, buffer: number): void {
    const { account, ports, queues, endings } = this.#options
    if (ports.received(slot, UPSTREAM, result, flags, buffer) !== Came.bytes) return
    account.came(slot, UPSTREAM, result)
    queues.give(buffer)
    endings.close(slot, Reason['upstream-reset'])
  }

  /** A send has: it may have taken bytes before its reset. */
  sent(slot: number, result: number): void {
    const { account, slots, endings } = this.#options
    slots.flow[2 * slot + CLIENT] &= ~FlowIs.sending
    if (result <= 0) return
    account.went(slot, CLIENT, result)
    endings.close(slot, Reason['upstream-reset'])
  }

  /** Whether nothing of its socket is in the kernel any more. */
  isQuiet(slot: number): boolean {
    const { port, flow } = this.#options.slots
    const isSending = (flow[2 * slot + CLIENT] & FlowIs.sending) !== 0
    const busy = PortIs.receiving | PortIs.polled | PortIs.full
    if (!isSending && (port[2 * slot + UPSTREAM] & busy) === 0) return true
    mark('a redial waits for operations')
    return false
  }

  /** Its socket is closed. */
  over(slot: number): void {
    const { port, flow, streak } = this.#options.slots
    const at = 2 * slot + UPSTREAM
    port[at] = streak[at] = 0
    flow[at] &= FlowIs.sending // weir's own words to the client go on
  }

  #isUntouched(slot: number): boolean {
    const { attempts, journal, slots } = this.#options
    const isPlain = slots.proxyVersion[slot] === 0 && slots.starttls[slot] === 0
    const hasMore = (slots.port[2 * slot + UPSTREAM] & (PortIs.filtered | PortIs.watched)) !== 0
    return isPlain && !hasMore && attempts.isYoung(slot) && journal.isUntouched(slot)
  }

  /** By kinds, as in originating.ts. */
  #callBack(slot: number): void {
    const { ask, slots } = this.#options
    const port = slots.port[2 * slot + UPSTREAM]
    if ((port & PortIs.polled) !== 0) ask.cancel(slot, Operation.READABLE, UPSTREAM)
    if ((port & PortIs.full) !== 0) ask.cancel(slot, Operation.WRITABLE, UPSTREAM)
    if ((port & PortIs.receiving) === 0) return
    ask.cancel(slot, Operation.RECEIVE, UPSTREAM)
    ask.cancel(slot, Operation.RECEIVE_LARGER, UPSTREAM)
  }
}
