/**
 * The pick, but for routes with several destinations it does WEIR_BENCH_PICK_TURNS turns of useless
 * work more: by a clock, a busy machine would take some of the time from it.
 */

import type { Random } from '../../src/base/random.ts'
import { Route } from '../../src/table/format/routing-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import { pickDestination as pick, type Shared } from '../../src/table/match/pick.ts'

export { aliasColumns, type Column, type Shared } from '../../src/table/match/pick.ts'

const TURNS = Number(process.env.WEIR_BENCH_PICK_TURNS)
/** Kept where everybody could read it, so that no compiler leaves the work out. */
export let useless = 1

export function pickDestination(
  table: Table,
  route: number,
  client: Uint32Array,
  random: Random,
  shared: Shared,
): number {
  const isWeighted = table.routes[route * Route.WORDS + Route.splitCount] > 1
  if (isWeighted) useless = worked(useless)
  return pick(table, route, client, random, shared)
}

/** xorshift32: each turn waits for the one before. */
function worked(from: number): number {
  let word = from
  for (let turn = 0; turn < TURNS; turn++) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
  }
  return word
}
