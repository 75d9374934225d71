/**
 * The rules of a scope for people, read from their columns (cold-rules.ts) when somebody asks: most
 * readers of the cold section ask for few of them, and 100 000 take 16 MB as objects.
 */

import { BLOCKS } from '../plan/block.ts'
import type { RuleOrigin } from '../plan/plan.ts'
import type { Cold, ColdColumns, ColdRule } from './cold.ts'
import { type PackedCold, type PackedRules, ROW, WORDS } from './cold-rules.ts'

class RuleColumns implements ColdColumns {
  readonly #runs: PackedRules['runs']
  /** Where each run ends. */
  readonly #ends: Uint32Array
  readonly #words: Int32Array
  readonly #never: ReadonlyMap<number, string>
  readonly #names: ReadonlyMap<number, readonly string[]>
  #all: readonly ColdRule[] | null = null
  /** The indexes of those that have a row, ascending by it. */
  #placed: Uint32Array | null = null

  constructor({ runs, words, never, names }: PackedRules) {
    this.#runs = runs
    this.#ends = new Uint32Array(runs.length)
    for (let run = 0, end = 0; run < runs.length; run++) {
      end += runs[run][2]
      this.#ends[run] = end
    }
    this.#words = new Int32Array(new Uint8Array(words).buffer) // msgpack aligns nothing
    this.#never = new Map(never)
    this.#names = new Map(names)
  }

  get count(): number {
    return this.#words.length / WORDS
  }

  /** All rules: the same objects from then on. */
  get all(): readonly ColdRule[] {
    this.#all ??= Array.from({ length: this.count }, (_, index) => this.at(index))
    return this.#all
  }

  at(index: number): ColdRule {
    const known = this.#all?.[index]
    if (known) return known
    const at = index * WORDS
    const match = this.#words[at + 2] < 0 ? null : this.#words[at + 2]
    const [block, route, line] = [BLOCKS[this.#words[at]], this.#words[at + 1], this.#words[at + 3]]
    const [virtualService, file] = this.#runs[firstOf(this.#ends.length, run => this.#ends[run] > index)]
    const origin = { virtualService, block, route, match, file, line }
    const rule = { origin, never: this.#never.get(index) ?? null, row: this.#rowOf(index) }
    const names = this.#names.get(index)
    return names ? { ...rule, names } : rule
  }

  originOf(row: number): RuleOrigin | null {
    this.#placed ??= this.#findPlaced()
    const placed = this.#placed
    const found = firstOf(placed.length, at => this.#rowOf(placed[at]) >= row)
    if (found === placed.length || this.#rowOf(placed[found]) !== row) return null
    return this.at(placed[found]).origin
  }

  #rowOf(index: number): number {
    return this.#words[index * WORDS + ROW]
  }

  #findPlaced(): Uint32Array {
    const placed = new Uint32Array(this.count)
    let length = 0
    for (let index = 0; index < placed.length; index++) if (this.#rowOf(index) >= 0) placed[length++] = index
    return placed.subarray(0, length)
  }
}

/** The first of so many positions for which it holds, as it then does for all later ones. */
function firstOf(count: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

export const unpackedCold = ({ scopes, ...rest }: PackedCold): Cold => ({
  ...rest,
  scopes: scopes.map(({ rules, ...scope }) => {
    const columns = new RuleColumns(rules)
    return {
      ...scope,
      columns,
      get rules(): readonly ColdRule[] {
        return columns.all
      },
    }
  }),
})
