/**
 * The mesh: every port of every service, as Scopes of mesh listeners.
 *
 * weir stands where the client's sidecar would: a connection to a service's address and port follows
 * the VirtualServices for that service, else goes to the service itself. Who the client is, and so which
 * of the VirtualServices it may see, is only known when it connects.
 */

import type { Cidr, Family } from '../../net/address.ts'
import type { Listener, Rule, Scope } from '../../table/plan.ts'
import type { Findings } from '../diagnostic.ts'
import type { Settings } from '../settings.ts'
import type { Clusters } from './clusters.ts'
import { type Exposed, exposePorts } from './exposed-ports.ts'
import { HostIndex } from './host-index.ts'
import { MESH, plainAddress } from './names.ts'
import type { Registry } from './registry.ts'
import { rulesOf } from './rules.ts'
import { type Server, socketKey } from './servers.ts'
import type { ServicePort } from './service.ts'
import type { VirtualService } from './virtual-services.ts'
import type { Tier } from './visibility.ts'

/** VirtualServices of the mesh in the order of their age. */
type Ranked = { readonly virtualService: VirtualService; readonly rank: number }

/** A VirtualService for the clients of some namespaces; null: of all. */
type Seen = {
  readonly virtualService: VirtualService
  readonly tier: Tier
  readonly visibleTo: string[] | null
}

export type MeshInputs = {
  readonly settings: Settings
  readonly registry: Registry
  readonly virtualServices: readonly VirtualService[]
  readonly clusters: Clusters
  readonly findings: Findings
}

export function meshListeners(
  inputs: MeshInputs,
  sockets: ReadonlyMap<string, readonly Server[]>,
): Listener[] {
  const { settings, findings } = inputs
  const { capture, port: redirectPort } = settings.mesh
  if (capture === 'none') return []
  const index = indexMesh(inputs.virtualServices)
  const exposed = exposePorts(inputs.registry.services, settings, findings)
  const byListener = Map.groupBy(exposed, each => (capture === 'redirect' ? redirectPort : each.port.number))
  if (capture === 'redirect' && !byListener.has(redirectPort)) byListener.set(redirectPort, [])
  const bind = plainAddress(settings.mesh.bind)
  return [...byListener].map(([port, ports]): Listener => {
    const owner = sockets.get(socketKey(bind, port))?.[0]
    if (owner) reportCovered(port, ports, owner, findings)
    const scopes = ports.flatMap(each => toScopes(each, index, inputs))
    const destination = capture === 'redirect' ? 'original' : 'local'
    const otherwise = settings.mesh.outbound === 'ALLOW_ANY' ? 'passthrough' : 'deny'
    return { gateway: MESH, bind, port, opens: !owner, destination, scopes, otherwise }
  })
}

/** The mesh VirtualServices by host. */
function indexMesh(virtualServices: readonly VirtualService[]): HostIndex<Ranked> {
  const index = new HostIndex<Ranked>()
  for (const [rank, virtualService] of virtualServices.entries()) {
    if (!virtualService.gateways.includes(MESH)) continue
    for (const host of virtualService.hosts) index.add(host, { virtualService, rank })
  }
  return index
}

function toScopes(exposed: Exposed, index: HostIndex<Ranked>, inputs: MeshInputs): Scope[] {
  const { service, port, addresses } = exposed
  const found = [...new Set(index.overlapping(service.host))].toSorted(
    (left, right) => left.rank - right.rank,
  )
  const virtualServices = [...new Set(found.map(each => each.virtualService))]
  const scope = { host: service.host, port: port.number, addresses }
  const routedByName = port.layer === 'tls' && virtualServices.find(each => hasTlsRoutes(each, port.number))
  if (routedByName) {
    const message = `port ${port.number} is not served: ${routedByName.resource.title} routes it by server name, which weir does not do`
    inputs.findings.at('CFG410', port.resource, port.path, message)
    return [{ ...scope, rules: [], defaultRoute: -1 }]
  }
  const rules = meshRules(virtualServices, exposed, inputs)
  return byFamily(exposed).map(({ family, addresses }) => ({
    ...scope,
    addresses,
    rules,
    defaultRoute: defaultRoute(exposed, family, inputs),
  }))
}

/** A service of both families is taken to its endpoints by the family that was dialled, as by kube-proxy. */
function byFamily({ service, addresses }: Exposed): { family: Family | null; addresses: readonly Cidr[] }[] {
  const isDual = service.listens === 'addresses' && service.members.some(each => each.other !== null)
  if (!isDual) return [{ family: null, addresses }]
  return ([4, 6] as const)
    .map(family => ({ family, addresses: addresses.filter(each => each.family === family) }))
    .filter(each => each.addresses.length > 0)
}

/** Private VirtualServices, then those exported by name, then public ones: the order that each client sees. */
function meshRules(
  virtualServices: readonly VirtualService[],
  { service, port }: Exposed,
  inputs: MeshInputs,
): Rule[] {
  const { settings, clusters } = inputs
  const tiers = virtualServices.flatMap((virtualService): Seen[] => {
    const { visibility, namespace } = virtualService
    if (visibility === 'public') return [{ tier: 2, visibleTo: null, virtualService }]
    const others = [...visibility].filter(each => each !== namespace)
    return [
      ...(visibility.has(namespace) ? [{ tier: 0 as const, visibleTo: [namespace], virtualService }] : []),
      ...(others.length > 0 ? [{ tier: 1 as const, visibleTo: others, virtualService }] : []),
    ]
  })
  return tiers
    .toSorted((left, right) => left.tier - right.tier)
    .flatMap(({ visibleTo, virtualService }) => {
      const viewpoint = { ...viewpointOf(virtualService.namespace, port, settings), dialled: service }
      return rulesOf(virtualService, { ...viewpoint, gateway: MESH, layer: port.layer, visibleTo }, clusters)
    })
}

function defaultRoute(
  { service, port }: Exposed,
  family: Family | null,
  { settings, clusters }: MeshInputs,
): number {
  const target = { host: service.host, subset: null, port: port.number }
  const viewpoint = { ...viewpointOf(service.namespace, port, settings), dialled: service, family }
  return clusters.routeOf('service', [{ cluster: clusters.indexOf(target, viewpoint), weight: 1 }], 'random')
}

/** Without a workload in the Settings the proxy's namespace is unknown; that of the rule stands in for it. */
const viewpointOf = (namespace: string, port: ServicePort, { workload }: Settings) => ({
  viewer: workload?.namespace ?? null,
  namespace: workload?.namespace ?? namespace,
  port: port.number,
})

const hasTlsRoutes = ({ spec }: VirtualService, port: number): boolean =>
  (spec.tls ?? []).some(route => (route.match ?? []).some(match => !match.port || match.port === port))

function reportCovered(port: number, ports: readonly Exposed[], owner: Server, findings: Findings): void {
  const message = `mesh port ${port} is not opened: ${owner.resource.title} has that socket`
  const first = ports[0]
  if (first) findings.at('CFG406', first.port.resource, first.port.path, message)
  else findings.at('CFG406', owner.resource, owner.path, message)
}
