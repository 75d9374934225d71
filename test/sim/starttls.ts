/**
 * TLS that is asked for first, as PostgreSQL's clients do: what clients say before their hello, and
 * what servers answer. None of it is payload.
 *
 *   client ─ (GSSENCRequest ─▶ 'N') ─ SSLRequest ─▶ 'S' ─ hello …       server ─ SSLRequest ─▶ 'S', or else
 */

import { SSL_REQUEST } from '../../src/wire/postgres-startup.ts'
import type { Dice } from './dice.ts'

const GSS_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30)
const YES = 0x53
const NO = 0x4e
const NOTHING = new Uint8Array(0)

/** A client's part. */
export class Asking {
  /** It does not wait for the answer, which the gateway may take for bytes in the clear. */
  readonly isHasty: boolean
  readonly #requests: readonly Uint8Array[]
  #said = 0
  #heard = 0

  constructor(dice: Dice) {
    const kind = dice.pick(['asks', 'asks', 'asks', 'gss', 'hasty'] as const)
    this.isHasty = kind === 'hasty'
    this.#requests = kind === 'gss' ? [GSS_REQUEST, SSL_REQUEST] : [SSL_REQUEST]
  }

  /** What it says now; null: nothing, before an answer. */
  get next(): Uint8Array | null {
    return this.#said === this.#heard ? (this.#requests[this.#said] ?? null) : null
  }

  get isDone(): boolean {
    return (this.isHasty ? this.#said : this.#heard) === this.#requests.length
  }

  /** All of it is said. */
  get hasAsked(): boolean {
    return this.#said === this.#requests.length
  }

  /** An answer is due. */
  get awaits(): boolean {
    return this.#heard < this.#said
  }

  saidNext(): void {
    this.#said++
  }

  /** What is left of these bytes behind an answer. */
  hear(bytes: Uint8Array, onBug: (what: string) => void): Uint8Array {
    if (!this.awaits || bytes.length === 0) return bytes
    const wanted = this.#requests[this.#heard] === SSL_REQUEST ? YES : NO
    if (bytes[0] !== wanted) onBug(`a request for TLS was answered with ${bytes[0]}`)
    this.#heard++
    return bytes.subarray(1)
  }
}

const ANSWERS = ['yes', 'yes', 'yes', 'yes', 'no', 'silent', 'more'] as const

/** A server's part. */
export class Agreeing {
  readonly answer: (typeof ANSWERS)[number]
  wasAsked = false
  /** When. */
  askedMs = 0
  /** What it has to say. */
  reply: Uint8Array | null = null
  #held: Uint8Array | null = NOTHING

  constructor(dice: Dice) {
    this.answer = dice.pick(ANSWERS)
  }

  /** It goes no further. */
  get isRefusing(): boolean {
    return this.wasAsked && this.answer !== 'yes'
  }

  /** Its answer is no yes, however it is cut: of two bytes, the first alone is one. */
  get #hasDeclined(): boolean {
    return this.isRefusing && this.answer !== 'more'
  }

  /** What is left of these bytes, if they are no request, or behind it. */
  hear(bytes: Uint8Array, nowMs: number, onBug: (what: string) => void): Uint8Array {
    if (this.#held === null) {
      if (this.#hasDeclined && bytes.length > 0) onBug('a server was told more, and had not agreed to TLS')
      return bytes
    }
    const all = Uint8Array.of(...this.#held, ...bytes.subarray(0, SSL_REQUEST.length))
    const isRequest = SSL_REQUEST.every((byte, at) => at >= all.length || byte === all[at])
    if (isRequest && all.length < SSL_REQUEST.length) {
      this.#held = all
      return NOTHING
    }
    const before = this.#held.length
    this.#held = null
    if (!isRequest) return Uint8Array.of(...all.subarray(0, before), ...bytes)
    this.wasAsked = true
    this.askedMs = nowMs
    const { answer } = this
    this.reply =
      answer === 'silent'
        ? null
        : answer === 'no'
          ? Uint8Array.of(NO)
          : Uint8Array.of(YES, ...(answer === 'more' ? [YES] : []))
    const rest = bytes.subarray(SSL_REQUEST.length - before)
    if (rest.length > 0) onBug('a server was told more before it had agreed to TLS')
    return rest
  }
}
