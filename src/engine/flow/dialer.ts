/**
 * Dialing: from a decision to a connected upstream. The policy chooses the next endpoint, if there
 * is one (../decide/attempts.ts).
 *
 *   dial ─▶ connect ─┬─▶ connected ─▶ a reset before a byte ─┐
 *    ▲               └─ refusal, deadline ─▶ another endpoint? ─ no ─▶ failed
 *    └────────────────────────────────────────────┘
 *
 * Meanwhile weir receives from the client (flows.ts), up to a limit, or at least watches it
 * (watch.ts).
 */

import { unreachable } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import type { SocketCalls } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { tlsUpstreamOf } from '../../table/format/tls.ts'
import { Step } from '../../tls/session.ts'
import { SSL_REQUEST } from '../../wire/postgres-startup.ts'
import { PROXY_WRITTEN_MAX, writeProxyHeader } from '../../wire/proxy-protocol.ts'
import { ANOTHER, type Attempts } from '../decide/attempts.ts'
import { createDecision, type Decision } from '../decide/decision.ts'
import { isReset, isShortage, TLS_FAILED } from '../decide/failures.ts'
import { detailsOf } from '../decide/header-details.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Ask } from './ask.ts'
import { type Clock, type Deadlines, UNHEARD_MS } from './deadlines.ts'
import type { EarlyResets } from './early-resets.ts'
import type { Endings } from './endings.ts'
import type { Flows } from './flows.ts'
import * as Operation from './operations.ts'
import type { Originating } from './originating.ts'
import type { Queues } from './queues.ts'
import { CLIENT, PortIs, type Slots, UPSTREAM } from './slots.ts'
import type { TlsFilter } from './tls-filter.ts'

type DialerOptions = {
  readonly ask: Ask
  readonly sockets: SocketCalls
  readonly slots: Slots
  readonly queues: Queues
  readonly flows: Flows
  readonly resets: EarlyResets
  readonly endings: Endings
  readonly deadlines: Deadlines
  readonly attempts: Attempts
  readonly originating: Originating
  readonly filter: TlsFilter
  readonly journal: Journal
  readonly clock: Clock
  /** The first descriptor that is too near the limit (../worker/descriptors.ts). */
  readonly descriptorCeiling: number
}

export class Dialer {
  readonly #options: DialerOptions
  /** The decision of a connection that goes on to another endpoint, while weir dials it. */
  readonly #another = createDecision()
  /** The header of the current connection. */
  readonly #header = new Uint8Array(PROXY_WRITTEN_MAX + SSL_REQUEST.length)

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** Dials the decided endpoint; `table` made the decision. */
  dial(slot: number, table: Table, decision: Decision): void {
    const { attempts, originating, clock } = this.#options
    attempts.begin(slot, table, decision, clock.nowMs)
    const speaksTls = table.tls.upstreams.length > 0 && decision.cluster >= 0
    originating.expect(slot, speaksTls ? tlsUpstreamOf(table, decision.cluster) : null)
    this.#connect(slot, decision)
  }

  /** The connect's own completion; also after `callBack`. */
  completed(slot: number, result: number): void {
    const { originating } = this.#options
    if (originating.isExpected(slot) && result >= 0) this.#beginTls(slot)
    else if (result >= 0) this.#succeed(slot)
    else if (isReset(errnoName(result)) && originating.isExpected(slot))
      this.#fail(slot, { code: TLS_FAILED, errno: result })
    else this.#fail(slot, { code: errnoName(result), errno: result })
  }

  /** Cancels the connect; it completes with −ECANCELED, and another endpoint may be tried. */
  callBack(slot: number): void {
    const { ask, slots, clock, originating } = this.#options
    if (originating.isShaking(slot)) {
      slots.dialedMs[slot] = clock.nowMs
      this.#follow(slot, originating.late(slot))
      return
    }
    mark('a connect is called back')
    slots.dialedMs[slot] = clock.nowMs
    ask.cancel(slot, Operation.CONNECT, UPSTREAM)
  }

