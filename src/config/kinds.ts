/** The kinds of resources: which ones weir serves, in which API groups, and which it ignores. */

import { editDistance } from './findings/suggest.ts'

/**
 * `istio`, `gateway-api` and `kubernetes`: served. `data`: read by whoever names it, and right or
 * wrong only there. `later`: not supported yet. `settings`, `test`: weir's own.
 */
export type Role = 'istio' | 'gateway-api' | 'kubernetes' | 'data' | 'later' | 'settings' | 'test'

type Kind = {
  readonly kind: string
  readonly role: Role
  readonly group: string
  readonly versions: readonly string[]
}

/** The group of Gateway API; its kind Gateway is another one than Istio's. */
export const GATEWAY_API = 'gateway.networking.k8s.io'

const ISTIO = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] } as const
const SECURITY = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] } as const
const WEIR = { group: 'gateway.weir', versions: ['v1'] } as const
const CORE = { group: '', versions: ['v1'] } as const
const DISCOVERY = { group: 'discovery.k8s.io', versions: ['v1'] } as const
const api = (kind: string, ...versions: string[]): Kind => ({
  kind,
  role: 'gateway-api',
  group: GATEWAY_API,
  versions: ['v1', ...versions],
})

type Of = Pick<Kind, 'group' | 'versions'>

const all = (role: Role, { group, versions }: Of, ...kinds: string[]): Kind[] =>
  kinds.map(kind => ({ kind, role, group, versions }))

const KINDS: readonly Kind[] = [
  ...all('istio', ISTIO, 'VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'WorkloadEntry'),
  ...all('kubernetes', CORE, 'Service', 'Endpoints', 'Pod', 'Node', 'Namespace', 'Secret'),
  ...all('data', CORE, 'ConfigMap'),
  ...all('kubernetes', DISCOVERY, 'EndpointSlice'),
  ...all('later', ISTIO, 'Sidecar', 'WorkloadGroup'),
  ...all('istio', SECURITY, 'AuthorizationPolicy', 'PeerAuthentication'),
  api('GatewayClass', 'v1beta1'),
  api('Gateway', 'v1beta1'),
  api('TCPRoute', 'v1alpha2'),
  api('TLSRoute', 'v1alpha3', 'v1alpha2'),
  api('ListenerSet'),
  api('ReferenceGrant', 'v1beta1', 'v1alpha2'),
  api('BackendTLSPolicy', 'v1alpha3'),
  ...all('settings', WEIR, 'Settings'),
  ...all('test', WEIR, 'RouteTest'),
]

const BY_NAME: ReadonlyMap<string, readonly Kind[]> = Map.groupBy(KINDS, each => each.kind)

const ROUTE_TEST = 'RouteTest'
export const KIND_NAMES: readonly string[] = [...BY_NAME.keys()]

/** Typing errors in an API group that still mean ours. */
const SLIPS_MAX = 2

/**
 * How weir treats a kind: its role; `other`, not read; a wrong apiVersion, with the right one and,
 * where only the version is wrong, what it is there; or a kind that its group does not have, with
 * the one that was probably meant.
 */
type KindOf =
  | { readonly role: Role }
  | { readonly role: 'other' }
  | { readonly role: 'misplaced'; readonly right: string; readonly meant: Role | null }
  | { readonly role: 'misspelt'; readonly right: string }

/** "networking.istio.io/v1" → "networking.istio.io"; "v1" → "". */
export const groupOf = (apiVersion: string): string =>
  apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')))

export function kindOf(apiVersion: string, kind: string): KindOf {
  const group = groupOf(apiVersion)
  const version = apiVersion.slice(apiVersion.lastIndexOf('/') + 1)
  const known = BY_NAME.get(kind) ?? []
  const exact = known.find(each => each.group === group)
  if (exact?.versions.includes(version)) return { role: exact.role }
  const meant = exact ?? nearest(group, known)
  if (!meant) {
    const right = known.length === 0 && elsewhere(kind) === null ? nearestKind(group, kind) : null
    return right === null ? { role: 'other' } : { role: 'misspelt', right }
  }
  const [right] = meant.versions
  return {
    role: 'misplaced',
    right: meant.group === '' ? right : `${meant.group}/${right}`,
    meant: exact?.role ?? null,
  }
}

/** Kinds of Kubernetes that weir does not read, and where they are: often written under v1. */
const KUBERNETES: Readonly<Record<string, readonly string[]>> = {
  'apps/v1': ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
  'batch/v1': ['Job', 'CronJob'],
  'networking.k8s.io/v1': ['Ingress', 'IngressClass', 'NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'policy/v1': ['PodDisruptionBudget'],
  'coordination.k8s.io/v1': ['Lease'],
  'storage.k8s.io/v1': ['StorageClass'],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition'],
}

/** The apiVersion of a kind of Kubernetes that weir does not read; null: it is none. */
export const elsewhere = (kind: string): string | null =>
  Object.entries(KUBERNETES).find(([, kinds]) => kinds.includes(kind))?.[0] ?? null

/**
 * The kind of `group` that was probably meant; null if it is one that weir does not read. No other
 * kind of Istio or Gateway API is so near to one of these (HTTPRoute and TCPRoute are two edits
 * apart); of Kubernetes Job is to Pod, and Role to Node.
 */
function nearestKind(group: string, kind: string): string | null {
  const most = group === GATEWAY_API ? 1 : SLIPS_MAX
  const distance = (name: string): number => editDistance(kind.toLowerCase(), name.toLowerCase())
  const ofGroup = KINDS.filter(each => each.group === group)
  const near = ofGroup.filter(
    each => Math.abs(each.kind.length - kind.length) <= most && distance(each.kind) <= most,
  )
  return near.toSorted((left, right) => distance(left.kind) - distance(right.kind))[0]?.kind ?? null
}

/** Of kinds with one name, the one whose group the author probably meant. */
const nearest = (group: string, known: readonly Kind[]): Kind | undefined =>
  known
    .filter(each => !isForeign(group, each.group))
    .toSorted((left, right) => editDistance(group, left.group) - editDistance(group, right.group))[0]

/** Whether a resource is no mistake, whatever its content. */
export function isPassedOver(apiVersion: string, kind: string): boolean {
  const { role } = kindOf(apiVersion, kind)
  return role === 'other' || role === 'later' || role === 'data'
}

/** Whether this is a RouteTest, right or wrong: only `check` and `test` read these. */
export const isRouteTest = ({ apiVersion, kind }: { apiVersion: unknown; kind: unknown }): boolean =>
  kind === ROUTE_TEST && typeof apiVersion === 'string' && kindOf(apiVersion, kind).role !== 'other'

/**
 * Whether a group belongs to another project with a kind of the same name: Knative's Service, App
 * Mesh's VirtualService. Kubernetes itself has the groups without a dot (apiextensions refuses such
 * a CRD) and those below k8s.io, of which no kind has the name of another one; Istio has all below
 * istio.io. A kind under these, or under a misspelt group, is probably meant for weir.
 */
function isForeign(group: string, right: string): boolean {
  if (!group.includes('.') || GROUPS.has(group)) return false
  if (group === 'istio.io' || group.endsWith('.istio.io') || group.endsWith('.weir')) return false
  if (group.endsWith('.k8s.io')) return false
  return editDistance(group, right) > SLIPS_MAX
}

const GROUPS: ReadonlySet<string> = new Set(KINDS.map(each => each.group))
