/**
 * Picks an endpoint in view of what is known against each: the balancer's choice, unless it is out
 * of rotation (eject.ts), its last connect failed and its back-off is not over (stats/backoffs.ts),
 * or its last health check failed.
 *
 *   balancer ─▶ are its words 0? ─ yes ─▶ that one
 *                   └ no ─▶ those in rotation ─ none ─▶ NO_ENDPOINT
 *                             └─▶ of these the ones that are not doubted, if there are any
 *                             └─▶ back-off over, and the claim is ours ─▶ that one, as a probe
 *                                   └─▶ another whose word is 0 ─▶ one whose back-off is over ─▶ that one all the same
 *
 * The healthy path costs two plain loads. A retry of a connection never probes while a healthy
 * endpoint is left. The shares of healthy endpoints stay as the balancer promises: the share of a
 * failed endpoint is spread over the others by the same rule.
 */

import { nextBelow, nextU32 } from '../../base/random.ts'
import { claim, isHeld } from '../../stats/backoffs.ts'
import { Mark } from '../../stats/endpoint-marks.ts'
import { turnAt } from '../../stats/stats.ts'
import { runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { Balance, Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { isHashed, NOBODY, ownerAmong } from '../../table/match/hashed.ts'
import { GOLDEN_STEP, takeTurnAmong } from '../../table/match/turns.ts'
import {
  type Balancer,
  chooseEndpoint,
  haveEqualWeights,
  lessLoaded,
  lookingAt,
  NO_ENDPOINT,
  openOf,
  otherThan,
  weightOf,
} from './balance.ts'
import { inRotation } from './eject.ts'
import { rowsToDrawFrom } from './groups.ts'
import { WARM, warmingAt } from './warmup.ts'

/** The input of a pick, and whether it is a probe. */
type Drawn = { readonly cluster: number; readonly clientHash: number; isProbe: boolean }

/** A claim outlasts its dial by this much, so it expires only if its worker died. */
const CLAIM_SPARE_MS = 1_000

/**
 * An endpoint (row of `table.endpoints`) of `drawn.cluster` that is not in `tried`, or NO_ENDPOINT.
 */
export function drawEndpoint(drawer: Balancer, table: Table, tried: readonly number[], drawn: Drawn): number {
  drawn.isProbe = false
  const { cluster, clientHash } = drawn
  if (table.clusters[cluster * Cluster.WORDS + Cluster.grouped] === 1) {
    const endpoint = drawFromGroup(drawer, table, tried, drawn)
    if (endpoint !== NO_ENDPOINT) return endpoint
  }
  const endpoint = chooseEndpoint(drawer, table, cluster, tried, clientHash)
  if (endpoint === NO_ENDPOINT || isWell(drawer, table, endpoint)) return endpoint
  return drawAround(drawer, table, tried, drawn, endpoint)
}

/** From the group that priorities and localities choose; NO_ENDPOINT: from all endpoints. */
function drawFromGroup(drawer: Balancer, table: Table, tried: readonly number[], drawn: Drawn): number {
  const { cluster, clientHash } = drawn
  const balance = table.clusters[cluster * Cluster.WORDS + Cluster.balance]
  if (table.endpoints[runOf(table, cluster) + EndpointRun.groups] === 0) return NO_ENDPOINT
  const all = rowsToDrawFrom(drawer, table, cluster, tried, isHashed(balance) ? clientHash : -1)
  if (all === null || all.length === 0) return NO_ENDPOINT
  const rows = notDoubted(drawer, table, drawn, all)
  const endpoint = chooseAmong(drawer, table, drawn, rows)
  const remembers = table.clusters[cluster * Cluster.WORDS + Cluster.remembersFailures] === 1
  if (!remembers || wordOf(drawer, table, endpoint) === 0) return endpoint
  if (tried.length === 0 && probe(drawer, table, drawn, endpoint)) return endpoint
  const well = rows.filter(each => wordOf(drawer, table, each) === 0)
  return well.length > 0 ? chooseAmong(drawer, table, drawn, well) : endpoint
}

/** The balancer's choice among some rows. */
function chooseAmong(drawer: Balancer, table: Table, drawn: Drawn, rows: readonly number[]): number {
  const row = drawn.cluster * Cluster.WORDS
  if (rows.length === 1) return rows[0]
  if (table.clusters[row + Cluster.balance] === Balance.ROUND_ROBIN)
    return nextAmong(drawer, table, drawn, rows)
  return chooseInstead(drawer, table, drawn, rows[0], rows, rows)
}

/** Turns are those of the cluster, so two groups in use at once share them. */
function nextAmong(balancer: Balancer, table: Table, { cluster }: Drawn, rows: readonly number[]): number {
  const { stats, worker } = balancer
  const slot = table.clusters[cluster * Cluster.WORDS + Cluster.slot]
  const now = warmingAt(balancer, table, cluster)
  const weights = rows.map(each => weightOf(balancer, table, cluster, each, now))
  if (!weights.every(each => each === weights[0])) return rows[takeTurnAmong(weights, stats.tickets, slot)]
  const turn = stats.words[turnAt(worker, slot)]++ >>> 0
  return rows[(turn + worker) % rows.length]
}

function isWell({ stats }: Balancer, table: Table, endpoint: number): boolean {
  const slot = slotOf(table, endpoint)
  return (stats.backoffs[slot] | stats.marks[slot]) === 0
}

function drawAround(
  drawer: Balancer,
  table: Table,
  tried: readonly number[],
  drawn: Drawn,
  endpoint: number,
): number {
  const { cluster } = drawn
  const remembers = table.clusters[cluster * Cluster.WORDS + Cluster.remembersFailures] === 1
  if (!remembers && drawer.stats.marks[slotOf(table, endpoint)] === 0) return endpoint
  const left = untried(table, cluster, tried)
  const rotating = inRotation(drawer, table, cluster, left)
  if (rotating.length === 0) return NO_ENDPOINT
  const sure = notDoubted(drawer, table, drawn, rotating)
  const isIn = sure === left || sure.includes(endpoint)
  if (isIn && (!remembers || wordOf(drawer, table, endpoint) === 0)) return endpoint
  if (isIn && tried.length === 0 && probe(drawer, table, drawn, endpoint)) return endpoint
  const well = remembers ? sure.filter(each => wordOf(drawer, table, each) === 0) : sure
  if (well.length > 0) return chooseInstead(drawer, table, drawn, endpoint, left, well)
  const order = isIn ? [endpoint, ...sure] : sure
  return order.find(each => probe(drawer, table, drawn, each)) ?? order[0]
}

/**
 * The endpoints whose last health check has not failed, or all if there is none of them. A client
 * that goes by its address keeps its endpoint until that is down.
 */
function notDoubted(
  { stats: { marks } }: Balancer,
  table: Table,
  { cluster }: Drawn,
  rows: readonly number[],
): readonly number[] {
  const isDoubted = (each: number): boolean => (marks[slotOf(table, each)] & Mark.doubted) !== 0
  if (isHashed(table.clusters[cluster * Cluster.WORDS + Cluster.balance]) || !rows.some(isDoubted))
    return rows
  const sure = rows.filter(each => !isDoubted(each))
  return sure.length > 0 ? sure : rows
}

/**
 * Whether the endpoint's back-off is over and no other connection probes it; if so, this one does
 * from now on.
 */
function probe({ stats, nowMs }: Balancer, table: Table, drawn: Drawn, endpoint: number): boolean {
  const slot = slotOf(table, endpoint)
  const now = nowMs()
  if (isHeld(stats.backoffs[slot], now)) return false
  const row = drawn.cluster * Cluster.WORDS
  const dialMs = Math.min(
    table.clusters[row + Cluster.connectTimeoutMs],
    table.clusters[row + Cluster.connectDeadlineMs],
  )
  drawn.isProbe = claim(stats.backoffs, slot, now, dialMs + CLAIM_SPARE_MS)
  return drawn.isProbe
}

const slotOf = (table: Table, endpoint: number): number => slotAt(table.endpoints, endpoint * Endpoint.WORDS)

const wordOf = ({ stats }: Balancer, table: Table, endpoint: number): number =>
  stats.backoffs[slotOf(table, endpoint)]

function untried(table: Table, cluster: number, tried: readonly number[]): number[] {
  const run = runOf(table, cluster)
  const first = table.endpoints[run + EndpointRun.first]
  const all = Array.from({ length: table.endpoints[run + EndpointRun.count] }, (_, index) => first + index)
  return tried.length === 0 ? all : all.filter(each => !tried.includes(each))
}

/** One of `well` instead of `endpoint`, which the balancer picked from `left`. */
function chooseInstead(
  balancer: Balancer,
  table: Table,
  { cluster, clientHash }: Drawn,
  endpoint: number,
  left: readonly number[],
  well: readonly number[],
): number {
  const row = cluster * Cluster.WORDS
  const now = warmingAt(balancer, table, cluster)
  const equal = now === WARM && haveEqualWeights(table, cluster)
  const weigh = (each: number): number => weightOf(balancer, table, cluster, each, now)
  const balance = table.clusters[row + Cluster.balance]
  switch (balance) {
    case Balance.ROUND_ROBIN: {
      const at = turnAt(balancer.worker, table.clusters[row + Cluster.slot])
      const next = balancer.stats.words[at]
      if (equal) return nextAround(((next - 1) >>> 0) + balancer.worker, endpoint, left, well)
      balancer.stats.words[at] = next + GOLDEN_STEP
      return nextWeightedAround(next >>> 0, weigh, well)
    }
    case Balance.LEAST_REQUEST: {
      if (equal) return lessLoadedOf(balancer, table, well)
      const at = lookingAt(balancer)
      return drawByWeight(balancer, well, each => weigh(each) / (openOf(balancer, table, each, at) + 1))
    }
    case Balance.RING_HASH:
    case Balance.MAGLEV: {
      const owner = ownerAmong(table.endpoints, runOf(table, cluster), balance, clientHash, new Set(well))
      return owner === NOBODY ? well[0] : owner
    }
    default:
      return equal ? well[nextBelow(balancer.random, well.length)] : drawByWeight(balancer, well, weigh)
  }
}

/**
 * Gives the turns of failed endpoints to the others in turn: the `k`th such turn of all to the
 * `k`th of them.
 */
function nextAround(
  turn: number,
  endpoint: number,
  left: readonly number[],
  well: readonly number[],
): number {
  const isWell = new Set(well) // a cluster may have thousands
  const failed = left.filter(each => !isWell.has(each))
  const round = Math.floor(turn / left.length)
  return well[(round * failed.length + failed.indexOf(endpoint)) % well.length]
}

/**
 * The turns of failed endpoints have a circle of their own, with an arc for each healthy one, on
 * which each worker goes in golden steps.
 */
function nextWeightedAround(
  position: number,
  weigh: (endpoint: number) => number,
  well: readonly number[],
): number {
  let rest = (position / 2 ** 32) * well.reduce((total, each) => total + weigh(each), 0)
  let chosen = well[0]
  for (let index = 0; index < well.length && rest >= 0; index++) {
    chosen = well[index]
    rest -= weigh(chosen)
  }
  return chosen
}

function lessLoadedOf(balancer: Balancer, table: Table, well: readonly number[]): number {
  if (well.length === 1) return well[0]
  const one = nextBelow(balancer.random, well.length)
  return lessLoaded(balancer, table, well[one], well[otherThan(balancer.random, one, well.length)])
}

/** Weighted reservoir sampling, as in the balancer. */
function drawByWeight(
  { random }: Balancer,
  well: readonly number[],
  weigh: (endpoint: number) => number,
): number {
  let chosen = well[0]
  let total = 0
  for (const endpoint of well) {
    const weight = weigh(endpoint)
    total += weight
    if ((nextU32(random) / 2 ** 32) * total < weight) chosen = endpoint
  }
  return chosen
}
