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
export const SECRET: WatchedKind = { kind: 'Secret', plural: 'secrets', ...CORE }

/** A part of a kind: all of it, one namespace's, or one object. */
export type Scope = {
  readonly kind: WatchedKind
  /** null: all of them. */
  readonly namespace: string | null
  /** null: every object. */
  readonly name: string | null
}

/** "Secret shop/tls", "Pod shop/*", "Service". */
export const titleOfScope = ({ kind: { kind }, namespace, name }: Scope): string =>
  namespace === null ? kind : `${kind} ${namespace}/${name ?? '*'}`

/** The collection's path; of one object, its collection narrowed to it by `selectorOf`. */
export function pathOf({ kind: { group, plural, isNamespaced }, namespace }: Scope, version: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return isNamespaced && namespace !== null
    ? `${root}/namespaces/${namespace}/${plural}`
    : `${root}/${plural}`
}

/** RBAC's resourceNames allow a list and a watch that ask for one name. */
export const selectorOf = ({ name }: Scope): Readonly<Record<string, string>> =>
  name === null ? {} : { fieldSelector: `metadata.name=${name}` }
