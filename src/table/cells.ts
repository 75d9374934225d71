/**
 * Chains, cells and lists: where the classifier keeps a rule, by the port and the prefixes that it
 * asks for, while they are collected and once they are words.
 */

import { Chain as ChainRow, ENTRIES_SCANNED } from './layout.ts'
import { ANY_NODE } from './node-set.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'

/** The rules of a scope that ask for one port (0: for none), by destination node. */
export type Chain = {
  readonly scope: number
  readonly port: number
  readonly least: number
  readonly cells: Map<number, Cell>
}

/** Those for one destination node, by client node. */
export type Cell = { readonly least: number; readonly lists: Map<number, List> }

/** Those for one client node, ascending: condition and rule in turn. */
type List = { readonly conditions: Set<number>; readonly entries: number[] }

export const createChain = (scope: number, port: number, least: number): Chain => ({
  scope,
  port,
  least,
  cells: new Map(),
})

/** Adds rule `row`; rows come in ascending order. One that an earlier rule of its list hides is left out. */
export function addToChain(
  chain: Chain,
  destination: number,
  client: number,
  condition: number,
  row: number,
): void {
  const { lists } = chain.cells.getOrInsertComputed(destination, () => ({ least: row, lists: new Map() }))
  const list = lists.getOrInsertComputed(client, () => ({ conditions: new Set(), entries: [] }))
  if (list.conditions.has(condition)) return
  list.conditions.add(condition)
  list.entries.push(condition, row)
}

/** The words of all chains and their cells; `parents` are those of the destination nodes. */
export function chainSections(chains: readonly Chain[], parents: Uint32Array) {
  const writer = new ChainWriter(parents)
  for (const chain of chains) writer.addChain(chain)
  return writer.finish()
}

/** A cell's word, and its least rule. */
type Placed = { readonly at: number; readonly least: number }
const NOWHERE: Placed = { at: ABSENT, least: ABSENT }

/** Writes each cell in one piece, so that one lookup touches few cache lines. */
class ChainWriter {
  readonly #parents: Uint32Array
  readonly #chains: number[] = []
  readonly #cells: number[] = []
  readonly #chainIndex = new PairIndexBuilder()
  readonly #cellIndex = new PairIndexBuilder()
  readonly #groupIndex = new PairIndexBuilder()
  readonly #entryIndex = new PairIndexBuilder()

  constructor(parents: Uint32Array) {
    this.#parents = parents
  }

  addChain({ scope, port, least, cells }: Chain): void {
    const row = this.#chains.length / ChainRow.WORDS
    this.#chainIndex.add(scope, port, row)
    const leastFrom = new Map<number, Placed>()
    for (const node of cells.keys()) this.#placeCell(row, node, cells, leastFrom)
    this.#chains.push(least, leastFrom.get(ANY_NODE)?.at ?? ABSENT)
  }

  /** Writes the cell of `node` after those above it, and returns which of them all has the least rule. */
  #placeCell(chain: number, node: number, cells: Chain['cells'], leastFrom: Map<number, Placed>): Placed {
    const known = leastFrom.get(node)
    if (known) return known
    const above = node === ANY_NODE ? NOWHERE : this.#leastAbove(chain, node, cells, leastFrom)
    const cell = cells.get(node)
    if (!cell) return above
    const placed = this.#addCell(cell, above)
    if (node !== ANY_NODE) this.#cellIndex.add(chain, node, placed.own)
    const least =
      node !== ANY_NODE && above.least < cell.least ? above : { at: placed.own, least: cell.least }
    leastFrom.set(node, least)
    return least
  }

  /** Of the wider prefixes; the cell for any destination is not among them, as it is looked at first. */
  #leastAbove(chain: number, node: number, cells: Chain['cells'], leastFrom: Map<number, Placed>): Placed {
    const parent = this.#parents[node]
    return parent === ANY_NODE ? NOWHERE : this.#placeCell(chain, parent, cells, leastFrom)
  }

  #addCell({ least, lists }: Cell, above: Placed): { own: number } {
    const own = this.#cells.length
    const anyClient = lists.get(ANY_NODE)
    const named = [...lists].filter(([client]) => client !== ANY_NODE)
    const isLeast = least < above.least
    this.#cells.push(least, isLeast ? least : above.least, isLeast ? own : above.at, named.length > 0 ? 1 : 0)
    this.#addList(anyClient?.entries ?? [])
    for (const [client, { entries }] of named) this.#groupIndex.add(own, client, this.#addList(entries))
    return { own }
  }

  /** Writes a list and returns its word. */
  #addList(entries: readonly number[]): number {
    const at = this.#cells.length
    const count = entries.length / 2
    this.#cells.push(count)
    for (const word of entries) this.#cells.push(word)
    if (count > ENTRIES_SCANNED) {
      for (let entry = 0; entry < entries.length; entry += 2) {
        this.#entryIndex.add(at, entries[entry], entries[entry + 1])
      }
    }
    return at
  }

  finish() {
    return {
      chains: Uint32Array.from(this.#chains),
      chainIndex: this.#chainIndex.finish(),
      cells: Uint32Array.from(this.#cells),
      cellIndex: this.#cellIndex.finish(),
      groupIndex: this.#groupIndex.finish(),
      entryIndex: this.#entryIndex.finish(),
    }
  }
}
