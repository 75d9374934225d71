/**
 * From an accepted connection's addresses to where it goes, or to the reason why it goes nowhere:
 * the one place that decides, for every engine.
 *
 *   limits ─▶ match ─▶ destination by weight ─▶ limit of the destination ─▶ endpoint
 *                └─▶ the address that the client asked for, unless that is ourselves
 *
 * Filling the query with addresses and moving bytes is the engine's part.
 */

import type { Random } from '../../base/random.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, openStats, type Stats, sumCounter, sumOpen } from '../../stats/stats.ts'
import {
  CLUSTER_ORIGINAL,
  CLUSTER_STATIC,
  CLUSTER_UNKNOWN,
  Cluster,
  Endpoint,
  EndpointRun,
} from '../../table/format/layout.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../../table/format/outcome.ts'
import type { Table } from '../../table/format/table.ts'
import { createQuery, match, type Query } from '../../table/match/match.ts'
import { isOwnListener, type OwnListeners } from '../../table/match/own-listeners.ts'
import { pickDestination } from '../../table/match/pick.ts'
import { DEFAULT_POLICY } from '../../table/plan/plan.ts'
import type { EngineLimits, EngineTask } from '../worker/protocol.ts'
import { NO_ENDPOINT } from './balance.ts'
import { drawEndpoint } from './draw.ts'

/** The connection may go where the decision says. */
export const ADMITTED = -1
/** The decision's endpoint is no row of the table: the client's own destination. */
export const ORIGINAL = -1

/** What one worker decides with. */
export type Decider = {
  readonly stats: Stats
  readonly worker: number
  readonly limits: EngineLimits
  readonly random: Random
  /** Milliseconds on a clock that all workers share; read only where an endpoint has failed. */
  readonly nowMs: () => number
  /** The connection in question; filled anew for each. */
  readonly query: Query
  /** Our own listeners by the newest table; null until there is one. */
  own: OwnListeners | null
}

/** Where a connection goes and what it may do there; the fields copy the cluster's row. */
export type Decision = {
  /** The route's row, or what there was instead (table/format/outcome.ts). */
  route: number
  /** Row of the cluster, for further attempts; −1 for an address that is no service. */
  cluster: number
  clusterSlot: number
  /** Row of the endpoint, or ORIGINAL. */
  endpoint: number
  endpointSlot: number
  /** The endpoint's back-off was over, and this connection is the one that tries it. */
  isProbe: boolean
  family: number
  readonly address: Uint32Array
  port: number
  /** For this one dial; the deadline of all may make it shorter. */
  connectTimeoutMs: number
  idleTimeoutMs: number
  maxDurationMs: number
  /** −1: keepalive off. */
  keepaliveTimeS: number
  keepaliveIntervalS: number
  keepaliveProbes: number
}

export function createDecider(task: EngineTask): Decider {
  const { world } = task
  return {
    stats: openStats(task.stats),
    worker: task.index,
    limits: task.limits,
    random: world.random(),
    nowMs: () => world.monotonicMs() + world.originMs,
    query: createQuery(),
    own: null,
  }
}

export const createDecision = (): Decision => ({
  route: NO_ROUTE,
  cluster: -1,
  clusterSlot: 0,
  endpoint: ORIGINAL,
  endpointSlot: 0,
  isProbe: false,
  family: 0,
  address: new Uint32Array(4),
  port: 0,
  connectTimeoutMs: DEFAULT_POLICY.connectTimeoutMs,
  idleTimeoutMs: DEFAULT_POLICY.idleTimeoutMs,
  maxDurationMs: DEFAULT_POLICY.maxDurationMs,
  keepaliveTimeS: -1,
  keepaliveIntervalS: 0,
  keepaliveProbes: 0,
})

/**
 * Decides about the connection in `decider.query`, which is already counted as open.
 *
 * @param decision  Fresh from `createDecision`, or one that was; filled when the answer is ADMITTED.
 * @returns ADMITTED, or the `Reason` why the connection is to be reset.
 */
