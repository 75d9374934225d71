/**
 * Cells, groups and lists: where the classifier keeps a rule, by the prefixes and the port that it
 * asks for, while they are collected and once they are words.
 */

import { Cell as CellRow, Group as GroupRow } from './layout.ts'
import { ANY_NODE } from './node-set.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'

/** Rules of a scope for one destination prefix; `least` is the first of them. */
export type Cell = {
  readonly scope: number
  readonly node: number
  readonly least: number
  /** By client node. */
  readonly groups: Map<number, Group>
}

/** Those of a cell for one client prefix, by port; 0 is any. */
type Group = { readonly least: number; readonly lists: Map<number, List> }

/** Those of a group for one port, ascending: condition and row in turn. */
type List = { readonly conditions: Set<number>; readonly entries: number[] }

export const createCell = (scope: number, node: number, least: number): Cell => ({
  scope,
  node,
  least,
  groups: new Map(),
})

/** Adds rule `row`; rows come in ascending order. One that an earlier rule of its list hides is left out. */
export function addToCell(cell: Cell, client: number, port: number, condition: number, row: number): void {
  const { lists } = cell.groups.getOrInsertComputed(client, () => ({ least: row, lists: new Map() }))
  const list = lists.getOrInsertComputed(port, () => ({ conditions: new Set(), entries: [] }))
  if (list.conditions.has(condition)) return
  list.conditions.add(condition)
  list.entries.push(condition, row)
}

/** The words of all cells; `cells` by scope and then by node. */
export function cellSections(cells: readonly ReadonlyMap<number, Cell>[], parents: Uint32Array) {
  const writer = new CellWriter()
  for (const byNode of cells) {
    const leastAbove = (node: number): number => {
      const least = byNode.get(node)?.least ?? ABSENT
      return node === ANY_NODE ? least : Math.min(least, leastAbove(parents[node]))
    }
    for (const cell of byNode.values()) writer.addCell(cell, leastAbove(cell.node))
  }
  return writer.finish()
}

class CellWriter {
  readonly #cells: number[] = []
  readonly #groups: number[] = []
  readonly #lists: number[] = []
  readonly #cellIndex = new PairIndexBuilder()
  readonly #groupIndex = new PairIndexBuilder()
  readonly #listIndex = new PairIndexBuilder()

  addCell({ scope, node, least, groups }: Cell, leastAbove: number): void {
    const row = this.#cells.length / CellRow.WORDS
    this.#cellIndex.add(scope, node, row)
    let anyClient = ABSENT
    let namesClients = 0
    for (const [client, group] of groups) {
      const groupRow = this.#addGroup(group)
      if (client === ANY_NODE) anyClient = groupRow
      else {
        namesClients = 1
        this.#groupIndex.add(row, client, groupRow)
      }
    }
    this.#cells.push(least, leastAbove, anyClient, namesClients)
  }

  #addGroup({ least, lists }: Group): number {
    const row = this.#groups.length / GroupRow.WORDS
    let anyPort = ABSENT
    let namesPorts = 0
    for (const [port, { entries }] of lists) {
      const list = this.#lists.length
      this.#lists.push(entries.length / 2)
      for (const word of entries) this.#lists.push(word)
      if (port === 0) anyPort = list
      else {
        namesPorts = 1
        this.#listIndex.add(row, port, list)
      }
    }
    this.#groups.push(least, anyPort, namesPorts)
    return row
  }

  finish() {
    return {
      cells: Uint32Array.from(this.#cells),
      cellIndex: this.#cellIndex.finish(),
      groups: Uint32Array.from(this.#groups),
      groupIndex: this.#groupIndex.finish(),
      lists: Uint32Array.from(this.#lists),
      listIndex: this.#listIndex.finish(),
    }
  }
}
