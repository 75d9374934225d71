/** From a VirtualService and a listener to Rules: one for each match entry, in order. */

import type { Route, Rule } from '../../table/plan.ts'
import type { Clusters, Viewpoint } from './clusters.ts'
import type { Layer } from './protocol.ts'
import type { ReadMatch, ReadRoute, VirtualService } from './virtual-services.ts'

/** What of a listener matters to a rule. */
export type Listening = Viewpoint & {
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  readonly layer: Exclude<Layer, 'udp'>
  /** Namespaces whose clients see the VirtualService; null: all. */
  readonly visibleTo: readonly string[] | null
}

export function rulesOf(virtualService: VirtualService, listening: Listening, clusters: Clusters): Rule[] {
  return virtualService.blocks[listening.layer].flatMap(route => {
    const index = routeIndex(route, virtualService.split, listening, clusters)
    return route.matches.map(match => toRule(match, index, listening))
  })
}

function routeIndex(
  route: ReadRoute,
  split: Route['split'],
  listening: Viewpoint,
  clusters: Clusters,
): number {
  const destinations = route.destinations.map(destination => ({
    cluster: clusters.indexOf(destination, listening),
    weight: destination.weight,
  }))
  return clusters.routeOf(route.name, destinations, split)
}

const toRule = (match: ReadMatch, route: number, { gateway, visibleTo }: Listening): Rule => ({
  origin: match.origin,
  destinations: match.destinations,
  port: match.port,
  clients: match.clients,
  source: { namespace: match.sourceNamespace, labels: match.sourceLabels, visibleTo },
  route,
  never:
    match.gateways === null || match.gateways.includes(gateway)
      ? null
      : `gateways: ${gateway} is not in [${match.gateways.join(', ')}]`,
})
