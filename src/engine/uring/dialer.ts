/**
 * Dialing: from a decision to a connected upstream, by as many endpoints as are allowed.
 *
 *   dial ─▶ connect ─┬─▶ connected
 *    ▲               └─ refusal, deadline ─▶ another endpoint? ─ no ─▶ failed
 *    └────────────────────────────────────────────┘
 *
 * Meanwhile the client is received from (relay.ts), up to a limit, or at least watched (watch.ts).
 */

import { Errno, errnoName } from '../../net/errno.ts'
import { prepareCancel, prepareConnect } from '../../net/prepare.ts'
import type { Ring } from '../../net/ring.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../../net/socket-address.ts'
import { closeSocket, type Sockets } from '../../net/sockets.ts'
import { subject } from '../../net/user-data.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import type { Table } from '../../table/table.ts'
import { countOpen } from '../balance.ts'
import { ADMITTED, type Decider, type Decision, decideEndpoint, ORIGINAL } from '../decide.ts'
import { dialFailure, isReset, isShortage } from '../failures.ts'
import type { Journal } from '../journal.ts'
import { move, State } from '../state.ts'
import * as Operation from './operations.ts'
import type { Received } from './received.ts'
import { CLIENT, type Slots, UPSTREAM } from './slots.ts'

/** Of the arena, for each socket address. */
const ADDRESS_BYTES = Math.max(32, SOCKET_ADDRESS_BYTES)

/** What a further attempt needs: kept only where more than one is allowed. */
type Attempts = {
  readonly table: Table
  readonly tried: number[]
  /** Of `Decision`, what is the cluster's and not the endpoint's: the decision itself has moved on to others. */
  readonly policy: Pick<Decision, 'cluster' | 'keepaliveTimeS' | 'keepaliveIntervalS' | 'keepaliveProbes'>
}

export type DialerOptions = {
  readonly ring: Ring
  readonly sockets: Sockets
  readonly slots: Slots
  readonly received: Received
  readonly decider: Decider
  readonly journal: Journal
  /** Of the connection in question; filled anew where another endpoint is tried. */
  readonly decision: Decision
  /** This worker's counters (stats/stats.ts). */
  readonly counters: Float64Array
  /** The time of this turn of the loop. */
  readonly clock: { readonly nowMs: number }
  /** The first descriptor that is too near the limit (../descriptors.ts). */
  readonly descriptorCeiling: number
  /** A dial has begun, and has a deadline. */
  readonly onDialing: (slot: number) => void
  /** The slot is Relaying, and nothing of it has been relayed. */
  readonly onConnected: (slot: number) => void
  readonly onFailed: (slot: number, reason: number) => void
}

export class Dialer {
  readonly #options: DialerOptions
  readonly #attempts = new Map<number, Attempts>()
  /** Socket addresses of connects that are prepared and not submitted yet, in turn. */
  readonly #addresses: number
  #address = 0

  constructor(options: DialerOptions) {
    this.#options = options
    this.#addresses = options.ring.arena.take(dialerBytes(options.ring.entries))
  }

  /** Dials where the decision says, which was made with `table`. */
  dial(slot: number, table: Table): void {
    const { decider, decision } = this.#options
    if (decider.limits.connectAttempts > 1 && decision.endpoint !== ORIGINAL) {
      const { cluster, keepaliveTimeS, keepaliveIntervalS, keepaliveProbes } = decision
      const policy = { cluster, keepaliveTimeS, keepaliveIntervalS, keepaliveProbes }
      this.#attempts.set(slot, { table, tried: [decision.endpoint], policy })
    }
    this.#connect(slot)
  }

  /** The connect's own completion; also after `callBack`. */
  completed(slot: number, result: number): void {
    if (result >= 0) this.#succeed(slot)
    else if (isReset(errnoName(result))) this.#failAtOnce(slot, result)
    else this.#fail(slot, result)
  }

  /** Calls the connect back; it completes with −ECANCELED, and another endpoint may be tried. */
  callBack(slot: number): void {
    const { ring, slots, clock } = this.#options
    const generation = slots.generation[slot]
    const cancel = subject(slot, Operation.CANCEL)
    slots.dialedMs[slot] = clock.nowMs
    prepareCancel(ring, subject(slot, Operation.CONNECT), generation, cancel, generation)
    slots.inFlight[slot]++
  }

