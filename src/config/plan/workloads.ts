/**
 * Workloads: what runs at an address, from WorkloadEntries and Pods.
 *
 * They serve twice: as endpoints that selectors pick by label, and as the identity (namespace and
 * labels) of a client that connects from their address.
 */

import type { Findings } from '../findings/diagnostic.ts'
import type { Inputs, Labels } from './inputs.ts'
import { plainAddress } from './names.ts'
import { readPod } from './pods.ts'
import { hasLabels, type Workload } from './workload.ts'
import { readWorkloadEntry } from './workload-entries.ts'

export class Workloads {
  readonly all: readonly Workload[]
  /** The labels of Nodes, by name. */
  readonly nodes: ReadonlyMap<string, Labels>
  readonly #byAddress = new Map<string, Workload[]>()
  readonly #byPod = new Map<string, Workload>()
  readonly #byLabel = new Map<string, Workload[]>()

  constructor(inputs: Inputs, findings: Findings) {
    const entries = inputs.workloadEntries.flatMap(entry => readWorkloadEntry(entry, findings))
    this.nodes = new Map(inputs.nodes.map(({ resource: { metadata } }) => [metadata.name, metadata.labels]))
    const pods = inputs.pods.map(each => readPod(each, this.nodes))
    this.all = [...entries, ...pods]
    for (const pod of pods) this.#byPod.set(pod.resource.id, pod)
    for (const workload of this.all) this.#index(workload)
  }

  /**
   * The workloads of a namespace that have all these labels; an empty selector selects nothing
   * (pkg/config/labels/instance.go, Match). Scans only the workloads of the rarest label.
   */
  select(namespace: string, labels: Labels | undefined): readonly Workload[] {
    const lists = Object.entries(labels ?? {}).map(
      label => this.#byLabel.get(labelKey(namespace, label)) ?? [],
    )
    const rarest = lists.toSorted((left, right) => left.length - right.length)[0] ?? []
    return rarest.filter(workload => hasLabels(workload.labels, labels ?? {}))
  }

  /** The Pod with this id. */
  pod(id: string): Workload | undefined {
    return this.#byPod.get(id)
  }

  /**
   * The workload of a namespace at an address; if there are two, the one that claims it
   * (claims.ts).
   */
  at(address: string, namespace: string): Workload | undefined {
    return this.#byAddress.get(plainAddress(address))?.find(each => each.namespace === namespace)
  }

  /** Every address with its workloads, in the order of `all`. */
  byAddress(): Iterable<[address: string, workloads: readonly Workload[]]> {
    return this.#byAddress
  }

  #index(workload: Workload): void {
    for (const address of workload.addresses) {
      this.#byAddress.getOrInsertComputed(plainAddress(address), () => []).push(workload)
    }
    for (const label of Object.entries(workload.labels)) {
      this.#byLabel.getOrInsertComputed(labelKey(workload.namespace, label), () => []).push(workload)
    }
  }
}

const labelKey = (namespace: string, [key, value]: [string, string]): string => `${namespace} ${key}=${value}`
