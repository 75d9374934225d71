/**
 * TLS between a port and the flows (filter.ts): what a side says is decrypted, what it is told is
 * encrypted. Handshakes are made by terminating.ts and originating.ts, which place the filter.
 *
 *   said ─▶ feed, read … ─▶ passage.pass          close_notify ─▶ passage.passEnd
 *   put ◀─ take … ◀─ write ◀─ tell                putEnd ◀─ close_notify ◀─ tellEnd
 *
 * Half-close works both ways. An end of the socket without close_notify is no end of the stream:
 * somebody may have cut it, so both sides are reset.
 *
 * The sessions of a worker share memory (../../tls/session.ts): each is emptied, in both
 * directions, before anything is passed on, since the other side may have a session, too.
 */

import { mark } from '../../base/mark.ts'
import type { Memory } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { Own } from '../../tls/details.ts'
import { CLOSED, FAILED, type PeerTerms, type Session } from '../../tls/session.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Endings } from './endings.ts'
import type { Filter } from './filter.ts'
import type { Flows } from './flows.ts'
import type { Passage } from './passage.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, otherOf, type Side, type Slots, UPSTREAM } from './slots.ts'
import { NO_BUFFER, type Piece, TlsPieces } from './tls-pieces.ts'

/**
 * Buffers with answers that a side has not read: it may ask for a new key with every record (RFC
 * 8446 §4.6.3), and would fill the buffers of all if it read none of what it asks for.
 */
const ANSWERS_MAX = 32
/** The type of records with data, in which TLS 1.3 also has tickets. */
const DATA = 23

type TlsFilterOptions = {
  readonly memory: Memory
  readonly slots: Slots
  readonly journal: Journal
  readonly ports: Ports
  readonly queues: Queues
  readonly passage: Passage
  readonly flows: Flows
  readonly endings: Endings
}

export class TlsFilter implements Filter {
  readonly isTransparent = false
  readonly #options: TlsFilterOptions
  /** By port. */
  readonly #sessions: (Session | undefined)[] = []
  /** Ports whose handshake is not finished: what they are told is kept in its queue. */
  readonly #shaking = new Map<number, readonly Piece[][]>()
  readonly #pieces: TlsPieces
  /** What a session gives at once. */
  readonly #read: Piece[] = []
  readonly #taken: Piece[] = []

  constructor(options: TlsFilterOptions) {
    this.#options = options
    this.#pieces = new TlsPieces(options.queues)
  }

  /** Its handshake begins; if it ends with the connection, the buffers in `kept` are given back. */
  place(slot: number, side: Side, session: Session, kept: readonly Piece[][] = []): void {
    const at = 2 * slot + side
    this.#sessions[at] = session
    this.#shaking.set(at, kept)
    this.#options.ports.setFilter(at, this)
  }

