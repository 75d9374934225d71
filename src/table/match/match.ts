/**
 * From a connection's addresses to its route: weir's central decision.
 *
 *   listener ─▶ scope (destination address and port) ─▶ first rule whose every condition holds ─▶ route
 *                └─ server name ─▶ scope (named-scope.ts)                                  │
 *                                              client address ─▶ workload ─▶ condition bits ─┘
 *
 * The first rule in list order wins, even if a later one is more specific; classifier.ts finds it.
 * All functions here read typed arrays and return integers; they never throw and allocate nothing.
 */

import { conditionList } from '../build/conditions.ts'
import { ClientNode, WorkloadRun } from '../format/clients-layout.ts'
import { DENIED, NO_ROUTE, NO_RULE, PASSTHROUGH } from '../format/outcome.ts'
import { Listener, Otherwise, Scope } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { findScope, firstRule } from './classifier.ts'
import { findNode } from './find-node.ts'
import { findNamedScope } from './named-scope.ts'
import type { Query } from './query.ts'

/** The route's index for a new connection, or NO_ROUTE, PASSTHROUGH or DENIED. */
export function match(table: Table, query: Query): number {
  const client = findNode(table.clients, query.clientFamily, query.client) * ClientNode.WORDS
  const workload = table.clientNodes[client + ClientNode.workload]
  query.workload = workload
  const { fulfilled } = query
  fulfilled.bits = table.workloads
  fulfilled.bitsAt = workload * table.conditionWords
  fulfilled.conditions = table.fulfilled
  fulfilled.first = table.workloadRuns[workload * WorkloadRun.WORDS + WorkloadRun.first]
  fulfilled.count = table.workloadRuns[workload * WorkloadRun.WORDS + WorkloadRun.count]
  return matchNodes(table, query, table.clientNodes[client + ClientNode.ruleNode], -1)
}

/**
 * The same, for a client that fulfils the source conditions in `bits`.
 *
 * @param scope  The scope to match in; −1: that of the destination.
 */
export function matchAs(table: Table, query: Query, bits: Uint32Array, scope: number): number {
  const conditions = Uint32Array.from(conditionList(bits))
  Object.assign(query.fulfilled, { bits, bitsAt: 0, conditions, first: 0, count: conditions.length })
  const client = findNode(table.clients, query.clientFamily, query.client) * ClientNode.WORDS
  return matchNodes(table, query, table.clientNodes[client + ClientNode.ruleNode], scope)
}

/** @param client  The rules' own node. */
function matchNodes(table: Table, query: Query, client: number, scope: number): number {
  const { listener } = query
  const port = table.listeners[listener * Listener.WORDS + Listener.rulePort] || query.destinationPort
  const destination = findNode(table.destinations, query.destinationFamily, query.destination)
  query.rule = -1
  query.scope = scope < 0 ? findScope(table, listener, destination, port) : scope
  if (query.scope < 0) return otherwise(table, listener)
  let row = query.scope
  if (table.scopes[row * Scope.WORDS + Scope.byName] === 1) {
    row = findNamedScope(table, row, query.isTls, query.serverName)
    query.scope = row < 0 ? -1 : table.scopes[row * Scope.WORDS + Scope.of]
    if (row < 0) return NO_ROUTE
    query.listener = table.scopes[row * Scope.WORDS + Scope.listener]
  }
  const rule = firstRule(table, row, destination, client, port, query.fulfilled)
  if (rule === NO_RULE) return table.scopes[query.scope * Scope.WORDS + Scope.defaultRoute] // −1 is NO_ROUTE
  query.rule = rule
  return query.fulfilled.route
}

function otherwise(table: Table, listener: number): number {
  const what = table.listeners[listener * Listener.WORDS + Listener.otherwise]
  if (what === Otherwise.passthrough) return PASSTHROUGH
  return what === Otherwise.deny ? DENIED : NO_ROUTE
}
