/** What the main thread has to know of a Plan's clusters, to change their endpoints by itself. */

import { isSameValue } from '../../base/same-value.ts'
import type { Live } from '../../config/plan/live-clusters.ts'
import { rowRulesOf } from '../../table/build/endpoint-rows.ts'
import type { CheckedCluster } from '../../table/plan/health-check.ts'
import type { Cluster, Place, Plan } from '../../table/plan/plan.ts'
import type { NamedCluster } from '../endpoint-changes.ts'

export type CompiledLive = Live & {
  readonly rows: ReadonlyMap<number, NamedCluster>
  /** Services with other endpoints than in what is served, if it decides the same. */
  readonly moved: readonly string[]
  /** The last change of the API that is in it. */
  readonly upTo: number
}

export const checkedClusters = (plan: Plan): CheckedCluster[] =>
  plan.clusters.flatMap(({ check }, cluster) => (check ? [{ cluster, check }] : []))

/** Those with names that resolve. */
export const namedClusters = (plan: Plan): NamedCluster[] =>
  plan.clusters.flatMap((each, cluster) => (each.places ? [rowOf(each, cluster, each.places)] : []))

/** @param before  What is served; null: nothing. */
export const compiledLive = (
  plan: Plan | null,
  live: Live,
  before: Live | null,
  upTo: number,
): CompiledLive => ({ ...live, rows: liveRows(plan, live), moved: movedServices(before, live), upTo })

/** Those whose endpoints an API changes, by row. */
const liveRows = (plan: Plan | null, { clusters }: Live): Map<number, NamedCluster> =>
  new Map(
    plan
      ? clusters.map(({ cluster, places }) => [cluster, rowOf(plan.clusters[cluster], cluster, places)])
      : [],
  )

/** Services of which some cluster has other endpoints, though the same rules. */
function movedServices(before: Live | null, { clusters }: Live): string[] {
  const old = new Map(before?.clusters.map(each => [each.cluster, each.places]))
  const moved = clusters.filter(each => !isSameValue(old.get(each.cluster), each.places))
  return [...new Set(moved.map(each => each.service))]
}

function rowOf(each: Cluster, cluster: number, places: readonly Place[]): NamedCluster {
  const { host, port, subset } = each
  const title = `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`
  return { cluster, title, places, rules: rowRulesOf(each) }
}