  #connect(slot: number, decision: Decision): void {
    const { ask, sockets, slots, attempts, clock, descriptorCeiling } = this.#options
    slots.connectTimeoutMs[slot] = decision.connectTimeoutMs
    slots.keepaliveTimeS[slot] = decision.keepaliveTimeS
    slots.keepaliveIntervalS[slot] = decision.keepaliveIntervalS
    slots.keepaliveProbes[slot] = decision.keepaliveProbes
    slots.userTimeoutMs[slot] = decision.userTimeoutMs
    const fd = sockets.dial(decision.family === 4 ? 4 : 6, true) // most clients do
    slots.fd[2 * slot + UPSTREAM] = fd < 0 ? -1 : fd
    if (fd >= descriptorCeiling || (fd < 0 && isShortage(errnoName(fd)))) {
      mark('no descriptor to dial with')
      this.#options.endings.close(slot, Reason['accept-error'])
      return
    }
    attempts.dialed()
    slots.dialedMs[slot] = clock.nowMs
    if (fd < 0) {
      this.#fail(slot, { code: errnoName(fd), errno: fd })
      return
    }
    this.#options.deadlines.expect(slot)
    ask.connect(slot, decision)
  }

  /**
   * Its upstream has been connected for a while, and may vanish: what finds that out costs four
   * calls, which most connections are too short to need. A look that was due for another reason may
   * come earlier.
   */
  settle(slot: number): void {
    const { sockets, slots, clock, deadlines } = this.#options
    if (clock.nowMs - slots.dialedMs[slot] < UNHEARD_MS) {
      mark('a look at an upstream that has not settled')
      deadlines.settle(slot)
      return
    }
    const at = 2 * slot + UPSTREAM
    const timeS = slots.keepaliveTimeS[slot]
    slots.port[at] &= ~PortIs.young
    this.#options.attempts.settled(slot)
    const [intervalS, probes] = [slots.keepaliveIntervalS[slot], slots.keepaliveProbes[slot]]
    if (timeS >= 0) sockets.setKeepalive(slots.fd[at], { timeS, intervalS, probes })
    if (slots.userTimeoutMs[slot] > 0) sockets.setUserTimeout(slots.fd[at], slots.userTimeoutMs[slot])
  }

  // ── TLS with the upstream (originating.ts) ─────────────────────────────────

  #beginTls(slot: number): void {
    const { originating } = this.#options
    const bytes = this.#writeHeader(slot)
    this.#follow(slot, originating.begin(slot, this.#header.subarray(0, bytes)))
  }

  /** A receive from an upstream has completed, before there is a relay. */
  received(slot: number, result: number, flags: number, buffer: number): void {
    if (this.#options.resets.has(slot)) {
      this.#options.resets.received(slot, result, flags, buffer)
      this.#redialOnceQuiet(slot)
    } else this.#follow(slot, this.#options.originating.received(slot, result, flags, buffer))
  }

  /** A send to it has. */
  sent(slot: number, result: number): void {
    if (this.#options.resets.has(slot)) {
      this.#options.resets.sent(slot, result)
      this.#redialOnceQuiet(slot)
    } else this.#follow(slot, this.#options.originating.sent(slot, result))
  }

  /** A poll of its socket has. */
  ready(slot: number, isWritable: boolean, events: number): void {
    if (this.#options.resets.has(slot)) this.#redialOnceQuiet(slot)
    else this.#follow(slot, this.#options.originating.ready(slot, isWritable, events))
  }

  /** Whether an upstream's handshake was not finished. */
  isShaking(slot: number): boolean {
    return this.#options.originating.isShaking(slot)
  }

  #follow(slot: number, step: Step): void {
    const { originating, slots } = this.#options
    switch (step) {
      case Step.more:
        break
      case Step.done:
        originating.agree(slot)
        if (slots.state[slot] !== State.Dialing) break // no buffer was left to encrypt what waited
        this.#join(slot, true, originating.connectedMs(slot) - slots.dialedMs[slot])
        originating.tellEarly(slot)
        break
      case Step.failed:
        this.#fail(slot, originating.takeFailure(slot))
        break
      default:
        unreachable(step)
    }
  }

  // ── an upstream that resets before a byte (early-resets.ts) ────────────────

  /** A connected upstream has failed; true: another endpoint may be dialed instead. */
  lost(slot: number, error: number): boolean {
    if (!this.#options.resets.begins(slot, error)) return false
    this.#redialOnceQuiet(slot)
    return true
  }

  #redialOnceQuiet(slot: number): void {
    const { attempts, resets, slots, clock, endings } = this.#options
    if (slots.state[slot] !== State.Dialing || !resets.isQuiet(slot)) return
    this.#closeUpstream(slot)
    resets.over(slot)
    const next = attempts.lost(slot, -Errno.ECONNRESET, this.#another, clock.nowMs)
    if (next === ANOTHER) mark('another endpoint is dialed after a reset')
    if (next === ANOTHER) this.#connect(slot, this.#another)
    else endings.close(slot, next)
  }

  // ── the end of an attempt ──────────────────────────────────────────────────

  #succeed(slot: number): void {
    const { slots, clock } = this.#options
    const isSilent = slots.proxyVersion[slot] === 0 && slots.starttls[slot] === 0
    this.#join(slot, isSilent || this.#introduce(slot), clock.nowMs - slots.dialedMs[slot])
  }

  /** The relay begins. */
  #join(slot: number, isIntroduced: boolean, tookMs: number): void {
    const { sockets, slots, queues, attempts, clock, deadlines, flows } = this.#options
    slots.enter(slot, State.Relaying)
    attempts.connected(slot, tookMs, clock.nowMs)
    slots.activeMs[slot] = clock.nowMs
    if (!isIntroduced) {
      this.#options.endings.close(slot, Reason['accept-error'])
      return
    }
    // A server that speaks first must not wait for our ACK.
    if (queues.count(2 * slot + CLIENT) === 0) sockets.acknowledge(slots.fd[2 * slot + UPSTREAM])
    deadlines.expect(slot)
    slots.dialedMs[slot] = clock.nowMs
    slots.port[2 * slot + UPSTREAM] |= PortIs.young
    deadlines.settle(slot)
    flows.begin(slot)
  }

  /**
   * A PROXY header precedes the client's bytes, and goes at once if there are none; then the
   * request for TLS, whose answer the client's bytes wait for (starttls.ts).
   */
  #introduce(slot: number): boolean {
    const { slots, flows, clock } = this.#options
    let bytes = this.#writeHeader(slot)
    if (slots.starttls[slot] === 1) {
      slots.agreeUntilMs[slot] = clock.nowMs + slots.connectTimeoutMs[slot]
      this.#header.set(SSL_REQUEST, bytes)
      bytes += SSL_REQUEST.length
    }
    return flows.prefix(slot, UPSTREAM, this.#header.subarray(0, bytes))
  }

  /** A PROXY header of its version, into `#header`; returns its bytes: 0 for none. */
  #writeHeader(slot: number): number {
    const { slots, journal, filter } = this.#options
    const version = slots.proxyVersion[slot]
    if (version === 0) return 0
    const addresses = journal.addressesOf(slot)
    if (version === 1) return writeProxyHeader(this.#header, 0, 1, addresses)
    const terms = () => filter.termsOf(slot, CLIENT)
    const details = detailsOf(slots.proxyTlvs[slot], journal.idOf(slot), terms)
    return writeProxyHeader(this.#header, 0, 2, addresses, journal.serverNameOf(slot), details)
  }

  #fail(slot: number, failure: { code: string; errno: number }): void {
    const { attempts, clock } = this.#options
    if (isReset(failure.code)) mark('an upstream resets as it connects')
    this.#closeUpstream(slot)
    const next = attempts.failed(slot, failure, this.#another, clock.nowMs)
    if (next === ANOTHER) mark('another endpoint is dialed')
    if (next === ANOTHER) this.#connect(slot, this.#another)
    else this.#options.endings.close(slot, next)
  }

  #closeUpstream(slot: number): void {
    const { sockets, slots } = this.#options
    const { fd } = slots
    if (fd[2 * slot + UPSTREAM] >= 0) sockets.close(fd[2 * slot + UPSTREAM])
    fd[2 * slot + UPSTREAM] = -1
  }
}
