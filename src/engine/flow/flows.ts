/**
 * Flows: the two directions of a connection. Bytes put into one go out to the other side, complete
 * and in order, and then the end, with back-pressure against slow readers.
 *
 *   port ─▶ passage.ts ─▶ put ─▶ queue ─▶ send, send … ─▶ its port goes on
 *
 * A repeating receive is cancelled when the queue has grown to HELD_MAX, and started again after
 * everything was sent: that is the back-pressure. Large pieces alternate: one receive, then one
 * send. An idle connection holds no buffer.
 */

import { assert } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import type { Kernel, Memory, SocketCalls } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { State } from '../decide/state.ts'
import type { Account } from './account.ts'
import type { Ask } from './ask.ts'
import type { Bulk } from './bulk.ts'
import type { Clock, Deadlines } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, otherOf, PortIs, type Side, type Slots, UPSTREAM } from './slots.ts'

const CLOSED = [Reason['client-closed'], Reason['upstream-closed']] as const

/**
 * Buffers in a direction's queue at which its receive is cancelled. What the kernel receives until
 * then still arrives: io_uring receives 32 more in a turn (MULTISHOT_MAX_RETRY in io_uring/net.c),
 * and perhaps a second time.
 */
const HELD_MAX = 8

type FlowsOptions = {
  readonly ask: Ask
  readonly kernel: Kernel
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly account: Account
  readonly bulk: Bulk
  readonly endings: Endings
  readonly deadlines: Deadlines
  readonly clock: Clock
}

export class Flows {
  readonly #ask: Ask
  readonly #sockets: SocketCalls
  readonly #memory: Memory
  readonly #slots: Slots
  readonly #ports: Ports
  readonly #queues: Queues
  readonly #account: Account
  readonly #bulk: Bulk
  readonly #endings: Endings
  readonly #deadlines: Deadlines
  readonly #clock: Clock

  constructor(options: FlowsOptions) {
    this.#ask = options.ask
    this.#sockets = options.kernel.sockets
    this.#memory = options.kernel.memory
    this.#slots = options.slots
    this.#ports = options.ports
    this.#queues = options.queues
    this.#account = options.account
    this.#bulk = options.bulk
    this.#endings = options.endings
    this.#deadlines = options.deadlines
    this.#clock = options.clock
  }

