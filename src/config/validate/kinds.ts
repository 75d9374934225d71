/** The kinds of resources: which weir serves, under which API groups, and which it passes over. */

/** `istio` and `kubernetes`: served. `later`: not supported yet. `settings`: weir's own, read elsewhere. */
export type Role = 'istio' | 'kubernetes' | 'later' | 'settings'

type Kind = { readonly role: Role; readonly group: string; readonly versions: readonly string[] }

const NETWORKING = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] } as const
const SECURITY = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] } as const
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
  Namespace: CORE,
  EndpointSlice: { role: 'kubernetes', group: 'discovery.k8s.io', versions: ['v1'] },
  Sidecar: { role: 'later', ...NETWORKING },
  WorkloadGroup: { role: 'later', ...NETWORKING },
  AuthorizationPolicy: { role: 'later', ...SECURITY },
  PeerAuthentication: { role: 'later', ...SECURITY },
  Settings: { role: 'settings', group: 'gateway.weir', versions: ['v1'] },
}

/** Groups that have kinds of these names and mean others: the Gateway API's Gateway, Knative's Service. */
const FOREIGN_GROUPS = ['gateway.networking.k8s.io', 'serving.knative.dev']

export const KIND_NAMES: readonly string[] = Object.keys(KINDS)

/** What a kind is to weir: its role; `other`, none that it reads; or a wrong apiVersion, and the right one. */
export type KindOf =
  | { readonly role: Role }
  | { readonly role: 'other' }
  | { readonly role: 'misplaced'; readonly right: string }

export function kindOf(apiVersion: string, kind: string): KindOf {
  const slash = apiVersion.lastIndexOf('/')
  const group = apiVersion.slice(0, Math.max(0, slash))
  if (!Object.hasOwn(KINDS, kind) || FOREIGN_GROUPS.includes(group)) return { role: 'other' }
  const known = KINDS[kind]
  if (group === known.group && known.versions.includes(apiVersion.slice(slash + 1))) {
    return { role: known.role }
  }
  return {
    role: 'misplaced',
    right: known.group === '' ? known.versions[0] : `${known.group}/${known.versions[0]}`,
  }
}
