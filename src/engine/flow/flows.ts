/**
 * Flows: the two directions of a connection. Each passes the bytes of one side to the other,
 * complete and in order, and then the end, with back-pressure against slow readers.
 *
 *   port ─▶ filter? ─▶ the other side's filter? ─▶ queue ─▶ send, send … ─▶ its port goes on
 *
 * A repeating receive is cancelled when the queue has grown to HELD_MAX, and started again when all
 * of it was sent: that is the back-pressure. Large pieces alternate: one receive, then one send. An
 * idle connection holds no buffer.
 *
 * More than 300 lines, as what comes, goes on and ends is one thought: each looks at the same few
 * bits.
 */

import { assert, unreachable } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import { type Kernel, type Memory, NONEMPTY, type SocketCalls } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Ask } from './ask.ts'
import type { Clock } from './deadlines.ts'
import type { Endings } from './endings.ts'
import * as Operation from './operations.ts'
import { Came, type Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, otherOf, type Side, type Slots, UPSTREAM } from './slots.ts'
import { Next, type Splicer } from './splice.ts'

const BYTES = [Counter.clientBytes, Counter.upstreamBytes] as const

const CLOSED = [Reason['client-closed'], Reason['upstream-closed']] as const

/**
 * Buffers in a direction's queue at which its receive is called back. What the kernel receives
 * until then comes all the same: io_uring receives 32 more in a turn (MULTISHOT_MAX_RETRY in
 * io_uring/net.c), and perhaps a second time.
 */
const HELD_MAX = 8

type FlowsOptions = {
  readonly ask: Ask
  readonly kernel: Kernel
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly splicer: Splicer
  readonly journal: Journal
  /** This worker's counters (stats/stats.ts). */
  readonly counters: Float64Array
  readonly endings: Endings
  readonly clock: Clock
}

export class Flows {
  readonly #ask: Ask
  readonly #sockets: SocketCalls
  readonly #memory: Memory
  readonly #slots: Slots
  readonly #ports: Ports
  readonly #queues: Queues
  readonly #splicer: Splicer
  readonly #journal: Journal
  readonly #counters: Float64Array
  readonly #endings: Endings
  readonly #clock: Clock

  constructor(options: FlowsOptions) {
    this.#ask = options.ask
    this.#sockets = options.kernel.sockets
    this.#memory = options.kernel.memory
    this.#slots = options.slots
    this.#ports = options.ports
    this.#queues = options.queues
    this.#splicer = options.splicer
    this.#journal = options.journal
    this.#counters = options.counters
    this.#endings = options.endings
    this.#clock = options.clock
  }

