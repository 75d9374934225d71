/**
 * The connections of one worker: from an accepted descriptor to its end.
 *
 *   accept ─▶ decide ─▶ dial (dialer.ts) ─▶ relay (relay.ts) ─▶ close
 *
 * States and moves are those of ../decide/state.ts, decisions those of ../decide/decide.ts, times those of
 * ../decide/deadline.ts. A socket is closed only when no operation of its slot is left in the kernel, so a
 * descriptor is never used again too early.
 *
 * However many are reset at once, each turn of the loop resets a few, which takes it some
 * milliseconds, and serves the others in between.
 */

import { type Kernel, makeRoom, type SocketCalls } from '../../kernel/kernel.ts'
import { operationOf, slotOf } from '../../kernel/user-data.ts'
import { liveRows } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, closedAt } from '../../stats/stats.ts'
import type { Table } from '../../table/format/table.ts'
import { Attempts } from '../decide/attempts.ts'
import { countOpen } from '../decide/balance.ts'
import { createDecision, type Decider } from '../decide/decide.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import { Ask } from './ask.ts'
import { Deadlines } from './deadlines.ts'
import { Dialer } from './dialer.ts'
import * as Operation from './operations.ts'
import { Received } from './received.ts'
import { Relay } from './relay.ts'
import { CLIENT, otherOf, type Side, Slots, UPSTREAM } from './slots.ts'
import { Splicer } from './splice.ts'
import { Watch } from './watch.ts'

/**
 * Connections that are being reset at the same time: each ends two or three operations, and the
 * kernel hands over 20 completions a turn (IO_LOCAL_TW_DEFAULT_MAX in io_uring/io_uring.h, Linux
 * 6.13), in order: so nobody's is behind more than these.
 */
const CUT_AT_ONCE = 32
/** However many do not end. */
const CUT_EACH_TURN = 4

export type ConnectionsOptions = {
  readonly kernel: Kernel
  readonly decider: Decider
  readonly journal: Journal
  /** The first descriptor that is too near the limit (../worker/descriptors.ts). */
  readonly descriptorCeiling: number
  /** Called once for each connection that was accepted, at its very end, with how long it lasted. */
  readonly onFree: (reason: number, lastedMs: number) => void
}

export class Connections {
  readonly slots: Slots
  /** When `sweep` has something to do; may be too early, never too late. */
  nextSweepMs = Number.POSITIVE_INFINITY
  /** The time of this turn of the loop, monotonic. */
  nowMs = 0
  /** Filled by `decide` for the connection in question. */
  readonly decision = createDecision()
  readonly #kernel: Kernel
  readonly #sockets: SocketCalls
  readonly #ask: Ask
  readonly #received: Received
  readonly #decider: Decider
  readonly #journal: Journal
  readonly #splicer: Splicer
  readonly #counters: Float64Array
  readonly #onFree: ConnectionsOptions['onFree']
  readonly #deadlines: Deadlines
  readonly #attempts: Attempts
  readonly #dialer: Dialer
  readonly #relay: Relay
  readonly #watch: Watch
  /** Slots that are to be reset, in the order in which they ended. */
  #doomed: number[] = []
  /** Those that were reset, and are not closed yet. */
  #cutting = 0