  /** No further endpoint will be tried. */
  forget(slot: number): void {
    if (this.#attempts.size > 0) this.#attempts.delete(slot)
  }

  #connect(slot: number): void {
    const { ring, sockets, slots, decider, decision, counters, clock, descriptorCeiling } = this.#options
    slots.endpointSlot[slot] = decision.endpointSlot
    countOpen(decider, decision.endpointSlot, 1)
    const family = decision.family === 4 ? 4 : 6
    const fd = sockets.dial(family, true) // most clients do
    slots.fd[2 * slot + UPSTREAM] = fd < 0 ? -1 : fd
    if (fd >= descriptorCeiling || (fd < 0 && isShortage(errnoName(fd)))) {
      this.#options.onFailed(slot, Reason['accept-error'])
      return
    }
    counters[Counter.dials]++
    slots.dialedMs[slot] = clock.nowMs
    if (fd < 0) {
      this.#fail(slot, fd)
      return
    }
    this.#options.onDialing(slot)
    if (decision.keepaliveTimeS >= 0) this.#keepAlive(fd)
    const at = this.#addresses + (this.#address++ % ring.entries) * ADDRESS_BYTES
    const bytes = writeSocketAddress(ring.arena, at, family, decision.address, decision.port)
    prepareConnect(ring, fd, at, bytes, subject(slot, Operation.CONNECT), slots.generation[slot])
    slots.inFlight[slot]++
  }

  /** A 0 in the policy is the kernel's default: tcp(7). */
  #keepAlive(fd: number): void {
    const { keepaliveTimeS, keepaliveIntervalS, keepaliveProbes } = this.#options.decision
    this.#options.sockets.setKeepalive(fd, {
      idleS: keepaliveTimeS || 7200,
      intervalS: keepaliveIntervalS || 75,
      probes: keepaliveProbes || 9,
    })
  }

  #succeed(slot: number): void {
    const { sockets, slots, received, journal, clock } = this.#options
    slots.state[slot] = move(State.Dialing, State.Relaying)
    journal.connected(slot, clock.nowMs - slots.dialedMs[slot], clock.nowMs)
    slots.activeMs[slot] = clock.nowMs
    this.forget(slot)
    // A server that speaks first must not wait for our ACK.
    if (received.count(2 * slot + CLIENT) === 0) sockets.acknowledge(slots.fd[2 * slot + UPSTREAM])
    this.#options.onConnected(slot)
  }

  /** The upstream had accepted, and has reset before its connect was completed. */
  #failAtOnce(slot: number, result: number): void {
    const { slots, journal, clock } = this.#options
    slots.state[slot] = move(State.Dialing, State.Relaying)
    journal.connected(slot, clock.nowMs - slots.dialedMs[slot], clock.nowMs)
    journal.broke(slot, result)
    this.#options.onFailed(slot, Reason['upstream-reset'])
  }

  #fail(slot: number, result: number): void {
    const { journal, counters } = this.#options
    counters[Counter.dialFailures]++
    journal.dialFailed(slot, result === -Errno.ECANCELED ? 0 : result)
    this.#closeUpstream(slot)
    if (this.#nextEndpoint(slot)) this.#connect(slot)
    else this.#options.onFailed(slot, dialFailure(errnoName(result)))
  }

  #closeUpstream(slot: number): void {
    const { fd } = this.#options.slots
    if (fd[2 * slot + UPSTREAM] >= 0) closeSocket(fd[2 * slot + UPSTREAM])
    fd[2 * slot + UPSTREAM] = -1
  }

  /** Fills the decision with another endpoint of the same cluster, as long as the attempts last. */
  #nextEndpoint(slot: number): boolean {
    const { slots, decider, decision, journal } = this.#options
    const attempts = this.#attempts.get(slot)
    if (!attempts || attempts.tried.length >= decider.limits.connectAttempts) return false
    Object.assign(decision, attempts.policy)
    if (decideEndpoint(decider, attempts.table, attempts.tried, decision) !== ADMITTED) return false
    attempts.tried.push(decision.endpoint)
    countOpen(decider, slots.endpointSlot[slot], -1)
    journal.redirected(slot, decision)
    return true
  }
}

/** What an arena must hold for a dialer. */
export const dialerBytes = (ringEntries: number): number => ringEntries * ADDRESS_BYTES
