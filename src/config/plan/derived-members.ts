/**
 * The endpoints that a cluster has derived for a Service: from EndpointSlices, or from Endpoints.
 *
 * While weir follows a cluster, the main thread reads each change in this way, up to thousands in a
 * second. So one pass makes a member of each endpoint, and little besides.
 */

import { familyOf } from '../../address/address.ts'
import type { Families } from './families.ts'
import type { EndpointSlice, Endpoints, Labels, ObjectReference } from './inputs.ts'
import { sliceWhere } from './locality.ts'
import type { AskedPort, Member } from './service.ts'
import type { Workload } from './workload.ts'

export type Derivation = {
  readonly families: Families
  /** The labels of Nodes, by name. */
  readonly nodes: ReadonlyMap<string, Labels>
  /** What runs at an address of the namespace; absent: no workload is known. */
  readonly workloadOf?:
    | ((pod: string | null, address: string, namespace: string) => Workload | undefined)
    | undefined
  /** Whether anything depends on where an endpoint is. */
  readonly isLocated: boolean
}

/** Says why some endpoints are ignored, and which field it is about. */
type LeaveOut = (field: 'addressType' | 'endpoints', message: string) => void

type SliceOf = {
  readonly namespace: string
  readonly value: EndpointSlice
  readonly leaveOut?: LeaveOut
}

/** Endpoints, and the Pod that each refers to, where that counts. */
type Found = { readonly members: Member[]; readonly pods: (string | null)[] }

const NO_LABELS: Labels = {}
/** A label on slices derived for Services of several clusters; Istio skips them too. */
const MULTI_CLUSTER = 'multicluster.kubernetes.io/service-name'

export const isOfOneCluster = (labels: Labels): boolean => !Object.hasOwn(labels, MULTI_CLUSTER)

export function membersOfSlices(slices: readonly SliceOf[], derivation: Derivation): Member[] {
  const found: Found = { members: [], pods: [] }
  for (const each of slices) readSlice(each, derivation, found)
  const { families } = derivation
  return families.isDual ? joinFamilies(found, families) : found.members
}

function readSlice({ namespace, value, leaveOut }: SliceOf, derivation: Derivation, found: Found): void {
  if (value.addressType === 'FQDN') {
    leaveOut?.('addressType', 'endpoints of addressType FQDN are ignored')
    return
  }
  const { families, isLocated, nodes } = derivation
  const portOf = portByName(value.ports)
  let ignored = 0
  for (const { addresses, conditions, targetRef, zone, nodeName, hints } of value.endpoints ?? []) {
    const state = stateOf(conditions ?? {})
    if (state === null) continue
    const draining = state === 'draining'
    const where = isLocated ? sliceWhere(zone ?? '', nodeName ?? '', nodes) : undefined
    const zones = isLocated ? hints?.forZones?.map(({ name }) => name) : undefined
    for (const address of addresses ?? []) {
      if (!fits(address, families)) ignored++
      else add(found, address, targetRef, namespace, { portOf, draining, where, zones }, derivation)
    }
  }
  if (ignored > 0)
    leaveOut?.('endpoints', `${ignored} endpoints are ignored: the Service has no address of their family`)
}

export function membersOfEndpoints(
  { subsets = [] }: Endpoints,
  namespace: string,
  derivation: Derivation,
): Member[] {
  const found: Found = { members: [], pods: [] }
  for (const { addresses = [], ports } of subsets) {
    const more = { portOf: portByName(ports), draining: false, where: undefined, zones: undefined }
    for (const { ip, targetRef } of addresses)
      if (fits(ip, derivation.families)) add(found, ip, targetRef, namespace, more, derivation)
  }
  return found.members
}

/** With the labels of the named Pod, else of that namespace's workload at the address. */
function add(
  found: Found,
  address: string,
  reference: ObjectReference | undefined,
  namespace: string,
  more: Pick<Member, 'portOf' | 'draining'> & { where: Member['where']; zones: Member['zones'] },
  { families, workloadOf, isLocated }: Derivation,
): void {
  const isNamed = reference?.kind === 'Pod' && (families.isDual || workloadOf !== undefined)
  const pod = isNamed ? `${namespace}/${reference.name}` : null
  const workload = workloadOf?.(pod, address, namespace)
  const { portOf, draining, zones } = more
  const where = isLocated && workload?.where.locality ? workload.where : more.where
  const plain = { address, other: null, labels: workload?.labels ?? NO_LABELS, weight: 1, portOf, draining }
  const member: Member =
    where || zones ? { ...plain, ...(zones && { zones }), ...(where && { where }) } : plain
  found.members.push(member)
  found.pods.push(pod)
}

const fits = (address: string, { known }: Families): boolean => {
  if (known.length === 0) return true
  const family = familyOf(address)
  return family === null || known.includes(family)
}

type Conditions = NonNullable<NonNullable<EndpointSlice['endpoints']>[number]['conditions']>

/** Defaults: `ready` is true, `serving` is `ready`, `terminating` is false (discovery/v1). */
function stateOf({ ready, serving, terminating }: Conditions): 'ready' | 'draining' | null {
  if (ready ?? true) return 'ready'
  return serving && terminating ? 'draining' : null
}

/** A Pod with two families is in a slice of each, and still is one endpoint. */
function joinFamilies({ members, pods }: Found, { known }: Families): Member[] {
  const found = members.map((member, index) => ({ member, pod: pods[index] }))
  const primary = known[0] ?? familyOf(members[0]?.address ?? '') ?? 4
  const isPrimary = ({ member }: (typeof found)[number]): boolean => familyOf(member.address) === primary
  const byPod = Map.groupBy(
    found.filter(each => each.pod !== null && !isPrimary(each)),
    each => each.pod,
  )
  const joined = new Set<(typeof found)[number]>()
  const first = found.filter(isPrimary).map(({ pod, member }) => {
    const twin = pod === null ? undefined : byPod.get(pod)?.find(each => !joined.has(each))
    if (twin) joined.add(twin)
    return { ...member, other: twin?.member.address ?? null }
  })
  return [...first, ...found.filter(each => !isPrimary(each) && !joined.has(each)).map(each => each.member)]
}

/**
 * Ports of slices and Endpoints have the name of the service's port; one without a number means all
 * ports. All endpoints of a slice are asked for the same port, one after the other.
 */
function portByName(ports: EndpointSlice['ports']): Member['portOf'] {
  let asked: AskedPort | null = null
  let answer = 0
  return port => {
    if (port !== asked) {
      const found = ports?.find(each => (each.name ?? '') === port.name && (each.protocol ?? 'TCP') === 'TCP')
      answer = found ? (found.port ?? port.number) : 0
      asked = port
    }
    return answer
  }
}
