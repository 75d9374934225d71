/**
 * Warm-up: the weight of an endpoint that came into rotation a short while ago. Where no endpoint
 * of a destination did, this costs one load, or two with `warmup`.
 */

import { ejectedUntilMs } from '../../stats/outliers.ts'
import type { Stats } from '../../stats/stats.ts'
import { sinceArrivalMs, warmthAt } from '../../stats/warmups.ts'
import { memberSlotAt, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'

/** No endpoint of the destination warms up. */
export const WARM = 0

type Clock = {
  readonly stats: Stats
  /** Milliseconds on a clock that all workers share. */
  readonly nowMs: () => number
}

/** The time now, if an endpoint of the destination may be warming up; else WARM. */
export function warmingAt({ stats, nowMs }: Clock, { clusters }: Table, cluster: number): number {
  const row = cluster * Cluster.WORDS
  const windowMs = clusters[row + Cluster.warmupMs]
  if (windowMs === 0) return WARM
  const slot = clusters[row + Cluster.slot]
  const now = nowMs()
  const backMs = sinceReturnMs(stats, slot, now)
  return Math.min(sinceArrivalMs(stats.arrivals[slot], now), backMs) < windowMs ? now : WARM
}

/** The part of its weight that an endpoint has, up to 1. */
export function warmthOf(
  stats: Stats,
  { clusters, endpoints }: Table,
  cluster: number,
  endpoint: number,
  nowMs: number,
): number {
  const row = cluster * Cluster.WORDS
  return warmthAt(
    inRotationForMs(stats, endpoints, endpoint * Endpoint.WORDS, nowMs),
    clusters[row + Cluster.warmupMs],
    clusters[row + Cluster.warmupPercent],
    clusters[row + Cluster.warmupAggression] / 1000,
  )
}

/** How long the endpoint whose row begins at word `at` is in rotation; Infinity: for long. */
export const inRotationForMs = (stats: Stats, endpoints: Uint32Array, at: number, nowMs: number): number =>
  Math.min(
    sinceArrivalMs(stats.arrivals[slotAt(endpoints, at)], nowMs),
    sinceReturnMs(stats, memberSlotAt(endpoints, at), nowMs),
  )

/** Since the last ejection was over, of a destination that of any of its endpoints. */
function sinceReturnMs({ outliers }: Stats, slot: number, nowMs: number): number {
  const untilMs = slot === 0 ? 0 : ejectedUntilMs(outliers, slot)
  return untilMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, nowMs - untilMs)
}
