/**
 * The registry: every service by its host, as each namespace sees it.
 *
 * Several resources may define one host. Mergeable ServiceEntries are one service
 * (merge-entries.ts). Otherwise a viewer gets the first that it sees: a Kubernetes Service, then
 * one exported to some namespaces, then a public one, each by age (pilot/pkg/model/sidecar.go,
 * appendSidecarServices; push_context.go, servicesExportedToNamespace). So a private resource takes
 * nothing from namespaces that do not see it.
 */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { HostIndex } from './host-patterns.ts'
import type { Inputs } from './inputs.ts'
import { kubernetesServices } from './kubernetes-services.ts'
import { mergeEntries, whyApart } from './merge-entries.ts'
import type { Service, ServicePort } from './service.ts'
import { serviceEntryServices } from './service-entries.ts'
import { byAge, isVisible, shareViewer } from './visibility.ts'
import type { Workloads } from './workloads.ts'

export class Registry {
  /** Oldest first; without services that no viewer has. */
  readonly services: readonly Service[]
  /** Under each host in the order in which a viewer searches them. */
  readonly #byHost = new HostIndex<Service>()

  constructor(inputs: Inputs, workloads: Workloads, findings: Findings) {
    const defined = [
      ...kubernetesServices(inputs, workloads, findings),
      ...inputs.serviceEntries.flatMap(entry => serviceEntryServices(entry, workloads, findings)),
    ].toSorted((left, right) => byAge(left.resource, right.resource))
    const kept: Service[] = []
    for (const [host, services] of Map.groupBy(defined, each => each.host)) {
      const apart = services.length === 1 ? services : mergeEntries(services, findings)
      const ranked = apart.length === 1 ? apart : withoutHidden(apart.toSorted(byRank), findings)
      for (const service of ranked) this.#byHost.add(host, service)
      kept.push(...ranked)
    }
    this.services = kept.sort((left, right) => byAge(left.resource, right.resource))
  }

  /**
   * The service that a destination host means to `viewer` (null: to any viewer), or null.
   *
   * A host under a wildcard ServiceEntry belongs to it, as in istioctl's lookup
   * (util/service_lookup.go).
   */
  find(host: string, viewer: string | null): Service | null {
    const named = this.named(host, viewer)
    return named && this.behind(named, viewer)
  }

  /** Like `find`, but does not follow an ExternalName. */
  named(host: string, viewer: string | null): Service | null {
    for (const services of this.#byHost.covering(host)) {
      const found =
        viewer === null
          ? (services.find(each => each.visibility === 'public') ?? services[0])
          : services.find(each => isVisible(each.visibility, viewer))
      if (found) return found
    }
    return null
  }

  /**
   * Follows an ExternalName to the service of that name, over several of them; stops at the last
   * one whose name no service has. Null for a circle: such a name has no address in Kubernetes, and
   * Istio omits it too (push_context.go, resolveServiceAliases).
   */
  behind(service: Service, viewer: string | null): Service | null {
    const passed = new Set<Service>()
    let last = service
    while (last.aliasOf !== null) {
      passed.add(last)
      const next = this.named(last.aliasOf, viewer)
      if (next === null) break
      if (passed.has(next)) return null
      last = next
    }
    return last
  }

  /** The services of exactly this host, for all viewers. */
  exact(host: string): readonly Service[] {
    return this.#byHost.exact(host)
  }

  /** Every service whose names overlap a host pattern. */
  overlapping(host: string): Iterable<Service> {
    return this.#byHost.overlapping(host)
  }

  /** Every host of a service. */
  hosts(): Iterable<string> {
    return this.#byHost.patterns()
  }
}

/**
 * Kubernetes first, then what is exported to some namespaces, then what is public; among equals by
 * age.
 */
const byRank = (left: Service, right: Service): number => rankOf(left) - rankOf(right)

const rankOf = ({ resource, visibility }: Service): number =>
  resource.kind === 'Service' ? 0 : visibility === 'public' ? 2 : 1

/** The services that some viewer gets; reports each that loses viewers to an earlier one. */
function withoutHidden(ranked: readonly Service[], findings: Findings): Service[] {
  const kept: Service[] = []
  for (const service of ranked) {
    const winners = kept.filter(each => shareViewer(each.visibility, service.visibility))
    const isLeftOut = winners.some(each => each.visibility === 'public') || !hasOthers(service, winners)
    if (winners.length > 0) reportHidden(service, winners[0], isLeftOut, findings)
    if (!isLeftOut) kept.push(service)
  }
  return kept
}

/** Whether some viewer sees this service and none of the others. */
function hasOthers({ visibility }: Service, winners: readonly Service[]): boolean {
  if (visibility === 'public') return true
  return (
    winners.length === 0 ||
    ![...visibility].every(name => winners.some(each => isVisible(each.visibility, name)))
  )
}

function reportHidden(service: Service, winner: Service, isLeftOut: boolean, findings: Findings): void {
  const { host, resource, path } = service
  const by = winner.resource.title
  const order = rankOf(winner) === rankOf(service) ? 'is older' : 'is a Kubernetes Service'
  const message = isLeftOut
    ? `${quote(host)} is already defined by ${by}, which ${order} and wins`
    : `${quote(host)} is also defined by ${by}: namespace ${sharedNamespaces(service, winner)} uses that one, the others use this one`
  findings.at('CFG401', resource, path, `${message}${whyApart(winner, service)}`)
}

/** The namespaces that see both services, one of which is not public. */
function sharedNamespaces({ visibility }: Service, { visibility: other }: Service): string {
  const names = other === 'public' ? visibility : other
  return names === 'public'
    ? ''
    : [...names].filter(name => isVisible(visibility, name) && isVisible(other, name)).join(', ')
}

/**
 * The port with a number. An ExternalName need not list its ports, which mean nothing to
 * Kubernetes.
 */
export const portOfService = (service: Service, number: number): ServicePort | undefined =>
  listedPort(service, number) ??
  (service.aliasOf !== null && service.ports.length === 0 ? anyPort(service, number) : undefined)

/**
 * Ports by number, for each service that was asked: one with thousands of ports is asked for each.
 */
const listed = new WeakMap<Service, ReadonlyMap<number, ServicePort>>()

/** The first port with this number that the service lists. */
export function listedPort(service: Service, number: number): ServicePort | undefined {
  const ports = listed.get(service) ?? new Map(service.ports.toReversed().map(port => [port.number, port]))
  listed.set(service, ports)
  return ports.get(number)
}

const anyPort = ({ resource, path }: Service, number: number): ServicePort => ({
  number,
  name: '',
  layer: 'tcp',
  target: null,
  resource,
  path,
})
