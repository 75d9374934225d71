/**
 * What weir claims of Gateway API in the status of its class, by the names of the conformance suite
 * (pkg/features), in alphabetical order. Each has a case in a test (test/docs/conformance.ts).
 */
export const FEATURES = [
  'BackendTLSPolicy',
  'BackendTLSPolicySANValidation',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayStaticAddresses',
  'ListenerSet',
  'ReferenceGrant',
  'TCPRoute',
  'TLSRoute',
  'TLSRouteModeMixed',
  'TLSRouteModeTerminate',
] as const
