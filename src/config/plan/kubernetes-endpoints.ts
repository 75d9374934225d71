/**
 * The endpoints of a Kubernetes Service, with address and port.
 *
 * They come from the EndpointSlices of the Service, else from its Endpoints, else from the Pods
 * that its selector picks, by the rules of Kubernetes' own controller: files often have a Service
 * without what a cluster derives from it. WorkloadEntries that the selector picks join them
 * (kube/controller/controller.go, buildEndpointsForService). Endpoints that are being deleted but
 * still serve are kept as a last resort, as in kube-proxy (KEP-1669).
 */

import { familyOf } from '../../address/address.ts'
import { own } from '../../base/own.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { isFromApi } from '../text/read-objects.ts'
import { addressFor, type Families } from './families.ts'
import type {
  EndpointSlice,
  Endpoints,
  Inputs,
  Labels,
  ObjectReference,
  ServiceSpec,
  Typed,
} from './inputs.ts'
import { sliceWhere, whereBoth } from './locality.ts'
import type { AskedPort, Member } from './service.ts'
import type { Workload } from './workload.ts'
import type { Workloads } from './workloads.ts'

const SLICE_OWNER = 'kubernetes.io/service-name'
/** A label on slices derived for Services of several clusters; Istio skips them too. */
const MULTI_CLUSTER = 'multicluster.kubernetes.io/service-name'

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
    this.#slices = Map.groupBy(inputs.endpointSlices.filter(isOfOneCluster), ownerOf)
    this.#endpoints = new Map(inputs.endpoints.map(each => [each.resource.id, each]))
    this.#workloads = workloads
    this.#findings = findings
    for (const { resource } of inputs.endpointSlices) {
      if (Object.hasOwn(resource.metadata.labels, SLICE_OWNER)) continue
      if (Object.hasOwn(resource.metadata.labels, MULTI_CLUSTER)) continue
      const message = `endpoints are ignored: no label ${SLICE_OWNER} names their Service`
      this.#leaveOut(resource, ['metadata', 'labels'], message)
    }
  }

  membersOf(service: Typed<ServiceSpec>, families: Families): Member[] {
    const selected = this.#workloads.select(service.resource.metadata.namespace, service.value.selector)
    const entries = selected.filter(each => each.resource.kind !== 'Pod' && each.ready)
    const derived = this.#isDerived(service)
      ? this.derived(service.resource.id, families)
      : selected
          .filter(each => each.resource.kind === 'Pod')
          .flatMap(pod => memberOfPod(pod, families, service.value))
    return [...entries.flatMap(memberOfEntry), ...derived]
  }

  /** The endpoints that a cluster has derived for a Service. */
  derived(id: string, families: Families): Member[] {
    const slices = this.#slices.get(id)
    const endpoints = this.#endpoints.get(id)
    if (slices) return this.#ofSlices(slices, families)
    return endpoints ? this.#ofEndpoints(endpoints, families) : []
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

  #ofSlices(slices: readonly Typed<EndpointSlice>[], families: Families): Member[] {
    const found = slices.flatMap(slice => this.#ofSlice(slice, families))
    return families.isDual ? joinFamilies(found, families) : found.map(each => each.member)
  }

  #ofSlice({ resource, value }: Typed<EndpointSlice>, families: Families): Found[] {
    if (value.addressType === 'FQDN') {
      this.#leaveOut(resource, ['addressType'], 'endpoints of addressType FQDN are ignored')
      return []
    }
    const { namespace } = resource.metadata
    const portOf = portByName(value.ports)
    const found = (value.endpoints ?? []).flatMap(each => {
      const { addresses, conditions, targetRef, zone, nodeName, hints } = each
      const state = stateOf(conditions ?? {})
      if (state === null) return []
      return (addresses ?? []).map(address =>
        this.#found(address, targetRef, namespace, {
          portOf,
          draining: state === 'draining',
          where: sliceWhere(zone ?? '', nodeName ?? '', this.#workloads.nodes),
          ...(hints?.forZones && { zones: hints.forZones.map(({ name }) => name) }),
        }),
      )
    })
    const fitting = found.filter(each => fits(each.member.address, families))
    if (fitting.length < found.length) {
      const message = `${found.length - fitting.length} endpoints are ignored: the Service has no address of their family`
      this.#leaveOut(resource, ['endpoints'], message)
    }
    return fitting
  }

  #ofEndpoints({ resource, value }: Typed<Endpoints>, families: Families): Member[] {
    return (value.subsets ?? [])
      .flatMap(({ addresses, ports }) =>
        (addresses ?? []).map(({ ip, targetRef, nodeName }) =>
          this.#found(ip, targetRef, resource.metadata.namespace, {
            portOf: portByName(ports),
            draining: false,
            ...(nodeName && { where: sliceWhere('', nodeName, this.#workloads.nodes) }),
          }),
        ),
      )
      .filter(({ member }) => fits(member.address, families))
      .map(each => each.member)
  }

  /** With the labels of the named Pod, else of that namespace's workload at the address. */
  #found(
    address: string,
    reference: ObjectReference | undefined,
    namespace: string,
    more: Pick<Member, 'portOf' | 'draining' | 'where' | 'zones'>,
  ): Found {
    const pod = reference?.kind === 'Pod' ? `${namespace}/${reference.name}` : null
    const named = pod === null ? undefined : this.#workloads.pod(pod)
    const workload = named ?? this.#workloads.at(address, namespace)
    const labels = workload?.labels ?? NO_LABELS
    const { portOf, draining, zones } = more
    const where = whereBoth(workload?.where, more.where)
    const member = { address, other: null, labels, weight: 1, portOf, draining, ...(zones && { zones }) }
    return { pod, member: where ? { ...member, where } : member }
  }

  #leaveOut(resource: Typed<EndpointSlice>['resource'], path: readonly string[], message: string): void {
    this.#findings.at('CFG403', resource, path, message)
  }
}

