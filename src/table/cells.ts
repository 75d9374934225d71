/**
 * Chains, cells and lists: where the classifier keeps a rule, by the port and the prefixes that it
 * asks for, while they are collected and once they are words.
 */

import { assert } from '../base/assert.ts'
import { ANY_NODE } from './find-node.ts'
import { Chain as ChainRow, ENTRIES_SCANNED, Entry, List as ListRow } from './layout.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'

/** The rules of a scope that ask for one port (0: for none), by destination node. */
export type Chain = {
  /** Its row in the table. */
  readonly row: number
  readonly scope: number
  readonly port: number
  readonly least: number
  readonly cells: Map<number, Cell>
}

/** Those for one destination node, by client node. */
export type Cell = { readonly least: number; readonly lists: Map<number, List> }

/** Those for one client node: the words of their entries, ascending by rule. */
type List = { readonly conditions: Set<number>; readonly entries: number[] }

export const createChain = (row: number, scope: number, port: number, least: number): Chain => ({
  ...{ row, scope, port, least },
  cells: new Map(),
})

/** A rule as the lists keep it. */
export type Member = { readonly condition: number; readonly row: number; readonly route: number }

/** Adds a rule; rows come in ascending order. One that an earlier rule of its list hides is left out. */
export function addToChain(chain: Chain, destination: number, client: number, member: Member): void {
  const { condition, row, route } = member
  const { lists } = chain.cells.getOrInsertComputed(destination, () => ({ least: row, lists: new Map() }))
  const list = lists.getOrInsertComputed(client, () => ({ conditions: new Set(), entries: [] }))
  if (list.conditions.has(condition)) return
  list.conditions.add(condition)
  list.entries.push(condition, row, route)
}

/** The cell of a destination node where no other chain has one. */
export type OnlyCell = { readonly chain: number; readonly cell: number }

/** The words of all chains and their cells, and the cells that are found by their node alone; `parents` are those of the nodes. */
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
  /** By destination node: chain and cell, in turn. */
  readonly #cellsOf = new Map<number, number[]>()
  readonly #groupIndex = new PairIndexBuilder()
  readonly #entryIndex = new PairIndexBuilder()

  constructor(parents: Uint32Array) {
    this.#parents = parents
  }

  addChain({ row, scope, port, least, cells }: Chain): void {
    assert(row === this.#chains.length / ChainRow.WORDS, `chain ${row} is out of turn`)
    if (port !== 0) this.#chainIndex.add(scope, port, row)
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
    if (node !== ANY_NODE) this.#cellsOf.getOrInsertComputed(node, () => []).push(chain, placed.own)
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
    const clients = named.reduce((bits, [client]) => bits | (1 << (client & 31)), 0)
    this.#cells.push(least, isLeast ? least : above.least, isLeast ? own : above.at, clients)
    this.#addList(anyClient?.entries ?? [])
    for (const [client, { entries }] of named) this.#groupIndex.add(own, client, this.#addList(entries))
    return { own }
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

  /** By destination node, for those where just one chain has a cell; the others go into the index. */
  #onlyCells(): Map<number, OnlyCell> {
    const only = new Map<number, OnlyCell>()
    for (const [node, cells] of this.#cellsOf) {
      if (cells.length === 2) only.set(node, { chain: cells[0], cell: cells[1] })
      else for (let at = 0; at < cells.length; at += 2) this.#cellIndex.add(cells[at], node, cells[at + 1])
    }
    return only
  }

  finish() {
    const onlyCells = this.#onlyCells()
    const sections = {
      chains: Uint32Array.from(this.#chains),
      chainIndex: this.#chainIndex.finish(),
      cells: Uint32Array.from(this.#cells),
      cellIndex: this.#cellIndex.finish(),
      groupIndex: this.#groupIndex.finish(),
      entryIndex: this.#entryIndex.finish(),
    }
    return { sections, onlyCells }
  }
}
