/** The names of policies that denied or marked a connection, encoded once for each rule. */

import { Live } from '../stats/connections.ts'
import type { Generations } from '../stats/generations.ts'
import { policyRuleName } from '../table/format/access-names.ts'

/** Beyond this many rules the cache starts over. */
const RULES_MAX = 16_384

export class PolicyCache {
  readonly #generations: Generations
  readonly #encode: (name: string) => Uint8Array
  readonly #pieces = new Map<string, Uint8Array>()

  constructor(generations: Generations, encode: (name: string) => Uint8Array) {
    this.#generations = generations
    this.#encode = encode
  }

  /** The text for the rule in `word` of the row at `at`, if there is one. */
  of(words: Int32Array, at: number, word: number): Uint8Array {
    const later = word === Live.policy ? words[at + Live.policyGeneration] : 0
    const generation = later === 0 ? words[at + Live.generation] : later
    const row = words[at + word] - 1
    if (this.#pieces.size >= RULES_MAX) this.#pieces.clear()
    return this.#pieces.getOrInsertComputed(`${generation} ${row}`, () => {
      const rule = this.#generations.policyRule(generation, row)
      return this.#encode(rule === null ? 'unknown' : policyRuleName(rule))
    })
  }
}
