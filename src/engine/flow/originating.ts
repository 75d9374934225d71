/**
 * Originating TLS: the handshake with an upstream, which is part of dialing it: one that fails is a
 * failed attempt, and another endpoint may be tried (dialer.ts).
 *
 *   connected ─▶ PROXY header? hello ─▶ handshake … ─┬─ done ─▶ relay
 *                                          ▲  more ──┤
 *                                          └─────────┴─ failed, late ─▶ all that is in the kernel ends ─▶ failed
 *
 * The client's bytes wait in its queue. weir's own (handshake-sends.ts) have all gone out before
 * the relay begins. All that is in the kernel of an attempt ends before the next one begins.
 */

import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import type { Memory } from '../../kernel/kernel.ts'
import type { TlsUpstream } from '../../table/plan/tls.ts'
import { Own, UNFINISHED } from '../../tls/details.ts'
import { CLOSED, FAILED, NOTHING, type Session, Step } from '../../tls/session.ts'
import { TLS_CERTIFICATE, TLS_FAILED, TLS_TIMED_OUT } from '../decide/failures.ts'
import type { Ask } from './ask.ts'
import type { Clock } from './deadlines.ts'
import { HandshakeSends } from './handshake-sends.ts'
import * as Operation from './operations.ts'
import { Came, type Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, PortIs, type Slots, UPSTREAM } from './slots.ts'
import type { TlsFilter } from './tls-filter.ts'
import type { Piece } from './tls-pieces.ts'

type OriginatingOptions = {
  readonly ask: Ask
  readonly memory: Memory
  readonly slots: Slots
  readonly queues: Queues
  readonly ports: Ports
  readonly filter: TlsFilter
  readonly clock: Clock
  /** A session for an upstream; a number: the detail of why there is none. */
  readonly connect: (upstream: TlsUpstream) => Session | number
}

/** Why an attempt failed, as attempts.ts wants it. */
type TlsFailure = { readonly code: string; readonly errno: number }

type Origin = {
  readonly upstream: TlsUpstream
  session: Session | null
  /** When its socket was connected. */
  connectedMs: number
  readonly sends: HandshakeSends
  isAgreed: boolean
  /** What came with the end of the handshake, decrypted, and what `read` said last. */
  readonly early: Piece[]
  lastRead: number
  /** What came after it, while weir's last words go out. */
  readonly later: Piece[]
  hasEnded: boolean
  failure: TlsFailure | null
}

export class Originating {
  readonly #options: OriginatingOptions
  readonly #origins = new Map<number, Origin>()

  constructor(options: OriginatingOptions) {
    this.#options = options
  }

  /** The slot's upstreams want TLS, or nothing (null). */
  expect(slot: number, upstream: TlsUpstream | null): void {
    if (this.#origins.size > 0) this.#origins.delete(slot)
    if (upstream === null) return
    this.#origins.set(slot, {
      upstream,
      session: null,
      connectedMs: 0,
      sends: new HandshakeSends(this.#options.ask, this.#options.queues),
      isAgreed: false,
      early: [],
      lastRead: NOTHING,
      later: [],
      hasEnded: false,
      failure: null,
    })
  }

  isExpected(slot: number): boolean {
    return this.#origins.size > 0 && this.#origins.has(slot)
  }

  /** Whether its handshake has begun and not ended. */
  isShaking(slot: number): boolean {
    return this.#origins.size > 0 && this.#origins.get(slot)?.session != null
  }

