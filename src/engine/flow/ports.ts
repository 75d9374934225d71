/**
 * Ports: which operations run on each socket of a connection, and how weir chooses them. flows.ts
 * handles the bytes.
 *
 *   little at a time   a receive that repeats, asked for once in the life of most connections
 *   larger pieces      one receive in a large buffer, the next once all of it was sent
 *   bulk               spliced (bulk.ts), between polls
 *
 * If buffers are scarce, a direction gets one at a time, and the others wait in order. A socket
 * without a receive would not notice a reset: watch.ts watches it.
 */

import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import { LARGE, MORE, SMALL, type SocketCalls } from '../../kernel/kernel.ts'
import { createSocketName } from '../../kernel/socket-address.ts'
import { State } from '../decide/state.ts'
import type { Ask } from './ask.ts'
import type { Deadlines } from './deadlines.ts'
import type { Filter } from './filter.ts'
import * as Operation from './operations.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, PortIs, type Side, type Slots, UPSTREAM } from './slots.ts'
import { BULK_LEAST_BYTES } from './splice.ts'

/** The outcome of a receive. */
export const Came = {
  /** Bytes, in a buffer that the caller now owns. */
  bytes: 0,
  /** The end of the stream. */
  end: 1,
  /** Nothing: it was cancelled. */
  stopped: 2,
  /** Nothing yet: the port goes on by itself, or with its queue. */
  nothing: 3,
  broken: 4,
} as const
export type Came = (typeof Came)[keyof typeof Came]

type PortsOptions = {
  readonly ask: Ask
  readonly sockets: SocketCalls
  readonly slots: Slots
  readonly queues: Queues
  readonly deadlines: Deadlines
}

export class Ports {
  readonly #ask: Ask
  readonly #sockets: SocketCalls
  readonly #slots: Slots
  readonly #queues: Queues
  readonly #deadlines: Deadlines
  readonly #nobody = createSocketName()
  /** Ports that wait for a small buffer, in the order in which they ran dry. */
  #starved: number[] = []
  /** By port. */
  readonly #filters: (Filter | undefined)[] = []

  constructor({ ask, sockets, slots, queues, deadlines }: PortsOptions) {
    this.#ask = ask
    this.#sockets = sockets
    this.#slots = slots
    this.#queues = queues
    this.#deadlines = deadlines
  }

  // ── receiving ──────────────────────────────────────────────────────────────

