/**
 * A decision: where a connection goes, and by which policy. decide.ts makes it; attempts.ts changes
 * it for a retry.
 */

import { NO_ROUTE } from '../../table/format/outcome.ts'
import { Cluster, Listener } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { DEFAULT_POLICY } from '../../table/plan/policy.ts'

/** The connection may go where the decision says. */
export const ADMITTED = -1

/** The endpoint is no row of the table: the client's own destination. */
export const ORIGINAL = -1

/** Where a connection goes, and its policy; the fields copy the cluster's row. */
export type Decision = {
  /** 1 + the row of the policy's rule that denies it, or would if dry runs counted; 0: none. */
  policy: number
  /** The generation of that row, where a newer table than the listener's denies it; else 0. */
  policyGeneration: number
  /** 1 + the row of the AUDIT rule that matches; 0: none. */
  audited: number
  /** 1 + its entry of the sources by each limit (stats/sources.ts); 0: none. */
  source: number
  gatewaySource: number
  /** The route's row, or the outcome instead of one (table/format/outcome.ts). */
  route: number
  /** Row of the cluster, for further attempts; −1: an address that is no service. */
  cluster: number
  clusterSlot: number
  /** Of the client's address, where the cluster picks by it (table/match/hashed.ts). */
  clientHash: number
  /** Row of the cluster that was picked and is down, where this one got the connection; else −1. */
  insteadOf: number
  /** Row of the endpoint, or ORIGINAL. */
  endpoint: number
  endpointSlot: number
  /** Of the endpoint within its cluster; 0: nothing is kept of it there. */
  memberSlot: number
  /** The endpoint's back-off was over, and this connection is the one that tries it. */
  isProbe: boolean
  family: number
  readonly address: Uint32Array
  port: number
  /** For one dial; the deadline of all attempts may shorten it. */
  connectTimeoutMs: number
  idleTimeoutMs: number
  maxDurationMs: number
  /** −1: keepalive off. */
  keepaliveTimeS: number
  keepaliveIntervalS: number
  keepaliveProbes: number
  /** 0: none. */
  userTimeoutMs: number
  writeTimeoutMs: number
  /** Of the PROXY header that the upstream gets first; 0: none. */
  proxyVersion: number
  /** What it says more: bits of ProxyTlvs. */
  proxyTlvs: number
}

export const createDecision = (): Decision => ({
  policy: 0,
  policyGeneration: 0,
  audited: 0,
  source: 0,
  gatewaySource: 0,
  route: NO_ROUTE,
  cluster: -1,
  clusterSlot: 0,
  clientHash: 0,
  insteadOf: -1,
  endpoint: ORIGINAL,
  endpointSlot: 0,
  memberSlot: 0,
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
  userTimeoutMs: 0,
  writeTimeoutMs: 0,
  proxyVersion: 0,
  proxyTlvs: 0,
})

/** Field by field: `Object.assign` takes ten times as long. */
export function copyDecision(from: Decision, to: Decision): void {
  to.address.set(from.address)
  to.policy = from.policy
  to.policyGeneration = from.policyGeneration
  to.audited = from.audited
  to.source = from.source
  to.gatewaySource = from.gatewaySource
  to.route = from.route
  to.cluster = from.cluster
  to.clusterSlot = from.clusterSlot
  to.clientHash = from.clientHash
  to.insteadOf = from.insteadOf
  to.endpoint = from.endpoint
  to.endpointSlot = from.endpointSlot
  to.memberSlot = from.memberSlot
  to.isProbe = from.isProbe
  to.family = from.family
  to.port = from.port
  to.connectTimeoutMs = from.connectTimeoutMs
  to.idleTimeoutMs = from.idleTimeoutMs
  to.maxDurationMs = from.maxDurationMs
  to.keepaliveTimeS = from.keepaliveTimeS
  to.keepaliveIntervalS = from.keepaliveIntervalS
  to.keepaliveProbes = from.keepaliveProbes
  to.userTimeoutMs = from.userTimeoutMs
  to.writeTimeoutMs = from.writeTimeoutMs
  to.proxyVersion = from.proxyVersion
  to.proxyTlvs = from.proxyTlvs
}

/**
 * The policy of an address that is no service, by the row of its listener; the decision before may
 * have left another's.
 */
export function takeDefaults({ listeners }: Table, listener: number, decision: Decision): void {
  const row = listener * Listener.WORDS
  const probes = listeners[row + Listener.keepaliveProbes]
  decision.clusterSlot = 0
  decision.connectTimeoutMs = DEFAULT_POLICY.connectTimeoutMs
  decision.idleTimeoutMs = DEFAULT_POLICY.idleTimeoutMs
  decision.maxDurationMs = DEFAULT_POLICY.maxDurationMs
  decision.keepaliveTimeS = probes === 0 ? -1 : listeners[row + Listener.keepaliveTimeS]
  decision.keepaliveIntervalS = listeners[row + Listener.keepaliveIntervalS]
  decision.keepaliveProbes = probes
  decision.userTimeoutMs = listeners[row + Listener.userTimeoutMs]
  decision.writeTimeoutMs = listeners[row + Listener.writeTimeoutMs]
  decision.proxyVersion = 0
  decision.proxyTlvs = 0
}

/** The policy of a cluster; the reused decision may still have another's. */
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
  decision.userTimeoutMs = clusters[row + Cluster.userTimeoutMs]
  decision.writeTimeoutMs = clusters[row + Cluster.writeTimeoutMs]
  decision.proxyVersion = clusters[row + Cluster.proxyVersion]
  decision.proxyTlvs = clusters[row + Cluster.proxyTlvs]
}
