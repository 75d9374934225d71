/**
 * From a Plan to a table's bytes: the only writer of a table, and only before it is published.
 *
 * Rows are collected section by section, then copied into one buffer for each part. Nothing here
 * runs on the data path, and workers never import it.
 */

import type { TableBuffers } from '../format/table.ts'
import type { Plan } from '../plan/plan.ts'
import type { BuildMemory } from './build-memory.ts'
import { ClientNodes } from './client-nodes.ts'
import { Clients } from './clients.ts'
import type { SlotOf } from './endpoint-rows.ts'
import { buildEndpoints } from './endpoints.ts'
import { RoutingBuilder } from './routing.ts'

export { BuildMemory } from './build-memory.ts'
export type { SlotOf } from './endpoint-rows.ts'

/**
 * Builds the table of `plan` as generation `generation` (1 – 2^31−1).
 *
 * @param memory  Of the tables that this thread builds one after the other.
 */
export function buildTable(
  plan: Plan,
  generation: number,
  slotOf: SlotOf,
  memory: BuildMemory | null = null,
): TableBuffers {
  const clientNodes = new ClientNodes()
  const routing = new RoutingBuilder(slotOf, clientNodes, memory)
  for (const listener of plan.listeners) routing.addListener(listener)
  routing.addNamedScopes()
  routing.addAccess(plan)
  for (const cluster of plan.clusters) routing.addCluster(cluster)
  for (const route of plan.routes) routing.addRoute(route)
  const endpoints = buildEndpoints(plan.clusters, generation, slotOf)
  const clients = new Clients(plan.sources, clientNodes)
  const nodes = clientNodes.finish()
  return {
    routing: routing.build(generation, nodes),
    endpoints,
    clients: clients.build({ generation }, routing.conditions, nodes),
  }
}
