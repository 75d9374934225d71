/**
 * The relay: bytes of an admitted connection from one side to the other, each direction for itself.
 *
 *   receive ─▶ send ─▶ receive …      or, once it is bulk,      splice ─▶ wait ─▶ splice … (splice.ts)
 *
 * A direction has one receive or one send in the kernel, never both: that is the back-pressure, and an
 * idle connection holds no buffer. (A receive linked behind each send was a little slower, and starts by
 * itself when the connection is being closed.) Whether a connection goes on or ends is connections.ts'.
 */

import { unreachable } from '../../base/assert.ts'
import type { Buffers } from '../../net/buffers.ts'
import { Errno } from '../../net/errno.ts'
import { preparePoll, prepareRecvSelect, prepareSend } from '../../net/prepare.ts'
import type { Ring } from '../../net/ring.ts'
import { setNonBlocking, shutdownWrite } from '../../net/sockets.ts'
import { subject } from '../../net/user-data.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import type { Journal } from '../journal.ts'
import { move, State } from '../state.ts'
import { relayFailure } from './failures.ts'
import * as Operation from './operations.ts'
import { CLIENT, Flow, type Side, type Slots, UPSTREAM } from './slots.ts'
import { BULK_LEAST_BYTES, Next, type Splicer } from './splice.ts'

const RECEIVE = [Operation.RECEIVE_CLIENT, Operation.RECEIVE_UPSTREAM] as const

const SEND = [Operation.SEND_UPSTREAM, Operation.SEND_CLIENT] as const

const READY = [Operation.READY_CLIENT, Operation.READY_UPSTREAM] as const

const BYTES = [Counter.clientBytes, Counter.upstreamBytes] as const

const CLOSED = [Reason['client-closed'], Reason['upstream-closed']] as const

/** poll(2). */
const POLL_IN = 1

const POLL_OUT = 4

/** A direction is bulk, and spliced, after this much in receives of BULK_LEAST_BYTES or more. 4 MiB was slower. */
const BULK_BYTES = 2 ** 20

const otherOf = (side: Side): Side => (side === CLIENT ? UPSTREAM : CLIENT)

export type RelayOptions = {
  readonly ring: Ring
  readonly buffers: Buffers
  readonly journal: Journal
  readonly slots: Slots
  readonly splicer: Splicer
  /** This worker's counters (stats/stats.ts). */
  readonly counters: Float64Array
  /** The time of this turn of the loop. */
  readonly clock: { readonly nowMs: number }
  /** Bytes came before there is an upstream. */
  readonly onEarly: () => void
  /** The connection has to end, with a reset and for this reason. */
  readonly onBroken: (slot: number, reason: number) => void
  /** Both sides have ended in order; the slot has the reason. */
  readonly onEnded: (slot: number) => void
}

export class Relay {
  readonly #ring: Ring
  readonly #buffers: Buffers
  readonly #journal: Journal
  readonly #slots: Slots
  readonly #splicer: Splicer
  readonly #counters: Float64Array
  readonly #clock: { readonly nowMs: number }
  readonly #onEarly: () => void
  readonly #onBroken: RelayOptions['onBroken']
  readonly #onEnded: RelayOptions['onEnded']
  /** Directions that wait for a buffer, in the order in which they ran dry. */
  readonly #starved: number[] = []

  constructor(options: RelayOptions) {
    this.#ring = options.ring
    this.#buffers = options.buffers
    this.#journal = options.journal
    this.#slots = options.slots
    this.#splicer = options.splicer
    this.#counters = options.counters
    this.#clock = options.clock
    this.#onEarly = options.onEarly
    this.#onBroken = options.onBroken
    this.#onEnded = options.onEnded
  }

  /** The upstream is there: its direction begins, and the client's goes on with what came early. */
  begin(slot: number): void {
    this.receive(slot, UPSTREAM)
    const flow = this.#slots.flow[2 * slot + CLIENT]
    if ((flow & Flow.holding) !== 0) this.#send(slot, CLIENT)
    else if ((flow & Flow.ended) !== 0) this.passEnd(slot, CLIENT)
  }

