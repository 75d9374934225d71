/** Tables of consistent hashing that would take too much memory together. */

import { hashSpecOf, hashWordCount } from '../../table/build/hash-table.ts'
import type { Cluster } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { PolicyPlaces } from './policy-places.ts'

/** A destination whose clients are hashed, and the block that says so. */
export type Hashing = { readonly cluster: Cluster; readonly block: object }

/** Of all tables: 64 MiB. */
const BYTES_MAX = 2 ** 26

export function reportHashTables(
  hashing: readonly Hashing[],
  places: PolicyPlaces,
  findings: Findings,
): void {
  const bytes = hashing.reduce((sum, { cluster }) => sum + bytesOf(cluster), 0)
  if (bytes <= BYTES_MAX) return
  const largest = hashing.toSorted((a, b) => bytesOf(b.cluster) - bytesOf(a.cluster))[0]
  const spot = places.spotOf(largest.block)
  if (!spot) return
  const mib = (count: number): string => `${(count / 2 ** 20).toFixed(count < 2 ** 20 ? 1 : 0)} MiB`
  const message = `the tables of consistentHash take ${mib(bytes)} for ${hashing.length} destinations, more than ${mib(BYTES_MAX)}; this one takes ${mib(bytesOf(largest.cluster))} for each`
  findings.at('CFG442', spot.resource, [...spot.path, 'consistentHash'], message)
}

function bytesOf({ endpoints, policy }: Cluster): number {
  const hash = hashSpecOf(policy)
  const weights = endpoints.map(each => each.weight)
  return hash === null ? 0 : 4 * hashWordCount(weights, hash)
}
