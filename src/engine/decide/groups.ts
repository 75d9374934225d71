/**
 * Which group of endpoints a connection is drawn from, where a destination has priorities or
 * weights localities: Envoy's rules (load_balancer_impl.cc, recalculatePerPriorityState).
 *
 *   priority   its health is 140 % of the share of its endpoints that are available, 100 at most. The
 *              first gets as much of 100 % as its health, the next as much of the rest, and so on;
 *              with less than 100 % in all, each gets its part of it
 *   panic      with less than 100 % in all, a priority of which fewer than minHealthPercent are
 *              available uses all endpoints but drained ones
 *   locality   where localities have weights: by weight, times 140 % of the share of its endpoints
 *              that are available, 1 at most
 *
 * An endpoint that an operator drains does not count, as if it had been removed. One that the same
 * connection has tried counts as not available. The balancer then draws among the rows found here.
 */

import { nextU32, type Random } from '../../base/random.ts'
import { Mark } from '../../stats/endpoint-marks.ts'
import { groupsAt, runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointGroup, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { hashPair } from '../../table/format/pair-index.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { isAvailable } from './availability.ts'
import type { Judge } from './eject.ts'

type Chooser = Judge & { readonly random: Random }

type Group = {
  readonly priority: number
  /** 0: localities are drawn as one. */
  readonly share: number
  /** Rows of its endpoints but drained ones. */
  readonly rows: readonly number[]
  readonly available: readonly number[]
}

type Priority = { readonly groups: readonly Group[]; readonly all: number; readonly available: number }

/** More endpoints than are needed: so much of a group may fail before others get its load. */
const OVERPROVISIONED_PERCENT = 140

/**
 * The rows to draw from; null: all endpoints of the cluster, as if it had no groups, since none is
 * available, or every priority panics.
 *
 * @param clientHash  Of the client's address, if that decides; else −1.
 */
export function rowsToDrawFrom(
  chooser: Chooser,
  table: Table,
  cluster: number,
  tried: readonly number[],
  clientHash: number,
): readonly number[] | null {
  const priorities = prioritiesOf(groupsOf(chooser, table, cluster, tried))
  const loads = loadsOf(priorities.map(healthOf))
  if (loads === null) return null
  const least = table.clusters[cluster * Cluster.WORDS + Cluster.minHealthPercent]
  const panics = priorities.map(each => loads.total < 100 && 100 * each.available < least * each.all)
  if (panics.every(each => each)) return null
  const chosen = priorityAt(loads.percents, thrown(chooser, clientHash, 1) * 100)
  const { groups } = priorities[chosen]
  if (panics[chosen]) return groups.flatMap(each => each.rows).filter(each => !tried.includes(each))
  const isWeighted = groups.some(each => each.share > 0)
  if (!isWeighted || groups.length === 1) return groups.flatMap(each => each.available)
  return localityAt(groups, thrown(chooser, clientHash, 2)).available
}

/** In [0, 1); a client's own, where its address decides. */
const thrown = ({ random }: Chooser, clientHash: number, seed: number): number =>
  (clientHash < 0 ? nextU32(random) : hashPair(clientHash, seed) >>> 0) / 2 ** 32

function groupsOf(judge: Judge, table: Table, cluster: number, tried: readonly number[]): Group[] {
  const { endpoints } = table
  const { marks } = judge.stats
  const run = runOf(table, cluster)
  const at = groupsAt(endpoints, run)
  const isDrained = (row: number): boolean =>
    (marks[slotAt(endpoints, row * Endpoint.WORDS)] & Mark.draining) !== 0
  const mayGet = (row: number): boolean =>
    !tried.includes(row) && isAvailable(judge, table, cluster, row * Endpoint.WORDS)
  return Array.from({ length: endpoints[run + EndpointRun.groups] }, (_, index) => {
    const group = at + index * EndpointGroup.WORDS
    const first = endpoints[run + EndpointRun.first] + endpoints[group + EndpointGroup.from]
    const all = Array.from({ length: endpoints[group + EndpointGroup.count] }, (_, each) => first + each)
    const rows = all.filter(each => !isDrained(each))
    const available = rows.filter(mayGet)
    const [priority, share] = [
      endpoints[group + EndpointGroup.priority],
      endpoints[group + EndpointGroup.share],
    ]
    return { priority, share, rows, available }
  })
}

const prioritiesOf = (groups: readonly Group[]): Priority[] =>
  [...Map.groupBy(groups, each => each.priority).values()].map(each => ({
    groups: each,
    all: each.reduce((sum, { rows }) => sum + rows.length, 0),
    available: each.reduce((sum, { available }) => sum + available.length, 0),
  }))

const healthOf = ({ all, available }: Priority): number =>
  all === 0 ? 0 : Math.min(100, Math.floor((OVERPROVISIONED_PERCENT * available) / all))

/** Percents of all connections, by priority, and the health in all; null: there is none. */
function loadsOf(healths: readonly number[]) {
  const total = Math.min(
    100,
    healths.reduce((sum, each) => sum + each, 0),
  )
  if (total === 0) return null
  let left = 100
  const percents = healths.map(health => {
    const load = Math.min(left, Math.floor((health * 100) / total))
    left -= load
    return load
  })
  percents[healths.findIndex(each => each > 0)] += left // what rounding has left
  return { percents, total }
}

function priorityAt(percents: readonly number[], position: number): number {
  let sum = 0
  return percents.findIndex(each => {
    sum += each
    return position < sum
  })
}

function localityAt(groups: readonly Group[], position: number): Group {
  const weights = groups.map(({ share, rows, available }) =>
    rows.length === 0
      ? 0
      : share * Math.min(1, (OVERPROVISIONED_PERCENT * available.length) / (100 * rows.length)),
  )
  let rest = position * weights.reduce((sum, each) => sum + each, 0)
  const found = weights.findIndex(weight => {
    rest -= weight
    return rest < 0
  })
  return groups[found < 0 ? weights.findLastIndex(each => each > 0) : found]
}
