/** Clusters and routes of the Plan, each stored once, even if several rules use it. */

import { type Family, parseAddress } from '../../address/address.ts'
import { own } from '../../base/own.ts'
import { type Cluster, type Place, type Route, UNKNOWN_CLIENT } from '../../table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../table/plan/policy.ts'
import { resolvePlaces } from '../../table/plan/resolve.ts'
import type { TlsUpstream } from '../../table/plan/tls.ts'
import { chooseMembers } from './cluster-endpoints.ts'
import type { DestinationRules, MergedRule } from './destination-rules.ts'
import type { Ejecting } from './ejection-findings.ts'
import type { Hashing } from './hash-findings.ts'
import type { LiveCluster } from './live-clusters.ts'
import type { Unplaced } from './locality-findings.ts'
import { namespaceOfHost } from './names.ts'
import type { PlacedRules } from './placed-rules.ts'
import { effectivePolicy } from './policy.ts'
import { type Here, needsLocality, nodeOf, zoneOf } from './priorities.ts'
import { portOfService, type Registry } from './registry.ts'
import { type How, Routes } from './routes.ts'
import type { Member, Service } from './service.ts'
import type { TlsUpstreams } from './tls-upstreams.ts'

/** For which viewer a destination is looked up. */
export type Viewpoint = {
  /** Namespace that must see the service; null: any does. */
  readonly viewer: string | null
  /** If that is unknown: the namespaces whose clients are routed; null or none: any. */
  readonly viewers?: readonly string[] | null
  /** Where the search for a DestinationRule begins. */
  readonly namespace: string
  /** Port of the listener: the destination's, if neither the route nor the service decides. */
  readonly port: number
  /** The service that the client dialled, which its own host then means; null at a gateway. */
  readonly dialled: Service | null
  /** Family of the dialled address, if the service has both; else null. */
  readonly family?: Family | null
}

/** TLS that another resource than a DestinationRule asks for, named by the key. */
export type SpokenTo = { readonly key: string; readonly tls: TlsUpstream | 'refused' }

type Target = { readonly host: string; readonly subset: string | null; readonly port: number }

export class Clusters {
  readonly list: Cluster[] = []
  readonly #routes = new Routes()
  /** Those with outlier detection. */
  readonly ejecting: Ejecting[] = []
  readonly hashing: Hashing[] = []
  readonly live: LiveCluster[] = []
  /** Those whose localities count only where the gateway's own is known, and it is not. */
  readonly unplaced: Unplaced[] = []
  /** Services of which only endpoints on the gateway's node count, but nobody knows that. */
  readonly nodeless = new Set<Service>()
  readonly #indexes = new Map<string, number>()
  readonly #registry: Registry
  readonly #rules: DestinationRules
  readonly #names: ReadonlyMap<string, readonly string[]>
  readonly #tls: TlsUpstreams
  readonly #here: Here

  constructor(
    registry: Registry,
    rules: DestinationRules,
    names: ReadonlyMap<string, readonly string[]>,
    tls: TlsUpstreams,
    here: Here,
  ) {
    this.#registry = registry
    this.#rules = rules
    this.#names = names
    this.#tls = tls
    this.#here = here
  }

  get routes(): readonly Route[] {
    return this.#routes.list
  }

  /**
   * Index of the cluster for a destination; `port` 0 leaves the port to the service, then to the
   * listener.
   */
  indexOf(target: Target, viewpoint: Viewpoint, by: SpokenTo | null = null): number {
    const named = this.#named(target.host, viewpoint)
    const service = named && this.#registry.behind(named, viewpoint.viewer)
    const host = service?.host ?? target.host
    const port = target.port || onlyPortOf(named, service) || viewpoint.port
    const rule = this.#rules.find(host, viewpoint.namespace, service?.namespace ?? namespaceOfHost(host))
    const asDialled = service !== null && service === viewpoint.dialled && service.listens === 'members'
    const family = viewpoint.family ?? null
    const key = [
      ...[host, target.subset, port, rule?.key, service?.resource.ordinal, asDialled, family],
      ...(by ? [by.key] : []),
    ].join('|')
    return intern(this.#indexes, key, this.list, () =>
      this.#make({ ...target, host, port }, service, rule, { asDialled, family, by }),
    )
  }

