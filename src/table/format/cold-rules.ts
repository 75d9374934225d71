/**
 * The rules of a scope in the cold section, in columns: numbers as words, once what rules share,
 * and apart what few have. So many rules are packed and read in a tenth of the time that as many
 * maps take.
 */

import { BLOCKS } from '../plan/block.ts'
import type { RuleOrigin } from '../plan/plan.ts'
import type { Cold, ColdScope } from './cold.ts'

export type PackedRules = {
  /** Rules of one resource that follow each other. */
  readonly runs: readonly (readonly [virtualService: string, file: string, count: number])[]
  /** Rows of WORDS words. */
  readonly words: Uint8Array
  /** By index, of those that have one. */
  readonly never: readonly (readonly [index: number, why: string])[]
  readonly names: readonly (readonly [index: number, names: readonly string[]])[]
}

export type PackedCold = Omit<Cold, 'scopes'> & {
  readonly scopes: readonly (Omit<ColdScope, 'rules' | 'columns'> & { readonly rules: PackedRules })[]
}

/** Block, route, match (−1: none), line, row. */
export const WORDS = 5
export const ROW = 4

export class RulesPacker {
  readonly #words: Int32Array
  readonly #runs: [string, string, number][] = []
  readonly #never: [number, string][] = []
  readonly #names: [number, readonly string[]][] = []
  #count = 0

  /** @param rules  How many there will be. */
  constructor(rules: number) {
    this.#words = new Int32Array(rules * WORDS)
  }

  add(origin: RuleOrigin, never: string | null, row: number, names: readonly string[] | undefined): void {
    const { virtualService, block, route, match, file, line } = origin
    const at = this.#count * WORDS
    this.#words[at] = BLOCKS.indexOf(block)
    this.#words[at + 1] = route
    this.#words[at + 2] = match ?? -1
    this.#words[at + 3] = line
    this.#words[at + ROW] = row
    if (never !== null) this.#never.push([this.#count, never])
    if (names) this.#names.push([this.#count, names])
    this.#addRun(virtualService, file, 1)
    this.#count++
  }

  /**
   * Adds the rules [from, to) of another list, whose first row is `row` from now on; returns which
   * rows they had.
   */
  copy(
    { runs, words, never, names }: PackedRules,
    from: number,
    to: number,
    row: number,
  ): { readonly firstRow: number; readonly count: number } {
    const start = this.#count
    this.#words.set(wordsOf(words).subarray(from * WORDS, to * WORDS), start * WORDS)
    let end = 0
    for (const [virtualService, file, count] of runs) {
      const shared = Math.min(to, end + count) - Math.max(from, end)
      if (shared > 0) this.#addRun(virtualService, file, shared)
      end += count
    }
    for (const [index, why] of never)
      if (index >= from && index < to) this.#never.push([start + index - from, why])
    for (const [index, asked] of names)
      if (index >= from && index < to) this.#names.push([start + index - from, asked])
    this.#count += to - from
    return this.#moveRows(start, row)
  }

  /** Gives the rules from `start` on that have a row the next ones, from `row` on. */
  #moveRows(start: number, row: number): { readonly firstRow: number; readonly count: number } {
    let [firstRow, count] = [0, 0]
    for (let at = start * WORDS + ROW; at < this.#count * WORDS; at += WORDS) {
      if (this.#words[at] < 0) continue
      if (count === 0) firstRow = this.#words[at]
      this.#words[at] = row + count++
    }
    return { firstRow, count }
  }

  #addRun(virtualService: string, file: string, count: number): void {
    const run = this.#runs.at(-1)
    if (run?.[0] === virtualService && run[1] === file) run[2] += count
    else this.#runs.push([virtualService, file, count])
  }

  finish(): PackedRules {
    const { buffer, byteOffset, byteLength } = this.#words
    const words = new Uint8Array(buffer, byteOffset, byteLength)
    return { runs: this.#runs, words, never: this.#never, names: this.#names }
  }
}

/** As a packer has them: in place. */
const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array =>
  new Int32Array(buffer, byteOffset, byteLength / 4)
