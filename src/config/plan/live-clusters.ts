/**
 * Clusters whose endpoints an API changes while rules stay: the main thread chooses their endpoints
 * by the same functions, from the EndpointSlices that it has.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Place } from '../../table/plan/plan.ts'
import type { Removal } from '../../table/plan/removal.ts'
import { type ApiObject, isFromApi, knownApiObject } from '../text/read-objects.ts'
import { type Choice, chooseMembers, isLocated } from './cluster-endpoints.ts'
import { type Derivation, isOfOneCluster, membersOfEndpoints, membersOfSlices } from './derived-members.ts'
import type { Families } from './families.ts'
import type { EndpointSlice, Endpoints, Labels, Pod } from './inputs.ts'
import { readPod } from './pods.ts'
import type { Member, Service } from './service.ts'

export type LiveCluster = {
  /** Its row. */
  readonly cluster: number
  /** "namespace/name". */
  readonly service: string
  readonly families: Families
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
    (isMesh && (listens === 'members' || live.families.isDual || members.some(each => each.other)))
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

/** The Pods of the API, by "namespace/name" and by address. */
type LivePods = {
  pod(id: string): ApiObject | undefined
  podsAt(address: string): readonly ApiObject[]
}

/** What the API has of one Service. */
export type ServiceObjects = {
  readonly slices: readonly ApiObject[]
  readonly endpoints: ApiObject | null
  /** Null: none is followed. */
  readonly pods: LivePods | null
  /** The labels of Nodes, by name. */
  readonly nodes: ReadonlyMap<string, Labels>
}

/**
 * The endpoints that a Service has now.
 *
 * @param clusters  Those that choose among them.
 */
export function liveMembers(clusters: readonly LiveCluster[], objects: ServiceObjects): Member[] {
  const { endpoints, nodes } = objects
  const slices = objects.slices.filter(({ metadata }) => isOfOneCluster(metadata.labels ?? {}))
  const derivation = {
    families: clusters[0].families,
    nodes,
    isLocated: clusters.some(({ choice }) => isLocated(choice)),
    workloadOf: objects.pods ? workloadIn(objects.pods, nodes) : undefined,
  }
  if (slices.length === 0)
    return endpoints ? membersOfEndpoints(endpoints as Endpoints, namespaceOf(endpoints), derivation) : []
  return membersOfSlices(
    slices.map(each => ({ namespace: namespaceOf(each), value: each as EndpointSlice })),
    derivation,
  )
}

const namespaceOf = ({ metadata }: ApiObject): string => metadata.namespace ?? ''

/** Finds the Pod that an endpoint names, else the one at its address. */
const workloadIn =
  (pods: LivePods, nodes: ServiceObjects['nodes']): Derivation['workloadOf'] =>
  (id, address, namespace) => {
    const read = (pod: ApiObject) =>
      readPod({ resource: knownApiObject(pod), value: pod as unknown as Pod }, nodes)
    const named = id === null ? undefined : pods.pod(id)
    if (named) return read(named)
    return pods
      .podsAt(address)
      .map(read)
      .find(each => each.namespace === namespace && each.addresses.includes(address))
  }

/** Where a live cluster's connections go now; null: its rules have to be compiled. */
export function livePlaces({ choice, localities }: LiveCluster, members: readonly Member[]) {
  const chosen = chooseMembers(members, choice)
  return isSameValue(chosen.localities, localities) ? chosen.places : null
}
