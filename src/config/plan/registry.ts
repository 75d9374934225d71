/**
 * The registry: every service by its host.
 *
 * Where two resources define one host for a common viewer, the older counts and the other is left out
 * with a finding: weir never mixes the endpoints of two.
 */

import type { Findings } from '../diagnostic.ts'
import { quote } from '../quote.ts'
import { HostIndex } from './host-index.ts'
import type { Inputs } from './inputs.ts'
import { kubernetesServices } from './kubernetes-services.ts'
import type { Service, ServicePort } from './service.ts'
import { serviceEntryServices } from './service-entries.ts'
import { byAge, isVisible, shareViewer } from './visibility.ts'
import type { Workloads } from './workloads.ts'

export class Registry {
  /** Oldest first. */
  readonly services: readonly Service[]
  readonly #byHost = new HostIndex<Service>()

  constructor(inputs: Inputs, workloads: Workloads, findings: Findings) {
    const defined = [
      ...kubernetesServices(inputs, workloads, findings),
      ...inputs.serviceEntries.flatMap(entry => serviceEntryServices(entry, workloads, findings)),
    ]
    this.services = defined
      .toSorted((left, right) => byAge(left.resource, right.resource))
      .filter(service => this.#add(service, findings))
  }

  /**
   * The service that a destination host means to a viewer in `viewer` (null: to anyone), or null.
   *
   * A host under a wildcard ServiceEntry belongs to it, as in istioctl's lookup (util/service_lookup.go).
   */
  find(host: string, viewer: string | null): Service | null {
    const named = this.named(host, viewer)
    return named && this.behind(named, viewer)
  }

  /** As `find`, but an ExternalName is itself, and not what it stands for. */
  named(host: string, viewer: string | null): Service | null {
    for (const services of this.#byHost.covering(host)) {
      const found = services.find(service => viewer === null || isVisible(service.visibility, viewer))
      if (found) return found
    }
    return null
  }

  /**
   * What a service stands for: of an ExternalName the service of that name, over several of them, or the
   * last one whose name no service has. Null where they lead in a circle: such a name has no address in
   * Kubernetes, and Istio leaves it out too (push_context.go, resolveServiceAliases).
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

  /** Every service that shares a name with a host pattern. */
  overlapping(host: string): Iterable<Service> {
    return this.#byHost.overlapping(host)
  }

  /** Whether the service is to be indexed: no older one has its host. */
  #add(service: Service, findings: Findings): boolean {
    const { host, resource, path, visibility } = service
    const older = this.#byHost.exact(host).find(each => shareViewer(each.visibility, visibility))
    if (older) {
      findings.at(
        'CFG401',
        resource,
        path,
        `${quote(host)} is already defined by ${older.resource.title}, which is older and counts`,
      )
      return false
    }
    this.#byHost.add(host, service)
    return true
  }
}

/** The port with a number. An ExternalName need not list its ports, which mean nothing to Kubernetes. */
export const portOfService = (service: Service, number: number): ServicePort | undefined =>
  service.ports.find(port => port.number === number) ??
  (service.aliasOf !== null && service.ports.length === 0 ? anyPort(service, number) : undefined)

const anyPort = ({ resource, path }: Service, number: number): ServicePort => ({
  number,
  name: '',
  layer: 'tcp',
  target: null,
  resource,
  path,
})