  /** The upstream is there: its direction begins, and the client's goes on with what came early. */
  begin(slot: number): void {
    this.#ports.receive(slot, UPSTREAM)
    if (this.#queues.count(2 * slot + CLIENT) > 0) this.#send(slot, CLIENT, false)
    else if ((this.#slots.flow[2 * slot + CLIENT] & FlowIs.ended) !== 0) this.#finish(slot, CLIENT)
  }

  /** `bytes` bytes came from the client while it was read from (reading.ts), and are to go on. */
  cameEarly(slot: number, bytes: number): void {
    this.#came(slot, CLIENT, bytes)
  }

  /**
   * The same where a filter stands by now: it is told all that the client has said, as if it came
   * only now. Words of our own that stand in between stay where they are.
   */
  filterEarly(slot: number): void {
    const { flow } = this.#slots
    const queues = this.#queues
    const direction = 2 * slot + CLIENT
    const hasEnded = (flow[direction] & FlowIs.ended) !== 0
    for (let left = queues.count(direction); left > 0 && !this.#isEnding(slot); left--) {
      const bytes = queues.bytes(direction)
      const isOurs = queues.counted(direction, bytes) === 0
      const buffer = queues.takeFirst(direction, this.#memory.u8)
      if (isOurs) queues.add(direction, buffer, bytes, 0)
      else this.#take(slot, CLIENT, buffer, bytes, left > 1 || hasEnded)
    }
    if (!hasEnded || this.#isEnding(slot)) return
    flow[direction] &= ~FlowIs.ended
    this.#takeEnd(slot, CLIENT)
  }

  // ── what comes ─────────────────────────────────────────────────────────────

  /** A receive of `side` has completed. */
  received(slot: number, side: Side, result: number, flags: number, buffer: number): void {
    const came = this.#ports.received(slot, side, result, flags, buffer)
    switch (came) {
      case Came.bytes:
        this.#take(slot, side, buffer, result, (flags & NONEMPTY) !== 0)
        break
      case Came.end:
        this.#takeEnd(slot, side)
        break
      case Came.stopped:
        if (this.#queues.count(2 * slot + side) === 0) this.#goOn(slot, side)
        break
      case Came.broken:
        this.#endings.break(slot, side, result)
        break
      case Came.nothing:
        break
      default:
        unreachable(came)
    }
  }

  #take(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const filter = this.#ports.filter(2 * slot + side)
    this.#slots.activeMs[slot] = this.#clock.nowMs
    if (filter === null) {
      this.pass(slot, side, buffer, bytes, more)
      return
    }
    filter.said(slot, side, buffer, bytes, more)
    // It may have kept them to itself, or ended the connection.
    const isKept = this.#queues.count(2 * slot + side) === 0 && !this.#ports.isBusy(2 * slot + side)
    if (isKept && !this.#isEnding(slot)) this.#goOn(slot, side)
  }

  #takeEnd(slot: number, side: Side): void {
    const filter = this.#ports.filter(2 * slot + side)
    if (filter === null) this.passEnd(slot, side)
    else filter.saidEnd(slot, side)
  }

  /**
   * What `side` has said goes to the other side. Its filter calls this, where there is one.
   *
   * @param more  Others follow at once, or the end does.
   */
  pass(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const to = otherOf(side)
    const filter = this.#ports.filter(2 * slot + to)
    this.#came(slot, side, bytes)
    if (filter === null) this.put(slot, to, buffer, bytes, bytes, more)
    else filter.tell(slot, to, buffer, bytes, more)
  }

  /**
   * Out to `side`, by its socket, which is given what stands in the buffer. Its filter calls this,
   * where there is one, at any time: an answer in a handshake goes to the side that spoke.
   *
   * @param counted  How many bytes of the other side's it carries: 0 for words of its own.
   */
  put(slot: number, side: Side, buffer: number, bytes: number, counted: number, more: boolean): void {
    const from = otherOf(side)
    const direction = 2 * slot + from
    this.#queues.add(direction, buffer, bytes, counted)
    if (this.#isTooMuch(direction)) this.#ports.stop(slot, from)
    if (this.#isThere(slot, side) && (this.#slots.flow[direction] & FlowIs.sending) === 0)
      this.#send(slot, from, more)
  }

  /**
   * Sends weir's own bytes to `side` before anything else, in one segment with following bytes if
   * there are any. False if no buffer is free. Nothing may have been sent to it yet.
   */
  prefix(slot: number, side: Side, bytes: Uint8Array): boolean {
    const queues = this.#queues
    const direction = 2 * slot + otherOf(side)
    assert((this.#slots.flow[direction] & FlowIs.sending) === 0, 'a prefix comes too late')
    const buffers = this.#borrow(Math.ceil(bytes.length / queues.small.bytesEach))
    if (buffers === null) return false
    for (const [index, buffer] of [...buffers.entries()].reverse()) {
      const start = index * queues.small.bytesEach
      const piece = bytes.subarray(start, start + queues.small.bytesEach)
      this.#memory.u8.set(piece, queues.placeOf(buffer))
      queues.lead(direction, buffer, piece.length)
    }
    if (this.#isThere(slot, side) && queues.count(direction) > 0) this.#send(slot, otherOf(side), false)
    return true
  }

  /** All of so many small buffers, or none. */
  #borrow(count: number): number[] | null {
    const buffers = Array.from({ length: count }, () => this.#queues.borrow(false))
    if (!buffers.includes(-1)) return buffers
    for (const buffer of buffers) if (buffer >= 0) this.#queues.give(buffer)
    return null
  }

  #isTooMuch(direction: number): boolean {
    const ports = this.#ports
    return ports.isLarger(direction) || this.#queues.count(direction) >= HELD_MAX || ports.isScarce()
  }

  #came(slot: number, side: Side, bytes: number): void {
    this.#counters[BYTES[side]] += bytes
    this.#journal.received(slot, side, bytes, this.#clock.nowMs)
  }

  /**
   * `side` says no more; what it said before goes first. Its filter calls this, where there is one.
   */
  passEnd(slot: number, side: Side): void {
    const to = otherOf(side)
    const filter = this.#ports.filter(2 * slot + to)
    if (filter === null) this.putEnd(slot, to)
    else filter.tellEnd(slot, to)
  }

  /** Ends the output to `side`: its socket is shut down after all bytes that were put. */
  putEnd(slot: number, side: Side): void {
    const direction = 2 * slot + otherOf(side)
    this.#slots.flow[direction] |= FlowIs.ended
    if (this.#isOpen(slot) && this.#queues.count(direction) === 0) this.#finish(slot, otherOf(side))
  }

  /**
   *    *    * A filter keeps what `side` says, or its end, as in a handshake with the other side: nothing more
   * is received from `side` until `resume`. What the kernel has received by then is told all the
   * same.
   */
  hold(slot: number, side: Side): void {
    this.#slots.flow[2 * slot + side] |= FlowIs.held
    this.#ports.stop(slot, side)
  }

  /** The filter has put all that it kept. */
  resume(slot: number, side: Side): void {
    const direction = 2 * slot + side
    this.#slots.flow[direction] &= ~FlowIs.held
    const isSending = (this.#slots.flow[direction] & FlowIs.sending) !== 0
    if (!isSending && this.#isThere(slot, otherOf(side))) this.#goOn(slot, side)
  }

  /** Whether both sides are there. */
  #isOpen(slot: number): boolean {
    const state = this.#slots.state[slot]
    return state === State.Relaying || state === State.HalfClosed
  }

  #isEnding(slot: number): boolean {
    const state = this.#slots.state[slot]
    return state === State.Closing || state === State.Free
  }

  /** Whether the side can be spoken to. */
  #isThere(slot: number, side: Side): boolean {
    return side === CLIENT || this.#isOpen(slot)
  }

  // ── what goes on ───────────────────────────────────────────────────────────

  /** Sends the first of what `side`'s direction holds to the other side. */
  #send(slot: number, side: Side, more: boolean): void {
    const queues = this.#queues
    const direction = 2 * slot + side
    const isMore = more || queues.count(direction) > 1
    this.#ask.send(slot, otherOf(side), queues.at(direction), queues.bytes(direction), isMore)
    this.#slots.flow[direction] |= FlowIs.sending
  }

  /** A send of `side`'s direction has completed. */
  sent(slot: number, side: Side, result: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    slots.flow[direction] &= ~FlowIs.sending
    if (result > 0) {
      this.#delivered(slot, side, result)
      slots.activeMs[slot] = this.#clock.nowMs
      this.#ports.doubt(2 * slot + otherOf(side), result < this.#queues.bytes(direction))
      this.#queues.advance(direction, result)
      this.#goOn(slot, side)
    } else if (result === -Errno.EAGAIN) {
      mark('a send would wait')
      this.#ask.writable(slot, otherOf(side))
    } else this.#endings.break(slot, otherOf(side), result)
  }

  /** Of the first buffer of `side`'s direction, `bytes` bytes have gone. */
  #delivered(slot: number, side: Side, bytes: number): void {
    const counted = this.#queues.counted(2 * slot + side, bytes)
    if (counted > 0) this.#journal.delivered(slot, side, counted, this.#clock.nowMs)
  }

  /**
   * A socket is ready for `side`'s direction. What is wrong with it (POLL_ERR), the next attempt
   * finds out.
   */
  ready(slot: number, side: Side, events: number): void {
    if (events < 0) this.#endings.break(slot, side, events)
    else if (!this.#isThere(slot, otherOf(side))) {
      mark('a client is readable while its upstream is dialed')
      this.#ports.receive(slot, side)
    } else if ((this.#slots.flow[2 * slot + side] & FlowIs.sending) === 0) this.#goOn(slot, side)
  }

  /** Goes on with a direction that sends nothing at the moment. */
  #goOn(slot: number, side: Side): void {
    const { flow } = this.#slots
    const direction = 2 * slot + side
    if ((flow[direction] & FlowIs.finished) !== 0) return // a poll that came late
    if (this.#queues.count(direction) > 0) this.#send(slot, side, false)
    else if ((flow[direction] & FlowIs.ended) !== 0) {
      if (this.#isOpen(slot)) this.#finish(slot, side)
    } else if ((flow[direction] & FlowIs.held) !== 0) {
      mark('a filter takes no more')
      return
    } else if (this.#ports.isBusy(direction) || !this.#isThere(slot, side)) return
    else if (this.#ports.isBulk(direction, 2 * slot + otherOf(side)) && this.#isOpen(slot))
      this.#splice(slot, side)
    else this.#ports.receive(slot, side)
  }

  #splice(slot: number, side: Side): void {
    const { fd, activeMs } = this.#slots
    const ports = this.#ports
    const splicer = this.#splicer
    const [source, target] = [2 * slot + side, 2 * slot + otherOf(side)]
    ports.unblock(source)
    ports.unblock(target)
    const next = splicer.pump(source, fd[source], fd[target])
    activeMs[slot] = this.#clock.nowMs
    this.#came(slot, side, splicer.taken)
    this.#journal.delivered(slot, side, splicer.given, this.#clock.nowMs)
    switch (next) {
      case Next.readable:
        mark('a pipe waits for its source')
        this.#ports.awaitBytes(slot, side)
        break
      case Next.writable:
        mark('a pipe waits for its target')
        this.#ask.writable(slot, otherOf(side))
        break
      case Next.copy:
        ports.isBulkNoMore(source)
        ports.receive(slot, side)
        break
      case Next.brokenSource:
        this.#endings.break(slot, side, splicer.error)
        break
      case Next.brokenTarget:
        this.#endings.break(slot, otherOf(side), splicer.error)
        break
      default:
        unreachable(next)
    }
  }

  // ── the end ────────────────────────────────────────────────────────────────

  /** Tells the other side that no more comes; after the second time both sockets are closed. */
  #finish(slot: number, side: Side): void {
    const slots = this.#slots
    slots.flow[2 * slot + side] |= FlowIs.finished
    this.#journal.ended(slot, side, this.#clock.nowMs)
    if (slots.state[slot] === State.HalfClosed) {
      this.#endings.settle(slot, slots.reason[slot]) // closing says it as well
      return
    }
    slots.enter(slot, State.HalfClosed)
    slots.reason[slot] = CLOSED[side]
    slots.activeMs[slot] = this.#clock.nowMs
    const result = this.#sockets.shutdownWrite(slots.fd[2 * slot + otherOf(side)])
    if (result >= 0) return
    mark('an end finds nobody')
    this.#endings.break(slot, otherOf(side), -Errno.ECONNRESET) // ENOTCONN: it is gone
  }

  /**
   * While the connection is closing: new bytes are lost, and bytes being sent may have arrived. It
   * is unknown how many of the new bytes a filter would have passed on.
   */
  late(slot: number, kind: number, side: Side, bytes: number): void {
    if (kind === Operation.SEND) this.#delivered(slot, otherOf(side), bytes)
    else if (kind !== Operation.RECEIVE && kind !== Operation.RECEIVE_LARGER) return
    else if (this.#ports.filter(2 * slot + side) === null) this.#came(slot, side, bytes)
    else mark('bytes for a filter while it is being closed')
  }
}
