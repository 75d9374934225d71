/**
 * The tests of Gateway API's conformance suite that concern what weir serves, by their short names,
 * with the features that each asks for, and weir's own tests that hold the same rules.
 *
 * Of the snapshot of August 2026. The suite itself needs a cluster whose Pods answer.
 */

/** By a short name, the file of a test. */
export const FILES = {
  routes: 'test/config/gateway-api-routes.test.ts',
  tlsRoutes: 'test/config/gateway-api-tls-routes.test.ts',
  status: 'test/config/gateway-api-status.test.ts',
  sets: 'test/config/gateway-api-listener-sets.test.ts',
  routeStatus: 'test/config/gateway-api-route-status.test.ts',
  listeners: 'test/config/gateway-api-listeners.test.ts',
  cases: 'test/config/gateway-api-cases.test.ts',
  files: 'test/control/gateway-api.test.ts',
  api: 'test/kubernetes/gateway-api.test.ts',
  backends: 'test/kubernetes/gateway-api-backend-tls.test.ts',
} as const

type Held = readonly [file: keyof typeof FILES, title: string]

const weights: Held = [
  'files',
  'weights 70, 30 and 0 are delivered, the share of a missing Service is reset, a grant opens and closes',
]
const tlsWays: Held = [
  'files',
  'TLS passes by name, ends with a certificate of another namespace, and is spoken to a backend',
]
const parents: Held = ['routes', 'parentRefs: all listeners, one by section, one by port, or both']
const backend: Held = [
  'routeStatus',
  'a backend that cannot be used: the route is accepted, its references are not resolved',
]
const whyNot: Held = ['routeStatus', 'why a route is not accepted by its parent']
const tlsTrouble: Held = [
  'cases',
  'a TLSRoute: backends and parents that cannot be are told as for a TCPRoute',
]
const tlsKinds: Held = ['cases', 'kinds of routes: of a listener where TLS passes, and of one where it ends']
const followed: Held = ['api', 'traffic follows, and each status is written once']
const comeAndGo: Held = [
  'api',
  'listeners come and go; of two TCPRoutes one has the listener, and the other once it has gone',
]
const generations: Held = ['cases', 'every condition has the generation of the resource that carries it']
const certificates: Held = [
  'status',
  'certificates: missing, of another kind, malformed, of another namespace',
]
const sets: Held = ['sets', 'ListenerSets: allowed by namespace, and counted by their Gateway']
const spoken: Held = [
  'backends',
  'traffic and status follow a BackendTLSPolicy, its names, its authority and its age',
]
const policies: Held = ['status', 'BackendTLSPolicies: per Gateway that has a route to their Service']

type Conformance = {
  readonly name: string
  readonly features: readonly string[]
  readonly held: readonly Held[]
}

const of = (name: string, features: string, ...held: Held[]): Conformance => ({
  name,
  features: ['Gateway', ...features.split(' ').filter(Boolean)],
  held,
})

