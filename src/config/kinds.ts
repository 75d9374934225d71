/** The kinds of resources: which ones weir serves, in which API groups, and which it ignores. */

import { editDistance } from './findings/suggest.ts'

/** `istio` and `kubernetes`: served. `later`: not supported yet. `settings`, `test`: weir's own. */
type Role = 'istio' | 'kubernetes' | 'later' | 'settings' | 'test'

type Kind = { readonly role: Role; readonly group: string; readonly versions: readonly string[] }

const NETWORKING = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] } as const
const SECURITY = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] } as const
const WEIR = { group: 'gateway.weir', versions: ['v1'] } as const
const CORE = { role: 'kubernetes', group: '', versions: ['v1'] } as const

const KINDS: Readonly<Record<string, Kind>> = {
  VirtualService: { role: 'istio', ...NETWORKING },
  DestinationRule: { role: 'istio', ...NETWORKING },
  Gateway: { role: 'istio', ...NETWORKING },
  ServiceEntry: { role: 'istio', ...NETWORKING },
  WorkloadEntry: { role: 'istio', ...NETWORKING },
  Service: CORE,
  Endpoints: CORE,
  Pod: CORE,
  Node: CORE,
  Namespace: CORE,
  Secret: CORE,
  EndpointSlice: { role: 'kubernetes', group: 'discovery.k8s.io', versions: ['v1'] },
  Sidecar: { role: 'later', ...NETWORKING },
  WorkloadGroup: { role: 'later', ...NETWORKING },
  AuthorizationPolicy: { role: 'istio', ...SECURITY },
  PeerAuthentication: { role: 'istio', ...SECURITY },
  Settings: { role: 'settings', ...WEIR },
  RouteTest: { role: 'test', ...WEIR },
}

const ROUTE_TEST = 'RouteTest'
export const KIND_NAMES: readonly string[] = Object.keys(KINDS)

/** Typing errors in an API group that still mean ours. */
const SLIPS_MAX = 2

/**
 * How weir treats a kind: its role; `other`, not read; or a wrong apiVersion, with the right one.
 */
type KindOf =
  | { readonly role: Role }
  | { readonly role: 'other' }
  | { readonly role: 'misplaced'; readonly right: string }

/** "networking.istio.io/v1" → "networking.istio.io"; "v1" → "". */
export const groupOf = (apiVersion: string): string =>
  apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')))

export function kindOf(apiVersion: string, kind: string): KindOf {
  const group = groupOf(apiVersion)
  if (!Object.hasOwn(KINDS, kind)) return { role: 'other' }
  const known = KINDS[kind]
  if (group === known.group && known.versions.includes(apiVersion.slice(apiVersion.lastIndexOf('/') + 1))) {
    return { role: known.role }
  }
  if (isForeign(group, known.group)) return { role: 'other' }
  return {
    role: 'misplaced',
    right: known.group === '' ? known.versions[0] : `${known.group}/${known.versions[0]}`,
  }
}

/** Whether weir ignores a resource, whatever its content. */
export function isPassedOver(apiVersion: string, kind: string): boolean {
  const { role } = kindOf(apiVersion, kind)
  return role === 'other' || role === 'later'
}

/** Whether this is a RouteTest, right or wrong: only `check` and `test` read these. */
export const isRouteTest = ({ apiVersion, kind }: { apiVersion: unknown; kind: unknown }): boolean =>
  kind === ROUTE_TEST && typeof apiVersion === 'string' && kindOf(apiVersion, kind).role !== 'other'

/**
 * Whether a group belongs to another project with a kind of the same name: the Gateway API's
 * Gateway, Knative's Service, App Mesh's VirtualService. Kubernetes itself has the groups without a
 * dot (apiextensions refuses such a CRD), and Istio all below istio.io: a kind under these, or
 * under a misspelt group, is probably meant for weir.
 */
function isForeign(group: string, right: string): boolean {
  if (!group.includes('.') || GROUPS.has(group)) return false
  if (group === 'istio.io' || group.endsWith('.istio.io') || group.endsWith('.weir')) return false
  return editDistance(group, right) > SLIPS_MAX
}

const GROUPS: ReadonlySet<string> = new Set(Object.values(KINDS).map(each => each.group))
