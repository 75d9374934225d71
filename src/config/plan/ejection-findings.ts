/**
 * Outlier detection that cannot do what its author means: it never ejects, or only after a long
 * time.
 *
 * A common surprise: 10 % of fewer than ten endpoints is none, and Envoy says nothing of it
 * (istio#52665, #57010).
 */

import { mayEject } from '../../stats/outliers.ts'
import { durationText } from '../../table/explain/policy-text.ts'
import type { Cluster } from '../../table/plan/plan.ts'
import { DEFAULT_POLICY, type Ejection } from '../../table/plan/policy.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { PolicyPlaces } from './policy-places.ts'

/** A destination with outlier detection, and the block that it is read from. */
export type Ejecting = { readonly cluster: Cluster; readonly ejection: Ejection; readonly block: object }

export function reportEjections(
  ejecting: readonly Ejecting[],
  places: PolicyPlaces,
  findings: Findings,
): void {
  for (const [block, all] of Map.groupBy(ejecting, each => each.block)) {
    const spot = places.spotOf(block)
    if (!spot) continue
    const never = all.flatMap(each => whyNever(each))
    const more = never.length > 1 ? `; so do ${never.length - 1} more destinations` : ''
    if (never.length > 0) findings.at('CFG440', spot.resource, spot.path, `${never[0]}${more}`)
    const slow = all.find(({ cluster }) => cluster.policy.connectTimeoutMs >= DEFAULT_POLICY.connectTimeoutMs)
    if (never.length === 0 && slow) findings.at('CFG441', spot.resource, spot.path, slowness(slow))
  }
}

/** "a.com:80: 3 endpoints, maxEjectionPercent 10: never ejects; 34 would"; nothing where it can. */
function whyNever({ cluster, ejection }: Ejecting): string[] {
  const { host, port, subset, endpoints } = cluster
  const title = `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`
  if (Math.max(ejection.failures, ejection.gatewayFailures) === 0)
    return [`${title}: never ejects: every threshold is 0`]
  const count = endpoints.length
  if (count === 0 || mayEject(0, count, ejection.maxPercent)) return []
  const endpointsText = count === 1 ? '1 endpoint' : `${count} endpoints`
  return [
    `${title}: ${endpointsText}, maxEjectionPercent ${ejection.maxPercent}: never ejects; ${Math.ceil(100 / count)} would`,
  ]
}

function slowness({ cluster, ejection }: Ejecting): string {
  const { connectTimeoutMs } = cluster.policy
  const failures = Math.min(...[ejection.failures, ejection.gatewayFailures].filter(each => each > 0))
  const text = `an endpoint that does not answer is ejected after ${failures} connect timeouts in a row`
  return `${text}, each of ${durationText(connectTimeoutMs)}`
}
