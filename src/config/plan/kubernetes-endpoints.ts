/**
 * The endpoints of a Kubernetes Service, with address and port.
 *
 * They come from the EndpointSlices of the Service, else from its Endpoints, else from the Pods
 * that its selector picks, by the rules of Kubernetes' own controller: files often have a Service
 * without what a cluster derives from it. WorkloadEntries that the selector picks join them
 * (kube/controller/controller.go, buildEndpointsForService). Endpoints that are being deleted but
 * still serve are kept as a last resort, as in kube-proxy (KEP-1669).
 */

import { own } from '../../base/own.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { isFromApi } from '../text/read-objects.ts'
import { isOfOneCluster, membersOfEndpoints, membersOfSlices } from './derived-members.ts'
import { addressFor, type Families } from './families.ts'
import type { EndpointSlice, Endpoints, Inputs, ServiceSpec, Typed } from './inputs.ts'
import type { AskedPort, Member } from './service.ts'
import type { Workload } from './workload.ts'
import type { Workloads } from './workloads.ts'

const SLICE_OWNER = 'kubernetes.io/service-name'

/** What is looked up of workloads. */
type WorkloadIndex = Pick<Workloads, 'select' | 'pod' | 'at' | 'nodes'>

export class KubernetesEndpoints {
  readonly #slices: ReadonlyMap<string, readonly Typed<EndpointSlice>[]>
  readonly #endpoints: ReadonlyMap<string, Typed<Endpoints>>
  readonly #workloads: WorkloadIndex
  readonly #findings: Findings

  constructor(
    inputs: Pick<Inputs, 'endpointSlices' | 'endpoints'>,
    workloads: WorkloadIndex,
    findings: Findings,
  ) {
    const ofOneCluster = inputs.endpointSlices.filter(({ resource }) =>
      isOfOneCluster(resource.metadata.labels),
    )
    this.#slices = Map.groupBy(ofOneCluster, ownerOf)
    this.#endpoints = new Map(inputs.endpoints.map(each => [each.resource.id, each]))
    this.#workloads = workloads
    this.#findings = findings
    for (const { resource } of ofOneCluster) {
      if (Object.hasOwn(resource.metadata.labels, SLICE_OWNER)) continue
      const message = `endpoints are ignored: no label ${SLICE_OWNER} names their Service`
      this.#leaveOut(resource, ['metadata', 'labels'], message)
    }
  }

  membersOf(service: Typed<ServiceSpec>, families: Families): Member[] {
    const selected = this.#workloads.select(service.resource.metadata.namespace, service.value.selector)
    const entries = selected.filter(each => each.resource.kind !== 'Pod' && each.ready)
    const derived = this.#isDerived(service)
      ? this.#derived(service.resource.id, families)
      : selected
          .filter(each => each.resource.kind === 'Pod')
          .flatMap(pod => memberOfPod(pod, families, service.value))
    return [...entries.flatMap(memberOfEntry), ...derived]
  }

  /** The endpoints that a cluster has derived for a Service. */
  #derived(id: string, families: Families): Member[] {
    const slices = this.#slices.get(id)
    const endpoints = this.#endpoints.get(id)
    const workloads = this.#workloads
    const derivation = {
      families,
      nodes: workloads.nodes,
      isLocated: true,
      workloadOf: (pod: string | null, address: string, namespace: string) =>
        (pod === null ? undefined : workloads.pod(pod)) ?? workloads.at(address, namespace),
    }
    if (slices) {
      const given = slices.map(({ resource, value }) => ({
        namespace: resource.metadata.namespace,
        value,
        leaveOut: (field: string, message: string) => this.#leaveOut(resource, [field], message),
      }))
      return membersOfSlices(given, derivation)
    }
    return endpoints
      ? membersOfEndpoints(endpoints.value, endpoints.resource.metadata.namespace, derivation)
      : []
  }

  /** Whether an API alone says what endpoints a Service has, and may do so at any time. */
  isLive(service: Typed<ServiceSpec>): boolean {
    const { id, metadata } = service.resource
    const given = [...(this.#slices.get(id) ?? []), ...[this.#endpoints.get(id) ?? []].flat()]
    const selected = this.#workloads.select(metadata.namespace, service.value.selector)
    return (
      (given.length > 0 || isFromApi(service.resource)) &&
      given.every(each => isFromApi(each.resource)) &&
      selected.every(each => each.resource.kind === 'Pod')
    )
  }

  /** A file often has a Service without what a cluster would derive from it. */
  #isDerived({ resource }: Typed<ServiceSpec>): boolean {
    return this.#slices.has(resource.id) || this.#endpoints.has(resource.id) || isFromApi(resource)
  }

  #leaveOut(resource: Typed<EndpointSlice>['resource'], path: readonly string[], message: string): void {
    this.#findings.at('CFG403', resource, path, message)
  }
}

const ownerOf = ({ resource: { metadata } }: Typed<EndpointSlice>): string =>
  `${metadata.namespace}/${metadata.labels[SLICE_OWNER]}`

/** A Pod as its Service sees it (endpointslice/utils.go, podToEndpoint). */
function memberOfPod(
  { addresses, labels, ports, ready, terminating, where }: Workload,
  families: Families,
  { publishNotReadyAddresses }: ServiceSpec,
): Member[] {
  const place = addressFor(addresses, families)
  if (place === null || !(ready || publishNotReadyAddresses)) return []
  const draining = terminating && !publishNotReadyAddresses
  const portOf = ({ target, number }: AskedPort): number =>
    typeof target === 'string' ? (own(ports, target) ?? 0) : target || number
  return [{ ...place, labels, weight: 1, where, draining, portOf }]
}

/** A WorkloadEntry may name the target port; if that is a number, it names the Service's port. */
const memberOfEntry = ({ addresses, labels, weight, ports, where }: Workload): Member[] =>
  addresses.map(address => ({
    address,
    other: null,
    labels,
    weight,
    where,
    draining: false,
    portOf: ({ name, number, target }) =>
      typeof target === 'string' ? (own(ports, target) ?? 0) : (own(ports, name) ?? (target || number)),
  }))
