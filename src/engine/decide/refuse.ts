/**
 * Refusals before routing: a source at its limit (stats/sources.ts), and a connection that a policy
 * denies (table/match/authorize.ts). Called only if the table has policies or limits.
 */

import { mark } from '../../base/mark.ts'
import { Reason } from '../../stats/reasons.ts'
import { holdOf, type Sources } from '../../stats/source-table.ts'
import type { AskedLimit } from '../../stats/source-tokens.ts'
import { giveSource, letGo, REFUSED, setSource, takeSource } from '../../stats/sources.ts'
import type { Stats } from '../../stats/stats.ts'
import type { Access } from '../../table/format/access.ts'
import { AccessRow, Access as Own, SourceLimitRow } from '../../table/format/access-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { authorize, createVerdict, NO_ROW } from '../../table/match/authorize.ts'
import { listenerOf } from '../../table/match/listener-of.ts'
import { judgePeer, Peer } from '../../table/match/proxy-senders.ts'
import type { Query } from '../../table/match/query.ts'
import { ADMITTED, type Decision } from './decision.ts'

/** The part of a worker's `Decider` (decide.ts) that refusals need. */
type Refuser = {
  readonly newest: Table | null
  readonly stats: Stats
  readonly worker: number
  readonly sources: Sources | null
  readonly nowMs: () => number
}

const verdict = createVerdict()
const asked: AskedLimit = { slot: 0, connections: 0, rate: 0, burst: 0 }

/** ADMITTED, or the `Reason` for a reset. */
export function refuse(
  decider: Refuser,
  table: Table,
  access: Access,
  query: Query,
  decision: Decision,
): number {
  const listener = listenerOf(table, query)
  if (listener < 0) return ADMITTED // no server takes it: there is no route
  if (isOverLimit(decider, table, access, listener, query, decision)) return Reason['source-limit']
  const may = authorize(table, access, listener, query, null, verdict)
  const { denied, tried, audited } = verdict
  decision.policy = ((may ? tried : denied) + 1) | 0
  decision.audited = (audited + 1) | 0
  count(decider.stats, access, may ? tried : denied)
  count(decider.stats, access, audited)
  if (may) return ADMITTED
  giveBack(decider, decision)
  return Reason['denied-by-policy']
}

/**
 * Whether policies of a newer table deny a connection whose reading began before: it is not decided
 * about yet, so they count for it, and `revoke` need not look for it.
 */
export function isDeniedByNewer(
  { newest, stats }: Refuser,
  table: Table,
  query: Query,
  decision: Decision,
): boolean {
  if (newest === null || newest.access === null || newest.generation === table.generation) return false
  const { listener } = query
  const { bind, port } = table.sockets[listener]
  // By its address: another Gateway may have the socket by now, and decides about who is new there.
  const now = newest.sockets.findIndex(each => each.opens && each.port === port && each.bind === bind)
  if (now < 0) return false
  const own = listenerOf(table, query)
  query.listener = now
  const taking = listenerOf(newest, query)
  const server = taking < 0 ? sameListener(newest, table, own) : taking
  const may = server < 0 || authorize(newest, newest.access, server, query, null, verdict)
  query.listener = listener
  if (may) return false
  mark('policies of a newer table deny a connection')
  decision.policy = (verdict.denied + 1) | 0
  decision.policyGeneration = newest.generation
  count(stats, newest.access, verdict.denied)
  return true
}

/** Where no server has its name any more, policies of its own Gateway count, as in `revoke`. */
const sameListener = (newest: Table, table: Table, listener: number): number =>
  listener < 0 ? -1 : newest.sockets.findIndex(each => each.key === table.sockets[listener].key)

/** It goes nowhere: what it holds of its source is given back. */
export function giveBack({ sources, worker }: Refuser, decision: Decision): void {
  if (sources === null) return
  if (decision.source > 0) giveSource(sources, decision.source - 1)
  if (decision.gatewaySource > 0) giveSource(sources, decision.gatewaySource - 1)
  decision.source = decision.gatewaySource = 0
  letGo(sources, worker)
}

/** Counts that a rule denied or marked a connection. */
function count({ policyMatches }: Stats, { rows }: Access, row: number): void {
  if (row !== NO_ROW) Atomics.add(policyMatches, rows[row * AccessRow.WORDS + AccessRow.slot], 1)
}

function isOverLimit(
  decider: Refuser,
  table: Table,
  access: Access,
  listener: number,
  query: Query,
  decision: Decision,
): boolean {
  const { sources } = decider
  const own = listener * Own.WORDS
  const limits = access.listeners[own + Own.limitCount]
  if (limits === 0 || sources === null || query.clientFamily === 0 || isBalancer(table, query)) return false
  const nowMs = decider.nowMs()
  for (let limit = 0; limit < limits; limit++) {
    const row = access.listeners[own + (limit === 0 ? Own.firstLimit : Own.secondLimit)]
    const hold = holdOf(decider.worker, limit)
    const entry = take(sources, access, row, query, nowMs, hold)
    if (entry === REFUSED) {
      giveBack(decider, decision)
      return true
    }
    if (entry < 0) continue
    if (limit === 0) decision.source = entry + 1
    else decision.gatewaySource = entry + 1
  }
  return false
}

function take(
  sources: Sources,
  { limits }: Access,
  row: number,
  query: Query,
  nowMs: number,
  hold: number,
): number {
  const at = row * SourceLimitRow.WORDS
  asked.slot = limits[at + SourceLimitRow.slot]
  asked.connections = limits[at + SourceLimitRow.connections]
  asked.rate = limits[at + SourceLimitRow.rate]
  asked.burst = limits[at + SourceLimitRow.burst]
  const bits = limits[at + (query.clientFamily === 4 ? SourceLimitRow.prefix4 : SourceLimitRow.prefix6)]
  setSource(asked.slot, query.clientFamily, query.client, bits)
  return takeSource(sources, asked, nowMs, hold)
}

/** Whether a load balancer speaks for itself, as in a health check. */
const isBalancer = (table: Table, { listener, peerFamily, clientFamily, client }: Query): boolean =>
  peerFamily === 0 && judgePeer(table, listener, clientFamily, client) === Peer.sender
