/**
 * From a connection's addresses to its route: the decision that everything else serves.
 *
 *   listener ─▶ scope (destination address and port) ─▶ first rule whose every condition holds ─▶ route
 *                                              client address ─▶ workload ─▶ condition bits ─┘
 *
 * The first rule in list order wins, however specific a later one is. All functions here read typed
 * arrays and return integers; they never throw and allocate nothing.
 */

import type { Family } from '../net/address.ts'
import { Listener, Otherwise, Prefix, Rule, Scope, Source } from './layout.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from './outcome.ts'
import type { Table } from './table.ts'

/** A connection to be matched: each worker has one and fills it anew. Addresses are 4 words (net/address.ts). */
export type Query = {
  /** Index into `Table.sockets`. */
  listener: number
  destinationFamily: Family | 0
  readonly destination: Uint32Array
  destinationPort: number
  clientFamily: Family | 0
  readonly client: Uint32Array
  /** Out: the row of the rule that matched; −1 where none did. */
  rule: number
}

export function createQuery(): Query {
  return {
    listener: 0,
    destinationFamily: 0,
    destination: new Uint32Array(4),
    destinationPort: 0,
    clientFamily: 0,
    client: new Uint32Array(4),
    rule: -1,
  }
}

/** The route's index for a new connection, or NO_ROUTE, PASSTHROUGH or DENIED. */
export function match(table: Table, query: Query): number {
  const workload = findWorkload(table, query)
  return matchAs(table, query, table.workloads, workload * table.conditionWords)
}

/** The same, for a client that fulfils the source conditions whose bits stand in `bits` from word `at`. */
export function matchAs(table: Table, query: Query, bits: Uint32Array, at: number): number {
  query.rule = -1
  const scope = findScope(table, query)
  if (scope < 0) return otherwise(table, query.listener)
  const row = scope * Scope.WORDS
  const end = table.scopes[row + Scope.firstRule] + table.scopes[row + Scope.ruleCount]
  for (let rule = table.scopes[row + Scope.firstRule]; rule < end; rule++) {
    if (!holds(table, rule, query, bits, at)) continue
    query.rule = rule
    return table.rules[rule * Rule.WORDS + Rule.route]
  }
  return table.scopes[row + Scope.defaultRoute] // −1 is NO_ROUTE
}

/** The scope whose address prefix around the destination is the longest, of those whose port fits; −1: none. */
export function findScope(table: Table, query: Query): number {
  const listener = query.listener * Listener.WORDS
  const first = table.listeners[listener + Listener.firstScope]
  const end = first + table.listeners[listener + Listener.scopeCount]
  let best = -1
  let bestBits = -1
  for (let scope = first; scope < end; scope++) {
    const row = scope * Scope.WORDS
    const port = table.scopes[row + Scope.port]
    if (port !== 0 && port !== query.destinationPort) continue
    const bits = longestPrefix(
      table,
      table.scopes[row + Scope.firstAddress],
      table.scopes[row + Scope.addressCount],
      query,
    )
    if (bits > bestBits) {
      best = scope
      bestBits = bits
    }
  }
  return best
}

function longestPrefix(table: Table, first: number, count: number, query: Query): number {
  if (count === 0) return 0 // any address, like a prefix of length 0
  let best = -1
  for (let prefix = first; prefix < first + count; prefix++) {
    const at = prefix * Prefix.WORDS
    const bits = table.prefixes[at + Prefix.bits]
    if (bits > best && covers(table.prefixes, at, query.destinationFamily, query.destination)) best = bits
  }
  return best
}

/** The row of `workloads` for the client's address: longest prefix, then the earlier source; 0 is unknown. */
export function findWorkload(table: Table, query: Query): number {
  let workload = 0
  let best = -1
  for (let at = 0; at < table.sources.length; at += Source.WORDS) {
    const bits = table.sources[at + Source.bits]
    if (bits > best && covers(table.sources, at, query.clientFamily, query.client)) {
      best = bits
      workload = table.sources[at + Source.workload]
    }
  }
  return workload
}

function holds(table: Table, rule: number, query: Query, bits: Uint32Array, at: number): boolean {
  const row = rule * Rule.WORDS
  const { rules } = table
  const port = rules[row + Rule.port]
  if (port !== 0 && port !== query.destinationPort) return false
  if (!hasBit(bits, at, rules[row + Rule.condition])) return false
  return (
    inAny(
      table,
      rules[row + Rule.firstDestination],
      rules[row + Rule.destinationCount],
      query.destinationFamily,
      query.destination,
    ) &&
    inAny(
      table,
      rules[row + Rule.firstClient],
      rules[row + Rule.clientCount],
      query.clientFamily,
      query.client,
    )
  )
}

/** Whether bit `index` is set in the row of bits that starts at word `at`. */
export const hasBit = (bits: Uint32Array, at: number, index: number): boolean =>
  ((bits[at + (index >>> 5)] >>> (index & 31)) & 1) === 1

/** Whether the address lies in one of a run of prefixes; an empty run asks for nothing. */
export function inAny(
  table: Table,
  first: number,
  count: number,
  family: number,
  words: Uint32Array,
): boolean {
  if (count === 0) return true
  for (let prefix = first; prefix < first + count; prefix++) {
    if (covers(table.prefixes, prefix * Prefix.WORDS, family, words)) return true
  }
  return false
}

/** Whether the prefix (laid out as Prefix) at word `at` covers the address. */
function covers(prefixes: Uint32Array, at: number, family: number, words: Uint32Array): boolean {
  if (prefixes[at + Prefix.family] !== family) return false
  const bits = prefixes[at + Prefix.bits]
  for (let word = 0; word * 32 < bits; word++) {
    const rest = bits - word * 32
    const mask = rest >= 32 ? -1 : -1 << (32 - rest)
    if (((prefixes[at + Prefix.address + word] ^ words[word]) & mask) !== 0) return false
  }
  return true
}

function otherwise(table: Table, listener: number): number {
  const what = table.listeners[listener * Listener.WORDS + Listener.otherwise]
  if (what === Otherwise.passthrough) return PASSTHROUGH
  return what === Otherwise.deny ? DENIED : NO_ROUTE
}