export const CONFORMANCE: readonly Conformance[] = [
  of('TCPRouteWeightedRouting', 'TCPRoute', weights, [
    'api',
    'weights 70, 30 and 0, and the share of a Service that is missing, by routes of alpha versions',
  ]),
  of(
    'TCPRouteMultipleRoutesAttachment',
    'TCPRoute',
    [
      'routes',
      'of several TCPRoutes on a listener the oldest alone has it; of the same age, the first by name',
    ],
    ['routeStatus', 'two TCPRoutes on a listener are both accepted and attached'],
    comeAndGo,
  ),
  of('TCPRouteInvalidBackendRefNonexistent', 'TCPRoute', backend, weights),
  of('TCPRouteInvalidCrossNamespaceBackendRef', 'TCPRoute ReferenceGrant', backend, [
    'routes',
    'a Service of another namespace is used with a ReferenceGrant only, for that kind and name',
  ]),
  of('TCPRouteInvalidNonTCPListener', 'TCPRoute', whyNot),
  of('TCPRouteParentRefAttachAll', 'TCPRoute', parents),
  of('TCPRouteParentRefPortAndSectionName', 'TCPRoute', parents),
  of('TCPRouteReferenceGrant', 'TCPRoute ReferenceGrant', weights, followed),
  of('TLSRouteSimpleSameNamespace', 'TLSRoute', tlsWays, followed),
  of('TLSRouteHostnameIntersection', 'TLSRoute', [
    'tlsRoutes',
    'hostnames of a listener and a route meet in the narrower one',
  ]),
  of('TLSRouteInvalidBackendRefNonexistent', 'TLSRoute', tlsTrouble),
  of('TLSRouteInvalidBackendRefUnknownKind', 'TLSRoute', tlsTrouble),
  of('TLSRouteInvalidReferenceGrant', 'TLSRoute ReferenceGrant', tlsTrouble),
  of('TLSRouteInvalidNoMatchingListener', 'TLSRoute', tlsTrouble),
  of('TLSRouteInvalidNoMatchingListenerHostname', 'TLSRoute', whyNot),
  of('TLSRouteListenerPassthroughSupportedKinds', 'TLSRoute', tlsKinds),
  of('TLSRouteListenerTerminateSupportedKinds', 'TLSRoute TLSRouteModeTerminate', tlsKinds),
  of('TLSRouteTerminateSimpleSameNamespace', 'TLSRoute TLSRouteModeTerminate', tlsWays),
  of(
    'TLSRouteMixedTerminationSameNamespace',
    'TLSRoute TLSRouteModeTerminate TLSRouteModeMixed',
    ['listeners', 'both modes of TLS share a port, told apart by name'],
    tlsWays,
  ),
  of('GatewayListenerUnsupportedProtocol', '', [
    'cases',
    'any word is a protocol; one that weir does not serve is told in the status',
  ]),
  of('GatewayInvalidParametersRef', '', ['cases', 'parameters are refused, of a class and of a Gateway']),
  of('GatewayInvalidRouteKind', '', [
    'status',
    'kinds of routes that a listener cannot have are not supported',
  ]),
  of('GatewayInvalidTLSConfiguration', '', certificates),
  of('GatewayModifyListeners', '', comeAndGo),
  of('GatewayNameMaximumLength', '', ['cases', 'a Gateway may have a name of 253 characters']),
  of('GatewayObservedGenerationBump', '', generations, comeAndGo),
  of('GatewayClassObservedGenerationBump', '', generations),
  of('GatewayOptionalAddressValue', 'GatewayAddressEmpty', [
    'cases',
    'an address without a value is any that weir has',
  ]),
  of(
    'GatewayStaticAddresses',
    'GatewayStaticAddresses',
    ['cases', 'an address that the machine does not have is told, and is none of the Gateway’s'],
    comeAndGo,
  ),
  of('GatewaySecretInvalidReferenceGrant', 'ReferenceGrant', certificates),
  of('GatewaySecretMissingReferenceGrant', 'ReferenceGrant', certificates),
  of('GatewaySecretReferenceGrantAllInNamespace', 'ReferenceGrant', certificates),
  of('GatewaySecretReferenceGrantSpecific', 'ReferenceGrant', certificates),
  of(
    'GatewayWithAttachedRoutes',
    '',
    ['routeStatus', 'a route is counted once for a listener, and only if it is accepted there'],
    ['cases', 'routes count for a listener whose certificate is missing, also with backends that are'],
  ),
  of('ListenerSetDefaultNotAllowed', 'ListenerSet', sets),
  of('ListenerSetAllowedNamespaceNone', 'ListenerSet', sets),
  of('ListenerSetAllowedNamespaceSame', 'ListenerSet', sets),
  of('ListenerSetAllowedNamespaceSelector', 'ListenerSet', sets),
  of('ListenerSetAllowedRoutesNamespaces', 'ListenerSet', [
    'sets',
    'ListenerSets: allowedRoutes counts from the namespace of the ListenerSet',
  ]),
  of('ListenerSetAllowedRoutesSupportedKinds', 'ListenerSet TLSRoute', tlsKinds),
  of('ListenerSetDualParentRefIndependence', 'ListenerSet', [
    'sets',
    'ListenerSets: a route has a verdict for each parent that it names, and for no other',
  ]),
  of('ListenerSetRouteStatusScopedToParentRef', 'ListenerSet', [
    'sets',
    'ListenerSets: a route has a verdict for each parent that it names, and for no other',
  ]),
  of('ListenerSetGatewayParentSectionNameNotFound', 'ListenerSet', [
    'sets',
    'a route finds a ListenerSet’s listener by the ListenerSet, not by the Gateway',
  ]),
  of(
    'ListenerSetHostnameConflict',
    'ListenerSet',
    ['sets', 'ListenerSets: the Gateway’s listeners come first, then the older set’s'],
    ['sets', 'ListenerSets: what lost to the Gateway is in the way of nobody, its own siblings included'],
  ),
  of('ListenerSetProtocolConflict', 'ListenerSet', [
    'sets',
    'ListenerSets: what lost to the Gateway is in the way of nobody, its own siblings included',
  ]),
  of('ListenerSetHTTPRouting', 'ListenerSet', [
    'sets',
    'ListenerSets: routes attach to all listeners of a parent, or to one by name, and are served there',
  ]),
  of('ListenerSetReferenceGrant', 'ListenerSet ReferenceGrant', [
    'sets',
    'ListenerSets: a Secret of another namespace needs a grant for ListenerSets',
  ]),
  of('BackendTLSPolicy', 'BackendTLSPolicy', spoken),
  of('BackendTLSPolicyTLSRouteTerminate', 'BackendTLSPolicy TLSRoute TLSRouteModeTerminate', tlsWays),
  of(
    'BackendTLSPolicyConflictResolution',
    'BackendTLSPolicy',
    ['cases', 'BackendTLSPolicies: of a Service and of its ports the oldest, by time and then by name'],
    spoken,
  ),
  of('BackendTLSPolicyInvalidCACertificateRef', 'BackendTLSPolicy', policies, spoken),
  of('BackendTLSPolicyInvalidKind', 'BackendTLSPolicy', policies),
  of('BackendTLSPolicyObservedGenerationBump', 'BackendTLSPolicy', spoken),
  of('BackendTLSPolicySANValidation', 'BackendTLSPolicy BackendTLSPolicySANValidation', spoken),
]

/** What concerns the same kinds and is not weir's, and why. */
export const APART: Readonly<Record<string, string>> = {
  TLSRouteListenerTerminateNotSupported: 'for gateways without TLSRouteModeTerminate',
  TLSRouteListenerMixedTerminationNotSupported: 'for gateways without TLSRouteModeMixed',
  GatewayInfrastructure: 'not claimed: weir makes no Pods or Services',
  GatewayHTTPListenerIsolation: 'HTTP',
  GatewayWithAttachedRoutesWithPort8080: 'HTTP',
  BackendTLSPolicyGRPCRoute: 'GRPC',
  'GatewayTLSBackendClientCertificate, GatewayInvalidTLSBackendConfiguration':
    'not claimed: `tls.backend`; Istio’s DestinationRule has it',
  'GatewayFrontend…, GatewayInvalidFrontendClientCertificateValidation':
    'not claimed: `tls.frontend`, which is for HTTPS; Istio’s Gateway has it',
}
