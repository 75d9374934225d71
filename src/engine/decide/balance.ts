/**
 * Choosing one endpoint of a cluster for a new connection: Envoy's rules, on shared counts.
 *
 * LEAST_REQUEST samples two endpoints and takes the one with fewer open connections over all
 * workers (Mitzenmacher, The Power of Two Choices, 2001); with different weights it samples in
 * proportion to weight / (open + 1), as Envoy does. ROUND_ROBIN keeps a position for each worker;
 * with different weights all workers take their turns from one counter (table/match/turns.ts), so
 * that each endpoint has exactly its share. RING_HASH and MAGLEV go by the client's address
 * (table/match/hashed.ts). All functions read typed arrays, return an endpoint's row, and allocate
 * nothing.
 */

import { nextBelow, nextU32, type Random } from '../../base/random.ts'
import { openAt, type Stats, sumOpen, turnAt } from '../../stats/stats.ts'
import { runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { Balance, Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { NOBODY, ownerOf } from '../../table/match/hashed.ts'
import { takeCirclePosition, takeEndpointTurn } from '../../table/match/turns.ts'
import type { Loads } from './loads.ts'
import { WARM, warmingAt, warmthOf } from './warmup.ts'

/** No endpoint is left to try. */
export const NO_ENDPOINT = -1

/** The inputs of one worker's balancing. */
export type Balancer = {
  readonly stats: Stats
  readonly worker: number
  readonly random: Random
  /** Milliseconds on a clock that all workers share; read only if it matters. */
  readonly nowMs: () => number
  /** Of all workers, where there are several; missing: exact sums. */
  readonly loads?: Loads | undefined
}

/**
 * An endpoint (row of `table.endpoints`) of `cluster` that is not in `tried`, or NO_ENDPOINT.
 *
 * @param clientHash  Of the client's address, where the cluster goes by it.
 */
export function chooseEndpoint(
  balancer: Balancer,
  table: Table,
  cluster: number,
  tried: readonly number[],
  clientHash: number,
): number {
  const row = cluster * Cluster.WORDS
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  const count = table.endpoints[run + EndpointRun.count]
  const left = count - tried.length
  if (left <= 1) return left < 1 ? NO_ENDPOINT : nthUntried(first, 0, tried)
  const now = table.clusters[row + Cluster.warmupMs] === 0 ? WARM : warmingAt(balancer, table, cluster)
  const equal = now === WARM && table.endpoints[run + EndpointRun.equal] === 1
  switch (table.clusters[row + Cluster.balance]) {
    case Balance.ROUND_ROBIN: {
      const slot = table.clusters[row + Cluster.slot]
      if (equal) return nextInTurn(balancer, turnAt(balancer.worker, slot), first, left, tried)
      // A retry takes no turn of those that come.
      if (tried.length > 0) return drawWeighted(balancer, table, cluster, tried, now, false)
      return now === WARM
        ? takeEndpointTurn(table.endpoints, run, balancer.stats.tickets, slot)
        : nextInWarmingTurn(balancer, table, cluster, now)
    }
    case Balance.LEAST_REQUEST:
      return equal
        ? lessLoadedOfTwo(balancer, table, first, left, tried)
        : drawWeighted(balancer, table, cluster, tried, now, true)
    case Balance.RING_HASH:
    case Balance.MAGLEV: {
      const owner = ownerOf(table.endpoints, run, table.clusters[row + Cluster.balance], clientHash, tried)
      return owner === NOBODY ? nthUntried(first, 0, tried) : owner
    }
    default:
      return equal
        ? nthUntried(first, nextBelow(balancer.random, left), tried)
        : drawWeighted(balancer, table, cluster, tried, now, false)
  }
}

/** Counts a connection to an endpoint or cluster in (1) or out (−1). */
export function countOpen(balancer: Balancer, slot: number, change: 1 | -1): void {
  balancer.stats.words[openAt(balancer.worker, slot)] += change
}

/** Whether all endpoints of a cluster have the same weight. */
export const haveEqualWeights = (table: Table, cluster: number): boolean =>
  table.endpoints[runOf(table, cluster) + EndpointRun.equal] === 1

/** @param now  What `warmingAt` says of the cluster. */
export function weightOf(
  { stats }: Balancer,
  table: Table,
  cluster: number,
  endpoint: number,
  now: number,
): number {
  const weight = table.endpoints[endpoint * Endpoint.WORDS + Endpoint.weight]
  return now === WARM ? weight : weight * warmthOf(stats, table, cluster, endpoint, now)
}

/** Open connections of an endpoint over all workers; `at` is `lookingAt` of the same draw. */
export function openOf(balancer: Balancer, table: Table, endpoint: number, at: number): number {
  const slot = slotAt(table.endpoints, endpoint * Endpoint.WORDS)
  return balancer.loads?.of(slot, at) ?? sumOpen(balancer.stats, slot)
}

/** The time at which a draw looks at loads: one reading of the clock for all. */
export const lookingAt = ({ loads, nowMs }: Balancer): number => (loads === undefined ? 0 : nowMs())

/** The `n`th endpoint from `first`, counted from 0 without those in `tried`. */
function nthUntried(first: number, n: number, tried: readonly number[]): number {
  if (tried.length === 0) return first + n
  let endpoint = first
  for (let skipped = n; tried.includes(endpoint) || skipped > 0; endpoint++) {
    if (!tried.includes(endpoint)) skipped--
  }
  return endpoint
}

function lessLoadedOfTwo(
  balancer: Balancer,
  table: Table,
  first: number,
  left: number,
  tried: readonly number[],
): number {
  const one = nextBelow(balancer.random, left)
  const other = otherThan(balancer.random, one, left)
  return lessLoaded(balancer, table, nthUntried(first, one, tried), nthUntried(first, other, tried))
}

/** A random number below `count` (≥ 2) that is not `one`. */
export const otherThan = (random: Random, one: number, count: number): number =>
  (one + 1 + nextBelow(random, count - 1)) % count

/** Of two endpoints the one with fewer open connections; the first, if they have as many. */
export function lessLoaded(balancer: Balancer, table: Table, first: number, second: number): number {
  const at = lookingAt(balancer)
  return openOf(balancer, table, second, at) < openOf(balancer, table, first, at) ? second : first
}

/** One pass, weighted reservoir sampling with a reservoir of one (Chao, 1982). */
function drawWeighted(
  balancer: Balancer,
  table: Table,
  cluster: number,
  tried: readonly number[],
  now: number,
  byLoad: boolean,
): number {
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  const end = first + table.endpoints[run + EndpointRun.count]
  const at = byLoad ? lookingAt(balancer) : 0
  let chosen = NO_ENDPOINT
  let total = 0
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (tried.includes(endpoint)) continue
    const load = byLoad ? openOf(balancer, table, endpoint, at) + 1 : 1
    const weight = weightOf(balancer, table, cluster, endpoint, now) / load
    total += weight
    if ((nextU32(balancer.random) / 2 ** 32) * total < weight) chosen = endpoint
  }
  return chosen
}

/** Workers start one endpoint apart, so that few connections over many workers spread too. */
function nextInTurn(
  balancer: Balancer,
  at: number,
  first: number,
  left: number,
  tried: readonly number[],
): number {
  const turn = balancer.stats.words[at]++ >>> 0
  return nthUntried(first, (turn + balancer.worker) % left, tried)
}

/**
 * The weights change all the time, so there is no cycle: the position moves on a circle on which
 * each endpoint has an arc as long as its weight. Golden steps give each its share within about one
 * connection, and spread them.
 */
function nextInWarmingTurn(balancer: Balancer, table: Table, cluster: number, now: number): number {
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  const end = first + table.endpoints[run + EndpointRun.count]
  let total = 0
  for (let row = first; row < end; row++) total += weightOf(balancer, table, cluster, row, now)
  const slot = table.clusters[cluster * Cluster.WORDS + Cluster.slot]
  let rest = takeCirclePosition(balancer.stats.tickets, slot) * total
  let row = first
  for (; row < end - 1; row++) {
    rest -= weightOf(balancer, table, cluster, row, now)
    if (rest < 0) break
  }
  return row
}