  /** The session of a port whose handshake is not finished. */
  shaking(slot: number, side: Side): Session | null {
    const at = 2 * slot + side
    if (this.#shaking.size === 0 || !this.#shaking.has(at)) return null
    return this.#sessions[at] ?? null
  }

  /** What was agreed with a side; null: it speaks no TLS with weir. */
  termsOf(slot: number, side: Side): PeerTerms | null {
    return this.#sessions[2 * slot + side]?.terms?.() ?? null
  }

  /** Its handshake is finished. */
  agreed(slot: number, side: Side): void {
    this.#shaking.delete(2 * slot + side)
  }

  said(slot: number, side: Side, buffer: number, bytes: number): void {
    const session = this.#sessions[2 * slot + side]
    if (session === undefined || session.hasEnded) {
      this.#options.queues.give(buffer)
      return
    }
    session.feed(this.#options.queues.placeOf(buffer), bytes)
    this.#pass(slot, side, session, buffer)
  }

  /** What came with the handshake is decrypted into `pieces`; returns what `read` says last. */
  readEarly(session: Session, pieces: Piece[]): number {
    return this.#pieces.read(session, this.#options.queues.borrow(false), pieces)
  }

  /** It goes on. */
  saidEarly(slot: number, side: Side, pieces: Piece[], result: number): void {
    const session = this.#sessions[2 * slot + side]
    if (session) this.#passOn(slot, side, session, pieces, result)
  }

  /** All that the session has goes on; the first buffer is used for it, or given back. */
  #pass(slot: number, side: Side, session: Session, buffer: number): void {
    const pieces = this.#read
    const result = this.#pieces.read(session, buffer, pieces)
    if (session.hasOutput) this.#answer(slot, side, session)
    this.#passOn(slot, side, session, pieces, result)
  }

  #answer(slot: number, side: Side, session: Session): void {
    const { queues, journal, endings } = this.#options
    const answers = 2 * slot + otherOf(side)
    if (!this.flush(slot, side, session) || queues.count(answers) < ANSWERS_MAX) return
    if (queues.ownMore(answers) < ANSWERS_MAX || this.#isOver(slot)) return
    journal.broke(slot, Own.unreadAnswers)
    endings.close(slot, Reason[side === CLIENT ? 'client-stalled' : 'upstream-stalled'])
  }

  #passOn(slot: number, side: Side, session: Session, pieces: Piece[], result: number): void {
    const { passage, queues } = this.#options
    for (let index = 0; index < pieces.length; index++) {
      const { buffer, bytes } = pieces[index]
      // That the socket has more says nothing: it may be half a record, which would hold this up.
      const isMore = index + 1 < pieces.length || result === CLOSED
      if (this.#isOver(slot)) queues.give(buffer)
      else passage.pass(slot, side, buffer, bytes, isMore)
    }
    pieces.length = 0
    if (this.#isOver(slot)) return
    if (result === CLOSED) passage.passEnd(slot, side)
    else if (result === FAILED) this.#fail(slot, side, session)
    else if (result === NO_BUFFER) this.lack(slot)
  }

  saidEnd(slot: number, side: Side): void {
    if (this.#sessions[2 * slot + side]?.hasEnded === true) return
    mark('a stream is cut short')
    this.#options.endings.close(slot, Reason['tls-truncated'])
  }

  tell(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const { queues, flows } = this.#options
    const at = 2 * slot + side
    const session = this.#sessions[at]
    if (session === undefined || this.shaking(slot, side)) {
      flows.put(slot, side, buffer, bytes, bytes, more)
      return
    }
    const isWritten = session.write(queues.placeOf(buffer), bytes)
    if (this.#put(slot, side, session, buffer, bytes, more) && !isWritten) this.#fail(slot, side, session)
  }

  tellEnd(slot: number, side: Side): void {
    const session = this.#sessions[2 * slot + side]
    if (session && !this.shaking(slot, side)) {
      session.end()
      if (!this.flush(slot, side, session, true)) return
    }
    this.#options.flows.putEnd(slot, side)
  }

  /**
   * weir's last words of a handshake with a client. Nobody waits for tickets of TLS 1.3: the kernel
   * sends them with what follows, or after 200 ms (MSG_MORE in send(2)).
   */
  flushLast(slot: number, session: Session): boolean {
    const { queues, memory, flows } = this.#options
    const pieces = this.take(session)
    if (pieces === null) {
      this.lack(slot)
      return false
    }
    for (const [index, { buffer, bytes }] of pieces.entries()) {
      const isTicket = memory.u8[queues.placeOf(buffer)] === DATA
      flows.put(slot, CLIENT, buffer, bytes, 0, isTicket || index + 1 < pieces.length)
    }
    return true
  }

  /** weir's own words that the session has for its side, such as those of a handshake. */
  flush(slot: number, side: Side, session: Session, more = false): boolean {
    if (!session.hasOutput) return true
    return this.#put(slot, side, session, this.#options.queues.borrow(false), 0, more)
  }

  /**
   * What the session has for its side goes out, of which `counted` bytes are payload; the buffer is
   * used for it, or given back. False: there is no buffer for the rest.
   */
  #put(slot: number, side: Side, session: Session, buffer: number, counted: number, more: boolean): boolean {
    const { flows } = this.#options
    const pieces = this.#taken
    const isWhole = this.#pieces.take(session, buffer, pieces)
    for (let index = 0, left = counted; index < pieces.length; index++) {
      const { buffer, bytes } = pieces[index]
      const payload = Math.min(left, bytes)
      flows.put(slot, side, buffer, bytes, payload, more || index + 1 < pieces.length)
      left -= payload
    }
    pieces.length = 0
    if (!isWhole) this.lack(slot)
    return isWhole
  }

  /** No buffer is left for bytes of a session, which cannot wait in it. */
  lack(slot: number): void {
    if (this.#isOver(slot)) return
    this.#options.journal.broke(slot, Own.noBuffer)
    this.#options.endings.close(slot, Reason['accept-error'])
  }

  /**
   * For whoever sends it without flows (originating.ts): what the session has for its side; null:
   * there is no buffer.
   */
  take(session: Session): Piece[] | null {
    const pieces: Piece[] = []
    if (!session.hasOutput || this.#pieces.take(session, this.#options.queues.borrow(false), pieces))
      return pieces
    this.#pieces.give(pieces)
    return null
  }

  /**
   * What came from a client with its handshake waits in its queue, as if it had come in the clear.
   */
  keep(slot: number, session: Session): number {
    const pieces: Piece[] = []
    const result = this.readEarly(session, pieces)
    for (const { buffer, bytes } of pieces) this.#options.queues.add(2 * slot + CLIENT, buffer, bytes, bytes)
    return this.flush(slot, CLIENT, session) ? result : NO_BUFFER
  }

  /** `kept` pieces that its queue has for the upstream are told now, and so is an end. */
  tellKept(slot: number, kept: number): void {
    const { slots, queues, memory } = this.#options
    const { flow } = slots
    const direction = 2 * slot + CLIENT
    const hasEnded = (flow[direction] & FlowIs.ended) !== 0
    for (let left = kept; left > 0 && !this.#isOver(slot); left--) {
      const bytes = queues.bytes(direction)
      this.tell(slot, UPSTREAM, queues.takeFirst(direction, memory.u8), bytes, left > 1 || hasEnded)
    }
    if (!hasEnded || this.#isOver(slot)) return
    flow[direction] &= ~FlowIs.ended
    this.tellEnd(slot, UPSTREAM)
  }

  closed(slot: number, side: Side): void {
    const at = 2 * slot + side
    this.#sessions[at]?.free()
    this.#sessions[at] = undefined
    for (const pieces of this.#shaking.get(at) ?? []) this.#pieces.give(pieces)
    this.#shaking.delete(at)
  }

  /**
   * The peer has broken its stream off: by an alert, or by bytes that are no TLS of this session.
   */
  #fail(slot: number, side: Side, { failure }: Session): void {
    const { journal, endings } = this.#options
    if (this.#isOver(slot)) return
    mark('a peer breaks its stream off')
    journal.broke(slot, failure.detail)
    endings.close(slot, Reason[side === CLIENT ? 'client-reset' : 'upstream-reset'])
  }

  #isOver(slot: number): boolean {
    const state = this.#options.slots.state[slot]
    return state === State.Closing || state === State.Free
  }
}
