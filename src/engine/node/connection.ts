/**
 * One connection in the `node` engine: a client's socket, an upstream's, and the relay between
 * them.
 *
 * States and moves are those of ../decide/state.ts, decisions those of ../decide/decide.ts,
 * timeouts those of ../decide/deadline.ts; this module applies them to Node's sockets. Everything
 * arrives as an event and ends in `close`; nothing throws. The sockets are set to end with a reset
 * until both sides have ended in order, so even if the worker dies, no peer takes a broken stream
 * for a complete one. (Without node:ffi that cannot be set: the kernel closes the sockets of a
 * killed worker in order.)
 */

import { connect, type Socket } from 'node:net'
import { formatAddress } from '../../address/address.ts'
import type { World } from '../../base/world.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, closedAt } from '../../stats/stats.ts'
import { isAgreed, SSL_REQUEST } from '../../wire/postgres-startup.ts'
import { PROXY_WRITTEN_MAX, writeProxyHeader } from '../../wire/proxy-protocol.ts'
import type { Arrival } from '../decide/arrival.ts'
import { ANOTHER, type Attempts, TIMED_OUT } from '../decide/attempts.ts'
import { countOpen } from '../decide/balance.ts'
import { deadlineMs, IN_TIME, overdue, READ_LATE } from '../decide/deadline.ts'
import { ADMITTED, type Decider } from '../decide/decide.ts'
import { createDecision } from '../decide/decision.ts'
import { dialFailure, isReset, isShortage, relayFailure } from '../decide/failures.ts'
import { Asked, MORE, refusedFor } from '../decide/reader.ts'
import { move, State } from '../decide/state.ts'
import { FROM_CLIENT, FROM_UPSTREAM, type From, type Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import { resetWhenClosed } from './direct.ts'
import { keepAlive } from './keepalive.ts'
import { Pump, reset } from './pump.ts'

/** Bytes of a client that are kept while its upstream is being dialed; then it is left waiting. */
const EARLY_BYTES_MAX = 65_536
/** The longest time that `setTimeout` takes. */
const TIMER_MAX_MS = 2 ** 31 - 1

export const SIDES = ['client', 'upstream'] as const
export type SideName = (typeof SIDES)[number]

type ConnectionOptions = {
  readonly world: World
  readonly decider: Decider
  readonly journal: Journal
  readonly reception: Reception
  readonly attempts: Attempts
  /** A row of the journal, −1 where there is none left; `onFree` gives it back. */
  readonly takeRow: (connection: Connection) => number
  /** It is closing, and `cut` is to be called soon. */
  readonly onClosing: (connection: Connection) => void
  /** Called once, at the very end; `row` is −1 where it had none. */
  readonly onFree: (connection: Connection, reason: number, row: number) => void
}

export class Connection {
  /** Until it has been decided about. */
  #arrival: Arrival | null
  /** Of one that goes on. */
  readonly #decision = createDecision()
  readonly #client: Socket
  readonly #world: World
  readonly #decider: Decider
  readonly #journal: Journal
  readonly #reception: Reception
  readonly #attempts: Attempts
  readonly #takeRow: ConnectionOptions['takeRow']
  readonly #counters: Float64Array
  readonly #onClosing: ConnectionOptions['onClosing']
  readonly #onFree: ConnectionOptions['onFree']
  readonly #times = { readUntilMs: 0, acceptedMs: 0, dialedMs: 0, activeMs: 0 }
  #state: State = State.Free
  /** Of the journal; −1: none. */
  #row = -1
  #reason = -1
  #upstream: Socket | null = null
  #toUpstream: Pump | null = null
  #toClient: Pump | null = null
  #timer: NodeJS.Timeout | undefined
  #openSockets = 0
  /** What the client sent before there was an upstream, and whether it has ended. */
  #early: Buffer[] = []
  #earlyBytes = 0
  /** It was, or is, read from before it is decided about. */
  #isRead = false
  /** Its upstream is asked for TLS first, and until it agrees the client's bytes wait. */
  #starttls = false
  #clientEnded = false

  /** Counts the client's socket as an accepted connection. */
  constructor(client: Socket, arrival: Arrival, options: ConnectionOptions) {
    this.#client = client
    this.#arrival = arrival
    this.#world = options.world
    this.#decider = options.decider
    this.#journal = options.journal
    this.#reception = options.reception
    this.#attempts = options.attempts
    this.#takeRow = options.takeRow
    this.#onClosing = options.onClosing
    this.#onFree = options.onFree
    this.#counters = options.decider.stats.counters[options.decider.worker]
    this.#times.acceptedMs = arrival.arrivedMs
    this.#counters[Counter.accepted]++
    this.#counters[Counter.open]++
    this.#enter(State.Reading)
    this.#own(client)
    client.on('error', this.#onClientError)
    resetWhenClosed(client, true)
  }

  /** Decides about it; where it has something to say first, once it has been said. */
  serve(): void {
    const arrival = this.#arrival
    if (arrival === null) return
    this.#row = this.#takeRow(this)
    if (this.#row < 0) this.close(Reason['max-connections'])
    else if (this.#reception.reads(arrival, this.#times.acceptedMs)) this.#read(arrival)
    else this.#decide(arrival)
  }

  // ── reading ────────────────────────────────────────────────────────────────

  #read(arrival: Arrival): void {
    this.#isRead = true
    this.#journal.reading(this.#row, arrival)
    this.#receive()
    this.#readOn(arrival)
  }

  /** A reader answers; what it takes for itself is gone. */
  #ask(arrival: Arrival, asked: Asked): void {
    const bytes = this.#early.length === 1 ? this.#early[0] : Buffer.concat(this.#early)
    const answer = this.#reception.read(arrival, bytes, asked)
    const reason = refusedFor(answer)
    this.#early = [bytes]
    if (answer === MORE && arrival.reply !== 0) this.#client.write(Uint8Array.of(arrival.reply))
    arrival.reply = 0
    if (answer === MORE) this.#readOn(arrival)
    else if (reason >= 0) this.close(reason)
    else {
      this.#early = answer < bytes.length ? [bytes.subarray(answer)] : []
      this.#decide(arrival)
    }
  }

  #readOn(arrival: Arrival): void {
    this.#times.readUntilMs = arrival.readUntilMs
    this.#watch()
  }

  // ── deciding ───────────────────────────────────────────────────────────────

  #decide(arrival: Arrival): void {
    const reason = this.#reception.decide(arrival)
    if (reason === ADMITTED) this.#admit(arrival)
    else this.close(reason)
  }

  /** Goes where the decision says; what was read and is left goes first. */
  #admit(arrival: Arrival): void {
    const { table, decision } = arrival
    const row = this.#row
    Object.assign(this.#decision, decision, { address: this.#decision.address })
    this.#decision.address.set(decision.address)
    this.#journal.opened(row, arrival)
    this.#starttls = arrival.hearing?.starttls === true
    this.#enter(State.Dialing)
    countOpen(this.#decider, decision.clusterSlot, 1)
    this.#earlyBytes = this.#early.reduce((sum, chunk) => sum + chunk.length, 0)
    if (this.#earlyBytes > 0) this.#came(this.#earlyBytes)
    if (this.#earlyBytes >= EARLY_BYTES_MAX) this.#client.pause()
    if (!this.#isRead) this.#receive()
    if (table) this.#attempts.begin(row, table, decision, this.#world.monotonicMs())
    this.#leave(arrival)
    this.#dial()
    this.#watch()
  }

  #receive(): void {
    this.#client.on('data', this.#onClientData)
    this.#client.on('end', this.#onClientEnd)
    this.#client.resume()
  }

  #leave(arrival: Arrival): void {
    this.#arrival = null
    this.#reception.leave(arrival)
  }

  /** Resets both sides; the first reason counts. */
  readonly close = (reason: number): void => {
    if (this.#state === State.Closing) return
    const isRefused = this.#state === State.Reading && !this.#isRead
    this.#settle(reason)
    if (isRefused) this.cut()
    else this.#onClosing(this)
  }

  /** The reset itself, of one that is closing. */
  cut(): void {
    reset(this.#client)
    if (this.#upstream) reset(this.#upstream)
  }

  /**
   * The socket of a side that nothing is read from at the moment, though it is open; null where
   * something is.
   */
  unheard(side: SideName): Socket | null {
    const isClient = side === 'client'
    if (this.#state === State.Closing || (!isClient && this.#state <= State.Dialing)) return null
    const socket = isClient ? this.#client : this.#upstream
    return socket && (socket.isPaused() || socket.readableEnded) ? socket : null
  }

  /**
   * Whether no more bytes of the side will be delivered: all have been, there is no other side yet,
   * or nothing has moved for `stillMs`.
   */
  isOver(side: SideName, stillMs: number): boolean {
    if (this.#state <= State.Dialing) return true
    const pump = side === 'client' ? this.#toUpstream : this.#toClient
    return pump?.finished === true || this.#world.monotonicMs() - this.#times.activeMs >= stillMs
  }

  /** Whether it has a row that is read. */
  get #isInJournal(): boolean {
    return this.#isRead || this.#state >= State.Dialing
  }

  /** A side has reset, or failed otherwise, and Node does not know. */
  readonly fail = (side: SideName, error: Pick<NodeJS.ErrnoException, 'code' | 'errno'>): void => {
    if (this.#isInJournal && this.#state !== State.Closing) this.#journal.broke(this.#row, error.errno ?? 0)
    this.close(relayFailure(side, error.code ?? ''))
  }

  // ── dialing ────────────────────────────────────────────────────────────────

  #dial(): void {
    const { family, address, port, keepaliveTimeS } = this.#decision
    this.#attempts.dialed()
    this.#times.dialedMs = this.#world.monotonicMs()
    const host = formatAddress(family === 4 ? 4 : 6, address)
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false })
    if (keepaliveTimeS >= 0) keepAlive(upstream, this.#decision)
    this.#upstream = upstream
    this.#own(upstream)
    upstream.on('error', error => this.#onUpstreamError(upstream, error))
    upstream.on('connect', this.#onConnect)
  }

  #onDialFailed(code: string, errno = 0): void {
    const next = this.#attempts.failed(this.#row, { code, errno }, this.#decision, this.#world.monotonicMs())
    if (next !== ANOTHER) {
      this.close(next)
      return
    }
    this.#upstream?.destroy()
    this.#dial()
    this.#watch()
  }

  readonly #onConnect = (): void => {
    const upstream = this.#upstream
    if (upstream === null || this.#state !== State.Dialing) return
    resetWhenClosed(upstream, true)
    this.#enter(State.Relaying)
    const nowMs = this.#world.monotonicMs()
    this.#times.activeMs = nowMs
    this.#attempts.connected(this.#row, nowMs - this.#times.dialedMs, nowMs)
    const toUpstream = new Pump(this.#client, upstream, this.#onToUpstream, this.#onClientPassedEnd)
    this.#toUpstream = toUpstream
    this.#toClient = new Pump(upstream, this.#client, this.#onToClient, this.#onUpstreamPassedEnd)
    upstream.on('data', this.#onUpstreamData)
    upstream.on('end', this.#onUpstreamEnd)
    if (this.#decision.proxyVersion !== 0) {
      upstream.cork() // into one segment with what the client has said
      toUpstream.introduce(this.#header())
    }
    if (this.#starttls) toUpstream.introduce(Buffer.from(SSL_REQUEST))
    else this.#flushEarly(toUpstream)
    upstream.uncork()
    this.#watch()
  }

  /** What the client has said by now goes on. */
  #flushEarly(toUpstream: Pump): void {
    for (const chunk of this.#early) toUpstream.write(chunk)
    this.#early = []
    if (this.#clientEnded) toUpstream.end()
  }

  /** The upstream's answer: one byte, and no more, which would have been said in the clear. */
  #onStarttls(chunk: Buffer): void {
    this.#starttls = false
    if (chunk.length !== 1 || !isAgreed(chunk[0])) this.close(Reason['starttls-refused'])
    else if (this.#toUpstream) this.#flushEarly(this.#toUpstream)
  }

  /** What the upstream gets first: who the client is. */
  #header(): Buffer {
    const header = Buffer.allocUnsafe(PROXY_WRITTEN_MAX)
    const version = this.#decision.proxyVersion === 1 ? 1 : 2
    const name = this.#journal.serverNameOf(this.#row)
    const bytes = writeProxyHeader(header, 0, version, this.#journal.addressesOf(this.#row), name)
    return header.subarray(0, bytes)
  }

  /** The upstream had accepted, and has reset before Node told of either. */
  #onResetAtOnce(error: NodeJS.ErrnoException): void {
    const nowMs = this.#world.monotonicMs()
    this.#enter(State.Relaying)
    this.#attempts.connected(this.#row, nowMs - this.#times.dialedMs, nowMs)
    this.fail('upstream', error)
  }

  #keepEarly(chunk: Buffer): void {
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes >= EARLY_BYTES_MAX) this.#client.pause()
  }

  // ── relaying ───────────────────────────────────────────────────────────────

  readonly #onClientData = (chunk: Buffer): void => {
    if (this.#state === State.Closing) return // it is lost, as what comes after the reset
    if (this.#state === State.Reading) this.#onRead(chunk)
    else {
      this.#came(chunk.length)
      if (this.#toUpstream && !this.#starttls) this.#toUpstream.write(chunk)
      else this.#keepEarly(chunk)
    }
  }

  #onRead(chunk: Buffer): void {
    this.#early.push(chunk)
    if (this.#arrival) this.#ask(this.#arrival, Asked.bytes)
  }

  #came(bytes: number): void {
    this.#counters[Counter.clientBytes] += bytes
    this.#times.activeMs = this.#world.monotonicMs()
    this.#journal.received(this.#row, FROM_CLIENT, bytes, this.#times.activeMs)
  }

  readonly #onUpstreamData = (chunk: Buffer): void => {
    if (this.#state === State.Closing) return
    if (this.#starttls) {
      this.#onStarttls(chunk)
      return
    }
    this.#counters[Counter.upstreamBytes] += chunk.length
    this.#times.activeMs = this.#world.monotonicMs()
    this.#journal.received(this.#row, FROM_UPSTREAM, chunk.length, this.#times.activeMs)
    this.#toClient?.write(chunk)
  }

  readonly #onToUpstream = (bytes: number): void =>
    this.#journal.delivered(this.#row, FROM_CLIENT, bytes, this.#world.monotonicMs())

  readonly #onToClient = (bytes: number): void =>
    this.#journal.delivered(this.#row, FROM_UPSTREAM, bytes, this.#world.monotonicMs())

  readonly #onClientEnd = (): void => {
    this.#clientEnded = true
    if (this.#state === State.Reading && this.#arrival) this.#ask(this.#arrival, Asked.end)
    else if (this.#state !== State.Closing && !this.#starttls) this.#toUpstream?.end()
  }

  readonly #onUpstreamEnd = (): void => {
    if (this.#state === State.Closing) return
    if (this.#starttls) this.close(Reason['starttls-refused'])
    else this.#toClient?.end()
  }

  readonly #onClientPassedEnd = (): void => this.#onPassedEnd(FROM_CLIENT)

  readonly #onUpstreamPassedEnd = (): void => this.#onPassedEnd(FROM_UPSTREAM)

  /**
   * After the first end bytes still flow the other way; after the second both sockets close by
   * themselves.
   */
  #onPassedEnd(from: From): void {
    this.#journal.ended(this.#row, from, this.#world.monotonicMs())
    if (this.#state === State.HalfClosed) this.#settleInOrder()
    if (this.#state === State.Closing) return
    this.#reason = Reason[from === FROM_CLIENT ? 'client-closed' : 'upstream-closed']
    this.#enter(State.HalfClosed)
    this.#times.activeMs = this.#world.monotonicMs()
  }

  // ── ending ─────────────────────────────────────────────────────────────────

  readonly #onClientError = (error: NodeJS.ErrnoException): void => this.fail('client', error)

  #onUpstreamError(upstream: Socket, error: NodeJS.ErrnoException): void {
    if (upstream !== this.#upstream) return // an attempt that was given up
    const { code = '', errno } = error
    if (this.#state !== State.Dialing) this.fail('upstream', error)
    else if (isReset(code)) this.#onResetAtOnce(error)
    else if (isShortage(code)) this.close(dialFailure(code))
    else this.#onDialFailed(code, errno)
  }

  /**
   * One timer for all deadlines; a byte that moves only stores the time, and the timer finds it.
   */
  readonly #watch = (): void => {
    clearTimeout(this.#timer)
    const nowMs = this.#world.monotonicMs()
    if (overdue(this.#state, this.#times, this.#decision, nowMs) === IN_TIME)
      this.#lookAgainIn(deadlineMs(this.#state, this.#times, this.#decision) - nowMs)
    else setImmediate(this.#judge)
  }

  /** Its time was up a turn of the loop ago: what had come by then has been read by now. */
  readonly #judge = (): void => {
    if (this.#state === State.Closing || this.#state === State.Free) return
    const reason = overdue(this.#state, this.#times, this.#decision, this.#world.monotonicMs())
    if (reason === READ_LATE && this.#arrival) this.#ask(this.#arrival, Asked.late)
    else if (reason === Reason['connect-timeout']) this.#onDialFailed(TIMED_OUT)
    else if (reason === IN_TIME) this.#watch()
    else this.close(reason)
  }

  #lookAgainIn(waitMs: number): void {
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(this.#watch, Math.min(Math.ceil(waitMs), TIMER_MAX_MS))
  }

  /** Takes note of a socket, so that the connection ends when the last one of it is closed. */
  #own(socket: Socket): void {
    this.#openSockets++
    socket.on('close', this.#onSocketClosed)
  }

  readonly #onSocketClosed = (): void => {
    this.#openSockets--
    if (this.#openSockets > 0 || this.#state !== State.Closing) return
    this.#enter(State.Free)
    this.#note(this.#world.monotonicMs())
    this.#counters[Counter.open]--
    this.#counters[closedAt(this.#reason)]++
    this.#onFree(this, this.#reason, this.#row)
  }

  /** In the journal, that it is over. */
  #note(nowMs: number): void {
    const arrival = this.#arrival
    if (arrival === null) this.#journal.closed(this.#row, this.#reason, nowMs)
    else {
      this.#journal.refused(this.#isRead ? this.#row : -1, arrival, this.#reason, nowMs)
      this.#leave(arrival)
    }
  }

  #settleInOrder(): void {
    resetWhenClosed(this.#client, false)
    if (this.#upstream) resetWhenClosed(this.#upstream, false)
    this.#settle(this.#reason)
  }

  #settle(reason: number): void {
    clearTimeout(this.#timer)
    if (this.#upstream) {
      this.#attempts.ended(this.#row)
      countOpen(this.#decider, this.#decision.clusterSlot, -1)
    }
    this.#reason = reason
    this.#early = []
    this.#enter(State.Closing)
  }

  /** The only writer of the state. */
  #enter(next: State): void {
    this.#state = move(this.#state, next)
  }
}
