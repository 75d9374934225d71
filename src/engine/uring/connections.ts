/**
 * The connections of one worker on its ring: from an accepted descriptor to its end.
 *
 *   accept ─▶ decide ─▶ dial ─────▶ connected ─▶ relay (relay.ts) ─▶ close
 *                └▶ receive early
 *
 * States and moves are those of ../state.ts, decisions those of ../decide.ts, times those of
 * ../deadline.ts. A socket is closed only when no operation of its slot is left in the kernel, so a
 * descriptor is never used again too early.
 */

import type { Buffers } from '../../net/buffers.ts'
import { CQE_F_MORE } from '../../net/io-uring.ts'
import {
  prepareCancel,
  prepareCancelAll,
  prepareClose,
  prepareConnect,
  preparePoll,
} from '../../net/prepare.ts'
import type { Ring } from '../../net/ring.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../../net/socket-address.ts'
import { closeSocket, type Sockets } from '../../net/sockets.ts'
import { operationOf, slotOf, subject } from '../../net/user-data.ts'
import { liveRows } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, closedAt } from '../../stats/stats.ts'
import type { Table } from '../../table/table.ts'
import { countOpen } from '../balance.ts'
import { deadlineMs, overdue } from '../deadline.ts'
import { ADMITTED, createDecision, type Decider, type Decision, decideEndpoint, ORIGINAL } from '../decide.ts'
import type { Journal } from '../journal.ts'
import { move, State } from '../state.ts'
import { dialFailure } from './failures.ts'
import * as Operation from './operations.ts'
import { Received } from './received.ts'
import { Relay } from './relay.ts'
import { CLIENT, Flow, type Side, Slots, UPSTREAM } from './slots.ts'
import { Splicer } from './splice.ts'

/** The most entries that handling one completion prepares: connected with early bytes. */
export const ENTRIES_EACH = 4

/** POLLERR | POLLHUP, which are always looked for. */
const POLL_BROKEN = 8 | 16

/** A dial that takes longer than this has its client watched. */
const WATCH_AFTER_MS = 50

/** What a further attempt needs: kept only where more than one is allowed. */
type Attempts = {
  readonly table: Table
  readonly tried: number[]
  /** Of `Decision`, what is the cluster's and not the endpoint's: the decision itself has moved on to others. */
  readonly policy: Pick<Decision, 'cluster' | 'keepaliveTimeS' | 'keepaliveIntervalS' | 'keepaliveProbes'>
}

