/**
 * A buffer that text is written into as bytes: constants that were encoded before, digits, addresses.
 *
 * A line of the access log is some 25 of these; no string is made of it (bench/observe.ts). Whoever writes
 * sees to it that there is room for a line.
 */

import { type Family, formatAddress } from '../net/address.ts'

const ZERO = 48
const [MINUS, DOT, COLON, OPEN, CLOSE] = [...'-.:[]'].map(each => each.charCodeAt(0))

/** Text as bytes, to be kept and written often. */
export const encoded = (text: string): Uint8Array => Buffer.from(text)

/** Up to here a constant is copied byte by byte, which is quicker than a call. */
const SHORT = 48

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
    let left = value
    if (left < 0) {
      this.buffer[this.length++] = MINUS
      left = -left
    }
    const digits = digitsOf(left)
    if (left < 0x4000_0000) this.#small(left | 0, digits)
    else this.#great(left, digits)
  }

  /** `digits` digits, with zeros before. */
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
    for (let shift = 24; shift >= 0; shift -= 8) {
      const part = (word >>> shift) & 255
      this.#small(part, part < 10 ? 1 : part < 100 ? 2 : 3)
      if (shift > 0) this.buffer[this.length++] = DOT
    }
  }

  #small(value: number, digits: number): void {
    const { buffer } = this
    let left = value
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = (left / 10) | 0
      buffer[at] = ZERO + left - tenth * 10
      left = tenth
    }
    this.length += digits
  }

  #great(value: number, digits: number): void {
    const { buffer } = this
    let left = value
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const digit = left % 10 // exact, where left / 10 may be rounded
      buffer[at] = ZERO + digit
      left = (left - digit) / 10
    }
    this.length += digits
  }
}

function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}
