/**
 * Workloads: what runs at an address, from WorkloadEntries and Pods.
 *
 * They serve twice: as endpoints that selectors pick by label, and as the identity (namespace and
 * labels) of a client that connects from their address.
 */

import { own } from '../../base/own.ts'
import { parseCidr } from '../../net/address.ts'
import type { Source } from '../../table/plan.ts'
import type { Findings } from '../diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings.ts'
import type { Inputs, Labels, Pod, Typed, WorkloadEntrySpec } from './inputs.ts'

export type Workload = {
  readonly resource: Resource
  readonly namespace: string
  /** IP addresses, or for a WorkloadEntry perhaps a DNS name. */
  readonly addresses: readonly string[]
  readonly labels: Labels
  readonly weight: number
  /** Port numbers by name. */
  readonly ports: Readonly<Record<string, number>>
  /** False for a Pod that says it is not ready. */
  readonly ready: boolean
  /** False for a Pod on its node's network: its address is not its own. */
  readonly ownAddress: boolean
}

/** Whether every wanted label is there with its value; nothing wanted is always there. */
export const hasLabels = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => own(labels, key) === value)

export class Workloads {
  readonly all: readonly Workload[]
  readonly #byAddress = new Map<string, Workload>()
  readonly #byPod = new Map<string, Workload>()
  readonly #byLabel = new Map<string, Workload[]>()

  constructor(inputs: Inputs, findings: Findings) {
    const entries = inputs.workloadEntries.flatMap(entry => readEntry(entry, findings))
    const pods = inputs.pods.map(readPod)
    this.all = [...entries, ...pods]
    for (const pod of pods) this.#byPod.set(pod.resource.id, pod)
    for (const workload of this.all) this.#index(workload)
  }

  /**
   * The workloads of a namespace that have all these labels; an empty selector selects nothing
   * (pkg/config/labels/instance.go, Match). Of several labels only the rarest is walked.
   */
  select(namespace: string, labels: Labels | undefined): readonly Workload[] {
    const lists = Object.entries(labels ?? {}).map(
      label => this.#byLabel.get(labelKey(namespace, label)) ?? [],
    )
    const rarest = lists.toSorted((left, right) => left.length - right.length)[0] ?? []
    return rarest.filter(workload => hasLabels(workload.labels, labels ?? {}))
  }

  /** The workload behind an endpoint that only says its Pod's name, or its address. */
  behind(podId: string | null, address: string): Workload | undefined {
    return (podId === null ? undefined : this.#byPod.get(podId)) ?? this.#byAddress.get(address)
  }

  #index(workload: Workload): void {
    for (const address of workload.addresses) {
      if (!this.#byAddress.has(address)) this.#byAddress.set(address, workload)
    }
    for (const label of Object.entries(workload.labels)) {
      const key = labelKey(workload.namespace, label)
      const list = this.#byLabel.get(key)
      if (list) list.push(workload)
      else this.#byLabel.set(key, [workload])
    }
  }
}

/** Who connects from where: what the Settings say, then WorkloadEntries, then Pods. */
export function sourcesOf(settings: Settings, workloads: Workloads): Source[] {
  const described = workloads.all
    .filter(workload => workload.ownAddress)
    .flatMap(({ addresses, namespace, labels }) =>
      addresses.flatMap(address => {
        const cidr = parseCidr(address)
        return cidr ? [{ cidr, namespace, labels }] : []
      }),
    )
  return [...settings.sources, ...described]
}

const labelKey = (namespace: string, [key, value]: [string, string]): string => `${namespace} ${key}=${value}`

function readEntry({ resource, value }: Typed<WorkloadEntrySpec>, findings: Findings): Workload[] {
  const { namespace } = resource.metadata
  if (value.address?.startsWith('unix://')) {
    findings.at(
      'CFG403',
      resource,
      ['spec', 'address'],
      `Unix sockets are not supported: "${value.address}" is left out`,
    )
    return []
  }
  return [
    {
      resource,
      namespace,
      addresses: value.address ? [value.address] : [],
      // Labels of the object win over those of the spec (serviceentry/conversion.go, ConvertWorkloadEntry).
      labels: { ...value.labels, ...resource.metadata.labels },
      weight: Math.max(1, value.weight ?? 1),
      ports: value.ports ?? {},
      ready: true,
      ownAddress: true,
    },
  ]
}

function readPod({ resource, value }: Typed<Pod>): Workload {
  const { podIPs, podIP, phase, conditions } = value.status ?? {}
  const named = (value.spec?.containers ?? []).flatMap(container => container.ports ?? [])
  return {
    resource,
    namespace: resource.metadata.namespace,
    addresses: podIPs?.map(each => each.ip) ?? (podIP ? [podIP] : []),
    labels: resource.metadata.labels,
    weight: 1,
    ports: Object.fromEntries(named.flatMap(port => (port.name ? [[port.name, port.containerPort]] : []))),
    ready:
      (phase ?? 'Running') === 'Running' &&
      !conditions?.some(condition => condition.type === 'Ready' && condition.status === 'False'),
    ownAddress: value.spec?.hostNetwork !== true,
  }
}
