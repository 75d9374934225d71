/**
 * Listeners of Gateways: behind each socket the rules of the VirtualServices that its servers
 * admit.
 */

import type { Listener, Rule, Takes } from '../../table/plan/plan.ts'
import type { Settings } from '../settings/settings.ts'
import type { Clusters } from './clusters.ts'
import { rulesOf } from './rules.ts'
import { admits, type Server, scopesBehind } from './servers.ts'
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
  const listeners: Listener[] = []
  for (const servers of sockets.values()) {
    const first = listeners.length
    const takesNames = servers.some(each => each.names.length > 0)
    const hasPlain = servers.some(each => each.carries === 'tcp')
    const reads = servers.some(each => each.starttls) ? 'postgres' : 'tls'
    for (const own of Map.groupBy(servers, each => each.resource).values()) {
      const { resource, bind, port } = own[0]
      const bound = byGateway.get(resource.id) ?? []
      const scopes = scopesBehind(own).map(each => ({
        host: '',
        port: 0,
        addresses: [],
        ...(takesNames && { takes: takesOf(each, hasPlain) }),
        ...(each[0].carries !== 'tcp' && each[0].carries !== 'tls' && { serves: false }),
        rules: rulesBehind(each, bound, settings, clusters),
        defaultRoute: -1,
      }))
      listeners.push({
        gateway: resource.id,
        bind,
        port,
        opens: listeners.length === first && servers.some(isServed),
        destination: 'local',
        scopes,
        otherwise: 'close',
        ...(takesNames && { reads }),
        ...(listeners.length > first && { shares: first }),
      })
    }
  }
  return listeners
}

const isServed = ({ carries }: Server): boolean => carries === 'tcp' || carries === 'tls'

/**
 * As in Envoy, a server for any name also takes what is not TLS, unless it has to terminate TLS.
 */
function takesOf([server]: readonly Server[], hasPlain: boolean): Takes {
  const { carries, names } = server
  const plain = carries === 'tcp' || (carries === 'tls' && !hasPlain && names.includes('*'))
  return { names, plain }
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
  const { resource, port, carries } = servers[0]
  if (carries === 'http') return []
  const namespace = settings.workload?.namespace ?? resource.metadata.namespace
  const seen = [0, 1, 2].flatMap(tier =>
    bound.filter(each => tierFor(each.visibility, each.namespace, namespace) === tier),
  )
  const admitted = new Set(servers.flatMap(server => seen.filter(each => admits(server, each))))
  const listening = {
    gateway: resource.id,
    layer: carries === 'tls' ? 'tls' : 'tcp',
    notTcp: `port ${port} of ${resource.id} passes TLS through, so tls routes speak for it`,
    visibleTo: null,
    viewer: namespace,
    namespace,
    port,
    dialled: null,
  } as const
  return [...admitted].flatMap(each => rulesOf(each, listening, clusters))
}
