/**
 * The connections of one worker on its ring: from an accepted descriptor to its end.
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

import type { Sockets } from '../../kernel/sockets.ts'
import type { Buffers } from '../../kernel/uring/buffers.ts'
import { CQE_F_MORE } from '../../kernel/uring/io-uring.ts'
import { prepareCancelAll, prepareClose } from '../../kernel/uring/prepare.ts'
import type { Ring } from '../../kernel/uring/ring.ts'
import { operationOf, slotOf, subject } from '../../kernel/user-data.ts'
import { liveRows } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, closedAt } from '../../stats/stats.ts'
import type { Table } from '../../table/format/table.ts'
import { Attempts } from '../decide/attempts.ts'
import { countOpen } from '../decide/balance.ts'
import { createDecision, type Decider } from '../decide/decide.ts'
import { move, State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import { Deadlines } from './deadlines.ts'
import { Dialer } from './dialer.ts'
import * as Operation from './operations.ts'
import { Received } from './received.ts'
import { Relay } from './relay.ts'
import { CLIENT, type Side, Slots, UPSTREAM } from './slots.ts'
import { Splicer } from './splice.ts'
import { Watch } from './watch.ts'

/** The most entries that handling one completion prepares: connected with early bytes. */
export const ENTRIES_EACH = 4

/**
 * Connections that are being reset at the same time: each ends two or three operations, and the
 * kernel hands over 20 completions a turn (IO_LOCAL_TW_DEFAULT_MAX in io_uring/io_uring.h, Linux
 * 6.13), in order: so nobody's is behind more than these.
 */
const CUT_AT_ONCE = 32
/** However many do not end. */
const CUT_EACH_TURN = 4

export type ConnectionsOptions = {
  readonly ring: Ring
  readonly buffers: { readonly small: Buffers; readonly large: Buffers }
  readonly sockets: Sockets
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
  readonly #ring: Ring
  readonly #received: Received
  readonly #sockets: Sockets
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

  constructor({ ring, buffers, sockets, decider, journal, descriptorCeiling, onFree }: ConnectionsOptions) {
    this.#ring = ring
    this.#sockets = sockets
    this.#decider = decider
    this.#journal = journal
    this.#counters = decider.stats.counters[decider.worker]
    this.#onFree = onFree
    this.slots = new Slots(liveRows(decider.limits.rows ?? decider.limits.maxConnections))
    this.#received = new Received(buffers.small, buffers.large, 2 * this.slots.count)
    this.#splicer = new Splicer(ring.arena, this.slots, descriptorCeiling)
    this.#deadlines = new Deadlines(this.slots)
    const shared = { ring, journal, slots: this.slots, received: this.#received, counters: this.#counters }
    const attempts = new Attempts(decider, journal, this.slots.count)
    this.#attempts = attempts
    this.#dialer = new Dialer({
      ...{ ...shared, sockets, attempts, decision: this.decision, descriptorCeiling, clock: this },
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
      ...{ ring, sockets, slots: this.slots, clock: this },
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
    slots.state[slot] = move(State.Free, State.Dialing)
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
      this.#makeRoom()
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
    slots.state[slot] = move(slots.state[slot] as State, State.Closing)
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
    const { slots } = this
    const fd = slots.fd[2 * slot + side]
    if (fd < 0) return
    prepareCancelAll(this.#ring, fd, subject(slot, Operation.CANCEL), slots.generation[slot])
    slots.inFlight[slot]++
  }

  #endWhenIdle(slot: number): void {
    const { slots } = this
    if (slots.inFlight[slot] > 0 || slots.resets[slot] === 2) return
    if (slots.resets[slot] === 1) this.#cutting--
    this.#closeSide(slot, CLIENT)
    this.#closeSide(slot, UPSTREAM)
    slots.state[slot] = move(State.Closing, State.Free)
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
    else if (fd >= 0) prepareClose(this.#ring, fd, subject(slot, Operation.CLOSE), slots.generation[slot])
    slots.fd[2 * slot + side] = -1
    this.#relay.release(2 * slot + side)
    this.#splicer.drop(2 * slot + side)
  }

  // ── completions and time ───────────────────────────────────────────────────

  /** One completion of a connection's operation. */
  complete(word: number, generation: number, result: number, flags: number): void {
    const { slots } = this
    const slot = slotOf(word)
    const operation = operationOf(word)
    const buffer = this.#received.take(flags, isLarger(operation))
    if (slots.generation[slot] !== generation) {
      if (buffer >= 0) this.#relay.give(buffer)
      return // of a connection that is gone
    }
    if ((flags & CQE_F_MORE) === 0) slots.inFlight[slot]--
    if (slots.state[slot] === State.Closing) {
      if (buffer >= 0) this.#relay.give(buffer)
      if (result > 0) this.#relay.late(slot, operation, result)
      this.#endWhenIdle(slot)
      return
    }
    switch (operation) {
      case Operation.RECEIVE_CLIENT:
      case Operation.RECEIVE_LARGER_CLIENT:
        this.#relay.received(slot, CLIENT, result, flags, buffer)
        break
      case Operation.RECEIVE_UPSTREAM:
      case Operation.RECEIVE_LARGER_UPSTREAM:
        this.#relay.received(slot, UPSTREAM, result, flags, buffer)
        break
      case Operation.SEND_UPSTREAM:
        this.#relay.sent(slot, CLIENT, result)
        break
      case Operation.SEND_CLIENT:
        this.#relay.sent(slot, UPSTREAM, result)
        break
      case Operation.READY_CLIENT:
        this.#relay.ready(slot, CLIENT, result)
        break
      case Operation.READY_UPSTREAM:
        this.#relay.ready(slot, UPSTREAM, result)
        break
      case Operation.CONNECT:
        this.#dialer.completed(slot, result)
        break
      case Operation.WATCH_CLIENT:
        this.#watch.completed(slot, CLIENT, result, flags)
        break
      case Operation.WATCH_UPSTREAM:
        this.#watch.completed(slot, UPSTREAM, result, flags)
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
    this.#relay.feed(() => this.#makeRoom())
  }

  /** Ends what is overdue, and finds out when to look again. */
  sweep(): void {
    const { slots } = this
    this.nextSweepMs = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < slots.used; slot++) {
      const state = slots.state[slot] as State
      if (state === State.Free || state === State.Closing) continue
      this.#makeRoom()
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

  /** Outside of the loop over completions nobody sees to it that there is room. */
  #makeRoom(): void {
    if (this.#ring.room() < ENTRIES_EACH) this.#ring.submit()
  }
}

const isLarger = (operation: number): boolean =>
  operation === Operation.RECEIVE_LARGER_CLIENT || operation === Operation.RECEIVE_LARGER_UPSTREAM