  /** The socket is connected; `header` goes first, in the clear. */
  begin(slot: number, header: Uint8Array): Step {
    const { filter, ports, memory, queues, clock, connect } = this.#options
    const origin = this.#origins.get(slot)
    if (origin === undefined) return Step.failed
    origin.connectedMs = clock.nowMs
    const session = connect(origin.upstream)
    if (typeof session === 'number') {
      origin.failure = { code: TLS_FAILED, errno: session }
      return Step.failed
    }
    origin.session = session
    filter.place(slot, UPSTREAM, session, [origin.sends.pieces, origin.early, origin.later])
    if (header.length > 0) {
      const buffer = queues.borrow(false)
      if (buffer < 0) return this.#fail(slot, origin, { code: TLS_FAILED, errno: Own.noMemory })
      memory.u8.set(header, queues.placeOf(buffer))
      origin.sends.pieces.push({ buffer, bytes: header.length })
    }
    ports.receive(slot, UPSTREAM)
    return this.#shake(slot, origin, session)
  }

  /** A receive has completed. */
  received(slot: number, result: number, flags: number, buffer: number): Step {
    const { ports, queues } = this.#options
    const came = ports.received(slot, UPSTREAM, result, flags, buffer)
    const origin = this.#origins.get(slot)
    if (origin === undefined || origin.session === null || origin.failure !== null) {
      if (came === Came.bytes) queues.give(buffer)
      return this.#step(slot, origin)
    }
    if (came === Came.broken)
      return this.#fail(slot, origin, { code: TLS_FAILED, errno: result || -Errno.ECONNRESET })
    if (origin.isAgreed) {
      if (came === Came.bytes) origin.later.push({ buffer, bytes: result })
      if (came === Came.end) origin.hasEnded = true
      return this.#step(slot, origin)
    }
    if (came === Came.bytes) {
      origin.session.feed(queues.placeOf(buffer), result)
      queues.give(buffer)
      return this.#shake(slot, origin, origin.session)
    }
    if (came === Came.end) return this.#fail(slot, origin, { code: TLS_FAILED, errno: UNFINISHED })
    this.#receive(slot)
    return Step.more
  }

  /** A send has completed. */
  sent(slot: number, result: number): Step {
    const origin = this.#origins.get(slot)
    if (origin === undefined) return Step.more
    const error = origin.sends.sent(slot, result)
    if (error !== 0) return this.#hearNothing(slot, origin, error)
    return result > 0 ? this.#step(slot, origin) : Step.more
  }

  /** Its socket can be read or written again. */
  ready(slot: number, isWritable: boolean, events: number): Step {
    const origin = this.#origins.get(slot)
    if (origin === undefined) return Step.more
    if (isWritable) origin.sends.isBusy = false
    if (events < 0) return this.#hearNothing(slot, origin, events)
    if (isWritable) origin.sends.next(slot)
    else if (origin.failure === null) this.#receive(slot)
    return this.#step(slot, origin)
  }

  /** Its time is up. */
  late(slot: number): Step {
    const origin = this.#origins.get(slot)
    if (origin === undefined) return Step.failed
    mark('a handshake with an upstream is late')
    origin.failure ??= { code: TLS_TIMED_OUT, errno: 0 }
    origin.sends.giveUp()
    if (this.#isQuiet(slot, origin)) return Step.failed
    this.#hearNoMore(slot)
    origin.sends.cancel(slot)
    return Step.more
  }

  /** When the socket of its upstream was connected. */
  connectedMs(slot: number): number {
    return this.#origins.get(slot)?.connectedMs ?? 0
  }

  /** Nothing of it is in the kernel any more: another attempt may begin. */
  takeFailure(slot: number): TlsFailure {
    const { filter, ports, slots } = this.#options
    const origin = this.#origins.get(slot)
    ports.setFilter(2 * slot + UPSTREAM, null)
    slots.port[2 * slot + UPSTREAM] = 0
    filter.closed(slot, UPSTREAM)
    this.expect(slot, origin?.upstream ?? null)
    return origin?.failure ?? { code: TLS_FAILED, errno: 0 }
  }

  /** The handshake is over: what the client has said meanwhile is encrypted in its queue. */
  agree(slot: number): void {
    const { filter, queues } = this.#options
    filter.agreed(slot, UPSTREAM)
    filter.tellKept(slot, queues.count(2 * slot + CLIENT))
  }

  /** The relay has begun: what the upstream has said already goes on. */
  tellEarly(slot: number): void {
    const { filter } = this.#options
    const origin = this.#origins.get(slot)
    this.#origins.delete(slot)
    if (origin === undefined) return
    const { early, later, lastRead, hasEnded } = origin
    filter.saidEarly(slot, UPSTREAM, early.splice(0), lastRead)
    for (const { buffer, bytes } of later.splice(0)) filter.said(slot, UPSTREAM, buffer, bytes)
    if (hasEnded) filter.saidEnd(slot, UPSTREAM)
  }

  #shake(slot: number, origin: Origin, session: Session): Step {
    const { filter } = this.#options
    const step = session.handshake()
    const pieces = filter.take(session)
    if (pieces === null) return this.#fail(slot, origin, { code: TLS_FAILED, errno: Own.noMemory })
    origin.sends.pieces.push(...pieces)
    origin.sends.next(slot)
    if (step === Step.failed) {
      const { detail, isCertificate } = session.failure
      return this.#fail(slot, origin, { code: isCertificate ? TLS_CERTIFICATE : TLS_FAILED, errno: detail })
    }
    if (step === Step.more) this.#receive(slot)
    else return this.#finish(slot, origin, session)
    return Step.more
  }

