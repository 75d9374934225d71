/** From a VirtualService and a listener to Rules: one for each match entry, in order. */

import { parseAddress } from '../../address/address.ts'
import type { Rule } from '../../table/plan/plan.ts'
import type { Clusters, Viewpoint } from './clusters.ts'
import type { Layer } from './protocol.ts'
import {
  destinationKey,
  type ReadMatch,
  type ReadRoute,
  type RouteDestination,
  type VirtualService,
} from './virtual-services.ts'

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

export function rulesOf(virtualService: VirtualService, listening: Listening, clusters: Clusters): Rule[] {
  const { blocks, spec, split, onDead } = virtualService
  const { layer, tlsFirst, notTcp = null } = listening
  const clusterOf = lookUpFor(listening, clusters)
  const rules = (routes: readonly ReadRoute[], never: string | null): Rule[] =>
    routes.flatMap(route => {
      const destinations = route.destinations.map(each => ({ cluster: clusterOf(each), weight: each.weight }))
      const index = clusters.routeOf(route.name, destinations, { split, onDead })
      return route.matches.map(match => toRule(match, index, never, listening))
    })
  // Rules that never apply; kept so that `explain` can name them.
  const unused = layer !== 'tcp' && spec.tcp?.length ? rules(blocks.tcp, notTcp) : []
  const named = tlsFirst ? rules(blocks.tls, null) : []
  return [...unused, ...named, ...rules(blocks[layer], null)]
}

/** The clusters of destinations, each looked up once: most routes lead to few of them. */
function lookUpFor({ visibleTo, ...listening }: Listening, clusters: Clusters) {
  const viewpoint: Viewpoint = { ...listening, viewers: visibleTo }
  const known = new Map<string, number>()
  return (destination: RouteDestination): number =>
    known.getOrInsertComputed(destinationKey(destination), () => clusters.indexOf(destination, viewpoint))
}

const toRule = (
  match: ReadMatch,
  route: number,
  never: string | null,
  { gateway, visibleTo }: Listening,
): Rule => ({
  origin: match.origin,
  destinations: match.destinations,
  port: match.port,
  ...(match.names && { names: match.names.filter(isPattern) }),
  clients: match.clients,
  source: { namespace: match.sourceNamespace, labels: match.sourceLabels, visibleTo },
  route,
  never: never ?? whyNever(match, gateway),
})

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
