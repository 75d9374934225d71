/**
 * Which group of endpoints a connection is drawn from, where a destination has priorities or
 * weights localities, by what is available now (table/match/group-choice.ts has the rules).
 *
 * An endpoint that an operator drains does not count, as if it had been removed. One that the same
 * connection has tried counts as not available. The balancer then draws among the rows found here.
 */

import { nextU32, type Random } from '../../base/random.ts'
import { Mark } from '../../stats/endpoint-marks.ts'
import { slotAt } from '../../table/format/endpoints.ts'
import { Endpoint } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { chooseRows, type Group, placeOf, tableGroups } from '../../table/match/group-choice.ts'
import { isAvailable } from './availability.ts'
import type { Judge } from './eject.ts'

type Chooser = Judge & { readonly random: Random }

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
  const least = table.clusters[cluster * Cluster.WORDS + Cluster.minHealthPercent]
  const groups = groupsNow(chooser, table, cluster, tried)
  const rows = chooseRows(groups, least, seed => thrown(chooser, clientHash, seed))
  return rows?.filter(each => !tried.includes(each)) ?? null // a panic uses all rows
}

/** In [0, 1); a client's own, where its address decides. */
const thrown = ({ random }: Chooser, clientHash: number, seed: number): number =>
  clientHash < 0 ? nextU32(random) / 2 ** 32 : placeOf(clientHash, seed)

/** The groups of a cluster, with what is available of them to a connection. */
export function groupsNow(judge: Judge, table: Table, cluster: number, tried: readonly number[]): Group[] {
  const { marks } = judge.stats
  const isDrained = (row: number): boolean =>
    (marks[slotAt(table.endpoints, row * Endpoint.WORDS)] & Mark.draining) !== 0
  const mayGet = (row: number): boolean =>
    !tried.includes(row) && isAvailable(judge, table, cluster, row * Endpoint.WORDS)
  return tableGroups(table, cluster).map(each => {
    const rows = each.rows.filter(row => !isDrained(row))
    return { ...each, rows, available: rows.filter(mayGet) }
  })
}