  /** The session is emptied at once, since others need its memory. */
  #finish(slot: number, origin: Origin, session: Session): Step {
    const { filter } = this.#options
    origin.isAgreed = true
    origin.lastRead = filter.readEarly(session, origin.early)
    if (origin.lastRead >= CLOSED) return this.#step(slot, origin)
    const errno = origin.lastRead === FAILED ? session.failure.detail : Own.noMemory
    return this.#fail(slot, origin, { code: TLS_FAILED, errno })
  }

  #receive(slot: number): void {
    const { ports } = this.#options
    if (!ports.isBusy(2 * slot + UPSTREAM)) ports.receive(slot, UPSTREAM)
  }

  /** The upstream takes no more of what weir has to say. */
  #hearNothing(slot: number, origin: Origin, errno: number): Step {
    origin.sends.giveUp()
    return this.#fail(slot, origin, { code: TLS_FAILED, errno })
  }

  #fail(slot: number, origin: Origin, failure: TlsFailure): Step {
    mark('a handshake with an upstream fails')
    origin.failure ??= failure
    return this.#giveUp(slot, origin)
  }

  /** Nothing goes on until all that is in the kernel has ended; an alert may still leave. */
  #giveUp(slot: number, origin: Origin): Step {
    if (this.#isQuiet(slot, origin)) return Step.failed
    this.#hearNoMore(slot)
    return Step.more
  }

  /**
   * Calls back what would hear from the upstream, by its kind: a cancel of all that a socket has
   * names a descriptor, which may be another's by the time that the kernel sees it.
   */
  #hearNoMore(slot: number): void {
    const { ask, slots } = this.#options
    const port = slots.port[2 * slot + UPSTREAM]
    if ((port & PortIs.polled) !== 0) ask.cancel(slot, Operation.READABLE, UPSTREAM)
    if ((port & PortIs.receiving) === 0) return
    ask.cancel(slot, Operation.RECEIVE, UPSTREAM)
    ask.cancel(slot, Operation.RECEIVE_LARGER, UPSTREAM)
  }

  #step(slot: number, origin: Origin | undefined): Step {
    if (origin === undefined) return Step.more
    if (origin.failure !== null) return this.#giveUp(slot, origin)
    return origin.isAgreed && origin.sends.pieces.length === 0 ? Step.done : Step.more
  }

  #isQuiet(slot: number, origin: Origin): boolean {
    const busy = PortIs.receiving | PortIs.polled
    return !origin.sends.isBusy && (this.#options.slots.port[2 * slot + UPSTREAM] & busy) === 0
  }
}
