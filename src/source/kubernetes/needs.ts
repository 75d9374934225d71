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
    .flatMap(each => (Array.isArray(each) ? each : []))
    .flatMap(({ match }) => (Array.isArray(match) ? match : []))
    .some(each => each?.sourceLabels !== undefined || each?.sourceNamespace !== undefined)
}

/** Subsets, and TCP_HEADERS of a client's workload, go by labels of Pods. */
const hasSubsets = ({ spec }: ApiObject): boolean => {
  const { subsets } = Object(spec) as Fields
  return Array.isArray(subsets) && subsets.length > 0
}

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
    [...new Set(named.filter(each => each.kind === kind).map(each => each.id))].sort()
  return {
    pods:
      settings.identity === 'address' || objects('VirtualService').some(asksClient) || rules.some(hasSubsets),
    nodes: settings.hasLocality,
    namespaces: gateways.some(({ spec }) => JSON.stringify(spec ?? {}).includes('"from":"Selector"')),
    secrets: namesOf('Secret'),
    configMaps: namesOf('ConfigMap'),
  }
}

type Named = { readonly kind: 'Secret' | 'ConfigMap'; readonly id: string }

const NAMES = ['credentialName', 'caCertCredentialName']
const REFERENCES = ['certificateRefs', 'caCertificateRefs']
/** "name" and "kubernetes-gateway://namespace/name" (config/plan/credentials.ts). */
const WRITTEN = /^(?:kubernetes(?:-gateway)?:\/\/)?([^/\s]+(?:\/[^/\s]+)?)$/

/** Secrets and ConfigMaps that fields of an object name, and Secrets with authorities beside. */
function namedBy({ spec }: ApiObject, namespace: string): Named[] {
  const byName = namesIn(spec).flatMap((written): Named[] => {
    const name = WRITTEN.exec(written)?.[1]
    if (name === undefined) return []
    const id = name.includes('/') ? name : `${namespace}/${name}`
    return [
      { kind: 'Secret', id },
      { kind: 'Secret', id: `${id}-cacert` },
    ]
  })
  return [...byName, ...referencesIn(spec, namespace)]
}

function referencesIn(value: unknown, namespace: string): Named[] {
  if (Array.isArray(value)) return value.flatMap(each => referencesIn(each, namespace))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([field, inner]): Named[] => {
    if (!REFERENCES.includes(field) || !Array.isArray(inner)) return referencesIn(inner, namespace)
    return inner.flatMap(({ kind = 'Secret', name, namespace: other = namespace }): Named[] =>
      kind === 'Secret' || kind === 'ConfigMap' ? [{ kind, id: `${other}/${name}` }] : [],
    )
  })
}

function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([field, inner]) => {
    if (NAMES.includes(field)) return typeof inner === 'string' ? [inner] : []
    if (field === 'credentialNames') return Array.isArray(inner) ? inner.map(String) : []
    return namesIn(inner)
  })
}
