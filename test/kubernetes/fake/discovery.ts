/** What kubectl asks before anything else: which groups, versions and kinds there are. */

import { apiVersionOf, type Kind } from './kinds.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const STATUS_VERBS = ['get', 'patch', 'update']

/** By the groups' names, in the order of the kinds. */
function groupsOf(kinds: readonly Kind[]): Map<string, Kind[]> {
  return Map.groupBy(kinds, each => each.group)
}

const versionsOf = (kinds: readonly Kind[]): string[] => [...new Set(kinds.flatMap(each => each.versions))]

export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Answers `/api`, `/apis` and what is below but no resource, or undefined. */
export function discovered(path: string, kinds: readonly Kind[], isAggregated: boolean): object | undefined {
  const [root, group, version, ...rest] = path.split('/').filter(Boolean)
  const core = kinds.filter(each => each.group === '')
  const others = kinds.filter(each => each.group !== '')
  if (root === 'api' && group === undefined)
    return isAggregated ? aggregated(core) : { kind: 'APIVersions', apiVersion: 'v1', versions: ['v1'] }
  if (root === 'api' && version === undefined) return resourceList('', group, core)
  if (root !== 'apis' || rest.length > 0) return undefined
  if (group === undefined) {
    if (isAggregated) return aggregated(others)
    const groups = [...groupsOf(others)].map(([name, members]) => groupOf(name, members))
    return { kind: 'APIGroupList', apiVersion: 'v1', groups }
  }
  const members = others.filter(each => each.group === group)
  if (members.length === 0) return undefined
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, members) }
  return versionsOf(members).includes(version) ? resourceList(group, version, members) : undefined
}

function groupOf(name: string, kinds: readonly Kind[]): object {
  const versions = versionsOf(kinds).map(version => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] }
}

function resourceList(group: string, version: string, kinds: readonly Kind[]): object {
  const resources = kinds
    .filter(each => each.versions.includes(version))
    .flatMap(each => {
      const { plural, singular, isNamespaced: namespaced, kind, shortNames } = each
      const whole = { name: plural, singularName: singular, namespaced, kind, verbs: VERBS, shortNames }
      const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: STATUS_VERBS }
      return each.hasStatus ? [whole, status] : [whole]
    })
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(group, version), resources }
}

function aggregated(kinds: readonly Kind[]): object {
  const items = [...groupsOf(kinds)].map(([name, members]) => ({
    metadata: { name, creationTimestamp: null },
    versions: versionsOf(members).map(version => ({
      version,
      freshness: 'Current',
      resources: members
        .filter(each => each.versions.includes(version))
        .map(each => resourceOf(each, version)),
    })),
  }))
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
}

function resourceOf(each: Kind, version: string): object {
  const responseKind = { group: each.group, version, kind: each.kind }
  return {
    resource: each.plural,
    responseKind,
    scope: each.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: each.singular,
    shortNames: each.shortNames,
    verbs: VERBS,
    ...(each.hasStatus && { subresources: [{ subresource: 'status', responseKind, verbs: STATUS_VERBS }] }),
  }
}
