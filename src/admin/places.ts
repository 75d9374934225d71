/**
 * The places of the admin listener: who gets one, and for how long. No caller can lock out a probe
 * or another caller.
 *
 *   accept ─▶ reads ─a whole request─▶ is answered ─the answer is taken─▶ reads …
 *               │                        │
 *               └── too slow, gave way ──┴── gave way, unread: told why where that can be, and closed
 *
 * - A new connection always gets in: if all places are taken, weir closes the oldest connection
 *   that waits for its caller, either for the rest of a request or for the caller to read an
 *   answer.
 * - There are more places than concurrent requests (`requests`). The rest is for the probes, which
 *   are answered at once, without a queue.
 * - A connection has `requestMs` for its next complete request, from its start or the end of the
 *   last answer. This one timer covers slow heads, slow bodies and silence. node:http's own timers
 *   are off: they run rarely, and then wait for the caller to close.
 * - weir reads one request at a time from each connection (gate.ts), and one per turn from all of
 *   them (base/turns.ts).
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { atTurn } from '../base/turns.ts'
import { Gate } from './gate.ts'
import { callerAt } from './guard.ts'
import { Problem } from './problem.ts'
import { isRefusal, type Refusals } from './refusals.ts'

export type Limits = {
  /** Time for a complete request. */
  readonly requestMs: number
  /**
   * Idle timeout, in both directions, also for callers that do not read their answer; must exceed
   * the slowest comparison.
   */
  readonly stillMs: number
  /** Requests answered at once; probes do not count. */
  readonly requests: number
  /** Connections beyond these. */
  readonly spare: number
}

export const LIMITS: Limits = { requestMs: 5_000, stillMs: 60_000, requests: 64, spare: 16 }

/** A head passes in slices of this size: room for about ten requests, if they are pipelined. */
const HEAD_SLICE = 256
/** A body of unknown length passes in slices of this size. */
const BODY_SLICE = 4_096
/** Time for a refused caller to read the reason. */
const LEAVE_MS = 1_000

type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly isProbe: boolean
}

type Visitor = {
  readonly gate: Gate
  timer: NodeJS.Timeout
  current: Exchange | null
  /** Requests behind it that have already passed; few (HEAD_SLICE). */
  readonly behind: Exchange[]
  /**
   * Bytes that will have passed when its body ends, give or take a slice; if the length is known.
   */
  bodyEnd: number
  /** Bytes that had passed when the last answer ended. */
  passedBefore: number
  /** Why no request follows the current answer. */
  end: Problem | null
  isLeaving: boolean
}

type PlacesOptions = {
  readonly limits: Limits
  readonly refusals: Refusals
  /** Whether the listener is a UNIX socket. */
  readonly isUnix: boolean
  readonly isProbe: (request: IncomingMessage) => boolean
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void
}

export class Places {
  readonly #http: Server
  readonly #options: PlacesOptions
  /** In the order in which each began to wait, or to be answered. */
  readonly #visitors = new Set<Visitor>()
  readonly #byGate = new WeakMap<object, Visitor>()
  #isRetiring = false

