/**
 * The anchors of a document, and how many values their aliases have added.
 *
 * An alias shares its value, so a "billion laughs" file costs little here. But walking the data
 * pays for every alias again, so weir counts and limits the values that aliases add.
 */

import { quote } from '../findings/quote.ts'
import { ALIASED_MAX, DEPTH_MAX } from './limits.ts'

/** A value that an alias can name: its number of values with aliases expanded, and its depth. */
type Anchored = { readonly value: unknown; readonly size: number; readonly height: number }

/** The value of an alias, or why it has none. */
type Expansion =
  | { readonly value: unknown; readonly problem?: never }
  | { readonly code: 'CFG006' | 'CFG009'; readonly problem: string }

/** Characters of a text that count as one value. */
const CHARACTERS_A_VALUE = 16

export class Aliases {
  readonly #anchors = new Map<string, Anchored>()
  /** Values so far, those behind aliases counted each time. */
  #count = 0
  /** Those of them behind aliases. */
  #aliased = 0
  /** The deepest level so far, below the current anchor. */
  #deepest = 0
  /** Whether a limit was reported; anything over it after that is an echo. */
  #isTold = false

  /** Counts a value; a long text counts as several. */
  count(depth: number, characters: number): void {
    this.#count += 1 + Math.floor(characters / CHARACTERS_A_VALUE)
    if (depth > this.#deepest) this.#deepest = depth
  }

  /** Lets `convert` make the value of an anchor at `depth`; the anchor names it from then on. */
  name<T>(anchor: string, depth: number, convert: () => T): T {
    const [count, deepest] = [this.#count, this.#deepest]
    this.#deepest = depth
    const value = convert()
    this.#anchors.set(anchor, { value, size: this.#count - count, height: this.#deepest - depth })
    this.#deepest = Math.max(deepest, this.#deepest)
    return value
  }

  /** The value of the alias `name` at `depth`. */
  expand(name: string, depth: number): Expansion {
    const named = this.#anchors.get(name)
    if (!named) return { code: 'CFG009', problem: `no anchor ${quote(name)} ends before this alias` }
    this.#count += named.size
    this.#aliased += named.size
    this.#deepest = Math.max(this.#deepest, depth + named.height)
    const tooDeep = depth + named.height > DEPTH_MAX
    if (!tooDeep && this.#aliased <= ALIASED_MAX) return { value: named.value }
    if (this.#isTold) return { value: null }
    this.#isTold = true
    return tooDeep
      ? { code: 'CFG006', problem: `the document is nested more than ${DEPTH_MAX} levels deep` }
      : { code: 'CFG009', problem: `the aliases expand to more than ${ALIASED_MAX} values` }
  }
}
