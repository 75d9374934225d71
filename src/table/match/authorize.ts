/**
 * Whether a connection is allowed: the policies of its listener, before it is routed.
 *
 *   DENY matches ─▶ denied         no ALLOW at all ─┐
 *   ALLOW matches ─────────────────────────────────┴─▶ may go on ─▶ what AUDIT and dry runs say of it
 *   else ─▶ denied, by the first ALLOW policy
 *
 * Candidates are found by the prefixes around the peer's address and the client's, so their number
 * does not depend on the number of policies (../build/access.ts). If several match, the first in
 * the order of policies counts. All functions read typed arrays; they never throw, and allocate
 * nothing but for a client's certificate (identity.ts).
 */

import type { Family } from '../../address/address.ts'
import type { Access, AskedIdentity } from '../format/access.ts'
import {
  AccessCandidate,
  AccessGroup,
  AccessList,
  AccessRow,
  AccessTest,
  Effect,
  listKey,
  Of,
  Access as Own,
  TestRun,
} from '../format/access-layout.ts'
import { ClientNode } from '../format/clients-layout.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import { Listener } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { isInSet } from './address-set.ts'
import { ANY_NODE, findNode } from './find-node.ts'
import { hasBit } from './fulfilled.ts'
import { isCertifiedAs } from './identity.ts'
import { takesName } from './name-patterns.ts'
import type { Query } from './query.ts'

/** No row of `accessRules`. */
export const NO_ROW = 0xffffffff

/** The verdict of the policies on a connection: rows of `accessRules`, or NO_ROW. */
type Verdict = {
  /** The rule that denies it; for an ALLOW policy the row that stands for all of its rules. */
  denied: number
  /** What would deny it if dry runs counted. */
  tried: number
  audited: number
}

export const createVerdict = (): Verdict => ({ denied: NO_ROW, tried: NO_ROW, audited: NO_ROW })

/** A connection as policies see it; filled anew for each. */
const asked = {
  peerNode: ANY_NODE,
  clientNode: ANY_NODE,
  port: 0,
  /** The bits of the conditions that the client fulfils; null: its workload's. */
  bits: null as Uint32Array | null,
}

/**
 * Fills `verdict`, and returns whether the connection is allowed.
 *
 * @param listener  Its row; if Gateways share a socket, that of the one that takes the connection.
 * @param bits      Bits of the conditions that the client fulfils; null: those of its workload.
 */
export function authorize(
  table: Table,
  access: Access,
  listener: number,
  query: Query,
  bits: Uint32Array | null,
  verdict: Verdict,
): boolean {
  verdict.denied = verdict.tried = verdict.audited = NO_ROW
  const own = listener * Own.WORDS
  const first = access.listeners[own + Own.firstGroup]
  const end = first + access.listeners[own + Own.groupCount]
  if (first === end) return true
  const isDirect = query.peerFamily === 0
  asked.clientNode = findNode(access.book, query.clientFamily, query.client)
  asked.peerNode = isDirect ? asked.clientNode : findNode(access.book, query.peerFamily as Family, query.peer)
  asked.port = table.listeners[listener * Listener.WORDS + Listener.rulePort] || query.destinationPort
  asked.bits = bits
  const denied = firstMatch(table, access, first, end, Effect.deny, query)
  verdict.denied = denied === NO_ROW ? notAllowed(table, access, first, end, query) : denied
  if (verdict.denied !== NO_ROW) return false
  verdict.audited = firstMatch(table, access, first, end, Effect.audit, query)
  verdict.tried = wouldDeny(table, access, first, end, query)
  return true
}

/** The row of the first ALLOW policy if there are some and none matches; else NO_ROW. */
function notAllowed(table: Table, access: Access, first: number, end: number, query: Query): number {
  const whole = wholeOf(access, first, end, AccessGroup.firstAllow)
  if (whole === NO_ROW) return NO_ROW
  return firstMatch(table, access, first, end, Effect.allow, query) === NO_ROW ? whole : NO_ROW
}

/** The same if dry runs counted, for an allowed connection. */
function wouldDeny(table: Table, access: Access, first: number, end: number, query: Query): number {
  const denied = firstMatch(table, access, first, end, Effect.tryDeny, query)
  if (denied !== NO_ROW) return denied
  const whole = wholeOf(access, first, end, AccessGroup.firstTryAllow)
  // If there are ALLOW policies that count, one of them has matched.
  if (whole === NO_ROW || wholeOf(access, first, end, AccessGroup.firstAllow) !== NO_ROW) return NO_ROW
  return firstMatch(table, access, first, end, Effect.tryAllow, query) === NO_ROW ? whole : NO_ROW
}

/** The smallest row in a field of the groups. */
function wholeOf({ groups }: Access, first: number, end: number, field: number): number {
  let least = NO_ROW
  for (let group = first; group < end; group++) {
    const row = groups[group * AccessGroup.WORDS + field]
    if (row < least) least = row
  }
  return least
}

