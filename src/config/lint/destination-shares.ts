/**
 * Reports the share of a route's connections that goes to a destination without endpoints, or loops
 * back to weir.
 */

import { formatEndpoint, parseAddress } from '../../address/address.ts'
import { whereText } from '../../base/where-text.ts'
import type { Cluster, Listener, Plan, Route, Rule } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { expandHost } from '../plan/names.ts'
import type { Service } from '../plan/service.ts'
import type { Planned } from '../plan/to-plan.ts'
import type { VirtualService } from '../plan/virtual-services.ts'

export function reportDestinationShares(
  { plan, registry }: Planned,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
): void {
  const own = new OwnListeners(plan)
  const told = new Set<string>()
  for (const cluster of plan.clusters) {
    const endpoint = cluster.endpoints.find(each => own.has(each.address, each.port))
    const service = registry.find(cluster.host, null)
    const key = `${cluster.host} ${endpoint?.address} ${endpoint?.port}`
    if (!endpoint || !service || told.has(key)) continue
    told.add(key)
    const message = `endpoint ${formatEndpoint(endpoint.address, endpoint.port)} of ${quote(service.host)} is a listener of this process: connections to it come back here, and perhaps go round for ever`
    findings.at('CFG460', service.resource, service.path, message)
  }
  reportShares({ plan, registry }, virtualServices, findings)
}

/**
 * Once for each VirtualService and destination: if it has no endpoints in one route, it has none in
 * all.
 */
function reportShares(
  { plan: { listeners, routes, clusters }, registry }: Pick<Planned, 'plan' | 'registry'>,
  virtualServices: ReadonlyMap<string, VirtualService>,
  findings: Findings,
): void {
  const empty = new Set(
    routes.filter(route => route.destinations.some(each => isEmpty(clusters[each.cluster]))),
  )
  if (empty.size === 0) return
  const seen = new Set<string>()
  for (const rule of listeners.flatMap(each => each.scopes).flatMap(each => each.rules)) {
    const route = routes[rule.route]
    const virtualService = virtualServices.get(rule.origin.virtualService)
    if (!virtualService || !empty.has(route)) continue
    for (const { cluster, weight } of route.destinations) {
      const key = `${rule.origin.virtualService} ${clusters[cluster].host} ${clusters[cluster].subset}`
      if (!isEmpty(clusters[cluster]) || seen.has(key)) continue
      seen.add(key)
      const service = registry.find(clusters[cluster].host, virtualService.namespace)
      const hint = causeOf(service, findings)
      reportShare(rule, route, { weight, cluster: clusters[cluster], hint }, virtualService, findings)
    }
  }
}

function reportShare(
  { origin }: Rule,
  { destinations }: Route,
  { weight, cluster, hint }: { weight: number; cluster: Cluster; hint: string | undefined },
  virtualService: VirtualService,
  findings: Findings,
): void {
  const total = destinations.reduce((sum, each) => sum + each.weight, 0)
  const share = destinations.length === 1 ? 1 : weight / total
  const percent = share === 1 ? 'all' : `${Number((share * 100).toPrecision(3))} %`
  const name = `${quote(cluster.host)}${cluster.subset === null ? '' : ` subset ${cluster.subset}`}`
  const message = `${percent} of the connections of ${origin.block}[${origin.route}] are reset: ${name} has no endpoint`
  const path = pathOf(origin, cluster, virtualService)
  findings.at('CFG459', virtualService.resource, path, message, hint)
}

/** Names the cause, if the service itself has a finding. */
function causeOf(service: Service | null, findings: Findings): string | undefined {
  if (!service || !findings.has('CFG404', service.resource, service.path)) return undefined
  const { file, line } = service.resource.locate(service.path)
  return `this follows from CFG404 at ${whereText(file, line)}`
}

/** The place of the destination. */
function pathOf(
  { block, route }: Rule['origin'],
  { host, subset }: Cluster,
  { spec, namespace }: VirtualService,
): Path {
  const path = ['spec', block, route, 'route']
  const routes = block === 'rules' ? [] : (spec[block] ?? [])
  const index = (routes[route]?.route ?? []).findIndex(
    ({ destination }) =>
      expandHost(destination?.host ?? '', namespace) === host && (destination?.subset || null) === subset,
  )
  return index < 0 ? path : [...path, index, 'destination']
}

/** A name that is not resolved yet may still have endpoints. */
const isEmpty = ({ kind, endpoints, names }: Cluster): boolean =>
  kind === 'static' && endpoints.length === 0 && names.length === 0

/** The addresses and ports at which this process surely listens. */
class OwnListeners {
  readonly #binds = new Map<number, Listener['bind'][]>()

  constructor({ listeners }: Plan) {
    for (const { opens, port, bind } of listeners) {
      if (opens) this.#binds.getOrInsertComputed(port, () => []).push(bind)
    }
  }

  /**
   * A listener on every address has the loopback addresses; this machine's others are unknown here.
   */
  has(address: string, port: number): boolean {
    const binds = this.#binds.get(port)
    if (!binds) return false
    if (binds.includes(address)) return true
    const parsed = parseAddress(address)
    if (!parsed || !isLoopback(parsed)) return false
    return binds.some(bind => bind === '' || bind === '::' || (bind === '0.0.0.0' && parsed.family === 4))
  }
}

const isLoopback = ({ family, words }: { family: number; words: ArrayLike<number> }): boolean =>
  family === 4
    ? words[0] >>> 24 === 127
    : words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1