/** An endpoint, and the Pod that it refers to. */
type Found = { readonly pod: string | null; readonly member: Member }

const NO_LABELS: Labels = {}

const isOfOneCluster = ({ resource }: Typed<EndpointSlice>): boolean =>
  !Object.hasOwn(resource.metadata.labels, MULTI_CLUSTER)

const ownerOf = ({ resource: { metadata } }: Typed<EndpointSlice>): string =>
  `${metadata.namespace}/${metadata.labels[SLICE_OWNER]}`

const fits = (address: string, { known }: Families): boolean => {
  const family = familyOf(address)
  return family === null || known.length === 0 || known.includes(family)
}

/** Defaults: `ready` is true, `serving` is `ready`, `terminating` is false (discovery/v1). */
function stateOf({
  ready,
  serving,
  terminating,
}: NonNullable<NonNullable<EndpointSlice['endpoints']>[number]['conditions']>): 'ready' | 'draining' | null {
  if (ready ?? true) return 'ready'
  return serving && terminating ? 'draining' : null
}

/** A Pod with two families is in a slice of each, and still is one endpoint. */
function joinFamilies(found: readonly Found[], { known }: Families): Member[] {
  const primary = known[0] ?? familyOf(found[0]?.member.address ?? '') ?? 4
  const isPrimary = ({ member }: Found): boolean => familyOf(member.address) === primary
  const byPod = Map.groupBy(
    found.filter(each => each.pod !== null && !isPrimary(each)),
    each => each.pod,
  )
  const joined = new Set<Found>()
  const first = found.filter(isPrimary).map(({ pod, member }) => {
    const twin = pod === null ? undefined : byPod.get(pod)?.find(each => !joined.has(each))
    if (twin) joined.add(twin)
    return { ...member, other: twin?.member.address ?? null }
  })
  return [...first, ...found.filter(each => !isPrimary(each) && !joined.has(each)).map(each => each.member)]
}

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

/**
 * Ports of slices and Endpoints have the name of the service's port; one without a number means all
 * ports.
 */
const portByName =
  (ports: EndpointSlice['ports']) =>
  ({ name, number }: AskedPort): number => {
    const found = ports?.find(port => (port.name ?? '') === name && (port.protocol ?? 'TCP') === 'TCP')
    return found ? (found.port ?? number) : 0
  }
