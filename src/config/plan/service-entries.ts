/**
 * ServiceEntries as services: each host is one.
 *
 * Endpoint ports follow serviceentry/conversion.go: `ports[name]` of the endpoint, else the
 * service's targetPort, else its number.
 */

import { type Cidr, parseCidr } from '../../address/address.ts'
import { own } from '../../base/own.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import { AUTO_ALLOCATE } from '../validate/service-entry.ts'
import type { Labels, ServiceEntrySpec, ServiceEntryStatus, Typed } from './inputs.ts'
import { prefersOf, type Where, writtenWhere } from './locality.ts'
import { layerOf } from './protocol.ts'
import type { Listens, Member, Service, ServicePort } from './service.ts'
import { readVisibility } from './visibility.ts'
import type { Workloads } from './workloads.ts'

export function serviceEntryServices(
  entry: Typed<ServiceEntrySpec>,
  workloads: Workloads,
  findings: Findings,
): Service[] {
  const { resource, value } = entry
  const { namespace } = resource.metadata
  const members = membersOf(entry, workloads, findings)
  const shared = {
    namespace,
    resource,
    visibility: readVisibility(value.exportTo, namespace),
    ports: portsOf(entry),
    resolution: (value.resolution ?? 'NONE') === 'NONE' ? ('original' as const) : ('static' as const),
    aliasOf: null,
    prefers: prefersOf(undefined, resource.metadata.annotations),
  }
  return value.hosts.map((host, index) => {
    const addresses = addressesOf(entry, host)
    const all = members.length === 0 && isResolvedByHost(value) ? [member({ address: host })] : members
    return {
      ...shared,
      host,
      path: ['spec', 'hosts', index],
      addresses,
      listens: listensOf(value, addresses),
      members: value.resolution === 'DNS_ROUND_ROBIN' ? all.map(each => ({ ...each, onlyFirst: true })) : all,
    }
  })
}

/**
 * Its own addresses; without any, those that istiod assigned to the host in the status. They count
 * under Istio's own conditions (networking/serviceentry/ip_autoallocation.go).
 */
function addressesOf({ resource, value }: Typed<ServiceEntrySpec>, host: string): Cidr[] {
  const own = value.addresses ?? []
  return (own.length > 0 ? own : allocated(resource, value, host)).flatMap(text => parseCidr(text) ?? [])
}

function allocated({ metadata, value }: Resource, { resolution }: ServiceEntrySpec, host: string): string[] {
  if ((resolution ?? 'NONE') === 'NONE' || metadata.labels[AUTO_ALLOCATE]?.toLowerCase() === 'false')
    return []
  const { addresses } = (value.status ?? {}) as ServiceEntryStatus
  if (!Array.isArray(addresses)) return []
  return addresses.flatMap(each =>
    each?.host === host && typeof each.value === 'string' ? [each.value] : [],
  )
}

/** A forwarding entry with a selector acts as a headless Service (networking/core/listener.go). */
function listensOf({ resolution, workloadSelector }: ServiceEntrySpec, addresses: readonly Cidr[]): Listens {
  if (addresses.length > 0) return 'addresses'
  return (resolution ?? 'NONE') === 'NONE' && workloadSelector ? 'members' : 'anywhere'
}

/** With DNS resolution and neither endpoints nor a selector, the host itself is resolved. */
const isResolvedByHost = ({ resolution, endpoints, workloadSelector }: ServiceEntrySpec): boolean =>
  (resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN') && !endpoints?.length && !workloadSelector

function portsOf({ resource, value }: Typed<ServiceEntrySpec>): ServicePort[] {
  return (value.ports ?? []).flatMap(({ number, name, protocol, targetPort }, index) => {
    const layer = layerOf(protocol)
    const path = ['spec', 'ports', index]
    return layer === 'udp' ? [] : [{ number, name, layer, target: targetPort || null, resource, path }]
  })
}

function membersOf(
  { resource, value }: Typed<ServiceEntrySpec>,
  workloads: Workloads,
  findings: Findings,
): Member[] {
  const inline = (value.endpoints ?? []).flatMap((endpoint, index) => {
    const { address = '' } = endpoint
    if (address.startsWith('unix://')) {
      const path = ['spec', 'endpoints', index, 'address']
      findings.at('CFG403', resource, path, `Unix sockets are not supported: ${quote(address)} is ignored`)
      return []
    }
    return address === ''
      ? []
      : [member({ ...endpoint, address, where: writtenWhere(endpoint, endpoint.labels ?? {}) })]
  })
  const selected = workloads
    .select(resource.metadata.namespace, value.workloadSelector?.labels)
    .filter(workload => workload.ready && !workload.terminating)
    .flatMap(workload => workload.addresses.slice(0, 1).map(address => member({ ...workload, address })))
  return [...inline, ...selected]
}

function member(endpoint: {
  address: string
  labels?: Labels
  weight?: number
  ports?: Readonly<Record<string, number>>
  where?: Where
}): Member {
  const { address, labels, weight, ports, where } = endpoint
  return {
    address,
    other: null,
    draining: false,
    labels: labels ?? {},
    ...(where && { where }),
    weight: Math.max(1, weight ?? 1),
    portOf: port =>
      own(ports ?? {}, port.name) || (typeof port.target === 'number' ? port.target : port.number),
  }
}
