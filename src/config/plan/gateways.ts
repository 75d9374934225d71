/**
 * Listeners of Gateways: behind each socket the rules of the VirtualServices that its servers
 * admit.
 */

import type { Listener, Rule } from '../../table/plan/plan.ts'
import type { Settings } from '../settings/settings.ts'
import type { Clusters } from './clusters.ts'
import { rulesOf } from './rules.ts'
import { admits, type Server } from './servers.ts'
import type { VirtualService } from './virtual-services.ts'
import { tierFor } from './visibility.ts'

export function gatewayListeners(
  sockets: ReadonlyMap<string, readonly Server[]>,
  virtualServices: readonly VirtualService[],
  settings: Settings,
  clusters: Clusters,
): Listener[] {
  const byGateway = new Map<string, VirtualService[]>()
  for (const each of virtualServices) {
    for (const gateway of each.gateways) byGateway.getOrInsertComputed(gateway, () => []).push(each)
  }
  return [...sockets.values()].map(servers => {
    const { resource, bind, port } = servers[0]
    const bound = byGateway.get(resource.id) ?? []
    const rules = rulesBehind(servers, bound, settings, clusters)
    const scope = { host: '', port: 0, addresses: [], rules, defaultRoute: -1 }
    return {
      gateway: resource.id,
      bind,
      port,
      opens: true,
      destination: 'local',
      scopes: [scope],
      otherwise: 'close',
    }
  })
}

/**
 * Server by server; private VirtualServices first, then those exported by name, then public ones,
 * each by age.
 */
function rulesBehind(
  servers: readonly Server[],
  bound: readonly VirtualService[],
  settings: Settings,
  clusters: Clusters,
): Rule[] {
  const { resource, port } = servers[0]
  const namespace = settings.workload?.namespace ?? resource.metadata.namespace
  const seen = [0, 1, 2].flatMap(tier =>
    bound.filter(each => tierFor(each.visibility, each.namespace, namespace) === tier),
  )
  const admitted = new Set(servers.flatMap(server => seen.filter(each => admits(server, each))))
  const listening = {
    gateway: resource.id,
    layer: 'tcp',
    visibleTo: null,
    viewer: namespace,
    namespace,
    port,
    dialled: null,
  } as const
  return [...admitted].flatMap(each => rulesOf(each, listening, clusters))
}
