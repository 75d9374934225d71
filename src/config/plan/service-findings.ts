/**
 * Mistakes in services and their DestinationRules.
 *
 * istioctl counts only Pods; weir counts every endpoint, also those of ServiceEntries and
 * WorkloadEntries (pkg/config/analysis/analyzers/destinationrule/subset.go).
 */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { HostHints } from './host-hints.ts'
import type { DestinationRuleSpec, ServiceEntrySpec, ServiceSpec, Typed } from './inputs.ts'
import { expandHost, isWildcard } from './names.ts'
import type { Registry } from './registry.ts'
import type { Service } from './service.ts'
import { hasLabels } from './workload.ts'

export function reportEndpoints(service: Service, registry: Registry, findings: Findings): void {
  const { resource, path, host, ports, members, resolution, aliasOf } = service
  if (aliasOf !== null) reportAlias(service, aliasOf, registry, findings)
  if (resolution === 'original' || aliasOf !== null) return
  if (members.length === 0) {
    findings.at('CFG404', resource, path, `${quote(host)} has no endpoint`, selectorHint(resource))
    return
  }
  for (const port of ports) {
    if (members.some(member => member.portOf(port) !== 0)) continue
    findings.at(
      'CFG404',
      port.resource,
      port.path,
      `no endpoint of ${quote(host)} serves port ${port.number}`,
    )
  }
}

/** An ExternalName for a name outside the files, or for itself by way of others. */
function reportAlias(service: Service, alias: string, registry: Registry, findings: Findings): void {
  const { resource, host, namespace } = service
  const behind = registry.behind(service, namespace)
  const path = ['spec', 'externalName']
  if (behind === null) {
    const message = `${quote(host)} has no endpoint: its ExternalNames lead in a circle`
    findings.at('CFG404', resource, path, message)
  } else if (behind === service) {
    findings.at(
      'CFG416',
      resource,
      path,
      `${quote(alias)} is resolved by DNS: no service of the files has the name`,
    )
  }
}

/** For a selector that selects nothing. */
function selectorHint({ kind, value, metadata }: Resource): string | undefined {
  const spec = (value.spec ?? {}) as ServiceSpec & ServiceEntrySpec
  const labels = kind === 'Service' ? spec.selector : spec.workloadSelector?.labels
  const wanted = Object.entries(labels ?? {}).map(([key, label]) => `${key}=${label}`)
  return wanted.length === 0
    ? undefined
    : `its selector (${wanted.join(', ')}) picks no ready Pod and no WorkloadEntry of namespace ${metadata.namespace}`
}

export function reportDestinationRule(
  { resource, value }: Typed<DestinationRuleSpec>,
  registry: Registry,
  hints: HostHints,
  findings: Findings,
): void {
  const { namespace } = resource.metadata
  const host = expandHost(value.host, namespace)
  const services = servicesFor(host, registry)
  const path = ['spec', 'host']
  if (services.length === 0) {
    const message = `The host ${value.host} defined in the DestinationRule does not match any services in the mesh.`
    findings.at('IST0174', resource, path, message, hints.for(value.host, host, namespace))
    return
  }
  const alias = services.find(each => each.aliasOf !== null)
  const behind = alias && registry.behind(alias, null)
  if (behind && behind !== alias) {
    const message = `The host ${value.host} is an ExternalName for ${quote(behind.host)}, whose own DestinationRule applies; this one is never used.`
    findings.at('IST0174', resource, path, message)
    return
  }
  const members = services.flatMap(service => service.members)
  if (members.length === 0) return // the services have their own finding, or forward to the dialled address
  for (const [index, { name, labels }] of (value.subsets ?? []).entries()) {
    if (members.some(member => hasLabels(member.labels, labels ?? {}))) continue
    findings.at(
      'IST0173',
      resource,
      ['spec', 'subsets', index],
      `The Subset ${name} defined in the DestinationRule does not select any endpoint.`,
    )
  }
}

/** All services that a host may mean, to any viewer. */
function servicesFor(host: string, registry: Registry): readonly Service[] {
  if (isWildcard(host)) return [...registry.overlapping(host)]
  const own = registry.exact(host)
  if (own.length > 0) return own
  const found = registry.named(host, null)
  return found ? [found] : []
}
