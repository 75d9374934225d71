/**
 * A buffer for text as bytes: pre-encoded constants, digits, addresses.
 *
 * A line of the access log takes about 25 of these writes, without a string (bench/observe.ts). The
 * writer ensures that there is room for a line.
 */

import { type Family, formatAddress } from '../address/address.ts'

const ZERO = 48
const [MINUS, DOT, COLON, OPEN, CLOSE] = [...'-.:[]'].map(each => each.charCodeAt(0))

/** Text as bytes, encoded once and written often. */
export const encoded = (text: string): Uint8Array => Buffer.from(text)

/** Up to this length a constant is copied byte by byte, which is quicker than a call. */
const SHORT = 12

/** For each number from 0 to 255 the count of its digits, and the digits. */
const OCTETS = new Uint8Array(256 * 4)
for (let value = 0; value < 256; value++) {
  const digits = encoded(String(value))
  OCTETS[value * 4] = digits.length
  OCTETS.set(digits, value * 4 + 1)
}

export class Bytes {
  readonly buffer: Uint8Array
  length = 0

  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity)
  }

  room(): number {
    return this.buffer.length - this.length
  }

  put(bytes: Uint8Array): void {
    const { buffer, length: at } = this
    const count = bytes.length
    if (count <= SHORT) for (let i = 0; i < count; i++) buffer[at + i] = bytes[i]
    else buffer.set(bytes, at)
    this.length = at + count
  }

  /** A whole number, from −2^53 to 2^53. */
  number(value: number): void {
    if (value >= 0 && value < 1e9) this.#small(value | 0, digitsOf(value | 0))
    else this.#great(value)
  }

  /** `digits` digits, with leading zeros. */
  padded(value: number, digits: number): void {
    this.#small(value | 0, digits)
  }

  /** A thousandth of a whole number: 1234 is 1.234. */
  thousandths(value: number): void {
    const whole = Math.floor(value / 1000)
    this.number(whole)
    this.buffer[this.length++] = DOT
    this.#small((value - whole * 1000) | 0, 3)
  }

  /** "10.0.0.1:80" or "[2001:db8::1]:80": family, four words and the port from word `at` on. */
  socketAddress(words: Int32Array, at: number): void {
    if (words[at] === 4) this.#ipv4(words[at + 1])
    else {
      this.buffer[this.length++] = OPEN
      this.put(encoded(formatAddress(words[at] as Family, words, at + 1)))
      this.buffer[this.length++] = CLOSE
    }
    this.buffer[this.length++] = COLON
    this.number(words[at + 5])
  }

  #ipv4(word: number): void {
    const { buffer } = this
    let at = this.length
    for (let shift = 24; shift >= 0; shift -= 8) {
      const octet = ((word >>> shift) & 255) * 4
      const digits = OCTETS[octet]
      for (let digit = 1; digit <= digits; digit++) buffer[at++] = OCTETS[octet + digit]
      if (shift > 0) buffer[at++] = DOT
    }
    this.length = at
  }

  #small(value: number, digits: number): void {
    const { buffer, length: first } = this
    let left = value
    for (let at = first + digits - 1; at >= first; at--) {
      const tenth = (left / 10) | 0
      buffer[at] = ZERO + left - tenth * 10
      left = tenth
    }
    this.length = first + digits
  }

  /** In two parts that fit into 32 bits. */
  #great(value: number): void {
    if (value < 0) this.buffer[this.length++] = MINUS
    const whole = Math.abs(value)
    const low = whole % 1e9 // exact; a quotient may be rounded
    const high = (whole - low) / 1e9
    if (high > 0) this.#small(high, digitsOf(high))
    this.#small(low, high > 0 ? 9 : digitsOf(low))
  }
}

/** Of a number from 0 to 10^9 − 1. */
function digitsOf(value: number): number {
  if (value < 1000) return value < 10 ? 1 : value < 100 ? 2 : 3
  if (value < 1_000_000) return value < 10_000 ? 4 : value < 100_000 ? 5 : 6
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9
}