  receive(slot: number, side: Side): void {
    const slots = this.#slots
    const fd = slots.fd[2 * slot + side]
    const word = subject(slot, RECEIVE[side])
    prepareRecvSelect(this.#ring, fd, this.#buffers.group, word, slots.generation[slot])
    slots.inFlight[slot]++
  }

  /** Sends what `side`'s direction holds to the other side. */
  #send(slot: number, side: Side): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    const at = this.#buffers.at(slots.buffer[direction]) + slots.offset[direction]
    const fd = slots.fd[2 * slot + otherOf(side)]
    prepareSend(this.#ring, fd, at, slots.bytes[direction], subject(slot, SEND[side]), slots.generation[slot])
    slots.inFlight[slot]++
  }

  received(slot: number, side: Side, result: number, buffer: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    if (result > 0) {
      this.#counters[BYTES[side]] += result
      this.#journal.received(slot, side, result, this.#clock.nowMs)
      slots.activeMs[slot] = this.#clock.nowMs
      slots.flow[direction] |= Flow.holding
      slots.buffer[direction] = buffer
      slots.offset[direction] = 0
      slots.bytes[direction] = result
      slots.streak[direction] = result < BULK_LEAST_BYTES ? 0 : slots.streak[direction] + result
      if (slots.state[slot] !== State.Dialing) this.#send(slot, side)
      else this.#onEarly()
    } else if (result === 0) {
      if (buffer >= 0) this.give(buffer)
      slots.flow[direction] |= Flow.ended
      if (slots.state[slot] !== State.Dialing) this.passEnd(slot, side)
    } else if (result === -Errno.ENOBUFS) {
      slots.flow[direction] |= Flow.starved
      this.#starved.push(direction)
      if (this.#buffers.free > 0) this.#feed() // one came back in between
    } else if (result === -Errno.EAGAIN) this.#await(slot, side, side, POLL_IN)
    else this.#break(slot, side, result)
  }

  sent(slot: number, side: Side, result: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    if (result > 0) this.#journal.delivered(slot, side, result, this.#clock.nowMs)
    if (result === slots.bytes[direction]) {
      slots.activeMs[slot] = this.#clock.nowMs
      this.release(direction)
      this.#resume(slot, side)
    } else if (result > 0) {
      slots.offset[direction] += result
      slots.bytes[direction] -= result
      this.#send(slot, side)
    } else if (result === -Errno.EAGAIN) this.#await(slot, side, otherOf(side), POLL_OUT)
    else this.#break(slot, otherOf(side), result)
  }

  /** Goes on with a direction that has nothing in the kernel. */
  #resume(slot: number, side: Side): void {
    const { flow, streak } = this.#slots
    const direction = 2 * slot + side
    if ((flow[direction] & Flow.holding) !== 0) this.#send(slot, side)
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
    this.#counters[BYTES[side]] += this.#splicer.taken
    this.#journal.received(slot, side, this.#splicer.taken, this.#clock.nowMs)
    this.#journal.delivered(slot, side, this.#splicer.given, this.#clock.nowMs)
    switch (next) {
      case Next.readable:
        this.#await(slot, side, side, POLL_IN)
        break
      case Next.writable:
        this.#await(slot, side, otherOf(side), POLL_OUT)
        break
      case Next.copy:
        slots.streak[direction] = 0
        this.receive(slot, side)
        break
      case Next.brokenSource:
        this.#break(slot, side, this.#splicer.error)
        break
      case Next.brokenTarget:
        this.#break(slot, otherOf(side), this.#splicer.error)
        break
      default:
        unreachable(next)
    }
  }

  /** splice(2) asks the sockets whether it may wait. Operations of the ring wait all the same, but for rare −EAGAIN. */
  #unblock(direction: number, source: number, target: number): void {
    const { flow } = this.#slots
    if ((flow[direction] & Flow.unblocked) !== 0) return
    flow[direction] |= Flow.unblocked
    setNonBlocking(source)
    setNonBlocking(target)
  }

  /** What is wrong with a socket (POLLERR), the next attempt finds out. */
  ready(slot: number, side: Side, events: number): void {
    if (events >= 0) this.#resume(slot, side)
    else this.#break(slot, side, events)
  }

  /** `side`'s direction goes on when the socket of `where` is ready. */
  #await(slot: number, side: Side, where: Side, events: number): void {
    const slots = this.#slots
    const fd = slots.fd[2 * slot + where]
    preparePoll(this.#ring, fd, events, subject(slot, READY[side]), slots.generation[slot])
    slots.inFlight[slot]++
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
    slots.state[slot] = move(State.Relaying, State.HalfClosed)
    slots.reason[slot] = CLOSED[side]
    slots.activeMs[slot] = this.#clock.nowMs
    const result = shutdownWrite(slots.fd[2 * slot + otherOf(side)])
    if (result < 0) this.#break(slot, otherOf(side), -Errno.ECONNRESET) // ENOTCONN: it is gone
  }

  /** A socket of `side` failed. */
  #break(slot: number, side: Side, result: number): void {
    this.#journal.broke(slot, result)
    this.#onBroken(slot, relayFailure(side, result))
  }

  /** The direction's buffer is the kernel's again. */
  release(direction: number): void {
    const { flow, buffer } = this.#slots
    if ((flow[direction] & Flow.holding) === 0) return
    flow[direction] &= ~Flow.holding
    this.give(buffer[direction])
  }

  give(buffer: number): void {
    this.#buffers.give(buffer)
    if (this.#starved.length > 0) this.#feed()
  }

  /** The direction that has waited longest for a buffer receives again. */
  #feed(): void {
    const { flow, state } = this.#slots
    for (let direction = this.#starved.shift(); direction !== undefined; direction = this.#starved.shift()) {
      if ((flow[direction] & Flow.starved) === 0) continue
      flow[direction] &= ~Flow.starved
      const slot = direction >>> 1
      if (state[slot] === State.Closing || state[slot] === State.Free) continue
      this.receive(slot, (direction & 1) as Side)
      return
    }
  }
}
