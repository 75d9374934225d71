/**
 * Objects of the API, reduced to what weir reads.
 *
 * A status that somebody else writes again and again (heartbeats, conditions) is dropped, so that
 * it is no change. managedFields and kubectl's last applied text are often larger than the rest.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { ApiObject } from '../../config/text/read-objects.ts'
import { STATUS_KINDS } from './status-kinds.ts'

export type Fields = Readonly<Record<string, unknown>>

/** What identifies it and its state, beside its content. */
export type Kept = {
  readonly object: ApiObject
  readonly resourceVersion: string
  readonly uid: string
  readonly generation: number
  /** As it is now, where weir may write it; else empty. */
  readonly status: Fields
}

/** What kubectl remembers of `apply`. */
const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** An item of a list or of an event; null if it is no object of the API. */
export function readObject(value: unknown, kind: string, apiVersion: string): Kept | null {
  const whole = Object(value) as Fields
  const metadata = Object(whole.metadata) as Fields
  if (typeof metadata.name !== 'string') return null
  const status: Fields = Object(whole.status)
  return {
    object: {
      apiVersion,
      kind,
      metadata: readMetadata(kind, metadata),
      ...contentOf(kind, whole, status),
    } as ApiObject,
    resourceVersion: String(metadata.resourceVersion ?? ''),
    uid: String(metadata.uid ?? ''),
    generation: Number(metadata.generation ?? 0),
    status: hasStatus(kind) ? status : {},
  }
}

export const isSameObject = (left: Kept, right: Kept): boolean => isSameValue(left.object, right.object)

/** "namespace/name", or the name of a cluster-wide object. */
export const idOf = ({ metadata: { namespace, name } }: Pick<ApiObject, 'metadata'>): string =>
  namespace === undefined ? name : `${namespace}/${name}`

function readMetadata(kind: string, metadata: Fields): Fields {
  const { name, namespace, labels, annotations, creationTimestamp, deletionTimestamp, generation } = metadata
  const kept: Record<string, unknown> = { name }
  if (namespace !== undefined) kept.namespace = namespace
  if (Object(labels) === labels) kept.labels = labels
  const told = toldBy(annotations, kind)
  if (told) kept.annotations = told
  if (generation !== undefined && hasStatus(kind)) kept.generation = generation
  if (typeof creationTimestamp === 'string') kept.creationTimestamp = creationTimestamp
  if (typeof deletionTimestamp === 'string') kept.deletionTimestamp = deletionTimestamp
  return kept
}

/**
 * Annotations of these that anything reads; of others all count. They are written again and again:
 * the time of what a slice has changed for, a leader's Endpoints, what was found out of a Node.
 */
const ANNOTATIONS_OF: Readonly<Record<string, readonly string[]>> = {
  Pod: ['proxy.istio.io/config'], // config/plan/proxy-protocol.ts
  Node: [],
  Namespace: [],
  EndpointSlice: [],
  Endpoints: [],
}

/** Null: none. */
function toldBy(annotations: unknown, kind: string): Fields | null {
  if (Object(annotations) !== annotations) return null
  const { [APPLIED]: _, ...all } = annotations as Fields
  const counted = ANNOTATIONS_OF[kind]
  const told = counted
    ? counted.filter(each => each in all).map(each => [each, all[each]])
    : Object.entries(all)
  return told.length > 0 ? Object.fromEntries(told) : null
}

const hasStatus = (kind: string): boolean => STATUS_KINDS.some(each => each.kind === kind)

function contentOf(kind: string, whole: Fields, status: Fields): Fields {
  const { spec } = whole
  switch (kind) {
    case 'Pod':
      return { spec: podSpec(Object(spec)), status: podStatus(status) }
    case 'Node':
    case 'Namespace':
      return {}
    case 'Service':
      return {
        spec,
        ...(status.loadBalancer !== undefined && { status: { loadBalancer: status.loadBalancer } }),
      }
    case 'ServiceEntry':
      return { spec, ...(status.addresses !== undefined && { status: { addresses: status.addresses } }) }
    case 'EndpointSlice':
      return { addressType: whole.addressType, endpoints: readEndpoints(whole), ports: whole.ports ?? [] }
    case 'Endpoints':
      return { subsets: whole.subsets ?? [] }
    case 'Secret':
      return { type: whole.type, data: whole.data ?? {} }
    case 'ConfigMap':
      return {
        data: whole.data ?? {},
        ...(whole.binaryData !== undefined && { binaryData: whole.binaryData }),
      }
    default:
      return { spec }
  }
}

function podSpec({ serviceAccountName, nodeName, hostNetwork, containers, initContainers }: Fields): Fields {
  const portsOf = (list: unknown): unknown =>
    (Array.isArray(list) ? list : [])
      .filter(each => Array.isArray(each?.ports))
      .map(({ name, ports, restartPolicy }) => ({ name, ports, ...(restartPolicy && { restartPolicy }) }))
  return {
    ...(serviceAccountName !== undefined && { serviceAccountName }),
    ...(nodeName !== undefined && { nodeName }),
    ...(hostNetwork !== undefined && { hostNetwork }),
    containers: portsOf(containers),
    initContainers: portsOf(initContainers),
  }
}

function podStatus({ phase, podIP, podIPs, conditions }: Fields): Fields {
  const ready = (Array.isArray(conditions) ? conditions : []).filter(each => each?.type === 'Ready')
  return {
    phase,
    ...(podIP !== undefined && { podIP }),
    ...(podIPs !== undefined && { podIPs }),
    conditions: ready.map(({ type, status }) => ({ type, status })),
  }
}

/**
 * v1beta1 has the zone in `topology`, and the node beside it. Written field by field, since this
 * is the greater part of what reading a change costs.
 */
function readEndpoints({ endpoints }: Fields): unknown {
  if (!Array.isArray(endpoints)) return []
  return endpoints.map(each => {
    const { addresses, conditions, targetRef, nodeName, zone, topology, hints } = Object(each)
    const kept: Record<string, unknown> = { addresses }
    const node = nodeName ?? topology?.['kubernetes.io/hostname']
    const where = zone ?? topology?.['topology.kubernetes.io/zone']
    if (conditions) kept.conditions = conditions
    if (targetRef) kept.targetRef = { kind: targetRef.kind, name: targetRef.name }
    if (node != null) kept.nodeName = node
    if (where != null) kept.zone = where
    if (hints) kept.hints = hints
    return kept
  })
}
