/**
 * `gateway.weir/on-dead: redistribute`: a destination of which all endpoints are down gives its
 * share to the other destinations of the split that are up, in proportion to their weights.
 *
 *   random   a random position on a circle on which each of them has an arc as long as its weight
 *   exact    a position of its own for each connection that is given away, in golden steps: each
 *            gets its share of them to within about one connection
 *   sticky   the client's bucket leads to another bucket, until one leads to a destination that is
 *            up: of the clients of others none moves, and each comes back with its own
 *
 * Nothing here runs for a route without it, and little unless the picked destination is down.
 */

import { nextU32, type Random } from '../../base/random.ts'
import { hashPair } from '../../table/format/pair-index.ts'
import { CLUSTER_UNKNOWN, Cluster, Destination, Route, Split } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import type { Query } from '../../table/match/query.ts'
import { BUCKETS, bucketOf } from '../../table/match/sticky.ts'
import { GOLDEN_STEP } from '../../table/match/turns.ts'
import { isDown, isOut } from './availability.ts'
import type { Judge } from './eject.ts'

type Picker = Judge & { readonly random: Random }

/** Buckets that are tried for a client; beyond, its address alone decides. */
const AGAIN_MAX = 256

/**
 * `picked` if it is up; else the cluster of `route` that gets the connection: one that is up, or if
 * none is, one whose endpoints are down only by their back-offs, `picked` before others.
 */
export function pickLiving(
  picker: Picker,
  table: Table,
  route: number,
  query: Query,
  picked: number,
): number {
  if (!isDown(picker, table, picked)) return picked
  const living = rowsOf(table, route, cluster => !isDown(picker, table, cluster))
  if (living.length > 0) return pickAmong(picker, table, route, query, living)
  if (!isOut(picker, table, picked)) return picked
  const doubtful = rowsOf(table, route, cluster => !isOut(picker, table, cluster))
  return doubtful.length > 0 ? pickAmong(picker, table, route, query, doubtful) : picked
}

function pickAmong(
  picker: Picker,
  table: Table,
  route: number,
  { client }: Query,
  living: readonly number[],
): number {
  if (living.length === 1) return clusterOf(table, living[0])
  const at = route * Route.WORDS
  switch (table.routes[at + Route.split]) {
    case Split.random:
      return atPosition(table, living, nextU32(picker.random))
    case Split.sticky:
      return ofBucket(table, at, living, bucketOf(client))
    default: {
      const ticket = Atomics.add(picker.stats.tickets, table.routes[at + Route.sharedSlot], 1)
      return atPosition(table, living, Math.imul(ticket, GOLDEN_STEP) >>> 0)
    }
  }
}

/** The cluster that a client's bucket leads to, over other buckets. */
function ofBucket(table: Table, at: number, living: readonly number[], bucket: number): number {
  const { routes, turns } = table
  for (let again = 1; again <= AGAIN_MAX; again++) {
    const other = hashPair(bucket, again) & (BUCKETS - 1)
    const row = routes[at + Route.firstSplit] + turns[routes[at + Route.firstTurn] + other]
    if (living.includes(row)) return clusterOf(table, row)
  }
  return atPosition(table, living, hashPair(bucket, 0) >>> 0)
}

/** Rows of the destinations that are such. One that nothing defines gets nothing of others. */
function rowsOf(table: Table, route: number, is: (cluster: number) => boolean): number[] {
  const at = route * Route.WORDS
  const first = table.routes[at + Route.firstSplit]
  const rows: number[] = []
  for (let row = first; row < first + table.routes[at + Route.splitCount]; row++) {
    const cluster = clusterOf(table, row)
    const kind = table.clusters[cluster * Cluster.WORDS + Cluster.kind]
    if (kind !== CLUSTER_UNKNOWN && is(cluster)) rows.push(row)
  }
  return rows
}

type Splits = Pick<Table, 'splits'>

const clusterOf = ({ splits }: Splits, row: number): number =>
  splits[row * Destination.WORDS + Destination.cluster]

const weightOf = ({ splits }: Splits, row: number): number =>
  splits[row * Destination.WORDS + Destination.weight]

/** The cluster on whose arc a position (u32) lies. */
function atPosition(table: Splits, rows: readonly number[], position: number): number {
  const total = rows.reduce((sum, row) => sum + weightOf(table, row), 0)
  let rest = (position / 2 ** 32) * total
  let chosen = rows[0]
  for (const row of rows) {
    if (rest < 0) break
    chosen = row
    rest -= weightOf(table, row)
  }
  return clusterOf(table, chosen)
}
