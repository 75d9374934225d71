/**
 * The ClientHello of TLS, in any pieces: a client splits it into records, and TCP splits those
 * again (RFC 8446 §5.1).
 *
 *   segments ─▶ records ─▶ handshake bytes ─▶ one whole message ─▶ the server's name (hello-message.ts)
 *
 * Until the message is complete the answer is `more`, never "no name": a router that confused the
 * two let clients past their certificate check (CVE-2026-32305). Each byte is read once, however
 * small the pieces are.
 */

import { HELLO_BYTES_MAX, Hello, readMessage, type ServerHints } from './hello-message.ts'

const HANDSHAKE = 22
const MAJOR = 3
const RECORD_HEAD = 5
/** A record's body; an empty one is forbidden (RFC 8446 §5.1). */
const RECORD_BYTES_MAX = 2 ** 14

/** The old framing (RFC 5246 §E.2): length with its highest bit set, then type and version. */
const SSL2 = 0x80
const SSL2_CLIENT_HELLO = 1

/** Starts empty: a hello in one record and one segment is read in place. */
const HELD_BYTES_LEAST = 2048

export class HelloReader {
  readonly hints: ServerHints = { serverName: '', protocols: [] }
  /** The number of bytes so far. */
  #bytes = 0
  /**
   * The current record: its head, how much of that has come, and how much of its body is missing.
   */
  readonly #head = new Uint8Array(RECORD_HEAD)
  #headCount = 0
  #left = 0
  /** The message so far. */
  #held = new Uint8Array(0)
  #count = 0

  /**
   * Takes the next piece, `bytes[from … to)`.
   *
   * @returns One of `Hello`. After any but `more`, do not read on.
   */
  read(bytes: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + HELLO_BYTES_MAX - this.#bytes)
    this.#bytes += end - from
    for (let at = from; at < end; ) {
      const isHead = this.#left === 0
      const next = isHead ? at + 1 : Math.min(end, at + this.#left)
      const result = isHead ? this.#takeHead(bytes[at]) : this.#takeBody(bytes, at, next)
      if (result !== Hello.more) return result
      at = next
    }
    return this.#bytes === HELLO_BYTES_MAX ? Hello.tooLarge : Hello.more
  }

  /** One byte of a record's head: type, version, length. */
  #takeHead(byte: number): number {
    const head = this.#head
    head[this.#headCount++] = byte
    if (this.#count === 0 && (head[0] & SSL2) !== 0) return this.#judgeSsl2()
    if (head[0] !== HANDSHAKE || (this.#headCount === 2 && byte !== MAJOR))
      return this.#count === 0 ? Hello.notTls : Hello.malformed
    if (this.#headCount < RECORD_HEAD) return Hello.more
    this.#headCount = 0
    this.#left = (head[3] << 8) | byte
    return this.#left === 0 || this.#left > RECORD_BYTES_MAX ? Hello.malformed : Hello.more
  }

  #judgeSsl2(): number {
    const head = this.#head
    if (this.#headCount > 2 && head[2] !== SSL2_CLIENT_HELLO) return Hello.notTls
    if (this.#headCount < RECORD_HEAD) return Hello.more
    const isVersion = head[3] === MAJOR || (head[3] === 0 && head[4] === 2)
    return isVersion ? Hello.ssl2 : Hello.notTls
  }

  #takeBody(bytes: Uint8Array, from: number, to: number): number {
    this.#left -= to - from
    if (this.#count > 0) {
      this.#hold(bytes, from, to)
      return readMessage(this.#held, 0, this.#count, this.hints)
    }
    const result = readMessage(bytes, from, to, this.hints)
    if (result === Hello.more) this.#hold(bytes, from, to)
    return result
  }

  #hold(bytes: Uint8Array, from: number, to: number): void {
    const count = this.#count + to - from
    if (count > this.#held.length) {
      const larger = new Uint8Array(Math.max(HELD_BYTES_LEAST, 2 * this.#held.length, count))
      larger.set(this.#held.subarray(0, this.#count))
      this.#held = larger
    }
    this.#held.set(bytes.subarray(from, to), this.#count)
    this.#count = count
  }
}
