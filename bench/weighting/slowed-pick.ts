/**
 * The pick, but for routes with several destinations it takes WEIR_BENCH_PICK_US microseconds
 * longer.
 */

import { monotonicMs } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { Route } from '../../src/table/format/routing-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import { pickDestination as pick } from '../../src/table/match/pick.ts'

export { aliasColumns, type Column } from '../../src/table/match/pick.ts'

const SLOWER_MS = Number(process.env.WEIR_BENCH_PICK_US) / 1000

export function pickDestination(
  table: Table,
  route: number,
  client: Uint32Array,
  random: Random,
  tickets: Int32Array,
): number {
  const isWeighted = table.routes[route * Route.WORDS + Route.splitCount] > 1
  const endMs = isWeighted ? monotonicMs() + SLOWER_MS : 0
  while (monotonicMs() < endMs);
  return pick(table, route, client, random, tickets)
}
