/**
 * ServiceEntries as services: each host is one.
 *
 * Endpoint ports follow serviceentry/conversion.go: `ports[name]` of the endpoint, else the service's
 * targetPort, else its number.
 */

import { own } from '../../base/own.ts'
import { parseCidr } from '../../net/address.ts'
import type { Findings } from '../diagnostic.ts'
import { quote } from '../quote.ts'
import type { Labels, ServiceEntrySpec, Typed } from './inputs.ts'
import { layerOf } from './protocol.ts'
import type { Member, Service, ServicePort } from './service.ts'
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
    addresses: (value.addresses ?? []).flatMap(text => parseCidr(text) ?? []),
    ports: portsOf(value),
    resolution: (value.resolution ?? 'NONE') === 'NONE' ? ('original' as const) : ('static' as const),
  }
  return value.hosts.map((host, index) => ({
    ...shared,
    host,
    path: ['spec', 'hosts', index],
    members: members.length === 0 && isResolvedByHost(value) ? [member({ address: host })] : members,
  }))
}

/** With DNS resolution and neither endpoints nor a selector, the host itself is what is resolved. */
const isResolvedByHost = ({ resolution, endpoints, workloadSelector }: ServiceEntrySpec): boolean =>
  (resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN') && !endpoints?.length && !workloadSelector

function portsOf({ ports }: ServiceEntrySpec): ServicePort[] {
  return (ports ?? []).flatMap((port, index) => {
    const layer = layerOf(port.protocol)
    const path = ['spec', 'ports', index]
    return layer === 'udp'
      ? []
      : [{ number: port.number, name: port.name, layer, target: port.targetPort || null, path }]
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
      findings.at('CFG403', resource, path, `Unix sockets are not supported: ${quote(address)} is left out`)
      return []
    }
    return address === '' ? [] : [member({ ...endpoint, address })]
  })
  const selected = workloads
    .select(resource.metadata.namespace, value.workloadSelector?.labels)
    .filter(workload => workload.ready)
    .flatMap(workload => workload.addresses.map(address => member({ ...workload, address })))
  return [...inline, ...selected]
}

function member(endpoint: {
  address: string
  labels?: Labels
  weight?: number
  ports?: Readonly<Record<string, number>>
}): Member {
  const { address, labels, weight, ports } = endpoint
  return {
    address,
    labels: labels ?? {},
    weight: Math.max(1, weight ?? 1),
    portOf: port =>
      own(ports ?? {}, port.name) || (typeof port.target === 'number' ? port.target : port.number),
  }
}
