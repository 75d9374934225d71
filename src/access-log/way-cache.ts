/**
 * The requested address and the endpoint of a connection, encoded once for consecutive connections:
 * clients differ, but listeners and endpoints are few.
 */

import { Live } from '../stats/connections.ts'
import { Bytes } from './bytes.ts'

const ENTRIES = 256
/** The words of both addresses, which are in one row. */
const FIRST = Live.destinationFamily
const WORDS = Live.endpointPort + 1 - FIRST
const ADDRESSES_BYTES_MAX = 1024

export class WayCache {
  readonly #encode: (out: Bytes, words: Int32Array, at: number) => void
  readonly #keys = new Int32Array(ENTRIES * WORDS).fill(-1)
  readonly #pieces: Uint8Array[] = []

  /** @param encode  Writes the text of the addresses in the row at `at`. */
  constructor(encode: (out: Bytes, words: Int32Array, at: number) => void) {
    this.#encode = encode
  }

  of(words: Int32Array, at: number): Uint8Array {
    const entry =
      (words[at + Live.endpointAddress] ^
        (words[at + Live.endpointAddress] >>> 8) ^
        words[at + Live.endpointPort] ^
        words[at + Live.endpointAddress + 3] ^
        words[at + Live.destinationPort]) &
      (ENTRIES - 1)
    const first = entry * WORDS
    for (let word = 0; word < WORDS; word++) {
      if (this.#keys[first + word] !== words[at + FIRST + word]) return this.#learn(entry, words, at)
    }
    return this.#pieces[entry]
  }

  #learn(entry: number, words: Int32Array, at: number): Uint8Array {
    for (let word = 0; word < WORDS; word++) this.#keys[entry * WORDS + word] = words[at + FIRST + word]
    const out = new Bytes(ADDRESSES_BYTES_MAX)
    this.#encode(out, words, at)
    this.#pieces[entry] = out.buffer.slice(0, out.length)
    return this.#pieces[entry]
  }
}
