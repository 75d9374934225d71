/**
 * Writes the shortlists of nodes, those of a node together and nodes in their order: a match reads
 * what is close in memory.
 */

import { DIRECTORY, DIRECTORY_MAX, LONG, SOME_CLIENTS } from '../format/classifier-layout.ts'
import { ABSENT, PairIndexBuilder } from '../format/pair-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { isComplete, type Shortlist } from './shortlists.ts'

/** The shortlist of a chain at a node. */
type Placed = { readonly chain: number; readonly shortlist: Shortlist }

/** The words of a destination node's row that find its shortlists. */
export type NodeShortlists = { readonly shortlist: number; readonly chains: number }

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

  /** Writes what was placed. */
  finish() {
    const ofNodes = new Map<number, NodeShortlists>()
    const byNode = [...this.#placed.keys()].sort((a, b) => a - b)
    for (const node of byNode) ofNodes.set(node, this.#writeNode(node, this.#placed.get(node) ?? []))
    const sections = { shortlists: Uint32Array.from(this.#words), shortlistIndex: this.#index.finish() }
    return { sections, ofNodes }
  }

  #writeNode(node: number, placed: readonly Placed[]): NodeShortlists {
    const [{ chain, shortlist }] = placed
    if (placed.length === 1) return { shortlist: this.write(shortlist), chains: chain }
    const chains = placed.reduce((bits, each) => bits | (1 << (each.chain & 31)), 0)
    if (placed.length > DIRECTORY_MAX) {
      for (const each of placed) this.#index.add(each.chain, node, this.write(each.shortlist))
      return { shortlist: ABSENT, chains }
    }
    const directory = this.#words.length
    this.#words.push(placed.length)
    for (const each of placed) this.#words.push(each.chain, 0)
    for (const [index, each] of placed.entries())
      this.#words[directory + 2 + 2 * index] = this.write(each.shortlist)
    return { shortlist: (directory | DIRECTORY) >>> 0, chains }
  }
}
