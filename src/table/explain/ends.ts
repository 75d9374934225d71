/**
 * How a hypothetical connection would end before a dial: with one of the reasons that a worker
 * counts (stats/reasons.ts), by the same checks in the same order as engine/decide/decide.ts.
 * Momentary causes (limits, a refused connect) are not checked; whether endpoints are out of
 * rotation only where somebody knows, that is in a running gateway.
 */

import { runOf } from '../format/endpoints.ts'
import { Endpoint, EndpointRun } from '../format/endpoints-layout.ts'
import { CLUSTER_ORIGINAL, CLUSTER_UNKNOWN, Cluster } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { isOwnListener, type OwnListeners } from '../match/own-listeners.ts'

/** Reasons that depend on the destination. */
const CLUSTER_ENDS = ['unknown-destination', 'no-endpoint', 'loop'] as const
export type ClusterEnd = (typeof CLUSTER_ENDS)[number]

/** Reasons that a table alone gives; each is one of stats/reasons.ts, as a test checks. */
export const EARLY_ENDS = [
  'proxy-untrusted',
  'tls-client-certificate',
  'denied-by-policy',
  'no-sni',
  'not-tls',
  'no-route',
  'denied',
  ...CLUSTER_ENDS,
] as const
export type EarlyEnd = (typeof EARLY_ENDS)[number]

/** What the answer depends on beside the cluster's row. */
type ClusterFacts = {
  /** The address that the client dialed is one of weir's own listeners. */
  readonly comesBack: boolean
  readonly own: OwnListeners
  /** It has unresolved names, which may still get addresses. */
  readonly mayResolve: boolean
  /** All its endpoints are out of rotation. */
  readonly isOut: boolean
}

/** The reason for every connection that picks this cluster; null if it can be served. */
export function endOfCluster(
  table: Table,
  cluster: number,
  { comesBack, own, mayResolve, isOut }: ClusterFacts,
): ClusterEnd | null {
  const { clusters, endpoints } = table
  const kind = clusters[cluster * Cluster.WORDS + Cluster.kind]
  if (kind === CLUSTER_UNKNOWN) return 'unknown-destination'
  if (kind === CLUSTER_ORIGINAL) return comesBack ? 'loop' : null
  const run = runOf(table, cluster)
  if (endpoints[run + EndpointRun.count] === 0) return mayResolve ? null : 'no-endpoint'
  if (isOut) return 'no-endpoint'
  return doAllComeBack(table, run, own) ? 'loop' : null
}

/** Whether every endpoint of a cluster is one of weir's own listeners. */
function doAllComeBack({ endpoints }: Table, run: number, own: OwnListeners): boolean {
  const first = endpoints[run + EndpointRun.first]
  for (let endpoint = first; endpoint < first + endpoints[run + EndpointRun.count]; endpoint++) {
    const at = endpoint * Endpoint.WORDS
    const [family, port] = [endpoints[at + Endpoint.family], endpoints[at + Endpoint.port]]
    if (!isOwnListener(own, family, port, endpoints, at + Endpoint.address)) return false
  }
  return true
}

/**
 * The reason for the connection as a whole: null if any destination that can be picked serves it.
 * If all end it for different reasons, that of the largest share.
 */
export function endOf(
  outcome: 'route' | 'default' | 'passthrough' | 'no-route' | 'denied',
  destinations: readonly { readonly share: number; readonly ends: ClusterEnd | null }[],
): EarlyEnd | null {
  if (outcome === 'no-route' || outcome === 'denied') return outcome
  const drawn = destinations.filter(each => each.share > 0)
  if (drawn.length === 0 || drawn.some(each => each.ends === null)) return null
  return drawn.reduce((most, each) => (each.share > most.share ? each : most)).ends
}
