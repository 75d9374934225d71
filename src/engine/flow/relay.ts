/**
 * The relay: bytes of an admitted connection from one side to the other, each direction for itself.
 *
 *   little at a time   receive, again and again ─▶ queue ─▶ send ─▶ send …
 *   larger pieces      receive ─▶ send ─▶ receive …
 *   bulk               splice ─▶ wait ─▶ splice … (splice.ts)
 *
 * A receive that repeats is asked for once in the life of most connections. It is called back when the
 * queue has grown to HELD_MAX, and asked for again once all of it was sent: that is the back-pressure. Larger
 * pieces take turns, one receive or one send. An idle connection holds no buffer. Whether a connection goes on
 * or ends is connections.ts'.
 */

import { unreachable } from '../../base/assert.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import { LARGE, MORE, NONEMPTY, SMALL, type SocketCalls } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import { relayFailure } from '../decide/failures.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Ask } from './ask.ts'
import * as Operation from './operations.ts'
import type { Received } from './received.ts'
import { CLIENT, Flow, otherOf, type Side, type Slots, UPSTREAM } from './slots.ts'
import { BULK_LEAST_BYTES, Next, type Splicer } from './splice.ts'

const BYTES = [Counter.clientBytes, Counter.upstreamBytes] as const

const CLOSED = [Reason['client-closed'], Reason['upstream-closed']] as const

/** A direction is bulk, and spliced, after this much in receives of BULK_LEAST_BYTES or more. 4 MiB was slower. */
const BULK_BYTES = 2 ** 20

/**
 * Buffers in a direction's queue at which its receive is called back. What the kernel receives until then comes all
 * the same: 32 more in a turn (MULTISHOT_MAX_RETRY in io_uring/net.c), and perhaps a second time.
 */
const HELD_MAX = 8

export type RelayOptions = {
  readonly ask: Ask
  readonly sockets: SocketCalls
  readonly received: Received
  readonly journal: Journal
  readonly slots: Slots
  readonly splicer: Splicer
  /** This worker's counters (stats/stats.ts). */
  readonly counters: Float64Array
  /** The time of this turn of the loop. */
  readonly clock: { readonly nowMs: number }
  /** Nothing is received from a side at the moment, so nobody would hear of its reset. */
  readonly onUnheard: (slot: number) => void
  /** The connection has to end, with a reset and for this reason. */
  readonly onBroken: (slot: number, reason: number) => void
  /** Both sides have ended in order; the slot has the reason. */
  readonly onEnded: (slot: number) => void
}

export class Relay {
  readonly #ask: Ask
  readonly #sockets: SocketCalls
  readonly #received: Received
  readonly #journal: Journal
  readonly #slots: Slots
  readonly #splicer: Splicer
  readonly #counters: Float64Array
  readonly #clock: { readonly nowMs: number }
  readonly #onUnheard: RelayOptions['onUnheard']
  readonly #onBroken: RelayOptions['onBroken']
  readonly #onEnded: RelayOptions['onEnded']
  /** Directions that wait for a small buffer, in the order in which they ran dry. */
  #starved: number[] = []

  constructor(options: RelayOptions) {
    this.#ask = options.ask
    this.#sockets = options.sockets
    this.#received = options.received
    this.#journal = options.journal
    this.#slots = options.slots
    this.#splicer = options.splicer
    this.#counters = options.counters
    this.#clock = options.clock
    this.#onUnheard = options.onUnheard
    this.#onBroken = options.onBroken
    this.#onEnded = options.onEnded
  }