  /** @param http  Parses and writes; it does not listen. */
  constructor(http: Server, options: PlacesOptions) {
    this.#http = http
    this.#options = options
    http.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#arrived({ request, response, isProbe: options.isProbe(request) }),
    )
  }

  /** Admits a connection. */
  admit(socket: Socket): void {
    const { limits, isUnix } = this.#options
    const gate = new Gate(socket, callerAt(socket, isUnix), () => allowed(visitor))
    const timer = setTimeout(() => this.#late(visitor), limits.requestMs)
    const visitor: Visitor = {
      gate,
      timer,
      current: null,
      behind: [],
      bodyEnd: 0,
      passedBefore: 0,
      end: null,
      isLeaving: false,
    }
    this.#byGate.set(gate, visitor)
    this.#visitors.add(visitor)
    gate.on('close', () => {
      clearTimeout(visitor.timer)
      this.#visitors.delete(visitor)
    })
    socket.setTimeout(limits.stillMs, () => this.#still(visitor))
    if (this.#visitors.size > limits.requests + limits.spare)
      this.#giveWay(each => each.isLeaving) || this.#giveWay(waitsForCaller)
    this.#http.emit('connection', gate)
  }

  /** Sends the refusal to the caller behind `gate`, and closes. */
  refuse(gate: object, problem: Problem): void {
    const visitor = this.#byGate.get(gate)
    if (visitor?.current?.request.complete)
      visitor.end = problem // which is what came after it
    else if (visitor) this.#refuse(visitor, problem)
  }

  /** Ends every connection. */
  close(): void {
    for (const { gate } of this.#visitors) gate.destroy()
  }

  /** Ends each connection once its request is answered. */
  retire(): void {
    this.#isRetiring = true
    for (const visitor of this.#visitors) if (isIdle(visitor)) visitor.gate.destroy()
  }

  #arrived(exchange: Exchange): void {
    const visitor = this.#byGate.get(exchange.request.socket)
    if (!visitor || visitor.isLeaving) return
    if (visitor.current) visitor.behind.push(exchange)
    else this.#begin(visitor, exchange)
  }

  #begin(visitor: Visitor, exchange: Exchange): void {
    const { request, response, isProbe } = exchange
    visitor.current = exchange
    visitor.bodyEnd = visitor.gate.passed + Number(request.headers['content-length'] ?? 0)
    this.#toTheEnd(visitor)
    response.once('close', () => this.#answered(visitor))
    if (isProbe) this.#options.answer(request, response)
    else if (this.#requests > this.#options.limits.requests && !this.#giveWay(isUnread))
      this.#refuse(visitor, BUSY)
    else atTurn(() => visitor.gate.destroyed || this.#options.answer(request, response))
  }

  #answered(visitor: Visitor): void {
    visitor.current = null
    if (visitor.gate.destroyed || visitor.isLeaving) return
    visitor.passedBefore = visitor.gate.passed
    visitor.timer.refresh()
    this.#toTheEnd(visitor)
    const next = visitor.behind.shift()
    if (next) this.#begin(visitor, next)
    else if (visitor.end) this.#refuse(visitor, visitor.end)
    else if (this.#isRetiring) visitor.gate.destroySoon()
    else visitor.gate.proceed()
  }

  /** Requests that are being answered, or wait for their turn. */
  get #requests(): number {
    let count = 0
    for (const { current, isLeaving } of this.#visitors)
      if (current && !current.isProbe && !isLeaving) count++
    return count
  }

  #toTheEnd(visitor: Visitor): void {
    this.#visitors.delete(visitor)
    this.#visitors.add(visitor)
  }

  /** Closes the oldest connection for which `mayGo` holds; false if there is none. */
  #giveWay(mayGo: (visitor: Visitor) => boolean): boolean {
    const victim = this.#visitors.values().find(mayGo)
    if (victim === undefined) return false
    const { gate } = victim
    // An idle client would take the refusal for the answer to its next request; one that does not
    // read would never take it.
    const isSilent = isIdle(victim) || gate.writableLength > 0
    this.#refuse(victim, GAVE_WAY, isSilent)
    this.#visitors.delete(victim)
    gate.destroySoon()
    return true
  }

  /** The request took too long. */
  #late(visitor: Visitor): void {
    const { gate, current } = visitor
    if (visitor.isLeaving || isIdle(visitor)) gate.destroy()
    else if (current?.request.complete) return
    else this.#refuse(visitor, TOO_SLOW)
  }

  /** The connection was idle too long. */
  #still(visitor: Visitor): void {
    if (isUnread(visitor)) this.#options.refusals.count('unread')
    visitor.gate.destroy()
  }

  #refuse(visitor: Visitor, problem: Problem, isSilent = false): void {
    if (visitor.isLeaving) return
    const { gate, current } = visitor
    visitor.isLeaving = true
    if (isRefusal(problem.code)) this.#options.refusals.count(problem.code)
    if (isSilent || current?.response.headersSent || gate.writableEnded) return void gate.destroy()
    gate.end(bytesOf(problem))
    gate.deafen()
    clearTimeout(visitor.timer)
    visitor.timer = setTimeout(() => gate.destroy(), LEAVE_MS)
  }
}

/** How many bytes may pass from this caller now. */
function allowed({ gate, current, bodyEnd }: Visitor): number {
  if (current === null) return HEAD_SLICE
  if (current.request.complete) return 0
  if (current.request.headers['content-length'] === undefined) return BODY_SLICE
  return Math.max(bodyEnd - gate.passed, HEAD_SLICE)
}

/** Whether it has its answer, and has sent nothing since. */
const isIdle = ({ gate, current, passedBefore }: Visitor): boolean =>
  current === null && passedBefore > 0 && gate.passed === passedBefore

/** Whether the caller has not read an answer. */
const isUnread = ({ gate, current, isLeaving }: Visitor): boolean =>
  !isLeaving && current?.response.writableEnded === true && gate.writableLength > 0

/** Whether weir only waits for the caller. */
const waitsForCaller = (visitor: Visitor): boolean =>
  !visitor.isLeaving && (visitor.current?.request.complete !== true || isUnread(visitor))

const GAVE_WAY = new Problem(
  503,
  'gave-way',
  'too many connections: this one was the oldest without a complete request',
  'retry',
)
const TOO_SLOW = new Problem(408, 'too-slow', 'the request was not complete in time')
const BUSY = new Problem(503, 'busy', 'too many requests at once', 'retry later')

/** Writes an answer without node:http. */
function bytesOf({ status, body }: Problem): string {
  const text = `${JSON.stringify(body)}\n`
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n`
  return `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
