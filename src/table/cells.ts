/**
 * Cells, groups and lists: where the classifier keeps a rule, by the prefixes and the port that it
 * asks for, while they are collected and once they are words.
 */

import { ENTRIES_SCANNED, Group as GroupRow, List as ListRow, PORTS_SCANNED } from './layout.ts'
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

/** Writes each cell in one piece, so that one lookup touches few cache lines. */
class CellWriter {
  readonly #words: number[] = []
  readonly #cellIndex = new PairIndexBuilder()
  readonly #groupIndex = new PairIndexBuilder()
  readonly #listIndex = new PairIndexBuilder()
  readonly #entryIndex = new PairIndexBuilder()

  addCell({ scope, node, least, groups }: Cell, leastAbove: number): void {
    const at = this.#words.length
    const anyClient = groups.get(ANY_NODE)
    const named = [...groups].filter(([client]) => client !== ANY_NODE)
    this.#words.push(least, leastAbove, anyClient ? 1 : 0, named.length > 0 ? 1 : 0)
    if (anyClient) this.#addGroup(anyClient)
    for (const [client, group] of named) this.#groupIndex.add(at, client, this.#addGroup(group))
    this.#cellIndex.add(scope, node, at)
  }

  /** Writes a group and its lists, and returns the group's word. */
  #addGroup({ least, lists }: Group): number {
    const at = this.#words.length
    const ports = [...lists].sort(([a], [b]) => a - b)
    this.#words.push(least, ports.length)
    let list = at + GroupRow.WORDS + 2 * ports.length
    for (const [port, { entries }] of ports) {
      this.#words.push(port, list)
      if (ports.length > PORTS_SCANNED) this.#listIndex.add(at, port, list)
      list += ListRow.WORDS + entries.length
    }
    for (const [, { entries }] of ports) this.#addList(entries)
    return at
  }

  #addList(entries: readonly number[]): void {
    const at = this.#words.length
    const count = entries.length / 2
    this.#words.push(count)
    for (const word of entries) this.#words.push(word)
    if (count <= ENTRIES_SCANNED) return
    for (let entry = 0; entry < entries.length; entry += 2) {
      this.#entryIndex.add(at, entries[entry], entries[entry + 1])
    }
  }

  finish() {
    return {
      cells: Uint32Array.from(this.#words),
      cellIndex: this.#cellIndex.finish(),
      groupIndex: this.#groupIndex.finish(),
      listIndex: this.#listIndex.finish(),
      entryIndex: this.#entryIndex.finish(),
    }
  }
}
