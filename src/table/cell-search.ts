/**
 * The first rule of a scope by way of cells: for where more rules can match than a shortlist holds.
 *
 *   shortlist ─▶ cell                        rules of a chain for just one destination prefix
 *   (cell, client node) ─hash─▶ list         … and for just that client prefix: in list order
 *
 * This is tuple space search (Srinivasan, Suri and Varghese 1999) along the tries' own paths: at most
 * one cell for each prefix around the destination. What spares most of them: a cell knows which cell
 * of itself and all above has the least rule; that one is asked first, and once a rule is found no
 * cell matters whose least is greater. Never throws, allocates nothing.
 */

import { ANY_NODE } from './find-node.ts'
import { type Fulfilled, hasBit } from './fulfilled.ts'
import {
  Cell,
  Chain,
  ClientNode,
  DestinationNode,
  ENTRIES_SCANNED,
  Entry,
  List,
  Shortlist,
} from './layout.ts'
import { NO_RULE } from './outcome.ts'
import { ABSENT, findPair } from './pair-index.ts'
import { shortlistOf } from './shortlist-search.ts'
import type { Table } from './table.ts'

/** What `firstRule` returns, of the chain `named` for the connection's port and the one for any port; either may be absent. */
export function firstInCells(
  table: Table,
  named: number,
  anyPort: number,
  destination: number,
  client: number,
  fulfilled: Fulfilled,
): number {
  let best = NO_RULE
  if (named !== ABSENT) best = firstForAnyDestination(table, named, client, fulfilled, best)
  if (anyPort >= 0) best = firstForAnyDestination(table, anyPort, client, fulfilled, best)
  if (named !== ABSENT) best = firstOnPath(table, named, destination, client, fulfilled, best)
  if (anyPort >= 0) best = firstOnPath(table, anyPort, destination, client, fulfilled, best)
  return best
}

/** Of a chain's rules that ask for no destination: asked before all others, as what they find spares most. */
function firstForAnyDestination(
  table: Table,
  chain: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const shortlist = table.chains[chain * Chain.WORDS + Chain.anyShortlist]
  if (shortlist === ABSENT) return limit
  const cell = table.shortlists[shortlist + Shortlist.cell]
  return cell === ABSENT ? limit : firstInCell(table, cell, client, fulfilled, limit)
}

/** Of a chain's rules for the prefixes around the destination. */
function firstOnPath(
  table: Table,
  chain: number,
  destination: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const { chains, cells, destinationNodes } = table
  if (chains[chain * Chain.WORDS + Chain.least] >= limit) return limit
  let best = limit
  let asked = ABSENT
  let node = destinationNodes[destination * DestinationNode.WORDS + DestinationNode.ruleNode]
  while (node !== ANY_NODE) {
    const cell = cellOf(table, chain, node)
    node = destinationNodes[node * DestinationNode.WORDS + DestinationNode.ruleAbove]
    if (cell === ABSENT) continue
    if (cells[cell + Cell.leastAbove] >= best) return best
    if (asked === ABSENT) {
      asked = cells[cell + Cell.leastCell]
      best = firstInCell(table, asked, client, fulfilled, best)
      if (cells[cell + Cell.leastAbove] >= best) return best
    }
    if (cell !== asked && cells[cell + Cell.least] < best) {
      best = firstInCell(table, cell, client, fulfilled, best)
    }
  }
  return best
}

/** The cell of a chain for a destination node, or ABSENT. */
function cellOf(table: Table, chain: number, node: number): number {
  const shortlist = shortlistOf(table, chain, node)
  return shortlist === ABSENT ? ABSENT : table.shortlists[shortlist + Shortlist.cell]
}

function firstInCell(
  table: Table,
  cell: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const { cells, clientNodes } = table
  let best = firstInList(table, cell + Cell.WORDS, fulfilled, limit)
  const clients = cells[cell + Cell.clients]
  if (clients === 0) return best
  let node = clientNodes[client * ClientNode.WORDS + ClientNode.ruleNode]
  while (node !== ANY_NODE) {
    if (((clients >>> (node & 31)) & 1) === 1) {
      const list = findPair(table.groupIndex, cell, node)
      if (list !== ABSENT) best = firstInList(table, list, fulfilled, best)
    }
    node = clientNodes[node * ClientNode.WORDS + ClientNode.ruleAbove]
  }
  return best
}

function firstInList(table: Table, list: number, fulfilled: Fulfilled, limit: number): number {
  const { cells } = table
  const count = cells[list + List.entryCount]
  if (count > ENTRIES_SCANNED && count > fulfilled.count) return leastEntry(table, list, fulfilled, limit)
  const end = list + List.WORDS + Entry.WORDS * count
  for (let entry = list + List.WORDS; entry < end; entry += Entry.WORDS) {
    const rule = cells[entry + Entry.rule]
    if (rule >= limit) return limit
    if (hasBit(fulfilled.bits, fulfilled.bitsAt, cells[entry + Entry.condition])) {
      fulfilled.route = cells[entry + Entry.route]
      return rule
    }
  }
  return limit
}

/** The same for a long list: asks for each condition that the client fulfils, instead of each entry. */
function leastEntry(table: Table, list: number, fulfilled: Fulfilled, limit: number): number {
  let best = limit
  for (let index = fulfilled.first; index < fulfilled.first + fulfilled.count; index++) {
    const entry = findPair(table.entryIndex, list, fulfilled.conditions[index])
    if (entry === ABSENT || table.cells[entry + Entry.rule] >= best) continue
    best = table.cells[entry + Entry.rule]
    fulfilled.route = table.cells[entry + Entry.route]
  }
  return best
}
