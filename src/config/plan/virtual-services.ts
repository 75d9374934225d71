/**
 * VirtualServices, read once: names resolved, matches in the terms of the Plan.
 *
 * What depends on the listener (the gateway's name, the default port, who sees it) is added in
 * rules.ts.
 */

import { type Cidr, parseCidr } from '../../address/address.ts'
import {
  ON_DEAD,
  type OnDead,
  type Rule,
  type RuleOrigin,
  SPLITS,
  type Split,
} from '../../table/plan/plan.ts'
import { plainName } from '../../table/plan/server-name.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import { connectionRoute } from '../validate/connection-route.ts'
import type { Labels, Typed, VirtualServiceSpec } from './inputs.ts'
import { expandHost, gatewayId, MESH } from './names.ts'
import type { RouteDestination } from './placed-rules.ts'
import type { KeptVirtualService } from './plan-memory.ts'
import type { Layer } from './protocol.ts'
import { readVisibility, type Visibility } from './visibility.ts'

type TcpRoute = NonNullable<VirtualServiceSpec['tcp']>[number]
type L4Match = NonNullable<TcpRoute['match']>[number]
type TlsRoute = NonNullable<VirtualServiceSpec['tls']>[number]
type TlsMatch = NonNullable<TlsRoute['match']>[number]

/** Equal for destinations that one VirtualService reads the same. */
export const destinationKey = (of: {
  readonly host: string
  readonly subset?: string | null | undefined
  readonly port?: number | undefined
}): string => `${of.host} ${of.subset ?? ''} ${of.port ?? 0}`

export type ReadMatch = {
  readonly origin: RuleOrigin
  readonly path: Path
  readonly destinations: readonly Cidr[]
  /** Patterns of server names, in lower case; null: it asks for none. */
  readonly names: readonly string[] | null
  readonly clients: readonly Cidr[]
  readonly port: number
  readonly sourceNamespace: string | null
  readonly sourceLabels: Labels
  /** Full names of `match.gateways`; null: all of the VirtualService's. */
  readonly gateways: readonly string[] | null
}

export type ReadRoute = {
  /** "shop/echo tcp[0]". */
  readonly name: string
  readonly destinations: readonly RouteDestination[]
  readonly matches: readonly ReadMatch[]
}

/** Rules in order, for the ports of each layer; a TLS port is never routed by the other two. */
type Blocks = Readonly<Record<Exclude<Layer, 'udp'>, readonly ReadRoute[]>>

const SPLIT = 'gateway.weir/split'
const ON_DEAD_NAME = 'gateway.weir/on-dead'

/** How a route picks its destination, by annotations of its resource. */
export const howOf = (annotations: Labels): { readonly split: Split; readonly onDead: OnDead } => ({
  split: SPLITS.find(each => each === annotations[SPLIT]) ?? 'random',
  onDead: ON_DEAD.find(each => each === annotations[ON_DEAD_NAME]) ?? 'fail',
})

export class VirtualService {
  readonly resource: Resource
  readonly namespace: string
  readonly split: Split
  readonly onDead: OnDead
  readonly hosts: readonly string[]
  /** Full names, each once. */
  readonly gateways: readonly string[]
  readonly visibility: Visibility
  readonly kept: KeptVirtualService
  readonly #typed: Typed<VirtualServiceSpec>
  #blocks: Blocks | null = null

  constructor(typed: Typed<VirtualServiceSpec>, kept: KeptVirtualService) {
    const { resource } = typed
    const { namespace, annotations } = resource.metadata
    const { split, onDead } = howOf(annotations)
    kept.names ??= namesOf(typed)
    this.resource = resource
    this.namespace = namespace
    this.split = split
    this.onDead = onDead
    this.hosts = kept.names.hosts
    this.gateways = kept.names.gateways
    this.visibility = kept.names.visibility
    this.kept = kept
    this.#typed = typed
  }

  get spec(): VirtualServiceSpec {
    return this.#typed.value
  }

  /** Read when it is asked for: of most that stay as they are, nobody asks. */
  get blocks(): Blocks {
    this.#blocks ??= readBlocks(this.#typed)
    return this.#blocks
  }

