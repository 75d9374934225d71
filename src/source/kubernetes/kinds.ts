/** The kinds that weir reads from a Kubernetes API, and where the API has them. */

type WatchedKind = {
  readonly kind: string
  readonly group: string
  /** Newest first: the first that the server has is read. */
  readonly versions: readonly string[]
  readonly plural: string
  readonly isNamespaced: boolean
}

const NETWORKING = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  isNamespaced: true,
}
const SECURITY = { group: 'security.istio.io', versions: ['v1', 'v1beta1'], isNamespaced: true }
const GATEWAY_API = { group: 'gateway.networking.k8s.io', isNamespaced: true }
const CORE = { group: '', versions: ['v1'], isNamespaced: true }

/** Always read. */
export const RULE_KINDS: readonly WatchedKind[] = [
  { kind: 'Gateway', plural: 'gateways', ...NETWORKING },
  { kind: 'VirtualService', plural: 'virtualservices', ...NETWORKING },
  { kind: 'DestinationRule', plural: 'destinationrules', ...NETWORKING },
  { kind: 'ServiceEntry', plural: 'serviceentries', ...NETWORKING },
  { kind: 'WorkloadEntry', plural: 'workloadentries', ...NETWORKING },
  { kind: 'AuthorizationPolicy', plural: 'authorizationpolicies', ...SECURITY },
  { kind: 'PeerAuthentication', plural: 'peerauthentications', ...SECURITY },
  {
    kind: 'GatewayClass',
    plural: 'gatewayclasses',
    ...GATEWAY_API,
    versions: ['v1', 'v1beta1'],
    isNamespaced: false,
  },
  { kind: 'Gateway', plural: 'gateways', ...GATEWAY_API, versions: ['v1', 'v1beta1'] },
  { kind: 'ListenerSet', plural: 'listenersets', ...GATEWAY_API, versions: ['v1'] },
  { kind: 'TCPRoute', plural: 'tcproutes', ...GATEWAY_API, versions: ['v1', 'v1alpha2'] },
  { kind: 'TLSRoute', plural: 'tlsroutes', ...GATEWAY_API, versions: ['v1', 'v1alpha3', 'v1alpha2'] },
  { kind: 'ReferenceGrant', plural: 'referencegrants', ...GATEWAY_API, versions: ['v1', 'v1beta1'] },
  { kind: 'BackendTLSPolicy', plural: 'backendtlspolicies', ...GATEWAY_API, versions: ['v1', 'v1alpha3'] },
  { kind: 'Service', plural: 'services', ...CORE },
]

/** Where endpoints are; of old servers only the second. */
export const ENDPOINT_SLICE: WatchedKind = {
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  group: 'discovery.k8s.io',
  versions: ['v1', 'v1beta1'],
  isNamespaced: true,
}
export const ENDPOINTS: WatchedKind = { kind: 'Endpoints', plural: 'endpoints', ...CORE }

/** Read where something asks for it (needs.ts). */
export const POD: WatchedKind = { kind: 'Pod', plural: 'pods', ...CORE }
export const NODE: WatchedKind = { kind: 'Node', plural: 'nodes', ...CORE, isNamespaced: false }
export const NAMESPACE: WatchedKind = {
  kind: 'Namespace',
  plural: 'namespaces',
  ...CORE,
  isNamespaced: false,
}
export const CONFIG_MAP: WatchedKind = { kind: 'ConfigMap', plural: 'configmaps', ...CORE }
export const SECRET: WatchedKind = { kind: 'Secret', plural: 'secrets', ...CORE }

/** A part of a kind: all of it, one namespace's, or one object. */
export type Scope = {
  readonly kind: WatchedKind
  /** null: all of them. */
  readonly namespace: string | null
  /** null: every object. */
  readonly name: string | null
}

/** "Secret shop/tls", "Pod shop/*", "Service", "Gateway.gateway.networking.k8s.io". */
export function titleOfScope({ kind: { kind, group }, namespace, name }: Scope): string {
  const title = group === GATEWAY_API.group ? `${kind}.${group}` : kind
  return namespace === null ? title : `${title} ${namespace}/${name ?? '*'}`
}

/** The collection's path; of one object, its collection narrowed to it by `selectorOf`. */
export function pathOf({ kind: { group, plural, isNamespaced }, namespace }: Scope, version: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return isNamespaced && namespace !== null
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`
    : `${root}/${plural}`
}

/** RBAC's resourceNames allow a list and a watch that ask for one name. */
export const selectorOf = ({ name }: Scope): Readonly<Record<string, string>> =>
  name === null ? {} : { fieldSelector: `metadata.name=${name}` }
