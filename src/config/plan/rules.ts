/** From a VirtualService and a listener to Rules: one for each match entry, in order. */

import { parseAddress } from '../../address/address.ts'
import { isSameValue } from '../../base/same-value.ts'
import type { Route, Rule, SourceCondition } from '../../table/plan/plan.ts'
import type { Clusters, Viewpoint } from './clusters.ts'
import type { FoundCluster, PlacedRules, RouteDestination } from './placed-rules.ts'
import type { Layer } from './protocol.ts'
import { destinationKey, type ReadMatch, type ReadRoute, type VirtualService } from './virtual-services.ts'

/** The parts of a listener that rules depend on. */
type Listening = Viewpoint & {
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  readonly layer: Exclude<Layer, 'udp'>
  /** Namespaces whose clients see the VirtualService; null: all. */
  readonly visibleTo: readonly string[] | null
  /** Whether `tls` routes apply before those of the layer. */
  readonly tlsFirst?: boolean
  /** Why `tcp` routes do not apply to the port if its layer is another; unused otherwise. */
  readonly notTcp?: string
}

/**
 * The rules of a VirtualService at one place that it applies to: those of the last Plan, if nothing
 * that they depend on has changed.
 */
export function rulesOf(
  virtualService: VirtualService,
  listening: Listening,
  clusters: Clusters,
): readonly Rule[] {
  const { kept } = virtualService
  const { visibleTo, ...rest } = listening
  const viewpoint: Viewpoint = { ...rest, viewers: visibleTo }
  const known = kept.next()
  const same = known && placed(known, kept.hasMoved, listening, viewpoint, clusters)
  if (same) {
    clusters.takeRoutes(same)
    kept.take(same)
    return same.rules
  }
  const earlier = kept.leave()
  for (const each of earlier) clusters.enterRoutes(each)
  if (earlier.length > 0) virtualService.useOrigins(earlier.flatMap(each => each.rules))
  const made = makeRules(virtualService, listening, viewpoint, clusters)
  kept.add(made)
  return made.rules
}

/**
 * `known` as it is in this Plan; null if its rules have to be made anew. It looks clusters up as
 * that would do, so both leave the same clusters, in the same order.
 *
 * @param hasMoved  An earlier place has its routes elsewhere, and this one may share them.
 */
function placed(
  known: PlacedRules,
  hasMoved: boolean,
  listening: Listening,
  viewpoint: Viewpoint,
  clusters: Clusters,
): PlacedRules | null {
  const { gateway, layer, visibleTo, tlsFirst, notTcp } = listening
  if (!isSameValue(known.at, { gateway, layer, visibleTo, tlsFirst, notTcp })) return null
  for (const { destination, cluster, name } of known.found)
    if (clusters.indexOf(destination, viewpoint) !== cluster || clusters.nameOf(cluster) !== name) return null
  const by = clusters.routes.length - known.firstRoute
  return by === 0 && !hasMoved ? known : moved(known, by)
}

/** The same behind more or fewer routes of others; null if it shares routes with another place. */
function moved({ rules, firstRoute, ...rest }: PlacedRules, by: number): PlacedRules | null {
  if (rules.some(({ route }) => route < firstRoute)) return null
  const ruled = rules.map(rule => ({ ...rule, route: rule.route + by }))
  return { ...rest, rules: ruled, firstRoute: firstRoute + by }
}

function makeRules(
  { blocks, spec, split, onDead }: VirtualService,
  listening: Listening,
  viewpoint: Viewpoint,
  clusters: Clusters,
): PlacedRules {
  const { gateway, layer, visibleTo, tlsFirst, notTcp } = listening
  const firstRoute = clusters.routes.length
  const found = new Map<string, FoundCluster>()
  const clusterOf = (destination: RouteDestination): number =>
    found.getOrInsertComputed(destinationKey(destination), () => {
      const cluster = clusters.indexOf(destination, viewpoint)
      return { destination, cluster, name: clusters.nameOf(cluster) }
    }).cluster
  /** Most routes of a VirtualService draw from the same destinations. */
  const drawn = new Map<string, Route['destinations']>()
  const rules = (routes: readonly ReadRoute[], never: string | null): Rule[] =>
    routes.flatMap(route => {
      const destinations = route.destinations.map(each => ({ cluster: clusterOf(each), weight: each.weight }))
      const key = destinations.map(({ cluster, weight }) => `${cluster}*${weight}`).join()
      const shared = drawn.getOrInsert(key, destinations)
      const index = clusters.routeOf(route.name, shared, { split, onDead })
      return route.matches.map(match => toRule(match, index, never, listening))
    })
  // Rules that never apply; kept so that `explain` can name them.
  const unused = layer !== 'tcp' && spec.tcp?.length ? rules(blocks.tcp, notTcp ?? null) : []
  const named = tlsFirst ? rules(blocks.tls, null) : []
  return {
    at: { gateway, layer, visibleTo, tlsFirst, notTcp },
    rules: [...unused, ...named, ...rules(blocks[layer], null)],
    found: [...found.values()],
    firstRoute,
    routes: clusters.routes.slice(firstRoute),
  }
}

function toRule(
  match: ReadMatch,
  route: number,
  never: string | null,
  { gateway, visibleTo }: Listening,
): Rule {
  const { origin, destinations, port, names, clients } = match
  const source = sourceOf(match, visibleTo)
  const rule = {
    origin,
    destinations,
    port,
    clients,
    source,
    route,
    never: never ?? whyNever(match, gateway),
  }
  return names === null ? rule : { ...rule, names: names.filter(isPattern) }
}

/** Most rules ask for nobody in particular, and share what says so. */
function sourceOf(match: ReadMatch, visibleTo: SourceCondition['visibleTo']): SourceCondition {
  const { sourceNamespace: namespace, sourceLabels: labels } = match
  const asks = namespace !== null || visibleTo !== null || Object.keys(labels).length > 0
  return asks ? { namespace, labels, visibleTo } : ANYBODY
}

const ANYBODY: SourceCondition = { namespace: null, labels: {}, visibleTo: null }

function whyNever({ gateways, names }: ReadMatch, gateway: string): string | null {
  if (gateways !== null && !gateways.includes(gateway))
    return `gateways: ${gateway} is not in [${gateways.join(', ')}]`
  if (names === null || names.some(isPattern)) return null
  return `sniHosts: no client asks for ${names.join(', ')}`
}

/**
 * A whole name, or one behind "*." (Envoy refuses others); an address is no server name (RFC 6066
 * §3).
 */
const isPattern = (name: string): boolean =>
  (name === '*' || !name.slice(name.startsWith('*.') ? 2 : 0).includes('*')) && parseAddress(name) === null
