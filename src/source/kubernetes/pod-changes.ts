/**
 * Which changes of a Pod something depends on. A Pod changes many times while it starts and ends,
 * and a compilation has all rules to read: mostly two of these changes count, that it has an
 * address, and that it has none any more.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Labels, Pod } from '../../config/plan/inputs.ts'
import { readPod } from '../../config/plan/pods.ts'
import type { Workload } from '../../config/plan/workload.ts'
import { type ApiObject, knownApiObject } from '../../config/text/read-objects.ts'

/** What is asked of Pods beside their namespace, labels and addresses. */
export type PodUse = {
  /** Some selector chooses endpoints among them: their readiness and ports count. */
  readonly selected: boolean
  /** Files have workloads, which may have their addresses. */
  readonly shared: boolean
  /** Where they are counts. */
  readonly locality: boolean
}

type Around = {
  readonly nodes: ReadonlyMap<string, Labels>
  /** Whether something else may say that it has this address. */
  readonly isShared: (address: string) => boolean
}

export function podMatters(
  after: ApiObject | null,
  before: ApiObject | null,
  { selected, locality }: PodUse,
  around: Around,
): boolean {
  const read = (pod: ApiObject | null): Workload | null => {
    const found =
      pod && readPod({ resource: knownApiObject(pod), value: pod as unknown as Pod }, around.nodes)
    return found && found.addresses.length > 0 ? found : null
  }
  const usedOf = (pod: Workload | null) =>
    pod && {
      addresses: pod.addresses,
      labels: pod.labels,
      annotations: pod.resource.metadata.annotations,
      serviceAccount: pod.serviceAccount,
      ownAddress: pod.ownAddress,
      ...(locality && { where: pod.where }),
      ...(selected && { ready: pod.ready, ports: pod.ports }),
      // It decides between several that have one address, and between endpoints.
      ...((selected || isClaimed(pod, around)) && { terminating: pod.terminating }),
    }
  return !isSameValue(usedOf(read(after)), usedOf(read(before)))
}

const isClaimed = ({ ownAddress, addresses }: Workload, { isShared }: Around): boolean =>
  ownAddress && addresses.some(isShared)
