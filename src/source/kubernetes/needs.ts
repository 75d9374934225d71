/**
 * What weir reads beside rules, Services and endpoints, since something asks for it: Pods, Nodes
 * and single Secrets. RBAC needs no more than what is used.
 */

import type { ApiObject } from '../../config/text/read-objects.ts'
import type { Fields, Kept } from './objects.ts'

/** What the Settings say about it. */
export type NeedsSettings = {
  readonly identity: 'none' | 'address'
  readonly hasLocality: boolean
  /** The gateway's own namespace, if it has one: there DestinationRules find their Secrets. */
  readonly namespace: string | null
}

export type Needs = {
  readonly pods: boolean
  readonly nodes: boolean
  /** Their labels, where a Gateway chooses namespaces by them. */
  readonly namespaces: boolean
  /** As "namespace/name", in order. */
  readonly secrets: readonly string[]
  readonly configMaps: readonly string[]
}

/** Whether a rule asks who the client is. */
const asksClient = ({ spec }: ApiObject): boolean => {
  const { tcp, tls, http } = Object(spec) as Fields
  return [tcp, tls, http]
    .flatMap(recordsIn)
    .flatMap(({ match }) => recordsIn(match))
    .some(each => each.sourceLabels !== undefined || each.sourceNamespace !== undefined)
}

/** Subsets, and TCP_HEADERS of a client's workload, go by labels of Pods. */
const hasSubsets = ({ spec }: ApiObject): boolean => {
  const { subsets } = Object(spec) as Fields
  return Array.isArray(subsets) && subsets.length > 0
}

/** Whether it chooses its endpoints among Pods and WorkloadEntries. */
const selects = ({ spec }: ApiObject): boolean => Object(Object(spec).workloadSelector).labels !== undefined

export function needsOf(
  ofKind: (kind: string) => Iterable<Pick<Kept, 'object'>>,
  settings: NeedsSettings,
): Needs {
  const objects = (kind: string): ApiObject[] => [...ofKind(kind)].map(each => each.object)
  const rules = objects('DestinationRule')
  const gateways = [...objects('Gateway'), ...objects('ListenerSet')]
  const named = [
    ...gateways.flatMap(each => namedBy(each, each.metadata.namespace ?? 'default')),
    ...rules.flatMap(each => namedBy(each, settings.namespace ?? each.metadata.namespace ?? 'default')),
    ...objects('BackendTLSPolicy').flatMap(each => namedBy(each, each.metadata.namespace ?? 'default')),
  ]
  const namesOf = (kind: Named['kind']): string[] =>
    [...new Set(named.filter(each => each.kind === kind && canExist(each.id)).map(each => each.id))].sort()
  return {
    pods:
      settings.identity === 'address' ||
      objects('VirtualService').some(asksClient) ||
      objects('ServiceEntry').some(selects) ||
      rules.some(hasSubsets),
    nodes: settings.hasLocality,
    namespaces: gateways.some(({ spec }) =>
      fieldsIn(spec).some(([field, value]) => field === 'from' && value === 'Selector'),
    ),
    secrets: namesOf('Secret'),
    configMaps: namesOf('ConfigMap'),
  }
}

/** A namespace is a DNS label, the name of a Secret or a ConfigMap a DNS subdomain (RFC 1123). */
const ID =
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\/(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

/**
 * Whether an API server can have an object of this name. Istio and Gateway API take any text, and a
 * server refuses to be asked for some. Such an object counts as missing.
 */
const canExist = (id: string): boolean => ID.test(id)

type Named = { readonly kind: 'Secret' | 'ConfigMap'; readonly id: string }

const NAMES = ['credentialName', 'caCertCredentialName']
/** Deeper than any of these fields. */
const DEPTH_MAX = 32
const REFERENCES = ['certificateRefs', 'caCertificateRefs']
/** "name" and "kubernetes-gateway://namespace/name" (config/plan/credentials.ts). */
const WRITTEN = /^(?:kubernetes(?:-gateway)?:\/\/)?([^/\s]+(?:\/[^/\s]+)?)$/

/** Secrets and ConfigMaps that fields of an object name, and Secrets with authorities beside. */
function namedBy({ spec }: ApiObject, namespace: string): Named[] {
  const fields = fieldsIn(spec)
  const byName = namesIn(fields).flatMap((written): Named[] => {
    const name = WRITTEN.exec(written)?.[1]
    if (name === undefined) return []
    const id = name.includes('/') ? name : `${namespace}/${name}`
    return [
      { kind: 'Secret', id },
      { kind: 'Secret', id: `${id}-cacert` },
    ]
  })
  return [...byName, ...referencesIn(fields, namespace)]
}

type Field = readonly [name: string, value: unknown]

const namesIn = (fields: readonly Field[]): string[] =>
  fields.flatMap(([field, value]) => {
    if (NAMES.includes(field)) return typeof value === 'string' ? [value] : []
    return field === 'credentialNames' && Array.isArray(value) ? value.map(String) : []
  })

const referencesIn = (fields: readonly Field[], own: string): Named[] =>
  fields
    .filter(([field]) => REFERENCES.includes(field))
    .flatMap(([, value]) => recordsIn(value))
    .flatMap(({ kind = 'Secret', name, namespace = own }): Named[] =>
      kind === 'Secret' || kind === 'ConfigMap' ? [{ kind, id: `${namespace}/${name}` }] : [],
    )

/** All fields of a value, at any depth: what an API has sent need not be valid. */
function fieldsIn(value: unknown, depth = DEPTH_MAX): Field[] {
  if (typeof value !== 'object' || value === null || depth === 0) return []
  if (Array.isArray(value)) return value.flatMap(each => fieldsIn(each, depth - 1))
  return Object.entries(value).flatMap(field => [field, ...fieldsIn(field[1], depth - 1)])
}

const recordsIn = (value: unknown): Fields[] =>
  Array.isArray(value) ? value.filter(each => typeof each === 'object' && each !== null) : []
