/**
 * CustomResourceDefinitions of Istio and of the Gateway API, as small as they can be: names,
 * versions and the status path, any field. A real API server takes them, too.
 */

import type { KubeObject } from './object.ts'

type Names = { readonly kind: string; readonly plural: string; readonly shortNames?: readonly string[] }
type Options = { readonly group: string; readonly versions: readonly string[]; readonly isCluster?: boolean }

const SCHEMA = {
  openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
}

export function crd(
  { kind, plural, shortNames }: Names,
  { group, versions, isCluster }: Options,
): KubeObject {
  const names = {
    kind,
    plural,
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
    ...(shortNames && { shortNames }),
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // For groups of k8s.io, a real API server asks for it.
      annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api' },
    },
    spec: {
      group,
      scope: isCluster ? 'Cluster' : 'Namespaced',
      names,
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        schema: SCHEMA,
      })),
    },
  }
}

const NETWORKING = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] }
const SECURITY = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] }
const GATEWAY = { group: 'gateway.networking.k8s.io', versions: ['v1', 'v1beta1', 'v1alpha2'] }

export const ISTIO_CRDS: readonly KubeObject[] = [
  crd({ kind: 'Gateway', plural: 'gateways', shortNames: ['gw'] }, NETWORKING),
  crd({ kind: 'VirtualService', plural: 'virtualservices', shortNames: ['vs'] }, NETWORKING),
  crd({ kind: 'DestinationRule', plural: 'destinationrules', shortNames: ['dr'] }, NETWORKING),
  crd({ kind: 'ServiceEntry', plural: 'serviceentries', shortNames: ['se'] }, NETWORKING),
  crd({ kind: 'WorkloadEntry', plural: 'workloadentries', shortNames: ['we'] }, NETWORKING),
  crd({ kind: 'Sidecar', plural: 'sidecars' }, NETWORKING),
  crd({ kind: 'AuthorizationPolicy', plural: 'authorizationpolicies', shortNames: ['ap'] }, SECURITY),
  crd({ kind: 'PeerAuthentication', plural: 'peerauthentications', shortNames: ['pa'] }, SECURITY),
]

export const GATEWAY_API_CRDS: readonly KubeObject[] = [
  crd(
    { kind: 'GatewayClass', plural: 'gatewayclasses', shortNames: ['gc'] },
    { ...GATEWAY, isCluster: true },
  ),
  crd({ kind: 'Gateway', plural: 'gateways', shortNames: ['gtw'] }, GATEWAY),
  crd({ kind: 'TCPRoute', plural: 'tcproutes' }, GATEWAY),
  crd({ kind: 'TLSRoute', plural: 'tlsroutes' }, GATEWAY),
  crd({ kind: 'ListenerSet', plural: 'listenersets' }, GATEWAY),
  crd({ kind: 'ReferenceGrant', plural: 'referencegrants', shortNames: ['refgrant'] }, GATEWAY),
  crd({ kind: 'BackendTLSPolicy', plural: 'backendtlspolicies' }, GATEWAY),
]
