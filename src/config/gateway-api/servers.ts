/**
 * Listeners of Gateway API as servers of the Plan, beside those of Istio's Gateways: one way leads
 * from a server to the table, whichever API it is written in.
 */

import type { Rule, SourceCondition } from '../../table/plan/plan.ts'
import type { Clusters } from '../plan/clusters.ts'
import type { Credentials } from '../plan/credentials.ts'
import { HostIndex } from '../plan/host-patterns.ts'
import type { GatewayServers, Server } from '../plan/servers.ts'
import { starttlsPorts } from '../plan/starttls.ts'
import type { BackendPolicies } from './backend-tls.ts'
import type { ApiBackend, ApiGateway, ApiListener, ApiRoute, Attached, GatewayApi } from './model.ts'

type Around = {
  readonly policies: BackendPolicies
  readonly credentials: Credentials
  readonly clusters: Clusters
}

export const apiServers = ({ gateways }: GatewayApi, around: Around): GatewayServers[] =>
  gateways.map(gateway => ({
    resource: gateway.gateway.resource,
    selector: { [NAME_LABEL]: gateway.gateway.resource.metadata.name },
    servers: gateway.accepted.holds
      ? listenersOf(gateway).flatMap(listener =>
          gateway.binds.map(bind => serverOf(listener, gateway, bind, around)),
        )
      : [],
  }))

/** The label of the Pods of a Gateway, by which policies select them. */
const NAME_LABEL = 'gateway.networking.k8s.io/gateway-name'

/** Of a Gateway and its ListenerSets, those that are served. */
const listenersOf = ({ listeners, sets }: ApiGateway): ApiListener[] =>
  [...listeners, ...sets.filter(each => each.accepted.holds).flatMap(each => each.listeners)].filter(
    each => each.accepted.holds,
  )

function serverOf(listener: ApiListener, { gateway, id }: ApiGateway, bind: string, around: Around): Server {
  const { resource, path, port, protocol, mode, hostname, secrets, awaited } = listener
  const credentialNames = secrets.length > 0 ? secrets : awaited
  const { annotations } = gateway.resource.metadata
  return {
    resource,
    gateway: id,
    path,
    port,
    bind,
    protocol,
    carries: mode === null ? 'tcp' : mode === 'Passthrough' ? 'tls' : 'terminate',
    names: mode === null ? [] : [hostname || '*'],
    starttls: mode !== null && starttlsPorts(annotations).has(port),
    tls:
      mode === 'Terminate' && credentialNames.length > 0
        ? { mode: 'SIMPLE', credentialNames: [...credentialNames] }
        : null,
    credentialPath: [...path, 'tls', 'certificateRefs', 0],
    tlsRoutes: mode === 'Terminate',
    hosts: new HostIndex(),
    rules: () => rulesOf(listener, around),
  }
}

/**
 * TLSRoutes by name, the most specific pattern first, then by precedence (they are in its order);
 * at last the one TCPRoute that serves, which takes what is left.
 */
function rulesOf({ attached, port }: ApiListener, around: Around): Rule[] {
  const serving = attached.filter(each => each.serves)
  const named = serving.flatMap(({ route, names }) => names.map(name => ({ route, ...name })))
  const sorted = named.toSorted((left, right) => specificity(right.name) - specificity(left.name))
  const taken = new Set<string>()
  const rules = sorted.flatMap(({ route, name, index }) => {
    if (taken.has(name)) return []
    taken.add(name)
    return [ruleOf(route, { name, index }, port, around)]
  })
  const plain = serving.find(each => each.route.kind === 'TCPRoute')
  return plain ? [...rules, ruleOf(plain.route, null, port, around)] : rules
}

/** Whole names before wildcards, and longer wildcards before shorter ones. */
const specificity = (name: string): number => (name.startsWith('*') ? name.length : 1000 + name.length)

const ANYBODY: SourceCondition = { namespace: null, labels: {}, visibleTo: null }

function ruleOf(
  route: ApiRoute,
  named: Attached['names'][number] | null,
  port: number,
  around: Around,
): Rule {
  const { resource } = route.route
  const path = named ? ['spec', 'hostnames', named.index] : ['spec', 'rules', 0]
  const { file, line } = resource.locate(path)
  return {
    origin: {
      virtualService: route.title,
      block: 'rules',
      route: 0,
      match: named?.index ?? null,
      file,
      line,
    },
    destinations: [],
    port: 0,
    ...(named && { names: [named.name] }),
    clients: [],
    source: ANYBODY,
    route: routeIndex(route, port, around),
    never: null,
  }
}

function routeIndex(
  { title, route, backends, split, onDead }: ApiRoute,
  port: number,
  { clusters, policies, credentials }: Around,
): number {
  const viewpoint = { viewer: null, namespace: route.resource.metadata.namespace, port, dialled: null }
  const drawn = backends.filter(each => each.weight > 0)
  const clusterOf = (backend: ApiBackend): number => {
    const target = { host: backend.host, subset: null, port: backend.port }
    return backend.resolved.holds && drawn.length > 0
      ? clusters.indexOf(target, viewpoint, policies.of(backend, credentials))
      : clusters.refused(target, backend.resolved.reason === 'RefNotPermitted')
  }
  // Without any weight nobody is served (BackendRef.weight): the first stands for all.
  const chosen = drawn.length > 0 ? drawn : backends.slice(0, 1)
  const destinations = chosen.map(each => ({ cluster: clusterOf(each), weight: each.weight }))
  return clusters.routeOf(`${title} rules[0]`, destinations, { split, onDead })
}
