/**
 * The resources of Gateway API by kind, typed, in the order of precedence that its specification
 * gives: oldest first, then alphabetically by "namespace/name".
 *
 * Validation has refused wrong shapes, so the types can be trusted here. They list only the fields
 * that weir reads.
 */

import { GATEWAY_API, groupOf } from '../kinds.ts'
import type { Labels, Typed } from '../plan/inputs.ts'
import type { Resource } from '../resource.ts'

export type GatewayClassSpec = {
  readonly controllerName: string
  readonly parametersRef?: Reference
}

/** How one object refers to another; what is left out has a default that depends on the field. */
export type Reference = {
  readonly group?: string
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
}

export type Selector = {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

/** The namespaces that routes, or ListenerSets, may come from. */
export type FromNamespaces = { readonly from?: string; readonly selector?: Selector }

export type WrittenListener = {
  readonly name: string
  readonly hostname?: string
  readonly port: number
  readonly protocol: string
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly Reference[] }
  readonly allowedRoutes?: {
    readonly namespaces?: FromNamespaces
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[]
  }
}

export type ApiGatewaySpec = {
  readonly gatewayClassName: string
  readonly listeners?: readonly WrittenListener[]
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[]
  readonly allowedListeners?: { readonly namespaces?: FromNamespaces }
  readonly infrastructure?: { readonly parametersRef?: Reference }
}

export type ListenerSetSpec = {
  readonly parentRef: Reference
  readonly listeners?: readonly WrittenListener[]
}

export type ParentRef = Reference & { readonly sectionName?: string; readonly port?: number }
export type BackendRef = Reference & { readonly port?: number; readonly weight?: number }

/** Of a TCPRoute and a TLSRoute, which alone has hostnames. */
export type RouteSpec = {
  readonly parentRefs?: readonly ParentRef[]
  readonly hostnames?: readonly string[]
  readonly rules?: readonly { readonly backendRefs?: readonly BackendRef[] }[]
}

export type ReferenceGrantSpec = {
  readonly from?: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[]
  readonly to?: readonly { readonly group: string; readonly kind: string; readonly name?: string }[]
}

export type BackendTlsSpec = {
  readonly targetRefs?: readonly (Reference & { readonly sectionName?: string })[]
  readonly validation: {
    readonly hostname: string
    readonly caCertificateRefs?: readonly Reference[]
    readonly wellKnownCACertificates?: string
    readonly subjectAltNames?: readonly {
      readonly type: string
      readonly hostname?: string
      readonly uri?: string
    }[]
  }
}

export const ROUTE_KINDS = ['TCPRoute', 'TLSRoute'] as const
export type RouteKind = (typeof ROUTE_KINDS)[number]

export type ApiInputs = {
  readonly classes: readonly Typed<GatewayClassSpec>[]
  readonly gateways: readonly Typed<ApiGatewaySpec>[]
  readonly listenerSets: readonly Typed<ListenerSetSpec>[]
  readonly routes: readonly (Typed<RouteSpec> & { readonly kind: RouteKind })[]
  readonly grants: readonly Typed<ReferenceGrantSpec>[]
  readonly backendTls: readonly Typed<BackendTlsSpec>[]
}

export function readApiInputs(resources: readonly Resource[]): ApiInputs {
  const own = resources.filter(each => groupOf(each.apiVersion) === GATEWAY_API)
  const byKind = Map.groupBy(own, each => each.kind)
  const of = <Spec>(kind: string): Typed<Spec>[] =>
    (byKind.get(kind) ?? []).toSorted(byPrecedence).map(resource => ({
      resource,
      value: withoutNulls(resource.value.spec ?? {}) as Spec,
    }))
  const routes = ROUTE_KINDS.flatMap(kind => of<RouteSpec>(kind).map(each => ({ ...each, kind })))
  return {
    classes: of('GatewayClass'),
    gateways: of('Gateway'),
    listenerSets: of('ListenerSet'),
    routes: routes.sort((left, right) => byPrecedence(left.resource, right.resource)),
    grants: of('ReferenceGrant'),
    backendTls: of('BackendTLSPolicy'),
  }
}

/** As the API server drops them: null is the same as absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutNulls(member)]))
}

const compare = <Value>(left: Value, right: Value): number => (left < right ? -1 : left > right ? 1 : 0)

/** A missing creation time, as in files, counts as the oldest. */
const byPrecedence = (left: Resource, right: Resource): number =>
  compare(
    left.metadata.createdMs ?? Number.NEGATIVE_INFINITY,
    right.metadata.createdMs ?? Number.NEGATIVE_INFINITY,
  ) || compare(left.id, right.id)
