/**
 * Which group of a destination's endpoints is used, by what is available: Envoy's rules
 * (load_balancer_impl.cc, recalculatePerPriorityState).
 *
 *   priority   its health is 140 % of the share of its endpoints that are available, 100 at most. The
 *              first gets as much of 100 % as its health, the next as much of the rest, and so on;
 *              with less than 100 % in all, each gets its part of it
 *   panic      with less than 100 % in all, a priority of which fewer than minHealthPercent are
 *              available uses all endpoints but drained ones
 *   locality   where localities have weights: by weight, times 140 % of the share of its endpoints
 *              that are available, 1 at most
 *
 * Workers decide with it what is available (engine/decide/groups.ts); explanations take all
 * endpoints as available, or what is known of them. All functions are pure.
 */

import { groupsAt, runOf } from '../format/endpoints.ts'
import { EndpointGroup, EndpointRun } from '../format/endpoints-layout.ts'
import { hashPair } from '../format/pair-index.ts'
import type { Table } from '../format/table.ts'

/** A group as the table has it, with the rows of its endpoints. */
type TableGroup = {
  readonly priority: number
  /** 0: localities are drawn as one. */
  readonly share: number
  /** Index into the cluster's localities. */
  readonly locality: number
  readonly rows: readonly number[]
}

/** A group as it is now: `rows` without drained endpoints. */
export type Group = TableGroup & { readonly available: readonly number[] }

export type Priority = {
  readonly priority: number
  readonly groups: readonly Group[]
  readonly all: number
  readonly available: number
}

/** More endpoints than are needed: so much of a group may fail before others get its load. */
export const OVERPROVISIONED_PERCENT = 140

/** The groups of a cluster, in the order of their priorities; none: all endpoints are alike. */
export function tableGroups(table: Table, cluster: number): TableGroup[] {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const at = groupsAt(endpoints, run)
  return Array.from({ length: endpoints[run + EndpointRun.groups] }, (_, index) => {
    const group = at + index * EndpointGroup.WORDS
    const first = endpoints[run + EndpointRun.first] + endpoints[group + EndpointGroup.from]
    return {
      priority: endpoints[group + EndpointGroup.priority],
      share: endpoints[group + EndpointGroup.share],
      locality: endpoints[group + EndpointGroup.locality],
      rows: Array.from({ length: endpoints[group + EndpointGroup.count] }, (_, each) => first + each),
    }
  })
}

export const prioritiesOf = (groups: readonly Group[]): Priority[] =>
  [...Map.groupBy(groups, each => each.priority)].map(([priority, list]) => ({
    priority,
    groups: list,
    all: list.reduce((sum, { rows }) => sum + rows.length, 0),
    available: list.reduce((sum, { available }) => sum + available.length, 0),
  }))

/** Percents of all connections, by priority; and which priorities use all of their endpoints. */
type Loads = { readonly percents: readonly number[]; readonly panics: readonly boolean[] }

/** Null: all endpoints are alike, since none is available, or every priority panics. */
export function loadsOf(priorities: readonly Priority[], minHealthPercent: number): Loads | null {
  const healths = priorities.map(healthOf)
  const total = Math.min(
    100,
    healths.reduce((sum, each) => sum + each, 0),
  )
  if (total === 0) return null
  const panics = priorities.map(each => total < 100 && isPanicking(each, minHealthPercent))
  if (panics.every(each => each)) return null
  let left = 100
  const percents = healths.map(health => {
    const load = Math.min(left, Math.floor((health * 100) / total))
    left -= load
    return load
  })
  percents[healths.findIndex(each => each > 0)] += left // what rounding has left
  return { percents, panics }
}

const healthOf = ({ all, available }: Pick<Priority, 'all' | 'available'>): number =>
  all === 0 ? 0 : Math.min(100, Math.floor((OVERPROVISIONED_PERCENT * available) / all))

/** One without endpoints does, too, so that it keeps no others from a panic of all. */
const isPanicking = ({ all, available }: Priority, minHealthPercent: number): boolean =>
  all === 0 ? minHealthPercent > 0 : 100 * available < minHealthPercent * all

/**
 * The rows to draw from, or null as `loadsOf` has it.
 *
 * @param thrown  A place in [0, 1), for each of two seeds.
 */
export function chooseRows(
  groups: readonly Group[],
  minHealthPercent: number,
  thrown: (seed: 1 | 2) => number,
): readonly number[] | null {
  const priorities = prioritiesOf(groups)
  const loads = loadsOf(priorities, minHealthPercent)
  if (loads === null) return null
  const chosen = priorityAt(loads.percents, thrown(1) * 100)
  const { groups: near } = priorities[chosen]
  if (loads.panics[chosen]) return near.flatMap(each => each.rows)
  if (near.length === 1 || !isWeighted(near)) return near.flatMap(each => each.available)
  return localityAt(near, thrown(2)).available
}

/** The place in [0, 1) that a client's hash leads to. */
export const placeOf = (clientHash: number, seed: number): number =>
  (hashPair(clientHash, seed) >>> 0) / 2 ** 32

/** Whether the localities of a priority have weights. */
export const isWeighted = (groups: readonly Group[]): boolean => groups.some(each => each.share > 0)

function priorityAt(percents: readonly number[], position: number): number {
  let sum = 0
  return percents.findIndex(each => {
    sum += each
    return position < sum
  })
}

function localityAt(groups: readonly Group[], position: number): Group {
  const weights = groups.map(weightOf)
  let rest = position * weights.reduce((sum, each) => sum + each, 0)
  const found = weights.findIndex(weight => {
    rest -= weight
    return rest < 0
  })
  return groups[found < 0 ? weights.findLastIndex(each => each > 0) : found]
}

/** The weight of a locality, by what is available of it. */
export const weightOf = ({ share, rows, available }: Group): number =>
  rows.length === 0
    ? 0
    : share * Math.min(1, (OVERPROVISIONED_PERCENT * available.length) / (100 * rows.length))