  /** Index of a cluster whose connections are reset: a route cannot use its target, or may not. */
  refused(target: Target, forbidden: boolean): number {
    const key = [target.host, target.subset, target.port, forbidden ? 'forbidden' : 'refused'].join('|')
    return intern(this.#indexes, key, this.list, () => ({
      ...unknown(target),
      ...(forbidden && { forbidden }),
    }))
  }

  /**
   * The service that a host means to the routed clients. If these may be anybody, the rule's
   * namespace looks it up, and otherwise any viewer: a client may be routed to whatever it sees.
   */
  #named(host: string, { dialled, viewer, viewers, namespace }: Viewpoint): Service | null {
    if (dialled?.host === host) return dialled
    if (viewer !== null) return this.#registry.named(host, viewer)
    const known = (viewers ?? []).filter(each => each !== UNKNOWN_CLIENT)
    if (known.length === 0) return this.#registry.named(host, namespace) ?? this.#registry.named(host, null)
    return known.map(each => this.#registry.named(host, each)).find(each => each !== null) ?? null
  }

  /** Index of the route with these destinations. */
  routeOf(origin: string, destinations: Route['destinations'], how: How): number {
    return this.#routes.indexOf(origin, destinations, how, this.nameOf)
  }

  /** Adds the routes of a place that is as it was in the last Plan. */
  takeRoutes({ routes }: Pick<PlacedRules, 'routes'>): void {
    this.#routes.take(routes)
  }

  /** Makes its routes known, before the same VirtualService gets others. */
  enterRoutes({ rules }: Pick<PlacedRules, 'rules'>): void {
    for (const { origin, route } of rules)
      this.#routes.enter(`${origin.virtualService} ${origin.block}[${origin.route}]`, route, this.nameOf)
  }

  /** By cluster. */
  readonly #texts: string[] = []
  readonly nameOf = (cluster: number): string => {
    const { host, subset, port } = this.list[cluster]
    this.#texts[cluster] ??= `${host}:${port}${subset === null ? '' : `/${subset}`}`
    return this.#texts[cluster]
  }

  #make(
    target: Target,
    service: Service | null,
    rule: MergedRule | null,
    { asDialled, family, by }: Way,
  ): Cluster {
    const port = service ? portOfService(service, target.port) : undefined
    const subset = target.subset === null ? undefined : rule?.subsets.get(target.subset)
    if (!service || !port || (target.subset !== null && !subset)) return unknown(target)
    const connect = rule?.connect ?? this.#rules.connect
    const { policy, passthrough, blocks } = effectivePolicy(
      rule?.trafficPolicy,
      subset?.trafficPolicy,
      target.port,
      connect,
    )
    const tls = by?.tls ?? this.#tls.of(blocks.tls, { host: target.host, port: target.port, service })
    if (tls === 'refused') return unknown(target)
    const asTls = tls && { tls }
    const policyAt = { ...connect.places, ...this.#rules.places.of(blocks) }
    const labels = subset?.labels ?? {}
    if (passthrough || asDialled || service.resolution === 'original') {
      return { ...target, kind: 'original', endpoints: [], names: [], labels, policy, policyAt, ...asTls }
    }
    const setting = blocks.loadBalancer?.localityLbSetting
    const choice = {
      labels,
      port: { number: port.number, name: port.name, target: port.target },
      family,
      placing: {
        setting: setting ?? undefined,
        prefers: service.prefers,
        ejects: policy.ejection !== null,
        here: this.#here,
      },
      zone: service.byHints && !setting ? zoneOf(this.#here) : '',
      node: service.isNodeLocal ? nodeOf(this.#here) : '',
    }
    if (service.isNodeLocal && choice.node === '') this.nodeless.add(service)
    const { members, localities, places } = chooseMembers(service.members, choice)
    const common = members.length > 0 ? commonLabels(members) : labels
    const cluster: Cluster = {
      ...target,
      kind: 'static',
      ...this.#endpoints(places),
      ...(localities && { localities }),
      labels: common,
      policy,
      policyAt,
      ...(rule?.check && { check: rule.check }),
      ...asTls,
      ...(connect.onRemoveMs !== null && { onRemoveMs: connect.onRemoveMs }),
    }
    if (service.live) {
      const { id, spec } = service.live
      this.live.push({ cluster: this.list.length, service: id, spec, choice, places, localities })
    }
    if (blocks.loadBalancer && policy.hashSize > 0) this.hashing.push({ cluster, block: blocks.loadBalancer })
    if (this.#here === null && blocks.loadBalancer && setting && needsLocality(setting))
      this.unplaced.push({ cluster, block: blocks.loadBalancer })
    const { outlierDetection: block } = blocks
    if (policy.ejection && block) this.ejecting.push({ cluster, ejection: policy.ejection, block })
    return cluster
  }

  /** Each address and port once; for names, what they resolved to so far. */
  #endpoints(places: readonly Place[]): Pick<Cluster, 'endpoints' | 'names' | 'places'> {
    const endpoints = resolvePlaces(places, this.#names)
    const named = places.filter(({ place }) => parseAddress(place) === null)
    if (named.length === 0) return { endpoints, names: [] }
    const names = new Map(named.map(({ place, port }) => [`${place} ${port}`, { name: place, port }]))
    return { endpoints, names: [...names.values()], places }
  }
}

/** Nothing defines it, or weir does not speak as it has to: its connections are reset. */
const unknown = (target: Target): Cluster => ({
  ...target,
  kind: 'unknown',
  endpoints: [],
  names: [],
  labels: {},
  policy: DEFAULT_POLICY,
})

/** How a cluster differs from others of its host, subset and port. */
type Way = {
  /** The client dialled one of the endpoints, and gets that one. */
  readonly asDialled: boolean
  readonly family: Family | null
  readonly by: SpokenTo | null
}

function commonLabels([first, ...others]: readonly Member[]): Record<string, string> {
  const shared = Object.entries(first.labels).filter(([key, value]) =>
    others.every(({ labels }) => own(labels, key) === value),
  )
  return Object.fromEntries(shared)
}

/**
 * The only port of a service; an ExternalName's own port counts if the service behind it has it.
 */
function onlyPortOf(named: Service | null, service: Service | null): number {
  const port = onlyPort(named)
  return port !== 0 && service && portOfService(service, port) ? port : onlyPort(service)
}

const onlyPort = (service: Service | null): number =>
  service?.ports.length === 1 ? service.ports[0].number : 0

function intern<Value>(indexes: Map<string, number>, key: string, list: Value[], make: () => Value): number {
  const known = indexes.get(key)
  if (known !== undefined) return known
  indexes.set(key, list.length)
  list.push(make())
  return list.length - 1
}
