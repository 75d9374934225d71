/**
 * One connection in the `node` engine: a client's socket, an upstream's, and the relay between
 * them.
 *
 * States and moves are those of ../decide/state.ts, decisions those of ../decide/decide.ts,
 * timeouts those of ../decide/deadline.ts; this module applies them to Node's sockets. Everything
 * arrives as an event and ends in `close`; nothing throws. The sockets are set to end with a reset
 * until both sides have ended in order, so even if the worker dies, no peer takes a broken stream
 * for a complete one. Without node:ffi the kernel closes the sockets of a killed worker in order.
 */

import type { Socket } from 'node:net'
import type { World } from '../../base/world.ts'
import { Reason } from '../../stats/reasons.ts'
import { tlsUpstreamOf } from '../../table/format/tls.ts'
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
import { ClientSide } from './client-side.ts'
import { Dial, headerOf } from './dial.ts'
import { Pair, type SideName } from './pair.ts'
import { Relay } from './relay.ts'
import type { Settling } from './settling.ts'
import { watchUpstream } from './tcp-times.ts'
import { Timing } from './timing.ts'
import type { TlsContexts } from './tls-contexts.ts'
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
  readonly #client: ClientSide
  /** Until the decision. */
  #arrival: Arrival | null
  /** Of an admitted connection, like the fields below. */
  readonly #decision = createDecision()
  #state: State = State.Free
  #reason = -1
  #dial: Dial | null = null
  #relay: Relay | null = null
  #isBooked = false

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
    this.#pair = new Pair(client, {
      onUnheard: () => options.watch.add(this),
      onAllClosed: this.#onAllClosed,
    })
    this.#client = new ClientSide({
      raw: client,
      account: this.#account,
      timing: this.#timing,
      reception: options.reception,
      contexts: options.contexts,
      onHeard: this.#decide,
      onRejected: this.close,
      onSocketFailed: error => this.fail('client', error),
    })
  }

  /** Decides about it, after a reader if it needs one. */
  serve(): void {
    const { takeRow, reception } = this.#options
    const arrival = this.#arrival
    if (arrival === null) return
    this.#account.row = takeRow(this)
    if (this.#account.row < 0) this.close(Reason['max-connections'])
    else if (reception.reads(arrival, arrival.arrivedMs)) this.#client.read(arrival)
    else this.#decide(arrival)
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
      timing: this.#timing,
      journal,
      row,
      counters: decider.stats.counters[decider.worker],
      onPassedEnd: this.#onPassedEnd,
      isHeld: arrival.hearing?.starttls === true && arrival.server === null,
    })
    this.#client.passTo(this.#relay)
    const tls = table && decision.cluster >= 0 ? tlsUpstreamOf(table, decision.cluster) : null
    if (table) attempts.begin(row, table, decision, this.#timing.nowMs)
    this.#arrival = null
    reception.leave(arrival)
    this.#dial = new Dial({
      decision: this.#decision,
      row,
      attempts,
      tls: tls && { upstream: tls, contexts: this.#options.contexts },
      headerOf: () => headerOf(this.#decision, journal, row, this.#client.tls),
      timing: this.#timing,
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
    this.#options.attempts.settled(this.#account.row)
    if (this.#pair.upstream) watchUpstream(this.#pair.upstream, this.#decision)
  }

  readonly #onUpstreamBroken = (error: NodeJS.ErrnoException): void => {
    if (isReset(error.code ?? '') && this.#isUntouched()) this.#redial(error.errno ?? 0)
    else this.fail('upstream', error)
  }

  /** Whether the client cannot tell that an upstream was there, as in ../flow/dialer.ts. */
  #isUntouched(): boolean {
    if (this.#state !== State.Relaying || this.#relay?.isUntouched !== true) return false
    return this.#options.attempts.isYoung(this.#account.row)
  }

  #redial(errno: number): void {
    this.#account.broke(errno)
    this.#pair.upstream?.off('data', this.#onUpstreamData).off('end', this.#onUpstreamEnd)
    this.#options.settling.delete(this)
    this.#relay?.part()
    this.#enter(State.Dialing)
    this.#dial?.again(errno)
  }

  readonly #onUpstreamData = (chunk: Buffer): void => {
    if (this.#state === State.Closing || this.#relay === null) return
    if (!this.#relay.isHeld) this.#relay.upstreamSaid(chunk)
    else if (chunk.length === 1 && isAgreed(chunk[0])) this.#relay.release()
    else this.close(Reason['starttls-refused']) // more than a byte would have come in the clear
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
    if (reason === READ_LATE) this.#client.late()
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
    this.#client.end()
    this.#enter(State.Closing)
  }

  readonly #onAllClosed = (): void => {
    if (this.#state !== State.Closing) return
    this.#client.tls?.destroy()
    this.#dial?.closed()
    this.#enter(State.Free)
    this.#book()
    this.#options.onFree(this, this.#reason, this.#account.row)
  }

  /** The only writer of the state. */
  #enter(next: State): void {
    this.#state = move(this.#state, next)
  }
}
