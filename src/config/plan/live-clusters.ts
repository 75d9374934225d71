/**
 * Clusters whose endpoints an API changes while rules stay: the main thread chooses their endpoints
 * by the same functions, from the EndpointSlices that it has.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Place } from '../../table/plan/plan.ts'
import type { Removal } from '../../table/plan/removal.ts'
import { Findings } from '../findings/diagnostic.ts'
import { type ApiObject, isFromApi, knownApiObject } from '../text/read-objects.ts'
import { type Choice, chooseMembers } from './cluster-endpoints.ts'
import { familiesOf } from './families.ts'
import type { EndpointSlice, Endpoints, Labels, Pod, ServiceSpec, Typed } from './inputs.ts'
import { KubernetesEndpoints } from './kubernetes-endpoints.ts'
import { readPod } from './pods.ts'
import type { Member, Service } from './service.ts'

export type LiveCluster = {
  /** Its row. */
  readonly cluster: number
  /** "namespace/name". */
  readonly service: string
  readonly spec: ServiceSpec
  readonly choice: Choice
  /** As they were when this was compiled. */
  readonly places: readonly Place[]
  /** What the rows of its endpoints refer to: while others are there, rules have to be compiled. */
  readonly localities: readonly string[] | null
}

/** What follows the endpoints of an API, and what does not. */
export type Live = {
  readonly clusters: readonly LiveCluster[]
  /** Services whose endpoints rules depend on, as "namespace/name": a change of one is compiled. */
  readonly compiled: readonly string[]
  /** Whether a selector chooses endpoints among Pods, so that their readiness and ports count. */
  readonly selectsPods: boolean
  /** Whether files have workloads, whose addresses a Pod of the API may have, too. */
  readonly filesHaveWorkloads: boolean
}

/**
 * Endpoints count in rules where the mesh listens on them, for a family of two, where
 * WorkloadEntries join them, and where connections end with them.
 */
export function liveOf(
  services: readonly Service[],
  clusters: readonly LiveCluster[],
  isMesh: boolean,
  removals: readonly Removal[],
  use: Pick<Live, 'selectsPods' | 'filesHaveWorkloads'>,
): Live {
  const ending = new Set(removals.map(each => each.host))
  const isCompiled = ({ live, listens, host, members }: Service): boolean =>
    live === undefined ||
    ending.has(host) ||
    (isMesh && (listens === 'members' || familiesOf(live.spec).isDual || members.some(each => each.other)))
  const compiled = new Set(
    services
      .filter(each => isFromApi(each.resource) && each.aliasOf === null && isCompiled(each))
      .map(each => each.resource.id),
  )
  return {
    clusters: clusters.filter(each => !compiled.has(each.service)),
    compiled: [...compiled],
    ...use,
  }
}

/** What the API has of one Service. */
export type ServiceObjects = {
  readonly slices: readonly ApiObject[]
  readonly endpoints: ApiObject | null
  pod(id: string): ApiObject | undefined
  podsAt(address: string): readonly ApiObject[]
  /** The labels of Nodes, by name. */
  readonly nodes: ReadonlyMap<string, Labels>
}

/** The endpoints that a Service has now. */
export function liveMembers(service: string, spec: ServiceSpec, objects: ServiceObjects): Member[] {
  const findings = new Findings() // compiling has told what is wrong
  const typed = <Value>(object: ApiObject): Typed<Value> => ({
    resource: knownApiObject(object),
    value: object as unknown as Value,
  })
  const read = (pod: ApiObject) => readPod(typed<Pod>(pod), objects.nodes)
  const workloads = {
    nodes: objects.nodes,
    select: () => [],
    at: (address: string, namespace: string) =>
      objects
        .podsAt(address)
        .map(read)
        .find(each => each.namespace === namespace && each.addresses.includes(address)),
    pod: (id: string) => {
      const pod = objects.pod(id)
      return pod && read(pod)
    },
  }
  const inputs = {
    endpointSlices: objects.slices.map(each => typed<EndpointSlice>(each)),
    endpoints: objects.endpoints ? [typed<Endpoints>(objects.endpoints)] : [],
  }
  return new KubernetesEndpoints(inputs, workloads, findings).derived(service, familiesOf(spec))
}

/** Where a live cluster's connections go now; null: its rules have to be compiled. */
export function livePlaces({ choice, localities }: LiveCluster, members: readonly Member[]) {
  const chosen = chooseMembers(members, choice)
  return isSameValue(chosen.localities, localities) ? chosen.places : null
}
