/**
 * A session that stands in for TLS: records, flights and sizes are drawn from the seed, and
 * nothing is secret. Whoever offers a ticket that is taken need not show a certificate.
 *
 *   client ── hello ─▶   ◀─ retry ─┐  sometimes        both ── data … ─▶
 *          ── offer ─▶  ◀─ flight ─┘                        ── update ─▶ ◀─ updated ──  sometimes
 *          ── finished ─▶ ◀─ tickets ──  sometimes          ── close ─▶  each way on its own
 *
 * What TLS asks of a filter is all here: bytes that come in pieces of a record, answers to the side
 * that speaks, words after the handshake that nobody asked for, more bytes out than in, and an end
 * of its own before that of the socket. A record that is lost, doubled, changed or out of order
 * shows at once.
 */

import type { Serving, Ticket } from './credentials.ts'
import type { Dice } from './dice.ts'
import { helloBytes } from './hellos.ts'

/** What a record is. */
const Type = {
  hello: 1,
  retry: 2,
  flight: 3,
  flightEnd: 4,
  finished: 5,
  ticket: 6,
  data: 7,
  update: 8,
  updated: 9,
  close: 10,
  alert: 11,
  offer: 12,
} as const

/** Type, two bytes of length, sequence; then the body and a sum over it. */
/** What goes with `finished`, and with the end of the flight. */
const SHOWS = ['none', 'right', 'wrong'] as const
export type Shows = (typeof SHOWS)[number]
/** RFC 8446, section 6. */
const BAD_RECORD = 20
const BAD_CERTIFICATE = 42

type Terms = {
  /** A ClientHello of its own, which goes before all records. */
  readonly hello?: Uint8Array
  /** One comes before all records. */
  readonly awaitsHello?: boolean
  readonly shows?: Shows
  /** The client's, from a session before. */
  readonly ticket?: Ticket | null
  /** What the server has to serve with; absent: it takes no tickets, and gives some of no use. */
  readonly serving?: Serving
  /** The other one has to show a certificate. */
  readonly asks?: boolean
  /** It says an alert in place of its part of the handshake. */
  readonly breaksOff?: boolean
}

const NOTHING = new Uint8Array(0)
const HEAD_BYTES = 4
const BODY_MAX = 1200
export const RECORD_MOST_BYTES = HEAD_BYTES + BODY_MAX + 1

export class Session {
  isReady = false
  /** It has said `close`, and heard it. */
  saidClose = false
  heardClose = false
  /** The other one has broken the rules: nothing more is heard or said. */
  isBroken = false
  /** Why. */
  failure: '' | 'certificate' | 'alert' | 'record' = ''
  alert = 0
  peerShows: Shows = 'none'
  /** Of the certificate that the server has shown. */
  peerVersion = 0
  hasResumed = false
  /** What the client may offer another time. */
  ticket: Ticket | null = null
  /** What is to go to the other one, in order. */
  out: Uint8Array[] = []
  readonly #isClient: boolean
  readonly #dice: Dice
  #held = new Uint8Array(0)
  #sent = 0
  #got = 0
  #hasRetried = false
  #awaitsHello: boolean
  /** What the client has offered. */
  #offered: Ticket | null = null
  readonly #terms: Terms
  #sentKey = 17
  #gotKey = 17

  constructor(isClient: boolean, dice: Dice, terms: Terms = {}) {
    this.#isClient = isClient
    this.#dice = dice
    this.#terms = terms
    this.#awaitsHello = terms.awaitsHello ?? false
    if (terms.hello) this.#begin(terms.hello)
    else if (isClient) this.#hello()
  }

  /** The ticket that it has offered, as a client. */
  get offers(): Ticket | null {
    return this.#terms.ticket ?? null
  }

  /** Whether the beginning of a record is here, and its rest is not. */
  get isWaiting(): boolean {
    return this.#held.length > 0
  }

