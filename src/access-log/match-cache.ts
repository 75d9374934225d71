/**
 * The text of a match, encoded once for all connections by the same rule to the same destination.
 *
 * A small direct-mapped cache: an entry is found by a hash of the rows and used if all rows are
 * equal. A miss asks stats/generations.ts for the names, which takes thousands of times longer.
 */

import { Live } from '../stats/connections.ts'
import type { Generations } from '../stats/generations.ts'
import { type MatchNames, matchedOf } from '../stats/match-names.ts'

const ENTRIES = 4096
/** Words that determine the text. */
const KEY = [
  Live.generation,
  Live.listener,
  Live.scope,
  Live.rule,
  Live.route,
  Live.cluster,
  Live.workload,
] as const

export class MatchCache {
  readonly #generations: Generations
  readonly #encode: (names: MatchNames, generation: number) => Uint8Array
  readonly #keys = new Int32Array(ENTRIES * KEY.length)
  readonly #pieces: (Uint8Array | null)[] = new Array(ENTRIES).fill(null)

  constructor(generations: Generations, encode: (names: MatchNames, generation: number) => Uint8Array) {
    this.#generations = generations
    this.#encode = encode
  }

  /** The text of the row at `at`. */
  of(words: Int32Array, at: number): Uint8Array {
    const entry =
      (Math.imul(words[at + Live.rule], 31) ^
        Math.imul(words[at + Live.cluster], 0x9e3779b1) ^
        Math.imul(words[at + Live.workload], 131) ^
        words[at + Live.generation]) &
      (ENTRIES - 1)
    const known = this.#pieces[entry]
    return known !== null && this.#same(entry, words, at) ? known : this.#learn(entry, words, at)
  }

  #same(entry: number, words: Int32Array, at: number): boolean {
    const first = entry * KEY.length
    for (let i = 0; i < KEY.length; i++) if (this.#keys[first + i] !== words[at + KEY[i]]) return false
    return true
  }

  #learn(entry: number, words: Int32Array, at: number): Uint8Array {
    for (let i = 0; i < KEY.length; i++) this.#keys[entry * KEY.length + i] = words[at + KEY[i]]
    const matched = matchedOf(words, at)
    const piece = this.#encode(this.#generations.names(matched), matched.generation)
    this.#pieces[entry] = piece
    return piece
  }
}
