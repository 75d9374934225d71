/**
 * The groups of a destination's endpoints in words: the part of the connections that each gets, and
 * when a group that gets none, or not all, would get more.
 */

import { Cluster } from '../format/routing-layout.ts'
import { endpointText } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import {
  type Group,
  isWeighted,
  loadsOf,
  OVERPROVISIONED_PERCENT,
  type Priority,
  prioritiesOf,
  tableGroups,
  weightOf,
} from '../match/group-choice.ts'

/** Of one group, at one moment. */
export type GroupState = {
  readonly priority: number
  /** Region/zone/subzone; null: unknown. */
  readonly locality: string | null
  /** The part of the destination's connections that its priority gets, or in it its locality. */
  readonly share: number | null
  /** Why its priority gets no more; null: it is the first, and gets everything. */
  readonly why: string | null
}

/** A group as `explain` shows it: with all endpoints available. */
export type ExplainedGroup = GroupState & { readonly endpoints: readonly string[] }

type Names = readonly string[] | undefined

/** Null: all endpoints are alike. */
export function explainGroups(table: Table, cluster: number, localities: Names): ExplainedGroup[] | null {
  const groups = availableGroups(table, cluster)
  const states = groupStates(table, cluster, groups, localities, false)
  const texts = groups.map(({ rows }) => rows.map(each => endpointText(table.endpoints, each)))
  return groups.length === 0 ? null : states.map((each, index) => ({ ...each, endpoints: texts[index] }))
}

/** The groups of a cluster as if all endpoints were available. */
export const availableGroups = (table: Table, cluster: number): Group[] =>
  tableGroups(table, cluster).map(each => ({ ...each, available: each.rows }))

/**
 * Of each group, in order.
 *
 * @param isNow  Whether the groups say what is available now; otherwise everything is.
 */
export function groupStates(
  { clusters }: Table,
  cluster: number,
  groups: readonly Group[],
  localities: Names,
  isNow: boolean,
): GroupState[] {
  const priorities = prioritiesOf(groups)
  const loads = loadsOf(priorities, clusters[cluster * Cluster.WORDS + Cluster.minHealthPercent])
  return priorities.flatMap((each, index) => {
    const percent = loads?.percents[index] ?? null
    const why = percent === null ? ALIKE : whyOf(priorities, index, loads?.percents ?? [], isNow)
    return each.groups.map(group => ({
      priority: each.priority,
      locality: localities?.[group.locality] || null,
      share: percent === null ? null : (percent / 100) * partOf(group, each, loads?.panics[index] === true),
      why,
    }))
  })
}

const ALIKE = 'priorities do not count now, since too few endpoints are available'

/** Of its priority. */
function partOf(group: Group, { groups }: Priority, panics: boolean): number {
  if (panics || !isWeighted(groups)) return 1
  const sum = groups.reduce((all, each) => all + weightOf(each), 0)
  return sum === 0 ? 0 : weightOf(group) / sum
}

/** Null: the first priority gets everything. */
function whyOf(
  priorities: readonly Priority[],
  index: number,
  percents: readonly number[],
  isNow: boolean,
): string | null {
  const percent = percents[index]
  const name = `priority ${priorities[index].priority}`
  if (percent === 0) return `${name}: in rotation only when ${standbyText(priorities.slice(0, index), isNow)}`
  if (index === 0 && percent === 100) return null
  const last = Math.max(
    index,
    percents.findLastIndex(each => each > 0),
  )
  return `${name} gets ${percent} % of the connections: available are ${priorities
    .slice(0, last + 1)
    .map(countText)
    .join(', ')}`
}

/** When those before leave something. */
function standbyText(before: readonly Priority[], isNow: boolean): string {
  const [first, ...others] = before
  if (first === undefined) return 'one of its endpoints is available'
  const now = (text: string): string => (isNow ? ` (now ${text})` : '')
  if (others.length === 0) {
    const least = Math.ceil((100 * first.all) / OVERPROVISIONED_PERCENT)
    const endpoints = least === 1 ? 'endpoint' : 'endpoints'
    return `priority ${first.priority} is below ${least} available ${endpoints}${now(`${first.available} of ${first.all}`)}`
  }
  const names = `priorities ${first.priority} to ${before[before.length - 1].priority}`
  const factor = OVERPROVISIONED_PERCENT / 100
  const counts = now(`available: ${before.map(countText).join(', ')}`)
  return `${names} are below 100 % in all, each endpoint counted as ${factor}${counts}`
}

const countText = ({ priority, all, available }: Priority): string =>
  `${available} of ${all} of priority ${priority}`