  constructor({ kernel, decider, journal, descriptorCeiling, onFree }: ConnectionsOptions) {
    const { sockets, small, large, pipes } = kernel
    this.#kernel = kernel
    this.#sockets = sockets
    this.#decider = decider
    this.#journal = journal
    this.#counters = decider.stats.counters[decider.worker]
    this.#onFree = onFree
    this.slots = new Slots(liveRows(decider.limits.rows ?? decider.limits.maxConnections))
    this.#ask = new Ask(kernel, this.slots)
    this.#received = new Received(small, large, 2 * this.slots.count)
    this.#splicer = new Splicer(pipes, this.slots, descriptorCeiling)
    this.#deadlines = new Deadlines(this.slots)
    const { slots } = this
    const ask = this.#ask
    const shared = { ask, sockets, journal, slots, received: this.#received, counters: this.#counters }
    const attempts = new Attempts(decider, journal, this.slots.count)
    this.#attempts = attempts
    this.#dialer = new Dialer({
      ...{ ...shared, attempts, decision: this.decision, descriptorCeiling, clock: this },
      onDialing: slot => this.#expect(slot),
      onConnected: slot => this.#connected(slot),
      onFailed: (slot, reason) => this.close(slot, reason),
    })
    this.#relay = new Relay({
      ...{ ...shared, splicer: this.#splicer, clock: this },
      onUnheard: slot => this.#watch.unheard(slot),
      onBroken: (slot, reason) => this.close(slot, reason),
      onEnded: slot => this.#settle(slot, this.slots.reason[slot]),
    })
    this.#watch = new Watch({
      ...{ ask, sockets, slots, clock: this },
      onWait: waitMs => this.#sweepIn(waitMs),
      onBroken: (slot, side, result) => this.#relay.break(slot, side, result),
    })
  }

  // ── accepting ──────────────────────────────────────────────────────────────

  /** Counts an accepted connection, before it is decided about. */
  count(): void {
    this.#counters[Counter.accepted]++
    this.#counters[Counter.open]++
  }

  /** Accepting had to be paused. */
  countPause(): void {
    this.#counters[Counter.acceptPauses]++
  }

  /** Ends a counted connection that has no slot. */
  refuse(fd: number, reason: number): void {
    this.#sockets.resetClose(fd)
    this.#journal.refused(reason, this.decision)
    this.#counters[Counter.open]--
    this.#counters[closedAt(reason)]++
    this.#onFree(reason, 0)
  }

  /** Lets a counted connection go where `decision` says. */
  admit(fd: number, table: Table): void {
    const { slots, decision } = this
    const slot = slots.take()
    if (slot < 0) {
      this.refuse(fd, Reason['max-connections'])
      return
    }
    slots.enter(slot, State.Dialing)
    slots.fd[2 * slot + CLIENT] = fd
    slots.acceptedMs[slot] = this.nowMs
    slots.idleTimeoutMs[slot] = decision.idleTimeoutMs
    slots.maxDurationMs[slot] = decision.maxDurationMs
    slots.clusterSlot[slot] = decision.clusterSlot
    this.#journal.opened(slot, decision)
    countOpen(this.#decider, decision.clusterSlot, 1)
    this.#relay.receive(slot, CLIENT)
    this.#dialer.dial(slot, table)
  }

  #connected(slot: number): void {
    this.#expect(slot)
    this.#relay.begin(slot)
  }

  // ── ending ─────────────────────────────────────────────────────────────────

  /** After the last connection. */
  end(): void {
    this.#splicer.end()
  }

  /** Resets both sides; the first reason counts. */
  close(slot: number, reason: number): void {
    const { slots } = this
    if (slots.state[slot] === State.Closing) return
    slots.resets[slot] = 1
    this.#settle(slot, reason)
  }

  closeAll(reason: number): void {
    const { slots } = this
    for (let slot = 0; slot < slots.used; slot++)
      if (slots.state[slot] !== State.Free) this.close(slot, reason)
  }

  /** Whether `cut` has something to do. */
  get isCutting(): boolean {
    return this.#doomed.length > 0
  }

  /** Resets some of those that are to be, which ends what is in the kernel for them. */
  cut(): void {
    const { slots } = this
    const count = Math.max(CUT_EACH_TURN, CUT_AT_ONCE - this.#cutting)
    for (const slot of this.#doomed.splice(0, count)) {
      this.#cutting++
      makeRoom(this.#kernel)
      slots.resets[slot] = 1
      this.#abort(slot, CLIENT)
      this.#abort(slot, UPSTREAM)
      this.#watch.cancel(slot)
      this.#endWhenIdle(slot)
    }
  }

  #abort(slot: number, side: Side): void {
    const fd = this.slots.fd[2 * slot + side]
    if (fd >= 0 && this.#sockets.abort(fd) < 0) this.#cancel(slot, side)
  }

  /** Nothing more is relayed; what is in the kernel ends, and then the sockets are closed. */
  #settle(slot: number, reason: number): void {
    const { slots } = this
    slots.enter(slot, State.Closing)
    slots.reason[slot] = reason
    countOpen(this.#decider, slots.clusterSlot[slot], -1)
    this.#attempts.ended(slot)
    if (slots.resets[slot] === 1) {
      slots.resets[slot] = 2
      this.#doomed.push(slot)
      return
    }
    const polls = this.#watch.cancel(slot)
    if (slots.inFlight[slot] > 2 * polls) {
      this.#cancel(slot, CLIENT)
      this.#cancel(slot, UPSTREAM)
    }
    this.#endWhenIdle(slot)
  }

  #cancel(slot: number, side: Side): void {
    if (this.slots.fd[2 * slot + side] >= 0) this.#ask.cancelAll(slot, side)
  }

  #endWhenIdle(slot: number): void {
    const { slots } = this
    if (slots.inFlight[slot] > 0 || slots.resets[slot] === 2) return
    if (slots.resets[slot] === 1) this.#cutting--
    this.#closeSide(slot, CLIENT)
    this.#closeSide(slot, UPSTREAM)
    slots.enter(slot, State.Free)
    const reason = slots.reason[slot]
    slots.free(slot)
    this.#journal.closed(slot, reason, this.nowMs)
    this.#counters[Counter.open]--
    this.#counters[closedAt(reason)]++
    this.#onFree(reason, this.nowMs - slots.acceptedMs[slot])
  }

  #closeSide(slot: number, side: Side): void {
    const { slots } = this
    const fd = slots.fd[2 * slot + side]
    if (fd >= 0 && slots.resets[slot] === 1) this.#sockets.resetClose(fd)
    else if (fd >= 0) this.#ask.close(slot, side)
    slots.fd[2 * slot + side] = -1
    this.#relay.release(2 * slot + side)
    this.#splicer.drop(2 * slot + side)
  }

  // ── completions and time ───────────────────────────────────────────────────

  /** One completion of a connection's operation: the one that the kernel has found. */
  complete(): void {
    const { slots } = this
    const { word, generation, result, flags } = this.#kernel
    const slot = slotOf(word)
    const side = (word & 1) as Side
    const kind = Operation.kindOf(operationOf(word))
    const buffer = this.#received.take(flags, kind === Operation.RECEIVE_LARGER)
    if (slots.generation[slot] !== generation) {
      if (buffer >= 0) this.#relay.give(buffer)
      return // of a connection that is gone
    }
    this.#ask.completed(slot, flags)
    if (slots.state[slot] === State.Closing) {
      if (buffer >= 0) this.#relay.give(buffer)
      if (result > 0) this.#relay.late(slot, kind, side, result)
      this.#endWhenIdle(slot)
      return
    }
    switch (kind) {
      case Operation.RECEIVE:
      case Operation.RECEIVE_LARGER:
        this.#relay.received(slot, side, result, flags, buffer)
        break
      case Operation.SEND:
        this.#relay.sent(slot, otherOf(side), result)
        break
      case Operation.READABLE:
        this.#relay.ready(slot, side, result)
        break
      case Operation.WRITABLE:
        this.#relay.ready(slot, otherOf(side), result)
        break
      case Operation.CONNECT:
        this.#dialer.completed(slot, result)
        break
      case Operation.WATCH:
        this.#watch.completed(slot, side, result, flags)
        break
      default: // the cancel of a dial: the dial's own end says the rest
    }
  }

  /** Whether `feed` has something to do. */
  get isHungry(): boolean {
    return this.#relay.isHungry
  }

  /** Connections that had to wait for a buffer go on. */
  feed(): void {
    this.#relay.feed(() => makeRoom(this.#kernel))
  }

  /** Ends what is overdue, and finds out when to look again. */
  sweep(): void {
    const { slots } = this
    this.nextSweepMs = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < slots.used; slot++) {
      const state = slots.state[slot] as State
      if (state === State.Free || state === State.Closing) continue
      makeRoom(this.#kernel)
      const reason = this.#deadlines.overdue(slot, this.nowMs)
      if (reason === Reason['connect-timeout']) this.#dialer.callBack(slot)
      else if (reason >= 0) this.close(slot, reason)
      else {
        this.#watch.look(slot)
        if (slots.state[slot] !== State.Closing) this.#expect(slot)
      }
    }
  }

  #sweepIn(waitMs: number): void {
    this.nextSweepMs = Math.min(this.nextSweepMs, this.nowMs + waitMs)
  }

  /** Sees to it that the sweep comes when the connection's next deadline does. */
  #expect(slot: number): void {
    this.nextSweepMs = Math.min(this.nextSweepMs, this.#deadlines.nextMs(slot))
  }
}
