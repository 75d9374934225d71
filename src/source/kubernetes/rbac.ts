/**
 * The rights that weir needs in a cluster, as the objects that give them: no more than is used.
 *
 * Reading is list and watch. Secrets and ConfigMaps are read one by one: RBAC's resourceNames allow
 * a list and a watch that ask for one name (kubernetes.io, "Using RBAC Authorization").
 */

import { CONFIG_MAP, ENDPOINT_SLICE, ENDPOINTS, NAMESPACE, NODE, POD, RULE_KINDS, SECRET } from './kinds.ts'
import { LEASES } from './lease.ts'
import type { Needs } from './needs.ts'
import type { Fields } from './objects.ts'
import { STATUS_KINDS } from './status-kinds.ts'

type RbacOptions = {
  readonly needs: Needs
  /** None: all. */
  readonly namespaces: readonly string[]
  /** Whether status and Events are written. */
  readonly status: boolean
  /** The name of the Lease whose holder writes them. */
  readonly lease: string
  readonly account: { readonly name: string; readonly namespace: string }
}

type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

const READ = ['list', 'watch'] as const
const NAME = 'weir'

export function rbacOf(options: RbacOptions): Fields[] {
  const { needs, namespaces, account } = options
  const cluster = clusterRules(options)
  const shared = sharedRules(options)
  const roles = namespaces.length === 0 ? [] : namespaces.map(each => role(each, shared))
  const wide = namespaces.length === 0 ? [...shared, ...cluster] : cluster
  const named = [
    ...namedRoles(SECRET.plural, 'secrets', needs.secrets),
    ...namedRoles(CONFIG_MAP.plural, 'authorities', needs.configMaps),
  ]
  return [
    ...(wide.length > 0 ? [clusterRole(wide), clusterBinding(account)] : []),
    ...[...roles, ...leaseRoles(options), ...named].flatMap(each => [each, binding(each, account)]),
  ]
}

/** What is read of each namespace, or of all. */
function sharedRules({ needs, status }: RbacOptions): Rule[] {
  const kinds = [...RULE_KINDS.filter(each => each.isNamespaced), ENDPOINT_SLICE, ENDPOINTS]
  return [
    ...rulesOf([...kinds, ...(needs.pods ? [POD] : [])]),
    ...(status ? [...statusRules(true), { apiGroups: [''], resources: ['events'], verbs: ['create'] }] : []),
  ]
}

/** What belongs to no namespace. */
function clusterRules({ needs, status }: RbacOptions): Rule[] {
  const kinds = RULE_KINDS.filter(each => !each.isNamespaced)
  const asked = [...(needs.nodes ? [NODE] : []), ...(needs.namespaces ? [NAMESPACE] : [])]
  return [...rulesOf([...kinds, ...asked]), ...(status ? statusRules(false) : [])]
}

type Kinds = readonly { readonly group: string; readonly plural: string; readonly isNamespaced: boolean }[]

const rulesOf = (kinds: Kinds, verbs: readonly string[] = READ, part = ''): Rule[] =>
  [...Map.groupBy(kinds, each => each.group)].map(([group, all]) => ({
    apiGroups: [group],
    resources: all.map(each => `${each.plural}${part}`),
    verbs,
  }))

const statusRules = (isNamespaced: boolean): Rule[] =>
  rulesOf(
    STATUS_KINDS.filter(each => each.isNamespaced === isNamespaced),
    ['patch'],
    '/status',
  )

/** In weir's own namespace. RBAC cannot name what is not there yet. */
function leaseRoles({ status, lease, account }: RbacOptions): Fields[] {
  if (!status) return []
  const of = { apiGroups: [LEASES.group], resources: [LEASES.plural] }
  const rules = [
    { ...of, verbs: ['create'] },
    { ...of, resourceNames: [lease], verbs: ['get', 'patch'] },
  ]
  return [role(account.namespace, rules, `${NAME}-lease`)]
}

/** One role for each namespace with named objects. @param ids  As "namespace/name". */
function namedRoles(resource: string, title: string, ids: readonly string[]): Fields[] {
  const byNamespace = Map.groupBy(ids, each => each.slice(0, each.indexOf('/')))
  return [...byNamespace].map(([namespace, all]) => {
    const resourceNames = all.map(each => each.slice(namespace.length + 1))
    const rule = { apiGroups: [''], resources: [resource], resourceNames, verbs: READ }
    return role(namespace, [rule], `${NAME}-${title}`)
  })
}

const API_VERSION = 'rbac.authorization.k8s.io/v1'

const role = (namespace: string, rules: readonly Rule[], name = NAME): Fields => ({
  apiVersion: API_VERSION,
  kind: 'Role',
  metadata: { name, namespace },
  rules,
})

const clusterRole = (rules: readonly Rule[]): Fields => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRole',
  metadata: { name: NAME },
  rules,
})

const subjectsOf = (account: RbacOptions['account']): Fields[] => [{ kind: 'ServiceAccount', ...account }]
const API_GROUP = 'rbac.authorization.k8s.io'

const clusterBinding = (account: RbacOptions['account']): Fields => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRoleBinding',
  metadata: { name: NAME },
  roleRef: { apiGroup: API_GROUP, kind: 'ClusterRole', name: NAME },
  subjects: subjectsOf(account),
})

const binding = ({ metadata }: Fields, account: RbacOptions['account']): Fields => ({
  apiVersion: API_VERSION,
  kind: 'RoleBinding',
  metadata,
  roleRef: { apiGroup: API_GROUP, kind: 'Role', name: Object(metadata).name },
  subjects: subjectsOf(account),
})
