/**
 * Listeners of Gateways: behind each socket the rules of the VirtualServices that its servers
 * admit, or those of Gateway API's routes.
 */

import type { Listener, Rule, Scope, Takes } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { Settings } from '../settings/settings.ts'
import type { Clusters } from './clusters.ts'
import type { Credentials } from './credentials.ts'
import { rulesOf } from './rules.ts'
import { admits, type Server, scopesBehind } from './servers.ts'
import type { TlsServed } from './tls-served.ts'
import { tlsServerOf } from './tls-servers.ts'
import type { VirtualService } from './virtual-services.ts'
import { tierFor } from './visibility.ts'

type GatewayInputs = {
  readonly virtualServices: readonly VirtualService[]
  readonly settings: Settings
  readonly clusters: Clusters
  readonly credentials: Credentials
  readonly findings: Findings
  readonly served: TlsServed
}

export function gatewayListeners(
  sockets: ReadonlyMap<string, readonly Server[]>,
  inputs: GatewayInputs,
): Listener[] {
  const byGateway = new Map<string, VirtualService[]>()
  for (const each of inputs.virtualServices) {
    for (const gateway of each.gateways) byGateway.getOrInsertComputed(gateway, () => []).push(each)
  }
  const listeners: Listener[] = []
  for (const servers of sockets.values()) {
    const first = listeners.length
    const takesNames = servers.some(each => each.names.length > 0)
    const hasPlain = servers.some(each => each.carries === 'tcp')
    const reads = servers.some(each => each.starttls) ? 'postgres' : 'tls'
    const byGatewayHere = Map.groupBy(servers, each => each.gateway).values()
    const all = [...byGatewayHere].map(own => {
      const bound = byGateway.get(own[0].gateway) ?? []
      const scopes = scopesBehind(own).map(each => ({
        ...scopeOf(each, bound, inputs),
        ...(takesNames && { takes: takesOf(each, hasPlain) }),
      }))
      return { own, scopes }
    })
    const isServed = all.some(({ scopes }) => scopes.some(each => each.serves !== false))
    for (const { own, scopes } of all) {
      const { gateway, bind, port } = own[0]
      listeners.push({
        gateway,
        bind,
        port,
        opens: listeners.length === first && isServed,
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

/** Plain TCP servers share a scope, each other one has its own. */
function scopeOf(servers: readonly Server[], bound: readonly VirtualService[], inputs: GatewayInputs): Scope {
  const [server] = servers
  const { carries, tls } = server
  const rules = rulesBehind(servers, bound, inputs)
  const scope = { host: '', port: 0, addresses: [], rules, defaultRoute: -1 }
  if (carries === 'tcp' || carries === 'tls') return scope
  const { served, settings, credentials } = inputs
  if (tls === null || !served.servers || (carries === 'http' && rules.length === 0))
    return { ...scope, serves: false }
  return { ...scope, tls: tlsServerOf(server, tls, settings, credentials) }
}

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
  { settings, clusters, findings, served }: GatewayInputs,
): Rule[] {
  const [server] = servers
  if (server.rules) return server.rules()
  const { resource, port, carries, tlsRoutes } = server
  const namespace = settings.workload?.namespace ?? resource.metadata.namespace
  const seen = [0, 1, 2].flatMap(tier =>
    bound.filter(each => tierFor(each.visibility, each.namespace, namespace) === tier),
  )
  const admitted = [...new Set(servers.flatMap(server => seen.filter(each => admits(server, each))))]
  // An HTTPS server's connections are bytes only where somebody says so, by a route for bytes.
  const routing = carries === 'http' ? admitted.filter(({ spec }) => spec.tcp?.length) : admitted
  if (carries === 'http' && served.servers && routing.length === 0) reportHttp(server, findings)
  if (carries === 'terminate' && served.servers && !tlsRoutes) reportNames(server, admitted, findings)
  const listening = {
    gateway: resource.id,
    layer: carries === 'tls' ? 'tls' : 'tcp',
    tlsFirst: tlsRoutes,
    notTcp: `port ${port} of ${resource.id} passes TLS through, so tls routes speak for it`,
    visibleTo: null,
    viewer: namespace,
    namespace,
    port,
    dialled: null,
  } as const
  return routing.flatMap(each => rulesOf(each, listening, clusters))
}

function reportHttp({ resource, path }: Server, findings: Findings): void {
  const message =
    'the server is not served: it is for HTTP, which weir does not route, and no tcp route says where its bytes go'
  findings.at('CFG402', resource, [...path, 'port', 'protocol'], message)
}

/** As in Istio, tls routes say nothing about connections whose TLS ends here. */
function reportNames(
  { resource, port }: Server,
  admitted: readonly VirtualService[],
  findings: Findings,
): void {
  for (const { resource: routes, spec } of admitted) {
    const isUnheard =
      spec.tls?.length && !spec.tcp?.length && !findings.has('CFG508', routes, ['spec', 'tls'])
    const message = `port ${port} of ${resource.id} terminates TLS, so tls routes do not apply there, as in Istio`
    if (isUnheard) findings.at('CFG508', routes, ['spec', 'tls'], message)
  }
}
