/**
 * Until when revocation lists say anything: afterwards OpenSSL refuses every certificate of their
 * authority. Node reads no lists, so their first fields are read here (RFC 5280, section 5.1).
 */

import { type Found, Unusable } from './sources.ts'

export type ListInfo = {
  readonly from: string
  readonly thisUpdateMs: number
  /** null: it is good for ever. */
  readonly nextUpdateMs: number | null
}

const BLOCK = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g

const INTEGER = 0x02
const SEQUENCE = 0x30
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

/** The lists of a file in PEM, in order. */
export function listsOf({ bytes, from }: Found): ListInfo[] {
  const blocks = [...new TextDecoder('latin1').decode(bytes).matchAll(BLOCK)]
  return blocks.map(([, base64], index) => {
    const list = new Der(Buffer.from(base64, 'base64')).enter(SEQUENCE)?.enter(SEQUENCE)
    if (list?.tag === INTEGER) list.skip() // its version
    list?.skip() // how it is signed
    list?.skip() // by whom
    const thisUpdateMs = list?.time() ?? null
    if (!list || thisUpdateMs === null) throw new Unusable(`${from}: list ${index + 1} cannot be read`)
    return { from, thisUpdateMs, nextUpdateMs: list.time() }
  })
}

/** Values of DER, one after the other. What is cut short is as if it were not there. */
class Der {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get tag(): number {
    return this.#bytes[this.#at] ?? 0
  }

  /** The values within the next one; null: it is another one. */
  enter(tag: number): Der | null {
    return this.tag === tag ? new Der(this.#take()) : null
  }

  skip(): void {
    this.#take()
  }

  /** The next value, if it is a time: "261130015523Z", with four digits of the year since 2050. */
  time(): number | null {
    if (this.tag !== UTC_TIME && this.tag !== GENERALIZED_TIME) return null
    const isShort = this.tag === UTC_TIME
    const text = this.#take().toString('latin1')
    const full = isShort ? `${text < '50' ? '20' : '19'}${text}` : text
    const iso = full.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
    const ms = Date.parse(iso)
    return Number.isNaN(ms) ? null : ms
  }

  #take(): Buffer {
    const short = this.#bytes[this.#at + 1] ?? 0
    const more = short < 0x80 ? 0 : Math.min(short & 0x7f, 4)
    const start = this.#at + 2 + more
    const length =
      more === 0 ? short : start <= this.#bytes.length ? this.#bytes.readUIntBE(start - more, more || 1) : 0
    this.#at = start + length
    return this.#bytes.subarray(start, start + length)
  }
}
