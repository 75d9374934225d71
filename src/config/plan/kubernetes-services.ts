/**
 * Kubernetes Services as services.
 *
 * Endpoints come from the EndpointSlices of a Service, else from its Endpoints, else from the Pods and
 * WorkloadEntries that its selector picks: files often hold a Service without what a cluster derives.
 */

import { own } from '../../base/own.ts'
import { type Cidr, parseCidr } from '../../net/address.ts'
import type { Findings } from '../diagnostic.ts'
import type { EndpointSlice, Endpoints, Inputs, ObjectReference, ServiceSpec, Typed } from './inputs.ts'
import { serviceHost } from './names.ts'
import { layerOfServicePort } from './protocol.ts'
import type { Member, Service, ServicePort } from './service.ts'
import { readVisibility } from './visibility.ts'
import type { Workload, Workloads } from './workloads.ts'

const SLICE_OWNER = 'kubernetes.io/service-name'
/** Istio's way to limit who sees a Kubernetes Service: a comma-separated `exportTo`. */
const EXPORT_TO = 'networking.istio.io/exportTo'

export function kubernetesServices(inputs: Inputs, workloads: Workloads, findings: Findings): Service[] {
  const slices = Map.groupBy(
    inputs.endpointSlices,
    ({ resource: { metadata } }) => `${metadata.namespace}/${metadata.labels[SLICE_OWNER]}`,
  )
  const endpoints = new Map(inputs.endpoints.map(each => [each.resource.id, each]))
  return inputs.services.map(service => {
    const { id } = service.resource
    const members =
      membersOfName(service.value) ??
      slices.get(id)?.flatMap(slice => membersOfSlice(slice, workloads, findings)) ??
      membersOfEndpoints(endpoints.get(id), workloads) ??
      membersOfSelector(service, workloads)
    return readService(service, members)
  })
}

function readService({ resource, value }: Typed<ServiceSpec>, members: readonly Member[]): Service {
  const { name, namespace, annotations } = resource.metadata
  const exportTo = annotations[EXPORT_TO]?.split(',').map(each => each.trim())
  return {
    host: serviceHost(name, namespace),
    namespace,
    resource,
    path: ['metadata', 'name'],
    visibility: readVisibility(exportTo, namespace),
    addresses: addressesOf(value),
    ports: portsOf(value),
    resolution: 'static',
    members,
  }
}

/** A headless Service has the word "None" for an address: it is known by its ports alone. */
const addressesOf = ({ clusterIP, clusterIPs, externalIPs }: ServiceSpec): Cidr[] =>
  [...(clusterIPs ?? [clusterIP ?? '']), ...(externalIPs ?? [])].flatMap(text => parseCidr(text) ?? [])

function portsOf({ ports }: ServiceSpec): ServicePort[] {
  return (ports ?? []).flatMap((port, index) => {
    const layer = layerOfServicePort(port)
    const path = ['spec', 'ports', index]
    return layer === 'udp'
      ? []
      : [{ number: port.port, name: port.name ?? '', layer, target: port.targetPort ?? null, path }]
  })
}

const membersOfName = ({ type, externalName }: ServiceSpec): Member[] | undefined =>
  type === 'ExternalName' && externalName
    ? [{ address: externalName, labels: {}, weight: 1, portOf: port => port.number }]
    : undefined

function membersOfSlice(
  { resource, value }: Typed<EndpointSlice>,
  workloads: Workloads,
  findings: Findings,
): Member[] {
  if (value.addressType === 'FQDN') {
    findings.at('CFG403', resource, ['addressType'], 'endpoints of addressType FQDN are left out')
    return []
  }
  const portOf = portByName(value.ports)
  return (value.endpoints ?? [])
    .filter(endpoint => endpoint.conditions?.ready !== false)
    .flatMap(({ addresses, targetRef }) =>
      (addresses ?? []).map(address => {
        const workload = workloads.behind(podId(targetRef, resource.metadata.namespace), address)
        return { address, labels: workload?.labels ?? {}, weight: 1, portOf }
      }),
    )
}

function membersOfEndpoints(found: Typed<Endpoints> | undefined, workloads: Workloads): Member[] | undefined {
  if (!found) return undefined
  return (found.value.subsets ?? []).flatMap(({ addresses, ports }) =>
    (addresses ?? []).map(({ ip, targetRef }) => {
      const workload = workloads.behind(podId(targetRef, found.resource.metadata.namespace), ip)
      return { address: ip, labels: workload?.labels ?? {}, weight: 1, portOf: portByName(ports) }
    }),
  )
}

function membersOfSelector({ resource, value }: Typed<ServiceSpec>, workloads: Workloads): Member[] {
  return workloads
    .select(resource.metadata.namespace, value.selector)
    .filter(workload => workload.ready)
    .flatMap(workload =>
      workload.addresses.map(address => ({
        address,
        labels: workload.labels,
        weight: workload.weight,
        portOf: (port: ServicePort) => targetPort(workload, port),
      })),
    )
}

/** A named target is the container's port of that name; a WorkloadEntry may also name the service's port. */
function targetPort({ ports, resource }: Workload, { name, number, target }: ServicePort): number {
  if (typeof target === 'string') return own(ports, target) ?? 0
  return (resource.kind === 'WorkloadEntry' ? own(ports, name) : undefined) ?? (target || number)
}

/** Ports of slices and Endpoints carry the name of the service's port; one without a number stands for all. */
const portByName =
  (ports: EndpointSlice['ports']) =>
  ({ name, number }: ServicePort): number => {
    const found = ports?.find(port => (port.name ?? '') === name && (port.protocol ?? 'TCP') === 'TCP')
    return found ? (found.port ?? number) : 0
  }

const podId = (reference: ObjectReference | undefined, namespace: string): string | null =>
  reference?.kind === 'Pod' ? `${namespace}/${reference.name}` : null
