/**
 * The classifier: from addresses and a port to the first rule in list order, without looking at the
 * rules one by one.
 *
 *   destination ─▶ node ─▶ its ancestors …            every prefix around the destination (find-node.ts)
 *   (scope, port)               ─hash─▶ chain         rules of a scope for just that port; its row names that for any
 *   (chain, destination node)         ─▶ shortlist     all that can match there; it stands at the node's place, behind a
 *                                                       short directory if it is not alone; a hash has those of many
 *
 * A shortlist has the rules that can match at one prefix, in list order: those for it, for wider
 * ones and for any destination, so the nearest one is enough. Trying a candidate takes two
 * comparisons: is the client's node inside the candidate's, and does the client's workload have the
 * condition's bit (../build/conditions.ts). If more rules could match than a shortlist holds, the
 * scope's rules are also in parts, by their conditions on the client (part-search.ts).
 *
 * Each of these reads depends on the one before, and in a large table misses the cache. So rows
 * store values that spare a hash, and bits spare hashes that would find nothing.
 *
 * All functions read typed arrays and return integers; they never throw and allocate nothing.
 */

import { DestinationScope, LONG } from '../format/classifier-layout.ts'
import { NO_RULE } from '../format/outcome.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import { Listener, Scope } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { ANY_NODE } from './find-node.ts'
import type { Fulfilled } from './fulfilled.ts'
import { firstInParts } from './part-search.ts'
import { chainOf, firstShortlisted } from './shortlist-search.ts'

/**
 * The scope of `listener` with the longest prefix around the destination, of those for its port; −1
 * if there is none.
 */
export function findScope(table: Table, listener: number, destination: number, port: number): number {
  const only = table.listeners[listener * Listener.WORDS + Listener.onlyScope]
  if (only !== ABSENT) return only
  const { destinationScopes, scopeIndex } = table
  const anyPort = listener * 65_536
  let node = destinationScopes[destination * DestinationScope.WORDS + DestinationScope.node]
  for (;;) {
    let scope = findPair(scopeIndex, node, anyPort + port)
    if (scope === ABSENT) scope = findPair(scopeIndex, node, anyPort)
    if (scope !== ABSENT) return scope
    if (node === ANY_NODE) return -1
    node = destinationScopes[node * DestinationScope.WORDS + DestinationScope.above]
  }
}

/**
 * The row of the first rule of `scope` that matches, or NO_RULE; its route is then in `fulfilled`.
 *
 * @param destination  Node, from `findNode`.
 * @param client       The rules' own node (ClientNode) of the node from `findNode`.
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
  const anyPort = table.scopes[row + Scope.anyPortChain]
  const ports = table.scopes[row + Scope.ports]
  const named = chainOf(table, scope, ports, port)
  const found = firstShortlisted(table, named, anyPort, destination, client, fulfilled, NO_RULE)
  return found === LONG ? firstInParts(table, scope, destination, client, port, fulfilled) : found
}
