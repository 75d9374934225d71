/**
 * The classifier: from addresses and a port to the first rule in list order, without looking at the
 * rules one by one.
 *
 *   destination ─trie─▶ node ─▶ its ancestors …      every prefix around the destination
 *   (scope, destination node)      ─hash─▶ cell      rules of a scope for just that prefix
 *   (cell, client node)            ─hash─▶ group     … and for just that client prefix
 *   (group, port)                  ─hash─▶ list      … and for just that port, or any: in list order
 *
 * This is tuple space search (Srinivasan, Suri and Varghese 1999) along the tries' own paths: at most
 * one cell for each prefix around the destination. A cell knows the least rule of itself and of all
 * cells above, so the walk ends as soon as nothing better can come. Conditions on the client's
 * workload were answered before (conditions.ts): here they are one bit.
 *
 * All functions read typed arrays and return integers; they never throw and allocate nothing.
 */

import { findPrefix } from './cidr-trie.ts'
import { Cell, ClientNode, DestinationNode, Group } from './layout.ts'
import { ANY_NODE, nodeOf } from './node-set.ts'
import { ABSENT, findPair } from './pair-index.ts'
import type { Table } from './table.ts'

/** What `firstRule` returns where no rule matches. */
export const NO_RULE = ABSENT

/** The node of the longest destination prefix around an address; `family` 0 is an unknown address. */
export function destinationNode(table: Table, family: number, address: Uint32Array): number {
  if (family === 4) return nodeOf(findPrefix(table.destinations4, address, 0), 4)
  return family === 6 ? nodeOf(findPrefix(table.destinations6, address, 0), 6) : ANY_NODE
}

/** The node of the longest client prefix around an address. */
export function clientNode(table: Table, family: number, address: Uint32Array): number {
  if (family === 4) return nodeOf(findPrefix(table.clients4, address, 0), 4)
  return family === 6 ? nodeOf(findPrefix(table.clients6, address, 0), 6) : ANY_NODE
}

/** The row of `workloads` for a client node: that of the longest source range around it; 0 is unknown. */
export const workloadOf = (table: Table, client: number): number =>
  table.clientNodes[client * ClientNode.WORDS + ClientNode.workload]

/**
 * The scope of `listener` whose prefix around the destination is the longest, of those whose port
 * fits; −1 where there is none.
 */
export function findScope(table: Table, listener: number, destination: number, port: number): number {
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

/**
 * The row of the first rule of `scope` that matches, or NO_RULE.
 *
 * @param destination  Node, from `destinationNode`.
 * @param client       Node, from `clientNode`.
 * @param bits         Which source conditions the client fulfils: bit `i` of the row from word `at` on.
 */
export function firstRule(
  table: Table,
  scope: number,
  destination: number,
  client: number,
  port: number,
  bits: Uint32Array,
  at: number,
): number {
  const { destinationNodes, cellIndex, cells } = table
  let best = NO_RULE
  let node = destinationNodes[destination * DestinationNode.WORDS + DestinationNode.ruleNode]
  for (;;) {
    const found = findPair(cellIndex, scope, node)
    if (found !== ABSENT) {
      const cell = found * Cell.WORDS
      if (cells[cell + Cell.leastAbove] >= best) return best
      if (cells[cell + Cell.least] < best) best = firstInCell(table, found, client, port, bits, at, best)
    }
    if (node === ANY_NODE) return best
    node = destinationNodes[node * DestinationNode.WORDS + DestinationNode.ruleAbove]
  }
}

function firstInCell(
  table: Table,
  cell: number,
  client: number,
  port: number,
  bits: Uint32Array,
  at: number,
  limit: number,
): number {
  const anyClient = table.cells[cell * Cell.WORDS + Cell.anyClientGroup]
  let best = anyClient === ABSENT ? limit : firstInGroup(table, anyClient, port, bits, at, limit)
  if (table.cells[cell * Cell.WORDS + Cell.namesClients] === 0) return best
  let node = table.clientNodes[client * ClientNode.WORDS + ClientNode.ruleNode]
  while (node !== ANY_NODE) {
    const group = findPair(table.groupIndex, cell, node)
    if (group !== ABSENT) best = firstInGroup(table, group, port, bits, at, best)
    node = table.clientNodes[node * ClientNode.WORDS + ClientNode.ruleAbove]
  }
  return best
}

function firstInGroup(
  table: Table,
  group: number,
  port: number,
  bits: Uint32Array,
  at: number,
  limit: number,
): number {
  const row = group * Group.WORDS
  if (table.groups[row + Group.least] >= limit) return limit
  const anyPort = table.groups[row + Group.anyPortList]
  let best = anyPort === ABSENT ? limit : firstInList(table.lists, anyPort, bits, at, limit)
  if (table.groups[row + Group.namesPorts] === 1) {
    const list = findPair(table.listIndex, group, port)
    if (list !== ABSENT) best = firstInList(table.lists, list, bits, at, best)
  }
  return best
}

/** Of a list [count, then condition and rule in turn], ascending by rule, the first whose condition holds. */
function firstInList(lists: Uint32Array, list: number, bits: Uint32Array, at: number, limit: number): number {
  const end = list + 1 + 2 * lists[list]
  for (let entry = list + 1; entry < end; entry += 2) {
    if (lists[entry + 1] >= limit) return limit
    if (hasBit(bits, at, lists[entry])) return lists[entry + 1]
  }
  return limit
}

/** Whether bit `index` is set in the row of bits that starts at word `at`. */
export const hasBit = (bits: Uint32Array, at: number, index: number): boolean =>
  ((bits[at + (index >>> 5)] >>> (index & 31)) & 1) === 1
