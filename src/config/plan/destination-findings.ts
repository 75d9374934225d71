/**
 * Mistakes in the destinations of VirtualServices: hosts, ports and subsets that nothing defines.
 *
 * As in `istioctl analyze`, every block is checked, even one that no listener uses
 * (pkg/config/analysis/analyzers/virtualservice/destinationhosts.go, destinationrules.go).
 */

import { isExactForEver, SCHEDULE_MAX } from '../../table/build/exact.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Settings } from '../settings/settings.ts'
import type { DestinationRules } from './destination-rules.ts'
import type { HostHints } from './host-hints.ts'
import { expandHost, MESH, namespaceOfHost } from './names.ts'
import { effectivePolicy } from './policy.ts'
import { portOfService, type Registry } from './registry.ts'
import type { Service } from './service.ts'
import { destinationKey, type VirtualService } from './virtual-services.ts'

type DestinationInputs = {
  readonly settings: Settings
  readonly registry: Registry
  readonly hints: HostHints
  readonly rules: DestinationRules
  readonly findings: Findings
}

type Destination = {
  readonly written: string
  readonly host: string
  readonly subset: string | undefined
  readonly port: number | undefined
  readonly path: Path
}

export function reportDestinations(virtualService: VirtualService, inputs: DestinationInputs): void {
  const { findings } = inputs
  /** Destinations that nothing is wrong with: most routes lead to few of them. */
  const right = new Set<string>()
  for (const destination of destinationsOf(virtualService, right)) {
    const { found } = findings
    const service = inputs.registry.find(destination.host, virtualService.namespace)
    if (service) {
      reportHidden(virtualService, destination, inputs)
      reportPort(virtualService, destination, service, inputs.findings)
    } else reportHost(virtualService, destination, inputs)
    reportSubset(virtualService, destination, service, inputs)
    if (service) reportOriginal(virtualService, destination, service, inputs)
    if (findings.found === found) right.add(destinationKey(destination))
  }
  if (virtualService.split === 'exact') reportPeriods(virtualService, findings)
}

/** Weights that an exact split of SCHEDULE_MAX connections meets only approximately. */
function reportPeriods({ resource, spec }: VirtualService, findings: Findings): void {
  for (const block of ['tcp', 'http'] as const) {
    for (const [index, { route }] of (spec[block] ?? []).entries()) {
      const weights = (route ?? []).map(each => each.weight ?? 0).filter(weight => weight > 0)
      if (weights.length < 2 || isExactForEver(weights)) continue
      const message = `the split ${weights.join(':')} is exact for ${SCHEDULE_MAX} connections, then off by one more in each ${SCHEDULE_MAX}`
      findings.at('CFG413', resource, ['spec', block, index, 'route'], message)
    }
  }
}

/** @param without  Keys of those that are left out. */
function* destinationsOf(
  { spec, namespace }: VirtualService,
  without: ReadonlySet<string>,
): Generator<Destination> {
  for (const block of ['tcp', 'tls', 'http'] as const) {
    for (const [index, { route }] of (spec[block] ?? []).entries()) {
      for (const [at, { destination }] of (route ?? []).entries()) {
        const written = destination?.host ?? ''
        const host = expandHost(written, namespace)
        const [subset, port] = [destination?.subset || undefined, destination?.port?.number]
        if (without.has(destinationKey({ host, subset, port }))) continue
        yield { written, host, subset, port, path: ['spec', block, index, 'route', at, 'destination'] }
      }
    }
  }
}

function reportHost(
  { resource, namespace }: VirtualService,
  { written, host, path }: Destination,
  { hints, findings }: DestinationInputs,
): void {
  const meaning = written === host ? '' : ` (${host})`
  const message = `Referenced host not found: ${quote(written)}${meaning} is not a service that namespace ${namespace} sees`
  findings.at('IST0101', resource, [...path, 'host'], message, hints.for(written, host, namespace))
}

/**
 * Reports a service that the VirtualService's own namespace sees, but a namespace that it is
 * exported to does not.
 */
function reportHidden(
  { resource, visibility }: VirtualService,
  { written, host, path }: Destination,
  { settings, registry, hints, findings }: DestinationInputs,
): void {
  if (visibility === 'public' || settings.workload) return
  const without = [...visibility].find(viewer => registry.find(host, viewer) === null)
  if (without === undefined) return
  const message = `Referenced host not found: ${quote(written)} is not a service that namespace ${without} sees, to which the VirtualService is exported`
  findings.at('IST0101', resource, [...path, 'host'], message, hints.for(written, host, without))
}

function reportPort(
  { resource }: VirtualService,
  destination: Destination,
  service: Service,
  findings: Findings,
): void {
  const { written, port, path } = destination
  const numbers = service.ports.map(each => each.number).join(', ')
  if (port === undefined) {
    if (service.ports.length <= 1) return
    findings.at(
      'IST0112',
      resource,
      path,
      `${quote(written)} exposes several ports (${numbers}), and the destination names none`,
    )
  } else if (!portOfService(service, port)) {
    const message = `Referenced host:port not found: ${quote(`${written}:${port}`)}; ${service.resource.title} has ${numbers || 'no TCP port'}`
    findings.at('IST0101', resource, [...path, 'port', 'number'], message)
  }
}

function reportSubset(
  virtualService: VirtualService,
  { written, host, subset, path }: Destination,
  service: Service | null,
  inputs: DestinationInputs,
): void {
  if (subset === undefined) return
  const real = service?.host ?? host
  const home = service?.namespace ?? namespaceOfHost(host)
  const without = viewers(virtualService, inputs.settings).find(
    viewer => !inputs.rules.find(real, viewer, home)?.subsets.has(subset),
  )
  if (without === undefined) return
  const message = `Referenced host+subset in destinationrule not found: ${quote(`${written}+${subset}`)}, as namespace ${without} sees it`
  inputs.findings.at('IST0101', virtualService.resource, [...path, 'subset'], message)
}

/**
 * A gateway cannot pass a connection to its original destination: that is the gateway's own
 * address.
 */
function reportOriginal(
  virtualService: VirtualService,
  { written, host, subset, port, path }: Destination,
  service: Service,
  { settings, rules, findings }: DestinationInputs,
): void {
  if (virtualService.gateways.every(gateway => gateway === MESH)) return
  const isOriginal = viewers(virtualService, settings).some(viewer => {
    const rule = rules.find(host, viewer, service.namespace)
    const ofSubset = rule?.subsets.get(subset ?? '')?.trafficPolicy
    const number = port ?? service.ports[0]?.number ?? 0
    return effectivePolicy(rule?.trafficPolicy, ofSubset, number, rules.connect).passthrough
  })
  if (!isOriginal && service.resolution !== 'original') return
  const why = isOriginal ? 'its balancer is PASSTHROUGH' : `${service.resource.title} has resolution NONE`
  findings.at(
    'CFG412',
    virtualService.resource,
    [...path, 'host'],
    `${quote(written)} cannot be reached through a gateway: ${why}`,
  )
}

/** The namespaces whose proxies read the VirtualService, if they are known. */
const viewers = ({ gateways, namespace }: VirtualService, { workload }: Settings): readonly string[] =>
  workload
    ? [workload.namespace]
    : [
        ...new Set(
          gateways.map(gateway => (gateway === MESH ? namespace : gateway.slice(0, gateway.indexOf('/')))),
        ),
      ]
