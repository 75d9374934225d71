/**
 * Terminating TLS: the handshake with a client, in Reading, once its ClientHello is whole
 * (../decide/name-reader.ts). What the client says then is decided about as any connection is, with
 * its certificate known. The deadline of its ClientHello is that of the handshake, too.
 *
 *   hello ─▶ session ─▶ handshake … ─┬─ done ─▶ decided (admission.ts)
 *                          ▲  more ──┤
 *                          └─────────┴─ failed ─▶ an alert ─▶ reset
 */

import { mark } from '../../base/mark.ts'
import type { Memory } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { certifies, type TlsServer } from '../../table/plan/tls.ts'
import { Own, UNFINISHED } from '../../tls/details.ts'
import { CLOSED, FAILED, type Session, Step } from '../../tls/session.ts'
import type { Arrival } from '../decide/arrival.ts'
import { isTooLong } from '../worker/certified.ts'
import type { Journal } from '../worker/journal.ts'
import type { Clock } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, type Slots, UPSTREAM } from './slots.ts'
import type { TlsFilter } from './tls-filter.ts'
import { NO_BUFFER } from './tls-pieces.ts'

/** For an alert to leave, once the handshake has failed. */
const ALERT_MS = 1_000

type TerminatingOptions = {
  readonly memory: Memory
  readonly slots: Slots
  readonly queues: Queues
  readonly journal: Journal
  readonly filter: TlsFilter
  readonly endings: Endings
  readonly clock: Clock
  /** A session for a client; a number: the detail of why there is none. */
  readonly accept: (server: TlsServer) => Session | number
}

export class Terminating {
  readonly #options: TerminatingOptions
  /** Why those whose session has failed are reset once their alert is sent. */
  readonly #failed = new WeakMap<Session, number>()

  constructor(options: TerminatingOptions) {
    this.#options = options
  }

  /** The client's queue has its bytes so far. */
  begin(slot: number, arrival: Arrival, server: TlsServer): Step {
    const { filter, endings, journal, accept } = this.#options
    const session = accept(server)
    if (typeof session === 'number') {
      journal.broke(slot, session)
      endings.close(slot, Reason['tls-handshake'])
      return Step.failed
    }
    filter.place(slot, CLIENT, session)
    return this.goOn(slot, arrival)
  }

  /** Whether its handshake has begun, and is not finished. */
  isShaking(slot: number): boolean {
    return this.#options.filter.shaking(slot, CLIENT) !== null
  }

  /** More bytes of the client are in its queue. */
  goOn(slot: number, arrival: Arrival): Step {
    const { queues, memory, filter } = this.#options
    const at = 2 * slot + CLIENT
    const session = filter.shaking(slot, CLIENT)
    if (session === null) return Step.failed
    while (queues.count(at) > 0) {
      const bytes = queues.bytes(at)
      const buffer = queues.takeFirst(at, memory.u8)
      session.feed(queues.placeOf(buffer), bytes)
      queues.give(buffer)
    }
    if (this.#failed.has(session)) return Step.failed
    const step = session.handshake()
    const isDone = step === Step.done
    if (!(isDone ? filter.flushLast(slot, session) : filter.flush(slot, CLIENT, session))) return Step.failed
    if (isDone) return this.#finish(slot, arrival, session)
    if (step === Step.failed) this.#fail(slot, arrival, session)
    return step
  }

  /** The client's socket has ended in the middle. */
  ended(slot: number): void {
    const { journal, endings } = this.#options
    mark('a client ends in its handshake')
    if (this.#hasFailed(slot)) this.#reset(slot)
    else {
      journal.broke(slot, UNFINISHED)
      endings.close(slot, Reason['tls-handshake'])
    }
  }

  late(slot: number): void {
    if (this.#hasFailed(slot)) this.#reset(slot)
    else {
      mark('a handshake with a client is late')
      this.#options.endings.close(slot, Reason['tls-timeout'])
    }
  }

  /** weir's words to the client have gone out. */
  sent(slot: number): void {
    if (this.#isQuiet(slot) && this.#hasFailed(slot)) this.#reset(slot)
  }

  #hasFailed(slot: number): boolean {
    const session = this.#options.filter.shaking(slot, CLIENT)
    return session !== null && this.#failed.has(session)
  }

  #isQuiet(slot: number): boolean {
    return this.#options.queues.count(2 * slot + UPSTREAM) === 0
  }

  #finish(slot: number, arrival: Arrival, session: Session): Step {
    const { filter, slots } = this.#options
    const { server, query } = arrival
    query.alpn = server?.alpn.length === 0 ? '' : session.alpn()
    query.identity = certifies(server ?? undefined) ? session.identity() : null
    if (query.identity && isTooLong(query.identity)) return this.#refuse(slot, Own.identityTooLong)
    const kept = filter.keep(slot, session)
    if (kept === CLOSED) slots.flow[2 * slot + CLIENT] |= FlowIs.ended
    if (kept === NO_BUFFER) filter.lack(slot)
    else if (kept === FAILED) this.#fail(slot, arrival, session)
    else {
      filter.agreed(slot, CLIENT)
      return Step.done
    }
    return Step.failed
  }

  /** Whoever OpenSSL is content with, and weir is not. */
  #refuse(slot: number, detail: number): Step {
    const { journal, endings } = this.#options
    journal.broke(slot, detail)
    endings.close(slot, Reason['tls-client-certificate'])
    return Step.failed
  }

  /** The alert goes out before the reset, which would overtake it. */
  #fail(slot: number, arrival: Arrival, session: Session): void {
    const { journal, clock } = this.#options
    const { detail, isCertificate } = session.failure
    journal.broke(slot, detail)
    this.#failed.set(session, isCertificate ? Reason['tls-client-certificate'] : Reason['tls-handshake'])
    arrival.readUntilMs = clock.nowMs + ALERT_MS
    if (this.#isQuiet(slot)) this.#reset(slot)
    else mark('an alert leaves before the reset')
  }

  #reset(slot: number): void {
    const session = this.#options.filter.shaking(slot, CLIENT)
    const reason = session && this.#failed.get(session)
    this.#options.endings.close(slot, reason ?? Reason['tls-handshake'])
  }
}
