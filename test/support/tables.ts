/** Tables for tests: built from a Plan in one step. */

import { parseInto } from '../../src/net/address.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/slots.ts'
import { buildTable } from '../../src/table/builder.ts'
import { createQuery, type Query } from '../../src/table/match.ts'
import type { Plan } from '../../src/table/plan.ts'
import { openTable, type Table } from '../../src/table/table.ts'

/** The table of `plan`, with slots of its own. */
export function tableOf(plan: Plan, generation = 1): Table {
  const slots = new Slots(createSlots(), generation, NO_COUNTS)
  return openTable(buildTable(plan, generation, slots.slotOf))
}

export function queryOf(listener: number, client: string, destination: string, port: number): Query {
  const query = createQuery()
  query.listener = listener
  query.clientFamily = parseInto(client, query.client, 0)
  query.destinationFamily = parseInto(destination, query.destination, 0)
  query.destinationPort = port
  return query
}
