/**
 * Whether an endpoint can be drawn now, for the choices above a single one: between the
 * destinations of a split (redistribute.ts), and between groups of endpoints.
 *
 * An endpoint is down while an operator drains it, its health checks fail, or it is ejected; and,
 * where weir remembers failures, while its back-off lasts. A back-off that is over counts as up, so
 * that a connection tries it; all others go elsewhere meanwhile, since its claim is a back-off.
 *
 * The healthy path reads two words of an endpoint, and no clock.
 */

import { isHeld } from '../../stats/backoffs.ts'
import { Mark } from '../../stats/endpoint-marks.ts'
import { runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { CLUSTER_STATIC, Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { isOutAt, isOutOfRotation, type Judge } from './eject.ts'

/** Whether the endpoint whose row begins at word `at` can be drawn for a connection. */
export function isAvailable(judge: Judge, table: Table, cluster: number, at: number): boolean {
  const { marks, backoffs } = judge.stats
  const slot = slotAt(table.endpoints, at)
  if ((marks[slot] | backoffs[slot]) === 0) return true
  const nowMs = judge.nowMs()
  if (isOutAt(judge.stats, table, at, nowMs)) return false
  return !remembersFailures(table, cluster) || !isHeld(backoffs[slot], nowMs)
}

/** Whether all endpoints of a destination are down, or it has none. */
export function isDown(judge: Judge, table: Table, cluster: number): boolean {
  const { clusters, endpoints } = table
  if (clusters[cluster * Cluster.WORDS + Cluster.kind] !== CLUSTER_STATIC) return false
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  const end = first + endpoints[run + EndpointRun.count]
  for (let endpoint = first; endpoint < end; endpoint++)
    if (isAvailable(judge, table, cluster, endpoint * Endpoint.WORDS)) return false
  return !panics(judge, table, cluster, first, end)
}

/** The same without back-offs: no connection can be given to it. */
export function isOut(judge: Judge, table: Table, cluster: number): boolean {
  const { clusters, endpoints } = table
  if (clusters[cluster * Cluster.WORDS + Cluster.kind] !== CLUSTER_STATIC) return false
  return endpoints[runOf(table, cluster) + EndpointRun.count] === 0 || isOutOfRotation(judge, table, cluster)
}

/** With all endpoints out of rotation, minHealthPercent has all of them used but drained ones. */
function panics({ stats }: Judge, table: Table, cluster: number, first: number, end: number): boolean {
  if (table.clusters[cluster * Cluster.WORDS + Cluster.minHealthPercent] === 0) return false
  for (let endpoint = first; endpoint < end; endpoint++) {
    const slot = slotAt(table.endpoints, endpoint * Endpoint.WORDS)
    if ((stats.marks[slot] & Mark.draining) === 0) return true
  }
  return false
}

const remembersFailures = ({ clusters }: Table, cluster: number): boolean =>
  clusters[cluster * Cluster.WORDS + Cluster.remembersFailures] === 1
