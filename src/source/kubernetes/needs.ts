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

type Needs = {
  readonly pods: boolean
  readonly nodes: boolean
  /** As "namespace/name", in order. */
  readonly secrets: readonly string[]
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

export function needsOf(ofKind: (kind: string) => Iterable<Kept>, settings: NeedsSettings): Needs {
  const objects = (kind: string): ApiObject[] => [...ofKind(kind)].map(each => each.object)
  const rules = objects('DestinationRule')
  const secrets = [
    ...objects('Gateway').flatMap(each => secretsOf(each, each.metadata.namespace ?? 'default')),
    ...rules.flatMap(each => secretsOf(each, settings.namespace ?? each.metadata.namespace ?? 'default')),
  ]
  return {
    pods:
      settings.identity === 'address' || objects('VirtualService').some(asksClient) || rules.some(hasSubsets),
    nodes: settings.hasLocality,
    secrets: [...new Set(secrets)].sort(),
  }
}

const NAMES = ['credentialName', 'caCertCredentialName']
/** "name" and "kubernetes-gateway://namespace/name" (config/plan/credentials.ts). */
const WRITTEN = /^(?:kubernetes(?:-gateway)?:\/\/)?([^/\s]+(?:\/[^/\s]+)?)$/

/** The Secrets that fields of an object name, and those with the authorities beside them. */
function secretsOf({ spec }: ApiObject, namespace: string): string[] {
  return namesIn(spec).flatMap(written => {
    const name = WRITTEN.exec(written)?.[1]
    if (name === undefined) return []
    const whole = name.includes('/') ? name : `${namespace}/${name}`
    return [whole, `${whole}-cacert`]
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
