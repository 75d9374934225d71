/**
 * Cells: the rules of a scope where a shortlist (shortlists.ts) would be long, by destination prefix, then
 * by client prefix, then by source condition. Written in one piece each, so that a lookup touches few
 * cache lines.
 */

import type { Cell, Chain } from './chains.ts'
import { ANY_NODE } from './find-node.ts'
import { ENTRIES_SCANNED, Entry, List as ListRow } from './layout.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'

/** A cell's word, and its least rule. */
type Placed = { readonly at: number; readonly least: number }
const NOWHERE: Placed = { at: ABSENT, least: ABSENT }

export class CellWriter {
  readonly #parents: Uint32Array
  readonly #cells: number[] = []
  readonly #groupIndex = new PairIndexBuilder()
  readonly #entryIndex = new PairIndexBuilder()

  /** @param parents  Those of the destination nodes. */
  constructor(parents: Uint32Array) {
    this.#parents = parents
  }

  /** Writes the cells of a chain; the word of each by its node. */
  addChain({ cells }: Chain): Map<number, number> {
    const words = new Map<number, number>()
    const leastFrom = new Map<number, Placed>()
    for (const node of cells.keys()) this.#placeCell(node, cells, leastFrom, words)
    return words
  }

  /** Writes the cell of `node` after those above it, and returns which of them all has the least rule. */
  #placeCell(
    node: number,
    cells: Chain['cells'],
    leastFrom: Map<number, Placed>,
    words: Map<number, number>,
  ): Placed {
    const known = leastFrom.get(node)
    if (known) return known
    // The cell for any destination is not among those above, as it is looked at first.
    const parent = node === ANY_NODE ? ANY_NODE : this.#parents[node]
    const above = parent === ANY_NODE ? NOWHERE : this.#placeCell(parent, cells, leastFrom, words)
    const cell = cells.get(node)
    if (!cell) return above
    const own = this.#addCell(cell, above)
    words.set(node, own)
    const least = above.least < cell.least ? above : { at: own, least: cell.least }
    leastFrom.set(node, least)
    return least
  }

  #addCell({ least, lists }: Cell, above: Placed): number {
    const own = this.#cells.length
    const anyClient = lists.get(ANY_NODE)
    const named = [...lists].filter(([client]) => client !== ANY_NODE)
    const isLeast = least < above.least
    const clients = named.reduce((bits, [client]) => bits | (1 << (client & 31)), 0)
    this.#cells.push(least, isLeast ? least : above.least, isLeast ? own : above.at, clients)
    this.#addList(anyClient?.entries ?? [])
    for (const [client, { entries }] of named) this.#groupIndex.add(own, client, this.#addList(entries))
    return own
  }

  /** Writes a list and returns its word. */
  #addList(entries: readonly number[]): number {
    const at = this.#cells.length
    const count = entries.length / Entry.WORDS
    this.#cells.push(count)
    for (const word of entries) this.#cells.push(word)
    if (count > ENTRIES_SCANNED) {
      for (let entry = 0; entry < entries.length; entry += Entry.WORDS) {
        this.#entryIndex.add(at, entries[entry + Entry.condition], at + ListRow.WORDS + entry)
      }
    }
    return at
  }

  finish() {
    return {
      cells: Uint32Array.from(this.#cells),
      groupIndex: this.#groupIndex.finish(),
      entryIndex: this.#entryIndex.finish(),
    }
  }
}
