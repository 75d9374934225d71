/**
 * The classifier: from addresses and a port to the first rule in list order, without looking at the
 * rules one by one.
 *
 *   destination ─▶ node ─▶ its ancestors …           every prefix around the destination (find-node.ts)
 *   (scope, port)               ─hash─▶ chain        rules of a scope for just that port; its row names that for any
 *   (chain, destination node)   ─hash─▶ cell         … and for just that prefix; a node's row names its only one
 *   (cell, client node)         ─hash─▶ list         … and for just that client prefix: in list order
 *
 * Each of these is a read that waits for the one before, and in a large table misses the cache. So whatever a row
 * can say by itself spares a hash, and bits spare the hashes that would find nothing.
 *
 * This is tuple space search (Srinivasan, Suri and Varghese 1999) along the tries' own paths: at most
 * one cell for each prefix around the destination. What spares most of them: a cell knows which cell
 * of itself and all above has the least rule; that one is asked first, and once a rule is found no
 * cell matters whose least is greater. Conditions on the client's workload were answered before
 * (conditions.ts): here they are one bit, or one entry of a long list.
 *
 * All functions read typed arrays and return integers; they never throw and allocate nothing.
 */

import { ANY_NODE } from './find-node.ts'
import {
  Cell,
  Chain,
  ClientNode,
  DestinationNode,
  ENTRIES_SCANNED,
  Entry,
  List,
  Listener,
  Scope,
} from './layout.ts'
import { ABSENT, findPair } from './pair-index.ts'
import type { Table } from './table.ts'

/** What `firstRule` returns where no rule matches. */
export const NO_RULE = ABSENT

/** The row of `workloads` for a client node: that of the longest source range around it; 0 is unknown. */
export const workloadOf = (table: Table, client: number): number =>
  table.clientNodes[client * ClientNode.WORDS + ClientNode.workload]

/**
 * The scope of `listener` whose prefix around the destination is the longest, of those whose port
 * fits; −1 where there is none.
 */
export function findScope(table: Table, listener: number, destination: number, port: number): number {
  const only = table.listeners[listener * Listener.WORDS + Listener.onlyScope]
  if (only !== ABSENT) return only
  const { destinationNodes, scopeIndex } = table
  const anyPort = listener * 65_536
  let node = destinationNodes[destination * DestinationNode.WORDS + DestinationNode.scopeNode]
  for (;;) {
    let scope = findPair(scopeIndex, node, anyPort + port)
    if (scope === ABSENT) scope = findPair(scopeIndex, node, anyPort)
    if (scope !== ABSENT) return scope
    if (node === ANY_NODE) return -1
    node = destinationNodes[node * DestinationNode.WORDS + DestinationNode.scopeAbove]
  }
}

/** Who a client is to the rules: which source conditions it fulfils, as bits and as a list. */
export type Fulfilled = {
  /** Bit `i` of the row from word `bitsAt` on: condition `i`. */
  bits: Uint32Array
  bitsAt: number
  /** The same as numbers, `count` of them from word `first` on. */
  conditions: Uint32Array
  first: number
  count: number
  /** Out: the word of the entry that was found last; where `firstRule` finds one, it is that one's. */
  entry: number
}

/**
 * The row of the first rule of `scope` that matches, or NO_RULE.
 *
 * @param destination  Node, from `findNode`.
 * @param client       Node, from `findNode`.
 */
export function firstRule(
  table: Table,
  scope: number,
  destination: number,
  client: number,
  port: number,
  fulfilled: Fulfilled,
): number {
  const row = scope * Scope.WORDS
  const named =
    ((table.scopes[row + Scope.ports] >>> (port & 31)) & 1) === 0
      ? ABSENT
      : findPair(table.chainIndex, scope, port)
  const anyPort = table.scopes[row + Scope.anyPortChain]
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
  const cell = table.chains[chain * Chain.WORDS + Chain.anyCell]
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
function cellOf({ destinationNodes, cellIndex }: Table, chain: number, node: number): number {
  const row = node * DestinationNode.WORDS
  const only = destinationNodes[row + DestinationNode.cell]
  const chains = destinationNodes[row + DestinationNode.chains]
  if (only !== ABSENT) return chains === chain ? only : ABSENT
  return ((chains >>> (chain & 31)) & 1) === 0 ? ABSENT : findPair(cellIndex, chain, node)
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
      fulfilled.entry = entry
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
    fulfilled.entry = entry
  }
  return best
}

/** Whether bit `index` is set in the row of bits that starts at word `at`. */
export const hasBit = (bits: Uint32Array, at: number, index: number): boolean =>
  ((bits[at + (index >>> 5)] >>> (index & 31)) & 1) === 1