  /** The other one has said `bytes`; each piece of its data is told in order. */
  receive(bytes: Uint8Array, onData: (data: Uint8Array) => void): void {
    const held = new Uint8Array(this.#held.length + bytes.length)
    held.set(this.#held)
    held.set(bytes, this.#held.length)
    let at = this.#awaitsHello ? helloBytes(held) : 0
    if (this.#awaitsHello && at > 0) {
      this.#awaitsHello = false
    }
    if (this.#awaitsHello && at === 0) this.#break('record', BAD_RECORD)
    if (at < 0) {
      this.#held = held
      return
    }
    while (!this.isBroken && held.length - at >= HEAD_BYTES) {
      const length = held[at + 1] | (held[at + 2] << 8)
      const end = at + HEAD_BYTES + length + 1
      if (length > BODY_MAX) this.#break('record', BAD_RECORD)
      if (this.isBroken || end > held.length) break
      this.#read(held[at], held[at + 3], held.slice(at + HEAD_BYTES, end - 1), held[end - 1], onData)
      at = end
    }
    this.#held = held.slice(at)
  }

  /** Says data, in records of its own choice. Only once it is ready. */
  say(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const bytes = Math.min(data.length - at, this.#dice.size(BODY_MAX))
      this.#write(Type.data, data.slice(at, at + bytes))
      at += bytes
    }
    if (this.#dice.chance(0.02)) {
      this.#write(Type.update, new Uint8Array(1))
      this.#sentKey = next(this.#sentKey)
    }
  }

  /** Says that no more comes. */
  close(): void {
    this.saidClose = true
    this.#write(Type.close, new Uint8Array(0))
  }

  takeOut(): Uint8Array[] {
    return this.out.splice(0)
  }

  /** A ClientHello of its own, and its ticket, if it has one. */
  #begin(hello: Uint8Array): void {
    const { ticket } = this.#terms
    this.out.push(hello)
    this.#write(Type.offer, ticket ? Uint8Array.of(ticket.key, SHOWS.indexOf(ticket.shows)) : NOTHING)
  }

  #hello(): void {
    this.#write(Type.hello, new Uint8Array(this.#dice.size(600)))
  }

  #read(
    type: number,
    sequence: number,
    body: Uint8Array,
    sum: number,
    onData: (data: Uint8Array) => void,
  ): void {
    turn(body, this.#gotKey)
    const isInOrder = sequence === (this.#got++ & 255) && sum === sumOf(type, body) && !this.heardClose
    if (isInOrder && type === Type.alert) {
      this.alert = body[0]
      this.#break('alert', 0)
    } else if (!isInOrder || !this.#obey(type, body, onData)) this.#break('record', BAD_RECORD)
  }

  #break(failure: 'certificate' | 'alert' | 'record', alert: number): void {
    if (this.isBroken) return
    this.isBroken = true
    this.failure = failure
    if (alert > 0 && !this.saidClose) this.#write(Type.alert, Uint8Array.of(alert))
  }

  /** Whether the other one's certificate is one that may be. */
  #takes(shown: number): boolean {
    this.peerShows = SHOWS[shown] ?? 'none'
    const isRight = this.peerShows !== 'wrong' && !(this.#terms.asks && this.peerShows === 'none')
    if (!isRight) this.#break('certificate', BAD_CERTIFICATE)
    return isRight
  }

  #shown(bytes: number): Uint8Array {
    const body = new Uint8Array(bytes)
    body[0] = SHOWS.indexOf(this.#terms.shows ?? 'right')
    body[1] = this.#terms.serving?.version ?? 0
    body[2] = this.hasResumed ? 1 : 0
    return body
  }

  /** Whether the client's ticket is taken: it says who the client is, where that is asked for. */
  #takesTicket(): boolean {
    const [ticket, { serving, asks }] = [this.#offered, this.#terms]
    if (!ticket || !serving?.keys.has(ticket.key) || (asks && ticket.shows !== 'right')) return false
    this.peerShows = ticket.shows
    return true
  }

  #breakOff(): void {
    this.#write(Type.alert, Uint8Array.of(BAD_CERTIFICATE))
    this.isBroken = true
    this.failure = 'alert'
  }

  /** False where the record may not come now. */
  #obey(type: number, body: Uint8Array, onData: (data: Uint8Array) => void): boolean {
    if (!this.isReady)
      return this.#isClient ? this.#shakeAsClient(type, body) : this.#shakeAsServer(type, body)
    switch (type) {
      case Type.data:
        onData(body)
        return true
      case Type.ticket:
        if (body[0] > 0) this.ticket = { key: body[0], shows: SHOWS[body[1]] ?? 'none' }
        return this.#isClient
      case Type.update:
        this.#gotKey = next(this.#gotKey)
        if (!this.saidClose) this.#write(Type.updated, new Uint8Array(1))
        return true
      case Type.updated:
        return true
      case Type.close:
        this.heardClose = true
        return true
      default:
        return false
    }
  }

  #shakeAsClient(type: number, body: Uint8Array): boolean {
    if (type === Type.retry) this.#hello()
    else if (type === Type.flightEnd) {
      if (!this.#takes(body[0])) return true
      this.peerVersion = body[1]
      this.hasResumed = body[2] === 1
      if (this.#terms.breaksOff) {
        this.#breakOff()
        return true
      }
      this.#write(Type.finished, this.#shown(32))
      this.isReady = true
    } else return type === Type.flight
    return true
  }

  #shakeAsServer(type: number, body: Uint8Array): boolean {
    if (type === Type.finished) {
      if (!this.hasResumed && !this.#takes(body[0])) return true
      this.isReady = true
      for (let ticket = this.#dice.below(3); ticket > 0; ticket--) this.#giveTicket()
      return true
    }
    if (type === Type.offer && body.length > 0)
      this.#offered = { key: body[0], shows: SHOWS[body[1]] ?? 'none' }
    if (type !== Type.hello && type !== Type.offer) return false
    this.#answer()
    return true
  }

  #giveTicket(): void {
    const body = new Uint8Array(2 + this.#dice.size(200))
    body[0] = this.#terms.serving?.key ?? 0
    body[1] = SHOWS.indexOf(this.peerShows)
    this.#write(Type.ticket, body)
  }

  /** To a hello. */
  #answer(): void {
    if (this.#terms.breaksOff) {
      this.#breakOff()
      return
    }
    if (!this.#hasRetried && this.#dice.chance(0.2)) {
      this.#hasRetried = true
      this.#write(Type.retry, new Uint8Array(2))
      return
    }
    this.hasResumed = this.#takesTicket()
    for (let record = this.hasResumed ? 0 : this.#dice.below(4); record > 0; record--)
      this.#write(Type.flight, new Uint8Array(this.#dice.size(BODY_MAX)))
    this.#write(Type.flightEnd, this.#shown(3))
  }

  #write(type: number, body: Uint8Array): void {
    const record = new Uint8Array(HEAD_BYTES + body.length + 1)
    record[0] = type
    record[1] = body.length & 255
    record[2] = body.length >>> 8
    record[3] = this.#sent++ & 255
    record.set(body, HEAD_BYTES)
    record[HEAD_BYTES + body.length] = sumOf(type, body)
    turn(record.subarray(HEAD_BYTES, HEAD_BYTES + body.length), this.#sentKey)
    this.out.push(record)
  }
}

const next = (key: number): number => (key * 5 + 3) & 255

function turn(bytes: Uint8Array, key: number): void {
  for (let at = 0; at < bytes.length; at++) bytes[at] ^= (key + at * 7) & 255
}

function sumOf(type: number, body: Uint8Array): number {
  let sum = type
  for (const byte of body) sum = (sum * 31 + byte) & 255
  return sum
}
