/**
 * Ejection (`outlierDetection`): what a failed connect does to the endpoint (stats/outliers.ts),
 * and which endpoints of a destination are out of rotation.
 *
 * Everything here runs only for a destination of which an endpoint has failed or is marked.
 */

import { Mark, setMark } from '../../stats/endpoint-marks.ts'
import { type EjectionRules, isEjected, noteConnectFailed } from '../../stats/outliers.ts'
import type { Stats } from '../../stats/stats.ts'
import { memberSlotAt, runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'

export type Judge = {
  readonly stats: Stats
  /** Milliseconds on a clock that all workers share. */
  readonly nowMs: () => number
}

/** A connect to a member of `cluster` has failed; its destination has outlier detection. */
export function ejectFor(
  { stats, nowMs }: Judge,
  table: Table,
  cluster: number,
  slot: number,
  memberSlot: number,
): void {
  if (slot === 0) return // its mark would be that of many
  const now = nowMs()
  const clusterSlot = table.clusters[cluster * Cluster.WORDS + Cluster.slot]
  const endpoints = table.endpoints[runOf(table, cluster) + EndpointRun.count]
  const ejected = () => countOf(table, cluster, at => isEjectedAt(stats, table, at, now))
  const subject = { slot: memberSlot, clusterSlot, endpoints, ejected }
  if (noteConnectFailed(stats.outliers, subject, rulesOf(table, cluster), now))
    setMark(stats.marks, slot, Mark.ejected)
}

const rulesOf = ({ clusters }: Table, cluster: number): EjectionRules => {
  const at = cluster * Cluster.WORDS
  return {
    failures: clusters[at + Cluster.ejectFailures],
    gatewayFailures: clusters[at + Cluster.ejectGatewayFailures],
    intervalMs: clusters[at + Cluster.ejectIntervalMs],
    baseMs: clusters[at + Cluster.ejectBaseMs],
    maxPercent: clusters[at + Cluster.ejectMaxPercent],
  }
}

/**
 * The endpoints of `rows` that are in rotation. Where fewer than minHealthPercent of the cluster's
 * are, weir panics as Envoy does, and uses all but those that an operator drains.
 */
export function inRotation(
  { stats, nowMs }: Judge,
  table: Table,
  cluster: number,
  rows: readonly number[],
): readonly number[] {
  if (rows.every(each => stats.marks[slotAt(table.endpoints, each * Endpoint.WORDS)] === 0)) return rows
  const now = nowMs()
  const isDrained = (at: number): boolean => (stats.marks[slotAt(table.endpoints, at)] & Mark.draining) !== 0
  const isOut = (at: number): boolean => isOutAt(stats, table, at, now)
  const least = table.clusters[cluster * Cluster.WORDS + Cluster.minHealthPercent]
  const panics = least > 0 && isPanic(table, cluster, least, isDrained, isOut)
  return rows.filter(each => !(panics ? isDrained : isOut)(each * Endpoint.WORDS))
}

/** Whether a cluster has endpoints, and none of them is in rotation. */
export function isOutOfRotation(judge: Judge, table: Table, cluster: number): boolean {
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  const all = Array.from({ length: table.endpoints[run + EndpointRun.count] }, (_, index) => first + index)
  return all.length > 0 && inRotation(judge, table, cluster, all).length === 0
}

function isPanic(
  table: Table,
  cluster: number,
  leastPercent: number,
  isDrained: (at: number) => boolean,
  isOut: (at: number) => boolean,
): boolean {
  const all = countOf(table, cluster, at => !isDrained(at))
  return 100 * countOf(table, cluster, at => !isOut(at)) < leastPercent * all
}

/** Whether the endpoint whose row begins at word `at` is out of rotation. */
export function isOutAt(
  { marks, outliers }: Stats,
  { endpoints }: Table,
  at: number,
  nowMs: number,
): boolean {
  const mark = marks[slotAt(endpoints, at)]
  if ((mark & (Mark.draining | Mark.down)) !== 0) return true
  return (mark & Mark.ejected) !== 0 && isEjected(outliers, memberSlotAt(endpoints, at), nowMs)
}

const isEjectedAt = ({ outliers }: Stats, { endpoints }: Table, at: number, nowMs: number): boolean =>
  isEjected(outliers, memberSlotAt(endpoints, at), nowMs)

/** How many endpoints of a cluster are such. */
function countOf(table: Table, cluster: number, is: (at: number) => boolean): number {
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  let count = 0
  for (let index = 0; index < table.endpoints[run + EndpointRun.count]; index++)
    if (is((first + index) * Endpoint.WORDS)) count++
  return count
}