  /** Receives: repeatedly, or one piece at a time if pieces are large or buffers scarce. */
  receive(slot: number, side: Side): void {
    const { port } = this.#slots
    const at = 2 * slot + side
    if (this.#queues.large.free === 0) port[at] &= ~PortIs.larger
    if (this.isLarger(at)) this.#ask.receive(slot, side, LARGE, false)
    else this.#ask.receive(slot, side, SMALL, !this.isScarce())
    port[at] |= PortIs.receiving
  }

  /** Cancels a repeating receive; what has arrived until then is still passed on. */
  stop(slot: number, side: Side): void {
    const { port } = this.#slots
    const at = 2 * slot + side
    if ((port[at] & (PortIs.receiving | PortIs.stopping)) !== PortIs.receiving) return
    mark('a receive is called back')
    port[at] |= PortIs.stopping
    this.#ask.cancel(slot, Operation.RECEIVE, side)
  }

  /** A receive's completion. */
  received(slot: number, side: Side, result: number, flags: number, buffer: number): Came {
    const at = 2 * slot + side
    if ((flags & MORE) === 0) {
      this.#slots.port[at] &= ~(PortIs.receiving | PortIs.stopping)
      this.#deadlines.unheard(slot)
    }
    if (result > 0) {
      this.#learn(at, result, buffer)
      return Came.bytes
    }
    if (buffer >= 0) this.#queues.give(buffer)
    if (result === 0) return this.#hasReset(at) ? Came.broken : Came.end
    if (result === -Errno.ECANCELED) return Came.stopped
    if (result === -Errno.ENOBUFS) this.#starve(slot, side)
    else if (result === -Errno.EAGAIN) {
      mark('a receive would wait')
      this.awaitBytes(slot, side)
    } else return Came.broken
    return Came.nothing
  }

  /**
   * Whether the last send to it was cut short. The cause may be a reset, which the kernel reports
   * once: the next receive then returns an end that nobody sent (sk_err in tcp_recvmsg,
   * net/ipv4/tcp.c).
   */
  doubt(at: number, isShort: boolean): void {
    const { port } = this.#slots
    if (isShort) port[at] |= PortIs.doubted
    else port[at] &= ~PortIs.doubted
  }

  /**
   * A send that has not completed yet may also have consumed the reset: completions come in any
   * order.
   */
  #hasReset(at: number): boolean {
    const { port, flow, fd } = this.#slots
    const isDoubted = (port[at] & PortIs.doubted) !== 0 || (flow[at ^ 1] & FlowIs.sending) !== 0
    if (!isDoubted || this.#sockets.peerName(fd[at], this.#nobody) >= 0) return false
    mark('a reset that a send was told of')
    return true
  }

  isLarger(at: number): boolean {
    return (this.#slots.port[at] & PortIs.larger) !== 0
  }

  /**
   * Stalled readers may hold half of the small buffers freely; the others are given one at a time.
   */
  isScarce(): boolean {
    const { free, count } = this.#queues.small
    return free < count / 2
  }

  /** Polls for bytes, once however often it is called: `polled` ends it. */
  awaitBytes(slot: number, side: Side): void {
    const { port } = this.#slots
    const at = 2 * slot + side
    if ((port[at] & PortIs.polled) !== 0) return
    port[at] |= PortIs.polled
    this.#ask.readable(slot, side)
  }

  /** A poll for room has completed. */
  hasRoom(slot: number, side: Side): void {
    this.#slots.port[2 * slot + side] &= ~PortIs.full
  }

  /** The poll for bytes has completed. */
  polled(slot: number, side: Side): void {
    this.#slots.port[2 * slot + side] &= ~PortIs.polled
  }

  /** A receive or a poll is in the kernel, or it waits for a buffer: the port goes on by itself. */
  isBusy(at: number): boolean {
    return (this.#slots.port[at] & (PortIs.receiving | PortIs.starved | PortIs.polled)) !== 0
  }

  #learn(at: number, bytes: number, buffer: number): void {
    const { port, streak } = this.#slots
    streak[at] = bytes < BULK_LEAST_BYTES ? 0 : streak[at] + bytes
    if (bytes >= this.#queues.small.bytesEach) port[at] |= PortIs.larger
    else if (this.#queues.isLarge(buffer)) port[at] &= ~PortIs.larger
  }

  // ── buffers that run out ───────────────────────────────────────────────────

  /**
   * No buffer was left. A port with queued buffers resumes once they are sent; others wait for
   * their turn, also one in Reading, whose queue goes nowhere yet.
   */
  #starve(slot: number, side: Side): void {
    const { port } = this.#slots
    const at = 2 * slot + side
    if (this.isLarger(at)) {
      mark('no large buffer is left')
      port[at] &= ~PortIs.larger
      this.receive(slot, side)
    } else if (this.#queues.count(at) === 0 || this.#slots.state[slot] === State.Reading) {
      port[at] |= PortIs.starved
      this.#starved.push(at)
    }
  }

  /** Whether a port waits for a buffer, and one is free. */
  get isHungry(): boolean {
    return this.#starved.length > 0 && this.#queues.small.free > 0
  }

  /**
   * The ports that waited longest receive again, as many as there are buffers. A port without
   * incoming bytes takes none, so call this in each turn while there are waiting ports and free
   * buffers.
   */
  feed(makeRoom: () => void): void {
    const { port, state } = this.#slots
    for (const at of this.#starved.splice(0, this.#queues.small.free)) {
      const slot = at >>> 1
      const isStarved = (port[at] & PortIs.starved) !== 0
      port[at] &= ~PortIs.starved
      if (!isStarved || state[slot] === State.Closing) {
        mark('who waited for a buffer needs none any more')
        continue
      }
      makeRoom()
      this.receive(slot, (at & 1) as Side)
    }
  }

  // ── filters ────────────────────────────────────────────────────────────────

  /** The filter between the port and the flows, or null. */
  filter(at: number): Filter | null {
    return (this.#slots.port[at] & PortIs.filtered) === 0 ? null : (this.#filters[at] ?? null)
  }

  /** Whether a port of the slot has a filter. */
  isFiltered(slot: number): boolean {
    const { port } = this.#slots
    return ((port[2 * slot + CLIENT] | port[2 * slot + UPSTREAM]) & PortIs.filtered) !== 0
  }

  /**
   * Adds a filter to the port, or removes it: from then on all bytes in both directions pass it.
   */
  setFilter(at: number, filter: Filter | null): void {
    this.#filters[at] = filter ?? undefined
    if (filter) this.#slots.port[at] |= PortIs.filtered
    else this.#slots.port[at] &= ~PortIs.filtered
  }

  // ── polls for a reset ──────────────────────────────────────────────────────

  isUnheard(at: number): boolean {
    return (this.#slots.port[at] & (PortIs.receiving | PortIs.watched)) === 0
  }

  watch(slot: number, side: Side): void {
    this.#slots.port[2 * slot + side] |= PortIs.watched
    this.#ask.watch(slot, side)
  }

  /** A poll's completion. */
  watched(slot: number, side: Side, flags: number): void {
    if ((flags & MORE) !== 0) return
    this.#slots.port[2 * slot + side] &= ~PortIs.watched
    this.#deadlines.unheard(slot)
  }

  /** Cancels the slot's polls; returns how many there were. */
  unwatch(slot: number): number {
    return this.#unwatch(slot, CLIENT) + this.#unwatch(slot, UPSTREAM)
  }

  #unwatch(slot: number, side: Side): number {
    if ((this.#slots.port[2 * slot + side] & PortIs.watched) === 0) return 0
    this.#ask.cancel(slot, Operation.WATCH, side)
    return 1
  }
}