  /** The upstream is there: its direction begins, and the client's goes on with what came early. */
  begin(slot: number): void {
    this.receive(slot, UPSTREAM)
    if (this.#received.count(2 * slot + CLIENT) > 0) this.#send(slot, CLIENT, false)
    else if ((this.#slots.flow[2 * slot + CLIENT] & Flow.ended) !== 0) this.passEnd(slot, CLIENT)
  }

  /** Asks for bytes of `side`: for all that come, or, where they come in large pieces or buffers are few, for the next. */
  receive(slot: number, side: Side): void {
    const slots = this.#slots
    const { large } = this.#received
    const direction = 2 * slot + side
    if (large.free === 0) slots.flow[direction] &= ~Flow.larger
    if (this.#isLarger(direction)) this.#ask.receive(slot, side, LARGE, false)
    else this.#ask.receive(slot, side, SMALL, !this.#isScarce())
    slots.flow[direction] |= Flow.receiving
  }

  #isLarger(direction: number): boolean {
    return (this.#slots.flow[direction] & Flow.larger) !== 0
  }

  /** Readers that stall may hold half of the small buffers as they like; the others are given one at a time. */
  #isScarce(): boolean {
    const { free, count } = this.#received.small
    return free < count / 2
  }

  /** Sends the first of what `side`'s direction holds to the other side. */
  #send(slot: number, side: Side, more: boolean): void {
    const received = this.#received
    const direction = 2 * slot + side
    const isMore = more || received.count(direction) > 1
    this.#ask.send(slot, otherOf(side), received.at(direction), received.bytes(direction), isMore)
    this.#slots.flow[direction] |= Flow.sending
  }

  /** @param flags  The completion's. */
  received(slot: number, side: Side, result: number, flags: number, buffer: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    if ((flags & MORE) === 0) {
      slots.flow[direction] &= ~(Flow.receiving | Flow.stopping)
      this.#onUnheard(slot)
    }
    if (result > 0) this.#hold(slot, side, result, flags, buffer)
    else {
      if (buffer >= 0) this.give(buffer)
      if (result === 0) this.#end(slot, side)
      else if (result === -Errno.ENOBUFS) this.#starve(slot, side)
      else if (result === -Errno.EAGAIN) this.#ask.readable(slot, side)
      else if (result !== -Errno.ECANCELED) this.break(slot, side, result)
      else if (slots.state[slot] !== State.Dialing && this.#received.count(direction) === 0)
        this.#resume(slot, side)
    }
  }

  #hold(slot: number, side: Side, bytes: number, flags: number, buffer: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    this.#came(slot, side, bytes)
    slots.activeMs[slot] = this.#clock.nowMs
    slots.streak[direction] = bytes < BULK_LEAST_BYTES ? 0 : slots.streak[direction] + bytes
    if (bytes >= this.#received.small.bytesEach) slots.flow[direction] |= Flow.larger
    else if (this.#received.isLarge(buffer)) slots.flow[direction] &= ~Flow.larger
    this.#received.add(direction, buffer, bytes)
    const flow = slots.flow[direction]
    const isTooMuch =
      this.#isLarger(direction) || this.#received.count(direction) >= HELD_MAX || this.#isScarce()
    if (isTooMuch && (flow & Flow.receiving) !== 0) this.#stop(slot, side)
    if (slots.state[slot] !== State.Dialing && (flow & Flow.sending) === 0)
      this.#send(slot, side, (flags & NONEMPTY) !== 0)
  }

  #came(slot: number, side: Side, bytes: number): void {
    this.#counters[BYTES[side]] += bytes
    this.#journal.received(slot, side, bytes, this.#clock.nowMs)
  }

  /** While the connection is being closed: what comes now is lost, and what was being sent may have gone. */
  late(slot: number, kind: number, side: Side, bytes: number): void {
    if (kind === Operation.SEND) this.#journal.delivered(slot, otherOf(side), bytes, this.#clock.nowMs)
    else if (kind === Operation.RECEIVE || kind === Operation.RECEIVE_LARGER) this.#came(slot, side, bytes)
  }

  /** Calls a receive back that repeats; what has come until then is still told. */
  #stop(slot: number, side: Side): void {
    const slots = this.#slots
    if ((slots.flow[2 * slot + side] & Flow.stopping) !== 0) return
    slots.flow[2 * slot + side] |= Flow.stopping
    this.#ask.cancel(slot, Operation.RECEIVE, side)
  }

  /** `side` says that no more comes; what it said before goes first. */
  #end(slot: number, side: Side): void {
    const slots = this.#slots
    slots.flow[2 * slot + side] |= Flow.ended
    if (slots.state[slot] !== State.Dialing && this.#received.count(2 * slot + side) === 0)
      this.passEnd(slot, side)
  }

  /** No buffer was left. A direction that holds some goes on once those were sent, one that has none waits for its turn. */
  #starve(slot: number, side: Side): void {
    const { flow } = this.#slots
    const direction = 2 * slot + side
    if (this.#isLarger(direction)) {
      flow[direction] &= ~Flow.larger
      this.receive(slot, side)
    } else if (this.#received.count(direction) === 0) {
      flow[direction] |= Flow.starved
      this.#starved.push(direction)
    }
  }

  sent(slot: number, side: Side, result: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    slots.flow[direction] &= ~Flow.sending
    if (result > 0) {
      this.#journal.delivered(slot, side, result, this.#clock.nowMs)
      slots.activeMs[slot] = this.#clock.nowMs
      this.#received.advance(direction, result)
      this.#resume(slot, side)
    } else if (result === -Errno.EAGAIN) this.#ask.writable(slot, otherOf(side))
    else this.break(slot, otherOf(side), result)
  }

  /** Goes on with a direction that sends nothing at the moment. */
  #resume(slot: number, side: Side): void {
    const { flow, streak } = this.#slots
    const direction = 2 * slot + side
    if ((flow[direction] & Flow.finished) !== 0) return // a poll that came late
    if (this.#received.count(direction) > 0) this.#send(slot, side, false)
    else if ((flow[direction] & Flow.ended) !== 0) this.passEnd(slot, side)
    else if ((flow[direction] & (Flow.receiving | Flow.starved)) !== 0)
      return // it goes on by itself
    else if (streak[direction] >= BULK_BYTES) this.#splice(slot, side)
    else this.receive(slot, side)
  }

  #splice(slot: number, side: Side): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    const [source, target] = [slots.fd[direction], slots.fd[2 * slot + otherOf(side)]]
    this.#unblock(direction, source, target)
    const next = this.#splicer.pump(direction, source, target)
    slots.activeMs[slot] = this.#clock.nowMs
    this.#came(slot, side, this.#splicer.taken)
    this.#journal.delivered(slot, side, this.#splicer.given, this.#clock.nowMs)
    switch (next) {
      case Next.readable:
        this.#ask.readable(slot, side)
        break
      case Next.writable:
        this.#ask.writable(slot, otherOf(side))
        break
      case Next.copy:
        slots.streak[direction] = 0
        this.receive(slot, side)
        break
      case Next.brokenSource:
        this.break(slot, side, this.#splicer.error)
        break
      case Next.brokenTarget:
        this.break(slot, otherOf(side), this.#splicer.error)
        break
      default:
        unreachable(next)
    }
  }

  /** splice(2) asks the sockets whether it may wait. The ring's operations wait all the same, but for rare −EAGAIN. */
  #unblock(direction: number, source: number, target: number): void {
    const { flow } = this.#slots
    if ((flow[direction] & Flow.unblocked) !== 0) return
    flow[direction] |= Flow.unblocked
    this.#sockets.setNonBlocking(source)
    this.#sockets.setNonBlocking(target)
  }

  /** What is wrong with a socket (POLLERR), the next attempt finds out. */
  ready(slot: number, side: Side, events: number): void {
    const { flow, state } = this.#slots
    if (events < 0) this.break(slot, side, events)
    else if (state[slot] === State.Dialing) this.receive(slot, side)
    else if ((flow[2 * slot + side] & Flow.sending) === 0) this.#resume(slot, side)
  }

  /** Tells the other side that no more comes; after the second time both sockets are closed. */
  passEnd(slot: number, side: Side): void {
    const slots = this.#slots
    slots.flow[2 * slot + side] |= Flow.finished
    this.#journal.ended(slot, side, this.#clock.nowMs)
    if (slots.state[slot] === State.HalfClosed) {
      this.#onEnded(slot) // closing says it as well
      return
    }
    slots.enter(slot, State.HalfClosed)
    slots.reason[slot] = CLOSED[side]
    slots.activeMs[slot] = this.#clock.nowMs
    const result = this.#sockets.shutdownWrite(slots.fd[2 * slot + otherOf(side)])
    if (result < 0) this.break(slot, otherOf(side), -Errno.ECONNRESET) // ENOTCONN: it is gone
  }

  /** A socket of `side` failed, with −errno; 0: as a reset. */
  break(slot: number, side: Side, result: number): void {
    const error = result || -Errno.ECONNRESET
    this.#journal.broke(slot, error)
    this.#onBroken(slot, relayFailure(side === CLIENT ? 'client' : 'upstream', errnoName(error)))
  }

  /** What the direction holds is the kernel's again. */
  release(direction: number): void {
    this.#received.drop(direction)
  }

  give(buffer: number): void {
    this.#received.give(buffer)
  }

  /** Whether a direction waits for a buffer, and there is one. */
  get isHungry(): boolean {
    return this.#starved.length > 0 && this.#received.small.free > 0
  }

  /**
   * Those that have waited longest receive again, as many as there are buffers. One of which nothing comes takes
   * none: so, while there are both, this is to be called in each turn.
   */
  feed(makeRoom: () => void): void {
    const { flow, state } = this.#slots
    const fed = this.#starved.splice(0, this.#received.small.free)
    for (const direction of fed) {
      const slot = direction >>> 1
      const isStarved = (flow[direction] & Flow.starved) !== 0
      flow[direction] &= ~Flow.starved
      if (!isStarved || state[slot] === State.Closing) continue
      makeRoom()
      this.receive(slot, (direction & 1) as Side)
    }
  }
}
