/**
 * backendRefs of routes: Services, of the route's namespace or with a ReferenceGrant of theirs.
 *
 * The share of connections of one that cannot be used is reset, never given to the others
 * (apis/v1/tcproute_types.go, BackendRefs).
 */

import type { Path } from '../findings/diagnostic.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { ServiceSpec } from '../plan/inputs.ts'
import { serviceHost } from '../plan/names.ts'
import { portOfService, type Registry } from '../plan/registry.ts'
import type { Resource } from '../resource.ts'
import type { Grants } from './grants.ts'
import type { BackendRef, RouteKind, RouteSpec } from './inputs.ts'
import { type ApiBackend, no, type Verdict, yes } from './model.ts'

type Known = { readonly grants: Grants; readonly registry: Registry }

/** Of the first rule: rules have no condition, so others are never reached. */
export function backendsOf(
  route: Resource,
  kind: RouteKind,
  { rules = [] }: RouteSpec,
  known: Known,
): ApiBackend[] {
  return (rules[0]?.backendRefs ?? []).map((ref, index) => {
    const path = ['spec', 'rules', 0, 'backendRefs', index]
    return {
      path,
      host: serviceHost(ref.name, ref.namespace ?? route.metadata.namespace),
      port: ref.port ?? 0,
      weight: ref.weight ?? 1,
      resolved: resolve(ref, route, kind, path, known),
    }
  })
}

function resolve(
  { group = '', kind = 'Service', name, namespace, port = 0 }: BackendRef,
  { metadata }: Resource,
  routeKind: RouteKind,
  path: Path,
  { grants, registry }: Known,
): Verdict {
  const to = { group, kind, name, namespace: namespace ?? metadata.namespace }
  const id = `${to.namespace}/${name}`
  const what = `${kind}${group === '' ? '' : ` of ${group}`}`
  if (group !== '' || kind !== 'Service')
    return no('InvalidKind', `a backend is a Service, not a ${what}`, [...path, 'kind'])
  if (!grants.allows({ group: GATEWAY_API, kind: routeKind, namespace: metadata.namespace }, to)) {
    const message = `no ReferenceGrant of namespace ${to.namespace} lets a ${routeKind} of ${metadata.namespace} use Service ${id}`
    return no('RefNotPermitted', message, [...path, 'namespace'])
  }
  const service = registry
    .exact(serviceHost(name, to.namespace))
    .find(each => each.resource.kind === 'Service')
  if (!service) return no('BackendNotFound', `there is no Service ${id}`, [...path, 'name'])
  // It would lead past the ReferenceGrants of other namespaces (CVE-2021-25740).
  if (service.aliasOf !== null)
    return no('InvalidKind', `Service ${id} is an ExternalName, which a route cannot use`, [...path, 'name'])
  if (portOfService(service, port)) return yes('ResolvedRefs', `Service ${id} has port ${port}`)
  const { ports = [] } = (service.resource.value.spec ?? {}) as ServiceSpec
  return ports.some(each => each.port === port)
    ? no('UnsupportedProtocol', `port ${port} of Service ${id} is not for TCP`, [...path, 'port'])
    : no('BackendNotFound', `Service ${id} has no port ${port}`, [...path, 'port'])
}
