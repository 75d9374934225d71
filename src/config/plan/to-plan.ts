/**
 * The third stage: from valid resources to the Plan, with what is wrong between resources.
 *
 * Pure: names that need DNS are handed in resolved, as far as they are known; `Cluster.names` says which
 * ones to ask for. Nothing here is refused: whatever a finding is about, the rest of the Plan stands.
 */

import type { Plan } from '../../table/plan.ts'
import type { Findings } from '../diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings.ts'
import { reportBindings } from './binding-findings.ts'
import { Clusters } from './clusters.ts'
import { reportDestinations } from './destination-findings.ts'
import { DestinationRules } from './destination-rules.ts'
import { gatewayListeners } from './gateways.ts'
import { type Inputs, readInputs } from './inputs.ts'
import { meshListeners } from './mesh.ts'
import { Registry } from './registry.ts'
import { assignSockets, readGateway, servedGateways } from './servers.ts'
import { reportDestinationRule, reportEndpoints } from './service-findings.ts'
import { readVirtualService } from './virtual-services.ts'
import { sourcesOf, Workloads } from './workloads.ts'

export function toPlan(
  resources: readonly Resource[],
  settings: Settings,
  names: ReadonlyMap<string, readonly string[]>,
  findings: Findings,
): Plan {
  const inputs = readInputs(resources)
  const workloads = new Workloads(inputs, findings)
  const registry = new Registry(inputs, workloads, findings)
  const rules = new DestinationRules(inputs.destinationRules, settings, findings)
  const virtualServices = inputs.virtualServices.map(readVirtualService)
  const clusters = new Clusters(registry, rules, names)
  const findingInputs = { settings, registry, rules, findings, gateways: gatewaysById(inputs) }
  for (const service of registry.services) reportEndpoints(service, findings)
  for (const rule of inputs.destinationRules) reportDestinationRule(rule, registry, findings)
  for (const virtualService of virtualServices) {
    reportBindings(virtualService, findingInputs)
    reportDestinations(virtualService, findingInputs)
  }
  const sockets = assignSockets(servedGateways(inputs.gateways, settings), findings)
  const listeners = [
    ...gatewayListeners(sockets, virtualServices, settings, clusters),
    ...meshListeners({ settings, registry, virtualServices, clusters, findings }, sockets),
  ]
  return {
    listeners,
    routes: clusters.routes,
    clusters: clusters.list,
    sources: sourcesOf(settings, workloads),
  }
}

const gatewaysById = ({ gateways }: Inputs) =>
  new Map(gateways.map(each => [each.resource.id, readGateway(each)]))