export function decide(decider: Decider, table: Table, decision: Decision): number {
  if (sumCounter(decider.stats, Counter.open) > decider.limits.maxConnections)
    return Reason['max-connections']
  const route = match(table, decider.query)
  decision.route = route
  decision.cluster = -1
  if (route === NO_ROUTE) return Reason['no-route']
  if (route === DENIED) return Reason.denied
  if (route === PASSTHROUGH) {
    takeDefaults(decision)
    return decideOriginal(decider, decision)
  }
  const cluster = pickDestination(table, route, decider.query.client, decider.random, decider.stats.tickets)
  const reason = decideCluster(decider, table, cluster, decision)
  if (reason !== ADMITTED) return reason
  return table.clusters[cluster * Cluster.WORDS + Cluster.kind] === CLUSTER_ORIGINAL
    ? decideOriginal(decider, decision)
    : decideEndpoint(decider, table, [], decision)
}

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
  decision.endpointSlot = endpoints[row + Endpoint.slot]
  decision.family = family
  for (let word = 0; word < 4; word++) decision.address[word] = endpoints[row + Endpoint.address + word]
  decision.port = port
  return ADMITTED
}

const comesBack = ({ own }: Decider, family: number, port: number, words: Uint32Array, at: number): boolean =>
  own !== null && isOwnListener(own, family, port, words, at)

/** On to the address that the client asked for. */
function decideOriginal(decider: Decider, decision: Decision): number {
  const { query } = decider
  if (comesBack(decider, query.destinationFamily, query.destinationPort, query.destination, 0))
    return Reason.loop
  decision.endpoint = ORIGINAL
  decision.endpointSlot = 0
  decision.isProbe = false
  decision.family = query.destinationFamily
  decision.address.set(query.destination)
  decision.port = query.destinationPort
  return ADMITTED
}

/** The policy of an address that is no service; the decision before may have left another's. */
function takeDefaults(decision: Decision): void {
  decision.clusterSlot = 0
  decision.connectTimeoutMs = DEFAULT_POLICY.connectTimeoutMs
  decision.idleTimeoutMs = DEFAULT_POLICY.idleTimeoutMs
  decision.maxDurationMs = DEFAULT_POLICY.maxDurationMs
  decision.keepaliveTimeS = -1
}

function decideCluster(decider: Decider, table: Table, cluster: number, decision: Decision): number {
  const { clusters, endpointRuns } = table
  decision.cluster = cluster
  const row = cluster * Cluster.WORDS
  const kind = clusters[row + Cluster.kind]
  if (kind === CLUSTER_UNKNOWN) return Reason['unknown-destination']
  const count = endpointRuns[cluster * EndpointRun.WORDS + EndpointRun.count]
  if (kind === CLUSTER_STATIC && count === 0) return Reason['no-endpoint']
  const slot = clusters[row + Cluster.slot]
  const most = clusters[row + Cluster.maxConnections]
  // Slot 0 counts for everyone who found no slot: held against a limit, it would refuse the wrong ones.
  if (most !== 0 && slot !== 0 && sumOpen(decider.stats, slot) >= most)
    return Reason['cluster-max-connections']
  takePolicy(table, cluster, decision)
  return ADMITTED
}

/** The policy of a cluster; the decision before may have left another's. */
export function takePolicy({ clusters }: Table, cluster: number, decision: Decision): void {
  const row = cluster * Cluster.WORDS
  decision.cluster = cluster
  decision.clusterSlot = clusters[row + Cluster.slot]
  decision.connectTimeoutMs = Math.min(
    clusters[row + Cluster.connectTimeoutMs],
    clusters[row + Cluster.connectDeadlineMs],
  )
  decision.idleTimeoutMs = clusters[row + Cluster.idleTimeoutMs]
  decision.maxDurationMs = clusters[row + Cluster.maxDurationMs]
  decision.keepaliveTimeS = clusters[row + Cluster.keepaliveTimeS]
  decision.keepaliveIntervalS = clusters[row + Cluster.keepaliveIntervalS]
  decision.keepaliveProbes = clusters[row + Cluster.keepaliveProbes]
}
