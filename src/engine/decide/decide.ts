/**
 * From an accepted connection's addresses to its endpoint, or to the reason for refusing it: the
 * only place that decides, for every engine.
 *
 *   limits, policies (refuse.ts) ─▶ match ─▶ destination by weight ─▶ limit of the destination ─▶ endpoint
 *                └─▶ the address that the client asked for, unless that is ourselves
 *
 * The engine fills the query with addresses and moves the bytes.
 */

import type { Random } from '../../base/random.ts'
import type { World } from '../../base/world.ts'
import { Reason } from '../../stats/reasons.ts'
import { openSources, type Sources } from '../../stats/source-table.ts'
import { openStats, type Stats, sumOpen } from '../../stats/stats.ts'
import { memberSlotAt, runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../../table/format/outcome.ts'
import {
  CLUSTER_ORIGINAL,
  CLUSTER_STATIC,
  CLUSTER_UNKNOWN,
  Cluster,
  Route,
  Scope,
} from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { clientHash, isHashed } from '../../table/match/hashed.ts'
import { match } from '../../table/match/match.ts'
import { noServerReason } from '../../table/match/no-server.ts'
import { isOwnListener, type OwnListeners } from '../../table/match/own-listeners.ts'
import { pickDestination } from '../../table/match/pick.ts'
import type { Query } from '../../table/match/query.ts'
import { NO_ENDPOINT } from './balance.ts'
import { Crowd } from './crowd.ts'
import { ADMITTED, type Decision, ORIGINAL, takeDefaults, takePolicy } from './decision.ts'
import { drawEndpoint } from './draw.ts'
import { Loads } from './loads.ts'
import { pickLiving } from './redistribute.ts'
import { giveBack, isDeniedByNewer, refuse } from './refuse.ts'

/** No endpoint was tried: one list for all connections, so that a decision allocates none. */
const NOBODY: readonly number[] = []

export type EngineLimits = {
  /** Open connections over all workers; weir resets and counts more. */
  readonly maxConnections: number
  /** Connections that have rows; `maxConnections` at the start. */
  readonly rows?: number
}

/** A worker's inputs for decisions: its row of the counts is `index`. */
type DeciderParts = {
  readonly world: World
  readonly stats: SharedArrayBuffer
  readonly index: number
  readonly limits: EngineLimits
  readonly sources?: SharedArrayBuffer
}

/** The state that one worker decides with. */
export type Decider = {
  readonly stats: Stats
  readonly worker: number
  readonly limits: EngineLimits
  readonly random: Random
  /** Milliseconds on a clock that all workers share; read only if it matters. */
  readonly nowMs: () => number
  /** weir's own listeners by the newest table; null until there is one. */
  own: OwnListeners | null
  /** The newest table; a connection whose reading began before it has an older one. */
  newest: Table | null
  /** Shared by all workers; null if nobody counts sources. */
  readonly sources: Sources | null
  readonly crowd: Crowd
  readonly loads: Loads | undefined
}

export function createDecider({ world, stats, index, limits, sources }: DeciderParts): Decider {
  const opened = openStats(stats)
  return {
    stats: opened,
    worker: index,
    limits,
    random: world.random(),
    nowMs: () => world.monotonicMs() + world.originMs,
    own: null,
    newest: null,
    sources: sources ? openSources(sources) : null,
    crowd: new Crowd(opened, index),
    loads: opened.workers > 1 ? new Loads(opened, index) : undefined,
  }
}

/**
 * Decides about a connection, which is already counted as open.
 *
 * @param query     Its addresses; the function fills in what they match.
 * @param decision  New from `createDecision`, or reused; filled if the answer is ADMITTED.
 * @returns ADMITTED, or the `Reason` for a reset.
 */
export function decide(decider: Decider, table: Table, query: Query, decision: Decision): number {
  if (isFull(decider)) return Reason['max-connections']
  const { access } = table
  const refused = access === null ? ADMITTED : refuse(decider, table, access, query, decision)
  if (refused !== ADMITTED) return refused
  const reason = isDeniedByNewer(decider, table, query, decision)
    ? Reason['denied-by-policy']
    : route(decider, table, query, decision)
  if (reason !== ADMITTED && access !== null) giveBack(decider, decision)
  return reason
}

function route(decider: Decider, table: Table, query: Query, decision: Decision): number {
  const route = match(table, query)
  decision.route = route
  decision.cluster = -1
  decision.insteadOf = -1
  if (route === NO_ROUTE) return Reason[noServerReason(table, query) ?? 'no-route']
  if (query.scope >= 0 && table.scopes[query.scope * Scope.WORDS + Scope.serves] === 0)
    return Reason['no-route']
  if (route === DENIED) return Reason.denied
  if (route === PASSTHROUGH) {
    takeDefaults(table, query.listener, decision)
    return decideOriginal(decider, query, decision)
  }
  const picked = pickDestination(table, route, query.client, decider.random, decider.stats)
  const cluster =
    table.routes[route * Route.WORDS + Route.redistributes] === 0
      ? picked
      : pickLiving(decider, table, route, query, picked)
  if (cluster !== picked) decision.insteadOf = picked
  const reason = decideCluster(decider, table, cluster, decision)
  if (reason !== ADMITTED) return reason
  const row = cluster * Cluster.WORDS
  if (table.clusters[row + Cluster.kind] === CLUSTER_ORIGINAL) return decideOriginal(decider, query, decision)
  if (isHashed(table.clusters[row + Cluster.balance])) decision.clientHash = clientHash(query.client)
  return decideEndpoint(decider, table, NOBODY, decision)
}

/** Whether there are too many connections, including those just accepted. */
export const isFull = ({ crowd, limits, nowMs }: Decider): boolean =>
  crowd.exceeds(limits.maxConnections, nowMs)

/**
 * Fills in another endpoint of the decision's cluster, none of `tried`: ADMITTED, 'no-endpoint', or
 * 'loop'.
 */
export function decideEndpoint(
  decider: Decider,
  table: Table,
  tried: readonly number[],
  decision: Decision,
): number {
  const endpoint = drawEndpoint(decider, table, tried, decision)
  if (endpoint === NO_ENDPOINT) return Reason['no-endpoint']
  const { endpoints } = table
  const row = endpoint * Endpoint.WORDS
  const family = endpoints[row + Endpoint.family]
  const port = endpoints[row + Endpoint.port]
  if (comesBack(decider, family, port, endpoints, row + Endpoint.address)) return Reason.loop
  decision.endpoint = endpoint
  decision.endpointSlot = slotAt(endpoints, row)
  decision.memberSlot = memberSlotAt(endpoints, row)
  decision.family = family
  for (let word = 0; word < 4; word++) decision.address[word] = endpoints[row + Endpoint.address + word]
  decision.port = port
  return ADMITTED
}

const comesBack = ({ own }: Decider, family: number, port: number, words: Uint32Array, at: number): boolean =>
  own !== null && isOwnListener(own, family, port, words, at)

/** Passes the connection to the address that the client dialed. */
function decideOriginal(decider: Decider, query: Query, decision: Decision): number {
  if (comesBack(decider, query.destinationFamily, query.destinationPort, query.destination, 0))
    return Reason.loop
  decision.endpoint = ORIGINAL
  decision.endpointSlot = 0
  decision.memberSlot = 0
  decision.isProbe = false
  decision.family = query.destinationFamily
  decision.address.set(query.destination)
  decision.port = query.destinationPort
  return ADMITTED
}

function decideCluster(decider: Decider, table: Table, cluster: number, decision: Decision): number {
  const { clusters, endpoints } = table
  decision.cluster = cluster
  const row = cluster * Cluster.WORDS
  const kind = clusters[row + Cluster.kind]
  if (kind === CLUSTER_UNKNOWN) return Reason['unknown-destination']
  const count = endpoints[runOf(table, cluster) + EndpointRun.count]
  if (kind === CLUSTER_STATIC && count === 0) return Reason['no-endpoint']
  const slot = clusters[row + Cluster.slot]
  const most = clusters[row + Cluster.maxConnections]
  // Slot 0 counts for all destinations without a slot: a limit on it would refuse the wrong
  // connections.
  if (most !== 0 && slot !== 0 && sumOpen(decider.stats, slot) >= most)
    return Reason['cluster-max-connections']
  takePolicy(table, cluster, decision)
  return ADMITTED
}
