/**
 * Pods as workloads: their addresses, the named ports of their containers, and their readiness.
 *
 * The rules are those of Kubernetes' EndpointSlice controller (endpointslice/utils.go,
 * podutil.FindPort) and of Istio's Pod cache, which copies them
 * (pilot/pkg/serviceregistry/kube/controller/pod.go).
 */

import type { Container, Labels, Pod, Typed } from './inputs.ts'
import { podWhere } from './locality.ts'
import type { Workload } from './workload.ts'

export function readPod({ resource, value }: Typed<Pod>, nodes: ReadonlyMap<string, Labels>): Workload {
  const { metadata, spec, status } = value
  return {
    resource,
    namespace: resource.metadata.namespace,
    addresses: addressesOf(status),
    labels: resource.metadata.labels,
    serviceAccount: spec?.serviceAccountName ?? 'default',
    weight: 1,
    ports: namedPorts(spec),
    ready: isReady(status),
    terminating: Boolean(metadata?.deletionTimestamp),
    ownAddress: spec?.hostNetwork !== true,
    where: podWhere(resource.metadata.labels, spec?.nodeName ?? '', nodes),
  }
}

/**
 * A finished Pod (phase Succeeded or Failed) keeps its address in its status, but another Pod may
 * have that address by now, so it counts as having none.
 */
function addressesOf(status: Pod['status']): readonly string[] {
  const { phase, podIP, podIPs } = status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed') return []
  if (podIPs?.length) return podIPs.map(each => each.ip)
  return podIP ? [podIP] : []
}

/**
 * Kubernetes asks for the condition Ready to be "True". A file written by hand often has no
 * conditions; then a running Pod counts as ready, and so does one that has an address and no phase.
 */
function isReady(status: Pod['status']): boolean {
  const ready = status?.conditions?.find(condition => condition.type === 'Ready')
  return ready ? ready.status === 'True' : (status?.phase ?? 'Running') === 'Running'
}

/**
 * TCP ports by name. Names are unique in one container only: the first container that has the name
 * counts, and sidecars (init containers that are always restarted) come last.
 */
function namedPorts(spec: Pod['spec']): Readonly<Record<string, number>> {
  const sidecars = (spec?.initContainers ?? []).filter(each => each.restartPolicy === 'Always')
  const ports: Record<string, number> = Object.create(null)
  for (const { name, containerPort, protocol } of [...(spec?.containers ?? []), ...sidecars].flatMap(
    portsOf,
  )) {
    if (name && (protocol ?? 'TCP') === 'TCP') ports[name] ??= containerPort
  }
  return ports
}

const portsOf = ({ ports }: Container): NonNullable<Container['ports']> => ports ?? []
