/** Where a workload is, as Istio knows it: region, zone and subzone, its node and its network. */

import type { Labels } from './inputs.ts'

export type Where = {
  /** "region/zone/subzone"; '': unknown. */
  readonly locality: string
  /** The name of its node; ''. */
  readonly node: string
  /** ''. */
  readonly network: string
}

export const NETWORK = 'topology.istio.io/network'
const REGION = 'topology.kubernetes.io/region'
const ZONE = 'topology.kubernetes.io/zone'
const SUBZONE = 'topology.istio.io/subzone'
const HOSTNAME = 'kubernetes.io/hostname'

/** By Istio's own labels, in which dots may stand for slashes (pkg/model/proxy.go). */
function labelledLocality(labels: Labels): string {
  const text = labels['topology.istio.io/locality'] ?? labels['istio-locality'] ?? ''
  return text.includes('/') ? text : text.replaceAll('.', '/')
}

/** Of a WorkloadEntry, or of an endpoint of a ServiceEntry. */
export const writtenWhere = (
  { locality, network }: { readonly locality?: string; readonly network?: string },
  labels: Labels,
): Where => ({ locality: locality || labelledLocality(labels), node: '', network: network ?? '' })

/** By the labels that a Node has, and a Pod of a newer Kubernetes. */
function topologyLocality(labels: Labels): string {
  const steps = [REGION, ZONE, SUBZONE].map(each => labels[each] ?? '')
  return steps.every(each => each === '') ? '' : steps.join('/').replace(/\/+$/, '')
}

/**
 * Of a Pod: its own label, else its Node's labels (kube/controller/controller.go, getPodLocality),
 * else the topology labels that a newer Kubernetes copies to Pods.
 */
export const podWhere = (labels: Labels, node: string, nodes: ReadonlyMap<string, Labels>): Where => ({
  locality: labelledLocality(labels) || topologyLocality(nodes.get(node) ?? {}) || topologyLocality(labels),
  node,
  network: '',
})

/** Of an endpoint of an EndpointSlice that names no Pod. */
export function sliceWhere(zone: string, node: string, nodes: ReadonlyMap<string, Labels>): Where {
  // A text from an API has no hash yet, and most gateways follow no Nodes.
  const labels = nodes.size > 0 ? nodes.get(node) : undefined
  return { locality: (labels && topologyLocality(labels)) || (zone && `/${zone}`), node, network: '' }
}

/** What a workload at an endpoint's address says of itself counts before what its slice says. */
export function whereBoth(own: Where | undefined, given: Where | undefined): Where | undefined {
  if (!own || !given) return own ?? given
  if (own.locality !== '' && (own.node !== '' || given.node === '')) return own
  return {
    locality: own.locality || given.locality,
    node: own.node || given.node,
    network: own.network || given.network,
  }
}

/** More than three steps: what follows is dropped, as in istiod (label.go, SplitLocalityLabel). */
export function stepsOf(locality: string): readonly [region: string, zone: string, subzone: string] {
  const [region = '', zone = '', subzone = ''] = locality.split('/')
  return [region, zone, subzone]
}

/** The labels that failoverPriority compares (serviceregistry/util/label, AugmentLabels). */
export function augmented(labels: Labels, { locality, node, network }: Where): Labels {
  const [region, zone, subzone] = stepsOf(locality)
  const known = { [REGION]: region, [ZONE]: zone, [SUBZONE]: subzone, [HOSTNAME]: node }
  const added = Object.entries(known).filter(([, value]) => value !== '')
  const own = labels[NETWORK] || network
  return { ...labels, ...Object.fromEntries(added), ...(own !== '' && { [NETWORK]: own }) }
}

/** What a Service or ServiceEntry prefers by its trafficDistribution. */
export type Prefers = 'zone' | 'node'

const DISTRIBUTION = 'networking.istio.io/traffic-distribution'
const WORDS: Readonly<Record<string, Prefers>> = {
  preferclose: 'zone',
  prefersamezone: 'zone',
  prefersamenode: 'node',
}

/** The field counts before the annotation (model/service.go, GetTrafficDistribution). */
export const prefersOf = (field: string | undefined, annotations: Labels): Prefers | undefined =>
  WORDS[(field ?? '').toLowerCase()] ?? WORDS[(annotations[DISTRIBUTION] ?? '').toLowerCase()]

/** The newer one counts before the older, and both before trafficDistribution. */
const TOPOLOGY_MODES = ['service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints']

/** Whether a Service lets Kubernetes deal out its endpoints to zones. */
export function hasTopologyMode(annotations: Labels): boolean {
  const mode = TOPOLOGY_MODES.map(each => annotations[each]).find(each => each !== undefined)
  return mode === 'Auto' || mode === 'auto'
}

export const PREFERENCE: Readonly<Record<Prefers, readonly string[]>> = {
  zone: [NETWORK, REGION, ZONE],
  node: [NETWORK, REGION, ZONE, SUBZONE, HOSTNAME],
}