/** The first matching rule of an effect, or NO_ROW. */
function firstMatch(
  table: Table,
  access: Access,
  first: number,
  end: number,
  effect: number,
  query: Query,
): number {
  const { groups } = access
  let best = NO_ROW
  for (let group = first; group < end; group++) {
    const at = group * AccessGroup.WORDS
    const number = groups[at + AccessGroup.number]
    const lists = groups[at + AccessGroup.lists] >>> (2 * effect)
    if ((lists & 1) !== 0)
      best = firstAround(table, access, listKey(number, effect, 0), asked.peerNode, query, best)
    if ((lists & 2) !== 0)
      best = firstAround(table, access, listKey(number, effect, 1), asked.clientNode, query, best)
  }
  return best
}

/** The first entry below `limit` in the lists of a key, at a node and the nodes around it. */
function firstAround(
  table: Table,
  access: Access,
  key: number,
  node: number,
  query: Query,
  limit: number,
): number {
  let best = limit
  for (let at = node; ; at = access.parents[at]) {
    const list = findPair(access.index, key, at)
    if (list !== ABSENT) best = firstOf(table, access, list, query, best)
    if (at === ANY_NODE) return best
  }
}

/** The first of a list, and of those that it has for the connection's port. */
function firstOf(table: Table, access: Access, list: number, query: Query, limit: number): number {
  const best = firstListed(table, access, list, query, limit)
  const ports = access.lists[list + AccessList.ports]
  const more = ports === 0 ? ABSENT : findPair(access.index, ports, asked.port)
  return more === ABSENT ? best : firstListed(table, access, more, query, best)
}

function firstListed(table: Table, access: Access, list: number, query: Query, limit: number): number {
  const { lists } = access
  let at = list + AccessList.WORDS
  for (let left = lists[list + AccessList.count]; left > 0; left--, at += AccessCandidate.WORDS) {
    const row = lists[at + AccessCandidate.row]
    if (row >= limit) return limit
    const first = lists[at + AccessCandidate.first]
    if (
      hold(table, access, first, lists[at + AccessCandidate.count], query) &&
      fits(table, access, row, query)
    )
      return row
  }
  return limit
}

/** Whether the conditions and one of the operations of a rule hold. */
function fits(table: Table, access: Access, row: number, query: Query): boolean {
  const { rows, runs } = access
  const at = row * AccessRow.WORDS
  if (!hold(table, access, rows[at + AccessRow.firstTest], rows[at + AccessRow.testCount], query))
    return false
  const first = rows[at + AccessRow.firstOperation]
  const end = first + rows[at + AccessRow.operationCount]
  if (first === end) return true
  for (let run = first; run < end; run++) {
    const tests = run * TestRun.WORDS
    if (hold(table, access, runs[tests + TestRun.first], runs[tests + TestRun.count], query)) return true
  }
  return false
}

/** Whether all tests of a run hold. */
function hold(table: Table, access: Access, first: number, count: number, query: Query): boolean {
  const { tests } = access
  for (let test = first; test < first + count; test++) {
    const at = test * AccessTest.WORDS
    const is = isSo(table, access, tests[at + AccessTest.of], tests[at + AccessTest.what], query)
    if (is === (tests[at + AccessTest.not] === 1)) return false
  }
  return true
}

function isSo(table: Table, access: Access, of: number, what: number, query: Query): boolean {
  switch (of) {
    case Of.peer:
      return query.peerFamily === 0
        ? isInSet(table.addressSets[what], query.clientFamily, query.client)
        : isInSet(table.addressSets[what], query.peerFamily, query.peer)
    case Of.client:
      return isInSet(table.addressSets[what], query.clientFamily, query.client)
    case Of.destination:
      return isInSet(table.addressSets[what], query.destinationFamily, query.destination)
    case Of.port:
      return hasPort(access.ports, what, asked.port)
    case Of.identity:
      return isIdentified(table, access.identities[what], query)
    default:
      return takesName(access.names[what], query.serverName)
  }
}

function hasPort(ports: Uint32Array, list: number, port: number): boolean {
  for (let left = ports[list]; left > 0; left--) if (ports[list + left] === port) return true
  return false
}

/** By its certificate; a client without one by its address, if that counts. */
function isIdentified(table: Table, { of, patterns, condition }: AskedIdentity, query: Query): boolean {
  if (query.identity !== null) return isCertifiedAs(query.identity, of, patterns)
  if (condition < 0) return false
  return asked.bits === null ? fulfils(table, query, condition) : hasBit(asked.bits, 0, condition)
}

/** Whether the workload at the client's address fulfils a condition. */
function fulfils(table: Table, query: Query, condition: number): boolean {
  const client = findNode(table.clients, query.clientFamily, query.client) * ClientNode.WORDS
  const workload = table.clientNodes[client + ClientNode.workload]
  return hasBit(table.workloads, workload * table.conditionWords, condition)
}
