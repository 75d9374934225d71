/**
 * Chains and cells while they are collected: the rules of a scope by the port, the destination prefix and
 * the client prefix that they ask for.
 */

import { Entry } from './layout.ts'

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

/** Those for one client node: the words of their entries (Entry), ascending by rule. */
export type List = { readonly conditions: Set<number>; readonly entries: number[] }

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

/** The member whose entry is the one of index `index` in its list. */
export function memberAt({ entries }: List, index: number): Member {
  const at = index * Entry.WORDS
  return {
    condition: entries[at + Entry.condition],
    row: entries[at + Entry.rule],
    route: entries[at + Entry.route],
  }
}
