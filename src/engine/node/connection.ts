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
 *
 * More than 300 lines, since all that changes the state of a connection is here.
 */

import type { Socket } from 'node:net'
import type { World } from '../../base/world.ts'
import { Reason } from '../../stats/reasons.ts'
import { tlsUpstreamOf } from '../../table/format/tls.ts'
import type { TlsServer } from '../../table/plan/tls.ts'
import { isAgreed } from '../../wire/postgres-startup.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Attempts } from '../decide/attempts.ts'
import { countOpen } from '../decide/balance.ts'
import { READ_LATE } from '../decide/deadline.ts'
import type { Decider } from '../decide/decide.ts'
import { ADMITTED, copyDecision, createDecision } from '../decide/decision.ts'
import { isReset, relayFailure } from '../decide/failures.ts'
import { move, State } from '../decide/state.ts'
import { FROM_CLIENT, FROM_UPSTREAM, type From, type Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import { Account } from './account.ts'
import { Dial, headerOf } from './dial.ts'
import { Early } from './early.ts'
import { Pair, type SideName } from './pair.ts'
import { Reading } from './reading.ts'
import { Relay } from './relay.ts'
import type { Settling } from './settling.ts'
import { keepAlive, limitUnacknowledged } from './tcp-times.ts'
import { terminate } from './terminating.ts'
import { Timing } from './timing.ts'
import type { TlsContexts } from './tls-contexts.ts'
import type { TlsEnd } from './tls-end.ts'
import type { Watch } from './watch.ts'

type ConnectionOptions = {
  readonly world: World
  readonly decider: Decider
  readonly journal: Journal
  readonly reception: Reception
  readonly attempts: Attempts
  readonly contexts: TlsContexts
  /** A row of the journal, −1 if none is left; `onFree` gives it back. */
  readonly takeRow: (connection: Connection) => number
  /** Called when a side may not be read from. */
  readonly watch: Watch
  readonly settling: Settling
  /** It is closing, and expects a call of `cut` soon. */
  readonly onClosing: (connection: Connection) => void
  /** Called once, at the very end; `row` is −1 if it had none. */
  readonly onFree: (connection: Connection, reason: number, row: number) => void
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #pair: Pair
  readonly #account: Account
  readonly #timing: Timing
  readonly #early = new Early()
  /** Until the decision. */
  #arrival: Arrival | null
  /** Of an admitted connection, like the fields below. */
  readonly #decision = createDecision()
  #state: State = State.Free
  #reason = -1
  #reading: Reading | null = null
  #dial: Dial | null = null
  #relay: Relay | null = null
  #clientEnded = false
  #isBooked = false
  /** What is read from the client and written to it: its socket, or TLS over it. */
  #client: Socket
  #end: TlsEnd | null = null

  /** Counts the client's socket as an accepted connection. */
  constructor(client: Socket, arrival: Arrival, options: ConnectionOptions) {
    const { world, decider, journal } = options
    this.#options = options
    this.#arrival = arrival
    this.#account = new Account(decider.stats.counters[decider.worker], journal)
    this.#timing = new Timing({
      world,
      acceptedMs: arrival.arrivedMs,
      decision: this.#decision,
      stateOf: () => this.#state,
      onLate: this.#onLate,
    })
    this.#enter(State.Reading)
    this.#client = client
    this.#pair = new Pair(client, {
      onUnheard: () => options.watch.add(this),
      onAllClosed: this.#onAllClosed,
    })
    client.on('error', (error: NodeJS.ErrnoException) => this.fail('client', error))
  }

  /** Decides about it, after a reader if it needs one. */
  serve(): void {
    const { takeRow, reception } = this.#options
    const arrival = this.#arrival
    if (arrival === null) return
    this.#account.row = takeRow(this)
    if (this.#account.row < 0) this.close(Reason['max-connections'])
    else if (reception.reads(arrival, arrival.arrivedMs)) this.#read(arrival)
    else this.#decide(arrival)
  }

  #read(arrival: Arrival): void {
    this.#account.reading(arrival)
    this.#receive()
    this.#reading = new Reading({
      arrival,
      client: this.#pair.client,
      early: this.#early,
      timing: this.#timing,
      reception: this.#options.reception,
      onRead: this.#onRead,
      onRefused: this.close,
    })
  }

  #receive(): void {
    const client = this.#client
    client.on('data', this.#onClientData)
    client.on('end', this.#onClientEnd)
    client.resume()
  }

  readonly #onRead = (arrival: Arrival): void => {
    if (arrival.server === null) this.#decide(arrival)
    else this.#terminate(arrival, arrival.server)
  }

  /** The handshake with a client, in state Reading (terminating.ts). */
  #terminate(arrival: Arrival, server: TlsServer): void {
    const { client } = this.#pair
    client.off('data', this.#onClientData)
    client.off('end', this.#onClientEnd)
    this.#end = terminate({
      arrival,
      server,
      raw: client,
      early: this.#early,
      contexts: this.#options.contexts,
      onSecured: secured => {
        this.#client = secured
        this.#receive()
        this.#decide(arrival)
      },
      onDenied: (reason, detail) => {
        if (this.#state !== State.Closing) this.#account.broke(detail)
        setImmediate(() => this.close(reason)) // an alert may be on its way out
      },
      onBrokenOff: detail => this.fail('client', { code: 'ECONNRESET', errno: detail }),
      onCutShort: () => this.close(Reason['tls-truncated']),
    })
  }

  readonly #decide = (arrival: Arrival): void => {
    const reason = this.#options.reception.decide(arrival)
    if (reason === ADMITTED) this.#admit(arrival)
    else this.close(reason)
  }

  /** Follows the decision; the bytes left by readers go first. */
  #admit(arrival: Arrival): void {
    const { decider, journal, attempts, reception } = this.#options
    const { table, decision } = arrival
    const { row } = this.#account
    copyDecision(decision, this.#decision)
    this.#account.opened(arrival)
    this.#enter(State.Dialing)
    countOpen(decider, decision.clusterSlot, 1)
    this.#relay = new Relay({
      client: this.#client,
      early: this.#early,
      timing: this.#timing,
      journal,
      row,
      counters: decider.stats.counters[decider.worker],
      onPassedEnd: this.#onPassedEnd,
      isHeld: arrival.hearing?.starttls === true && arrival.server === null,
    })
    if (this.#clientEnded) this.#relay.ended(FROM_CLIENT)
    if (!this.#account.isRead) this.#receive()
    const tls = table && decision.cluster >= 0 ? tlsUpstreamOf(table, decision.cluster) : null
    if (table) attempts.begin(row, table, decision, this.#timing.nowMs)
    this.#arrival = this.#reading = null
    reception.leave(arrival)
    this.#dial = new Dial({
      decision: this.#decision,
      row,
      attempts,
      tls: tls && { upstream: tls, contexts: this.#options.contexts },
      headerOf: () => headerOf(this.#decision, journal, row, this.#end),
      timing: this.#timing,
      onUpstreamCut: () => this.close(Reason['tls-truncated']),
      onDialed: this.#timing.watch,
      onConnected: this.#onConnected,
      onFailed: this.close,
      onSocket: socket => this.#pair.setUpstream(socket),
      onBroken: this.#onUpstreamBroken,
    })
    this.#dial.begin()
  }

  readonly #onConnected = (upstream: Socket, header: Buffer): void => {
    if (this.#state !== State.Dialing) return
    this.#enter(State.Relaying)
    upstream.on('data', this.#onUpstreamData)
    upstream.on('end', this.#onUpstreamEnd)
    if (this.#relay?.isHeld) this.#timing.agreeUntilMs = this.#timing.nowMs + this.#decision.connectTimeoutMs
    this.#relay?.join(upstream, header)
    this.#timing.watch()
    this.#options.settling.add(this)
  }

  /** Its upstream has been there for a while, and may vanish. */
  readonly settle = (): void => {
    const { upstream } = this.#pair
    this.#options.attempts.settled(this.#account.row)
    const { keepaliveTimeS: timeS, keepaliveIntervalS: intervalS, keepaliveProbes: probes } = this.#decision
    if (upstream === null || (timeS < 0 && this.#decision.userTimeoutMs === 0)) return
    keepAlive(upstream, timeS < 0 ? null : { timeS, intervalS, probes })
    limitUnacknowledged(upstream, this.#decision.userTimeoutMs)
  }

  readonly #onUpstreamBroken = (error: NodeJS.ErrnoException): void => {
    if (isReset(error.code ?? '') && this.#isUntouched()) this.#redial(error.errno ?? 0)
    else this.fail('upstream', error)
  }

  /**
   * Whether the client cannot tell that an upstream was there, as in ../flow/dialer.ts. Of bytes
   * that Node was given nobody knows whether the kernel has taken them.
   */
  #isUntouched(): boolean {
    const { attempts, journal } = this.#options
    const { row } = this.#account
    if (this.#state !== State.Relaying || this.#relay?.isUnused !== true) return false
    return attempts.isYoung(row) && journal.isUntouched(row)
  }

  #redial(errno: number): void {
    this.#account.broke(errno)
    this.#pair.upstream?.off('data', this.#onUpstreamData).off('end', this.#onUpstreamEnd)
    this.#options.settling.delete(this)
    this.#relay?.part()
    this.#enter(State.Dialing)
    this.#dial?.again(errno)
  }

  readonly #onClientData = (chunk: Buffer): void => {
    if (this.#state === State.Closing) return // lost, like everything after the reset
    if (this.#relay) this.#relay.clientSaid(chunk)
    else this.#reading?.said(chunk)
  }

  readonly #onUpstreamData = (chunk: Buffer): void => {
    if (this.#state === State.Closing || this.#relay === null) return
    if (!this.#relay.isHeld) this.#relay.upstreamSaid(chunk)
    else if (chunk.length === 1 && isAgreed(chunk[0])) {
      this.#timing.agreeUntilMs = Number.POSITIVE_INFINITY
      this.#relay.release()
    } else this.close(Reason['starttls-refused']) // more than a byte would have come in the clear
  }

  readonly #onClientEnd = (): void => {
    this.#clientEnded = true
    if (this.#state === State.Reading) this.#reading?.ended()
    else if (this.#state !== State.Closing) this.#relay?.ended(FROM_CLIENT)
  }

  readonly #onUpstreamEnd = (): void => {
    if (this.#state === State.Closing) return
    if (this.#relay?.isHeld) this.close(Reason['starttls-refused'])
    else this.#relay?.ended(FROM_UPSTREAM)
  }

  /**
   * After the first end bytes still flow the other way; after the second both sockets close by
   * themselves.
   */
  readonly #onPassedEnd = (from: From): void => {
    this.#options.journal.ended(this.#account.row, from, this.#timing.nowMs)
    if (this.#state === State.HalfClosed) {
      this.#pair.endInOrder()
      this.#settle(this.#reason)
    } else if (this.#state !== State.Closing) {
      this.#reason = Reason[from === FROM_CLIENT ? 'client-closed' : 'upstream-closed']
      this.#enter(State.HalfClosed)
      this.#timing.activeMs = this.#timing.nowMs
    }
  }

  /** The open socket of a side that is not read at the moment; null if it is. */
  unheard(side: SideName): Socket | null {
    const isThere = side === 'client' || this.#state > State.Dialing
    return isThere && this.#state !== State.Closing ? this.#pair.unheard(side) : null
  }

  /**
   * Whether no more bytes of the side will be delivered: all were, there is no other side yet, or
   * nothing has moved for `stillMs`.
   */
  isOver(side: SideName, stillMs: number): boolean {
    if (this.#state <= State.Dialing) return true
    const hasGone = this.#relay?.isFinished(side === 'client' ? FROM_CLIENT : FROM_UPSTREAM) === true
    return hasGone || this.#timing.nowMs - this.#timing.activeMs >= stillMs
  }

  /** Resets both sides; the first reason counts. */
  readonly close = (reason: number): void => {
    if (this.#state === State.Closing) return
    const wasRefused = this.#state === State.Reading && !this.#account.isRead
    this.#settle(reason)
    if (wasRefused) {
      this.#book() // before its client knows, as in ../flow/endings.ts
      this.cut()
    } else this.#options.onClosing(this)
  }

  /** Counts and records its end, once. */
  #book(): void {
    if (this.#isBooked) return
    this.#isBooked = true
    this.#account.closed(this.#reason, this.#arrival, this.#options.reception, this.#timing.nowMs)
  }

  /** The reset itself, of one that is closing. */
  cut(): void {
    this.#pair.reset()
  }

  /** A side has reset, or failed otherwise, and Node does not know. */
  readonly fail = (side: SideName, error: Pick<NodeJS.ErrnoException, 'code' | 'errno'>): void => {
    if (this.#state !== State.Closing) this.#account.broke(error.errno ?? 0)
    this.close(relayFailure(side, error.code ?? ''))
  }

  readonly #onLate = (reason: number): void => {
    if (reason === READ_LATE && this.#end) this.close(Reason['tls-timeout'])
    else if (reason === READ_LATE) this.#reading?.late()
    else if (reason === Reason['connect-timeout']) this.#dial?.late()
    else this.close(reason)
  }

  #settle(reason: number): void {
    this.#timing.end()
    if (this.#dial) {
      this.#dial.end()
      this.#options.settling.delete(this)
      this.#options.attempts.ended(this.#account.row)
      countOpen(this.#options.decider, this.#decision.clusterSlot, -1)
    }
    this.#reason = reason
    this.#early.takeAll()
    this.#enter(State.Closing)
  }

  readonly #onAllClosed = (): void => {
    if (this.#state !== State.Closing) return
    this.#end?.destroy()
    this.#dial?.closed()
    const { onFree } = this.#options
    this.#enter(State.Free)
    this.#book()
    onFree(this, this.#reason, this.#account.row)
  }

  /** The only writer of the state. */
  #enter(next: State): void {
    this.#state = move(this.#state, next)
  }
}
