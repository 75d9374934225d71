/**
 * Kubernetes Services as services: their addresses and ports, and where the mesh listens for them.
 *
 * Their endpoints are in kubernetes-endpoints.ts.
 */

import { type Cidr, parseAddress, parseCidr } from '../../address/address.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { familiesOf } from './families.ts'
import type { Inputs, ServiceSpec, ServiceStatus, Typed } from './inputs.ts'
import { KubernetesEndpoints } from './kubernetes-endpoints.ts'
import { hasTopologyMode, prefersOf } from './locality.ts'
import { serviceHost } from './names.ts'
import { layerOfServicePort } from './protocol.ts'
import type { Listens, Member, Service, ServicePort } from './service.ts'
import { readVisibility } from './visibility.ts'
import type { Workloads } from './workloads.ts'

/** Istio's way to limit who sees a Kubernetes Service: a comma-separated `exportTo`. */
const EXPORT_TO = 'networking.istio.io/exportTo'

export function kubernetesServices(inputs: Inputs, workloads: Workloads, findings: Findings): Service[] {
  const endpoints = new KubernetesEndpoints(inputs, workloads, findings)
  return inputs.services.map(service => {
    const alias = aliasOf(service.value)
    const members =
      alias === null ? endpoints.membersOf(service, familiesOf(service.value)) : [memberByName(alias)]
    const isLive = alias === null && endpoints.isLive(service)
    return readService(service, alias, members, isLive)
  })
}

function readService(
  { resource, value }: Typed<ServiceSpec>,
  alias: string | null,
  members: readonly Member[],
  isLive: boolean,
): Service {
  const { name, namespace, annotations } = resource.metadata
  const exportTo = annotations[EXPORT_TO]?.split(',').map(each => each.trim())
  const addresses = alias === null ? addressesOf(value, resource.value.status as ServiceStatus) : []
  return {
    host: serviceHost(name, namespace),
    namespace,
    resource,
    path: ['metadata', 'name'],
    visibility: readVisibility(exportTo, namespace),
    listens: listensOf(value, alias, addresses),
    addresses,
    ports: portsOf({ resource, value }),
    resolution: 'static',
    members,
    aliasOf: alias,
    ...(value.internalTrafficPolicy === 'Local' && { isNodeLocal: true }),
    ...(isLive && { live: { id: resource.id, spec: value } }),
    ...(hasTopologyMode(annotations)
      ? { byHints: true }
      : { prefers: prefersOf(value.trafficDistribution, annotations) }),
  }
}

/**
 * The cluster's addresses, and those that every node answers for: external addresses, and those of
 * a load balancer unless it is a proxy (`ipMode: Proxy`). A headless Service has the word "None".
 */
function addressesOf(
  { clusterIP, clusterIPs, externalIPs }: ServiceSpec,
  status: ServiceStatus | undefined,
): Cidr[] {
  const own = clusterIPs?.length ? clusterIPs : [clusterIP ?? '']
  const balanced = (status?.loadBalancer?.ingress ?? []).filter(each => each.ipMode !== 'Proxy')
  const texts = [...own, ...(externalIPs ?? []), ...balanced.map(each => each.ip ?? '')]
  return [...new Set(texts)].flatMap(text => parseCidr(text) ?? [])
}

function listensOf(
  { clusterIP, clusterIPs }: ServiceSpec,
  alias: string | null,
  addresses: readonly Cidr[],
): Listens {
  if (alias !== null) return 'nowhere'
  if (clusterIP === 'None' || clusterIPs?.[0] === 'None') return 'members'
  return addresses.length > 0 ? 'addresses' : 'anywhere'
}

function portsOf({ resource, value }: Typed<ServiceSpec>): ServicePort[] {
  return (value.ports ?? []).flatMap((port, index) => {
    const layer = layerOfServicePort(port)
    const path = ['spec', 'ports', index]
    const { port: number, name = '', targetPort: target = null } = port
    return layer === 'udp' ? [] : [{ number, name, layer, target, resource, path }]
  })
}

/** The name behind an ExternalName, without the dot of a complete one. */
const aliasOf = ({ type, externalName }: ServiceSpec): string | null =>
  type === 'ExternalName' && externalName ? externalName.replace(/\.$/, '').toLowerCase() : null

/**
 * The addresses that the name resolves to, if no other service has it (registry.ts). The name is
 * whole, with a dot or without: the cluster's DNS answers with a CNAME, which nobody searches.
 */
const memberByName = (name: string): Member => ({
  address: parseAddress(name) === null ? `${name}.` : name,
  other: null,
  labels: {},
  weight: 1,
  draining: false,
  portOf: port => port.number,
})