  /** A rule has one origin on all listeners: that of the rules that were kept. */
  useOrigins(rules: readonly Rule[]): void {
    const origins = new Map(rules.map(({ origin }) => [placeIn(origin), origin]))
    const shared = (routes: readonly ReadRoute[]): readonly ReadRoute[] =>
      routes.map(route => ({ ...route, matches: route.matches.map(sharing) }))
    const sharing = (match: ReadMatch): ReadMatch => ({
      ...match,
      origin: origins.get(placeIn(match.origin)) ?? match.origin,
    })
    const { tcp, http, tls } = this.blocks
    this.#blocks = { tcp: shared(tcp), http: shared(http), tls: shared(tls) }
  }
}

const placeIn = ({ block, route, match }: RuleOrigin): string => `${block} ${route} ${match}`

function namesOf({ resource, value }: Typed<VirtualServiceSpec>) {
  const { namespace } = resource.metadata
  const gateways = value.gateways?.length ? value.gateways : [MESH]
  return {
    hosts: (value.hosts ?? []).map(host => expandHost(host, namespace)),
    gateways: [...new Set(gateways.map(name => gatewayId(name, namespace)))],
    visibility: readVisibility(value.exportTo, namespace),
  }
}

function readBlocks({ resource, value }: Typed<VirtualServiceSpec>): Blocks {
  const tcp = (value.tcp ?? []).map((route, index) => readRoute(resource, 'tcp', index, route))
  const tls = (value.tls ?? []).map((route, index) => readRoute(resource, 'tls', index, route))
  const http = httpRoutes(value).map(route => readRoute(resource, 'http', 0, route))
  return { tcp: tcp.length > 0 ? tcp : http, http, tls }
}

/**
 * The part of an `http` block about connections. A port of an HTTP protocol uses it even if there
 * are `tcp` routes, which do not apply to that port.
 */
function httpRoutes(spec: VirtualServiceSpec): TcpRoute[] {
  const first = connectionRoute({ ...spec, tcp: [] })
  return first ? [{ route: first.route as NonNullable<TcpRoute['route']> }] : []
}

function readRoute(
  resource: Resource,
  block: RuleOrigin['block'],
  index: number,
  route: TcpRoute | TlsRoute,
): ReadRoute {
  const { namespace } = resource.metadata
  const matches = route.match?.length
    ? route.match.map((match, at) => readMatch(resource, block, index, at, match))
    : [readMatch(resource, block, index, null, {})]
  const destinations = (route.route ?? []).map(({ destination, weight }) => ({
    host: expandHost(destination?.host ?? '', namespace),
    subset: destination?.subset || null,
    port: destination?.port?.number ?? 0,
    weight: weight ?? 0,
  }))
  // A destination without weight next to others gets nothing; a single one gets everything,
  // whatever its weight.
  const drawn = destinations.length === 1 ? destinations : destinations.filter(each => each.weight > 0)
  return { name: `${resource.id} ${block}[${index}]`, destinations: drawn, matches }
}

function readMatch(
  resource: Resource,
  block: RuleOrigin['block'],
  route: number,
  match: number | null,
  written: L4Match & Partial<Pick<TlsMatch, 'sniHosts'>>,
): ReadMatch {
  const { namespace } = resource.metadata
  const path = ['spec', block, route, ...(match === null ? [] : ['match', match])]
  const { file, line } = resource.locate(path)
  return {
    origin: { virtualService: resource.id, block, route, match, file, line },
    path,
    destinations: parseCidrs(written.destinationSubnets),
    names: block === 'tls' ? [...new Set((written.sniHosts ?? []).map(plainName))] : null,
    clients: parseCidrs(written.sourceSubnet ? [written.sourceSubnet] : undefined),
    port: written.port ?? 0,
    sourceNamespace: written.sourceNamespace || null,
    sourceLabels: written.sourceLabels ?? NO_LABELS,
    gateways: written.gateways?.length ? written.gateways.map(name => gatewayId(name, namespace)) : null,
  }
}

/** Most rules ask for no clients and no labels: they share what says so. */
const NO_RANGES: readonly Cidr[] = []
const NO_LABELS: Labels = {}

/** Of those that are no ranges nothing is left; flatMap would make lists of 17 places. */
function parseCidrs(texts: readonly string[] | undefined): readonly Cidr[] {
  const ranges = (texts ?? []).map(text => parseCidr(text)).filter(each => each !== null)
  return ranges.length === 0 ? NO_RANGES : ranges.slice()
}