  /**
   * The upstream is connected: its direction begins, and the client's goes on with the early bytes.
   */
  begin(slot: number): void {
    if (!this.#ports.isBusy(2 * slot + UPSTREAM)) this.#ports.receive(slot, UPSTREAM)
    if (this.#queues.count(2 * slot + CLIENT) > 0) this.#send(slot, CLIENT, false)
    else if ((this.#slots.flow[2 * slot + CLIENT] & FlowIs.ended) !== 0) this.#finish(slot, CLIENT)
  }

  // ── what is put ────────────────────────────────────────────────────────────

  /**
   * Sends a buffer to `side`. A filter calls this at any time: its answer in a handshake goes to
   * the side that spoke.
   *
   * @param counted  How many payload bytes of the other side it carries: 0 for weir's own.
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

  /** Ends the output to `side`: shuts down its socket after all bytes that were put. */
  putEnd(slot: number, side: Side): void {
    const direction = 2 * slot + otherOf(side)
    this.#slots.flow[direction] |= FlowIs.ended
    if (this.#isOpen(slot) && this.#queues.count(direction) === 0) this.#finish(slot, otherOf(side))
  }

  /**
   * A filter keeps the bytes of `side`, as in a handshake with the other side: weir receives no
   * more from `side` until `resume`. What the kernel has received by then is still passed to the
   * filter.
   */
  hold(slot: number, side: Side): void {
    this.#slots.flow[2 * slot + side] |= FlowIs.held
    this.#ports.stop(slot, side)
  }

  /** The filter has put everything that it kept. */
  resume(slot: number, side: Side): void {
    const direction = 2 * slot + side
    this.#slots.flow[direction] &= ~FlowIs.held
    const isSending = (this.#slots.flow[direction] & FlowIs.sending) !== 0
    if (!isSending && this.#isThere(slot, otherOf(side))) this.goOn(slot, side)
  }

  /** Whether both sides are there. */
  #isOpen(slot: number): boolean {
    const state = this.#slots.state[slot]
    return state === State.Relaying || state === State.HalfClosed
  }

  /** Whether the side can be written to. */
  #isThere(slot: number, side: Side): boolean {
    return side === CLIENT || this.#isOpen(slot)
  }

  // ── what goes on ───────────────────────────────────────────────────────────

  /** Sends the first buffer of `side`'s direction to the other side. */
  #send(slot: number, side: Side, more: boolean): void {
    const queues = this.#queues
    const direction = 2 * slot + side
    const isMore = more || queues.count(direction) > 1
    this.#ask.send(slot, otherOf(side), queues.at(direction), queues.bytes(direction), isMore)
    this.#slots.flow[direction] |= FlowIs.sending
    if (this.#slots.writeTimeoutMs[slot] > 0) this.#deadlines.owe(slot, side)
  }

  /** A send of `side`'s direction has completed. */
  sent(slot: number, side: Side, result: number): void {
    const slots = this.#slots
    const direction = 2 * slot + side
    slots.flow[direction] &= ~FlowIs.sending
    if (result > 0) {
      this.#account.went(slot, side, result)
      slots.activeMs[slot] = this.#clock.nowMs
      slots.owedMs[direction] = 0
      this.#ports.doubt(2 * slot + otherOf(side), result < this.#queues.bytes(direction))
      this.#queues.advance(direction, result)
      this.goOn(slot, side)
    } else if (result === -Errno.EAGAIN) {
      mark('a send would wait')
      slots.port[2 * slot + otherOf(side)] |= PortIs.full
      this.#ask.writable(slot, otherOf(side))
    } else this.#endings.break(slot, otherOf(side), result)
  }

  /**
   * A socket is ready for `side`'s direction. The next attempt finds out what is wrong with it
   * (POLL_ERR).
   */
  ready(slot: number, side: Side, events: number): void {
    if (events < 0) this.#endings.break(slot, side, events)
    else if (!this.#isThere(slot, otherOf(side))) {
      mark('a client is readable while its upstream is dialed')
      this.#ports.receive(slot, side)
    } else if ((this.#slots.flow[2 * slot + side] & FlowIs.sending) === 0) this.goOn(slot, side)
  }

  /** Resumes a direction that sends nothing at the moment. */
  goOn(slot: number, side: Side): void {
    const { flow } = this.#slots
    const direction = 2 * slot + side
    if ((flow[direction] & FlowIs.finished) !== 0) return // a late poll
    if (this.#queues.count(direction) > 0) this.#send(slot, side, false)
    else if ((flow[direction] & FlowIs.ended) !== 0) {
      if (this.#isOpen(slot)) this.#finish(slot, side)
    } else if ((flow[direction] & (FlowIs.held | FlowIs.heard)) !== 0) {
      mark('a filter takes no more')
      return
    } else if (this.#ports.isBusy(direction) || !this.#isThere(slot, side)) return
    else if (this.#bulk.isBulk(slot, side) && this.#isOpen(slot)) this.#bulk.pump(slot, side)
    else this.#ports.receive(slot, side)
  }

  // ── the end ────────────────────────────────────────────────────────────────

  /** Passes the end to the other side; after the second end both sockets are closed. */
  #finish(slot: number, side: Side): void {
    const slots = this.#slots
    const isSecond = slots.state[slot] === State.HalfClosed // close(2) sends that end as well
    if (!isSecond && this.#sockets.shutdownWrite(slots.fd[2 * slot + otherOf(side)]) < 0) {
      mark('an end finds nobody')
      this.#endings.break(slot, otherOf(side), -Errno.ECONNRESET) // ENOTCONN: it is gone
      return
    }
    slots.flow[2 * slot + side] |= FlowIs.finished
    this.#account.ended(slot, side)
    if (isSecond) {
      this.#endings.settle(slot, slots.reason[slot])
      return
    }
    slots.enter(slot, State.HalfClosed)
    slots.reason[slot] = CLOSED[side]
    slots.activeMs[slot] = this.#clock.nowMs
  }
}
