/**
 * Writes the shortlists of nodes, those of a node together behind its place, and nodes in their
 * order: a match reads what is close in memory.
 */

import { Chain, DIRECTORY_MAX, LONG, SOME_CLIENTS } from '../format/classifier-layout.ts'
import { ABSENT, PairIndexBuilder } from '../format/pair-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { isComplete, type Shortlist } from './shortlists.ts'

/** The shortlist of a chain at a node. */
type Placed = { readonly chain: number; readonly shortlist: Shortlist }

export class ShortlistWriter {
  readonly #words: number[] = []
  /** By destination node. */
  readonly #placed = new Map<number, Placed[]>()
  readonly #index = new PairIndexBuilder()

  /** Notes what a chain has at a node. */
  place(node: number, chain: number, shortlist: Shortlist): void {
    const there = this.#placed.get(node)
    if (there) there.push({ chain, shortlist })
    else this.#placed.set(node, [{ chain, shortlist }])
  }

  /** Writes a shortlist and returns its word. */
  write(shortlist: Shortlist): number {
    const words = this.#words
    const at = words.length
    if (!isComplete(shortlist)) {
      words.push(LONG)
      return at
    }
    words.push(shortlist.candidates.length)
    for (const { condition, first, span, row, route } of shortlist.candidates) {
      if (first === ANY_NODE) words.push(condition, row, route)
      else words.push((condition | SOME_CLIENTS) >>> 0, row, route, first, span)
    }
    return at
  }

  /**
   * Writes the places.
   *
   * @param parents  By destination node: the next wider one.
   * @param chains   Rows of Chain; sets the bits of their places.
   */
  finish(parents: Uint32Array, chains: Uint32Array) {
    const places = new Uint32Array(parents.length).fill(ABSENT)
    for (let node = ANY_NODE + 1; node < parents.length; node++) {
      const above = places[parents[node]] // a node's parent is a lesser one
      const placed = this.#placed.get(node)
      places[node] = placed ? this.#writePlace(above, placed, chains) : above
    }
    return {
      destinationNodes: places,
      shortlists: Uint32Array.from(this.#words),
      shortlistIndex: this.#index.finish(),
    }
  }

  /** Whether something was placed at a node. */
  hasPlace(node: number): boolean {
    return this.#placed.has(node)
  }

  #writePlace(above: number, placed: readonly Placed[], chains: Uint32Array): number {
    const words = this.#words
    const [only, ...more] = placed
    const bits = placed.reduce((all, { chain }) => all | (1 << (chain & 31)), 0)
    const place = words.length
    words.push(above, placed.length, more.length === 0 ? only.chain : bits >>> 0)
    if (more.length === 0) this.write(only.shortlist)
    else if (placed.length <= DIRECTORY_MAX) this.#writeDirectory(placed)
    else {
      for (const { chain, shortlist } of placed) {
        this.#index.add(chain, place, this.write(shortlist))
        chains[chain * Chain.WORDS + Chain.places + ((place >>> 5) & 3)] |= 1 << (place & 31)
      }
    }
    return place
  }

  #writeDirectory(placed: readonly Placed[]): void {
    const words = this.#words
    const directory = words.length
    for (const { chain } of placed) words.push(chain, 0)
    for (const [index, { shortlist }] of placed.entries())
      words[directory + 2 * index + 1] = this.write(shortlist)
  }
}