export type ConnectionsOptions = {
  readonly ring: Ring
  readonly buffers: { readonly small: Buffers; readonly large: Buffers }
  readonly sockets: Sockets
  readonly decider: Decider
  readonly journal: Journal
  /** The first descriptor that is too near the limit (../descriptors.ts). */
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
  readonly #attempts = new Map<number, Attempts>()
  /** Socket addresses of connects that are prepared and not submitted yet, in turn. */
  readonly #addresses: number
  #address = 0
  readonly #relay: Relay
  readonly #descriptorCeiling: number
  readonly #times = { acceptedMs: 0, dialedMs: 0, activeMs: 0 }
  readonly #allowed = { connectTimeoutMs: 0, idleTimeoutMs: 0, maxDurationMs: 0 }

  constructor({ ring, buffers, sockets, decider, journal, descriptorCeiling, onFree }: ConnectionsOptions) {
    this.#descriptorCeiling = descriptorCeiling
    this.#ring = ring
    this.#sockets = sockets
    this.#decider = decider
    this.#journal = journal
    this.#counters = decider.stats.counters[decider.worker]
    this.#onFree = onFree
    this.#addresses = ring.arena.take(ring.entries * 32)
    this.slots = new Slots(liveRows(decider.limits.maxConnections))
    this.#received = new Received(buffers.small, buffers.large, 2 * this.slots.count)
    this.#splicer = new Splicer(ring.arena, this.slots, descriptorCeiling)
    this.#relay = new Relay({
      ...{
        ring,
        received: this.#received,
        journal,
        slots: this.slots,
        splicer: this.#splicer,
        counters: this.#counters,
      },
      clock: this,
      onEarly: () => this.#sweepIn(WATCH_AFTER_MS),
      onBroken: (slot, reason) => this.close(slot, reason),
      onEnded: slot => this.#settle(slot, this.slots.reason[slot]),
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
    slots.connectTimeoutMs[slot] = decision.connectTimeoutMs
    slots.idleTimeoutMs[slot] = decision.idleTimeoutMs
    slots.maxDurationMs[slot] = decision.maxDurationMs
    slots.clusterSlot[slot] = decision.clusterSlot
    this.#journal.opened(slot, decision)
    countOpen(this.#decider, decision.clusterSlot, 1)
    if (this.#decider.limits.connectAttempts > 1 && decision.endpoint !== ORIGINAL) {
      const { cluster, keepaliveTimeS, keepaliveIntervalS, keepaliveProbes } = decision
      const policy = { cluster, keepaliveTimeS, keepaliveIntervalS, keepaliveProbes }
      this.#attempts.set(slot, { table, tried: [decision.endpoint], policy })
    }
    this.#relay.receive(slot, CLIENT)
    this.#dial(slot)
  }

  // ── dialing ────────────────────────────────────────────────────────────────

  #dial(slot: number): void {
    const { slots, decision } = this
    slots.endpointSlot[slot] = decision.endpointSlot
    countOpen(this.#decider, decision.endpointSlot, 1)
    const family = decision.family === 4 ? 4 : 6
    // A server that speaks first must not wait for our ACK, so only where the client has spoken.
    const talksFirst = this.#sockets.hasBytes(slots.fd[2 * slot + CLIENT])
    const fd = this.#sockets.dial(family, talksFirst)
    slots.fd[2 * slot + UPSTREAM] = fd < 0 ? -1 : fd
    if (fd < 0 || fd >= this.#descriptorCeiling) {
      this.close(slot, Reason['accept-error']) // files or memory ran out: no endpoint's fault
      return
    }
    this.#counters[Counter.dials]++
    slots.dialedMs[slot] = this.nowMs
    this.#expect(slot)
    if (decision.keepaliveTimeS >= 0) this.#keepAlive(fd)
    const at = this.#addresses + (this.#address++ % this.#ring.entries) * 32
    const bytes = writeSocketAddress(this.#ring.arena, at, family, decision.address, decision.port)
    prepareConnect(this.#ring, fd, at, bytes, subject(slot, Operation.CONNECT), slots.generation[slot])
    slots.inFlight[slot]++
  }

  /** A 0 in the policy is the kernel's default: tcp(7). */
  #keepAlive(fd: number): void {
    const { keepaliveTimeS, keepaliveIntervalS, keepaliveProbes } = this.decision
    this.#sockets.setKeepalive(fd, {
      idleS: keepaliveTimeS || 7200,
      intervalS: keepaliveIntervalS || 75,
      probes: keepaliveProbes || 9,
    })
  }

  #onConnected(slot: number, result: number): void {
    const { slots } = this
    if (result < 0) {
      this.#onDialFailed(slot, result)
      return
    }
    slots.state[slot] = move(State.Dialing, State.Relaying)
    this.#journal.connected(slot, this.nowMs - slots.dialedMs[slot], this.nowMs)
    slots.activeMs[slot] = this.nowMs
    if (this.#attempts.size > 0) this.#attempts.delete(slot)
    this.#expect(slot)
    this.#relay.begin(slot)
  }

  #onDialFailed(slot: number, result: number): void {
    this.#counters[Counter.dialFailures]++
    this.#journal.dialFailed(slot, result)
    this.#closeUpstream(slot)
    if (this.#nextEndpoint(slot)) this.#dial(slot)
    else this.close(slot, dialFailure(result))
  }

  #closeUpstream(slot: number): void {
    const fd = this.slots.fd[2 * slot + UPSTREAM]
    if (fd >= 0) closeSocket(fd)
    this.slots.fd[2 * slot + UPSTREAM] = -1
  }

  /** Fills `decision` with another endpoint of the same cluster, as long as the attempts last. */
  #nextEndpoint(slot: number): boolean {
    const attempts = this.#attempts.get(slot)
    if (!attempts || attempts.tried.length >= this.#decider.limits.connectAttempts) return false
    const { decision } = this
    Object.assign(decision, attempts.policy)
    if (decideEndpoint(this.#decider, attempts.table, attempts.tried, decision) !== ADMITTED) return false
    attempts.tried.push(decision.endpoint)
    countOpen(this.#decider, this.slots.endpointSlot[slot], -1)
    this.#journal.redirected(slot, decision)
    return true
  }

  /** Once connected, a receive or a send meets the reset as well. An end (POLLRDHUP) can wait. */
  #onWatched(slot: number, events: number): void {
    if (this.slots.state[slot] !== State.Dialing || events < 0 || (events & POLL_BROKEN) === 0) return
    this.close(slot, Reason['client-reset'])
  }

  /**
   * A client that has said a lot, or all, before the upstream is there is not received from: where that takes
   * long, only its reset is waited for. Most dials are over before, and an operation more costs each of them.
   */
  #watchClient(slot: number): void {
    const { slots } = this
    const flow = slots.flow[2 * slot + CLIENT]
    const isWaiting = slots.state[slot] === State.Dialing && (flow & (Flow.receiving | Flow.starved)) === 0
    if (!isWaiting || (flow & Flow.watched) !== 0) return
    slots.flow[2 * slot + CLIENT] |= Flow.watched
    const fd = slots.fd[2 * slot + CLIENT]
    preparePoll(this.#ring, fd, 0, subject(slot, Operation.WATCH_CLIENT), slots.generation[slot])
    slots.inFlight[slot]++
  }

  // ── ending ─────────────────────────────────────────────────────────────────

  /** After the last connection. */
  end(): void {
    this.#splicer.end()
  }

  /** After a bug, with the ring closed: nothing stays open, and nothing is counted. */
  abandon(): void {
    for (const fd of this.slots.fd) if (fd >= 0) this.#sockets.resetClose(fd)
    this.#splicer.abandon()
  }

  /** Resets both sides; the first reason counts. */
  close(slot: number, reason: number): void {
    const { slots } = this
    if (slots.state[slot] === State.Closing) return
    slots.resets[slot] = 1
    this.#settle(slot, reason)
  }

  /** The same, from outside of the loop over completions. */
  closeOne(slot: number, reason: number): void {
    this.#makeRoom()
    this.close(slot, reason)
  }

  closeAll(reason: number): void {
    const { slots } = this
    for (let slot = 0; slot < slots.used; slot++) {
      if (slots.state[slot] === State.Free) continue
      this.closeOne(slot, reason)
    }
  }

  /** Nothing more is relayed; what is in the kernel is called back, and then the sockets are closed. */
  #settle(slot: number, reason: number): void {
    const { slots } = this
    slots.state[slot] = move(slots.state[slot] as State, State.Closing)
    slots.reason[slot] = reason
    countOpen(this.#decider, slots.endpointSlot[slot], -1)
    countOpen(this.#decider, slots.clusterSlot[slot], -1)
    if (this.#attempts.size > 0) this.#attempts.delete(slot)
    if (slots.inFlight[slot] > 0) {
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
    if (slots.inFlight[slot] > 0) return
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
        this.#onConnected(slot, result)
        break
      case Operation.WATCH_CLIENT:
        this.#onWatched(slot, result)
        break
      default: // the cancel of a dial: the dial's own end says the rest
    }
  }

  /** Ends what is overdue, and finds out when to look again. */
  sweep(): void {
    const { slots } = this
    this.nextSweepMs = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < slots.used; slot++) {
      const state = slots.state[slot] as State
      if (state === State.Free || state === State.Closing) continue
      this.#makeRoom()
      const reason = this.#overdue(slot)
      if (reason === Reason['connect-timeout']) this.#endDial(slot)
      else if (reason >= 0) this.close(slot, reason)
      else {
        this.#watchClient(slot)
        this.#expect(slot)
      }
    }
  }

  #sweepIn(waitMs: number): void {
    this.nextSweepMs = Math.min(this.nextSweepMs, this.nowMs + waitMs)
  }

  /** Calls the dial back; it completes with −ECANCELED, and another endpoint may be tried. */
  #endDial(slot: number): void {
    const { slots } = this
    const generation = slots.generation[slot]
    slots.dialedMs[slot] = this.nowMs
    prepareCancel(
      this.#ring,
      subject(slot, Operation.CONNECT),
      generation,
      subject(slot, Operation.CANCEL),
      generation,
    )
    slots.inFlight[slot]++
  }

  #overdue(slot: number): number {
    this.#fillTimes(slot)
    return overdue(this.slots.state[slot] as State, this.#times, this.#allowed, this.nowMs)
  }

  /** Sees to it that the sweep comes when the connection's next deadline does. */
  #expect(slot: number): void {
    this.#fillTimes(slot)
    const deadline = deadlineMs(this.slots.state[slot] as State, this.#times, this.#allowed)
    if (deadline < this.nextSweepMs) this.nextSweepMs = deadline
  }

  #fillTimes(slot: number): void {
    const { slots } = this
    this.#times.acceptedMs = slots.acceptedMs[slot]
    this.#times.dialedMs = slots.dialedMs[slot]
    this.#times.activeMs = slots.activeMs[slot]
    this.#allowed.connectTimeoutMs = slots.connectTimeoutMs[slot]
    this.#allowed.idleTimeoutMs = slots.idleTimeoutMs[slot]
    this.#allowed.maxDurationMs = slots.maxDurationMs[slot]
  }

  /** Outside of the loop over completions nobody sees to it that there is room. */
  #makeRoom(): void {
    if (this.#ring.room() < ENTRIES_EACH) this.#ring.submit()
  }
}

const isLarger = (operation: number): boolean =>
  operation === Operation.RECEIVE_LARGER_CLIENT || operation === Operation.RECEIVE_LARGER_UPSTREAM

/** What an arena must hold for the connections beside the buffers. */
export const connectionBytes = (ringEntries: number): number =>
  ringEntries * Math.max(32, SOCKET_ADDRESS_BYTES)
