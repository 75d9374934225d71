/** Tables for tests: built from a Plan in one step. */

import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable, type Table } from '../../src/table/format/table.ts'
import { createQuery, type Query } from '../../src/table/match/query.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { addressOf } from './addresses.ts'

/** The table of `plan`, with slots of its own. */
export function tableOf(plan: Plan, generation = 1): Table {
  const slots = new Slots(createSlots(), generation, NO_COUNTS)
  return openTable(buildTable(plan, generation, slots.slotOf))
}

export function queryOf(
  listener: number,
  client: string,
  destination: string,
  port: number,
  { isTls = false, serverName = '' }: { readonly isTls?: boolean; readonly serverName?: string } = {},
): Query {
  const query = createQuery()
  query.isTls = isTls
  query.serverName = serverName
  query.listener = listener
  const [from, to] = [addressOf(client), addressOf(destination)]
  query.clientFamily = from.family
  query.client.set(from.words)
  query.destinationFamily = to.family
  query.destination.set(to.words)
  query.destinationPort = port
  return query
}
