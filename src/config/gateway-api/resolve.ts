/** From Gateway API's resources to what they come to (model.ts), each verdict made once. */

import type { Registry } from '../plan/registry.ts'
import { secretsOf } from '../plan/secrets.ts'
import type { GatewayServers } from '../plan/servers.ts'
import { howOf } from '../plan/virtual-services.ts'
import type { Resource } from '../resource.ts'
import { Attachment } from './attachment.ts'
import { BackendPolicies } from './backend-tls.ts'
import { backendsOf } from './backends.ts'
import { Claims } from './claims.ts'
import { readGateway } from './gateways.ts'
import { Grants } from './grants.ts'
import { type ApiInputs, readApiInputs } from './inputs.ts'
import type { BareListener } from './listeners.ts'
import { type ApiClass, type ApiListener, type ApiRoute, type GatewayApi, no, yes } from './model.ts'
import { Namespaces } from './namespaces.ts'

/** The controller whose GatewayClasses weir serves. */
export const CONTROLLER = 'gateway.weir/controller'

type ResolvedApi = {
  readonly inputs: ApiInputs
  readonly api: GatewayApi
  readonly policies: BackendPolicies
}

type Around = {
  readonly registry: Registry
  /** Istio's Gateways, which have their sockets first. */
  readonly istio: readonly GatewayServers[]
}

export function resolveGatewayApi(resources: readonly Resource[], { registry, istio }: Around): ResolvedApi {
  const inputs = readApiInputs(resources)
  const grants = new Grants(inputs.grants)
  // Without a Gateway nobody asks for a Secret, and there may be thousands.
  const secrets = secretsOf(inputs.gateways.length > 0 ? resources : [])
  const known = { grants, secrets, claims: new Claims(istio), namespaces: new Namespaces(resources) }
  const classes = inputs.classes.filter(each => each.value.controllerName === CONTROLLER).map(readClass)
  const served = new Set(
    classes.flatMap(each => (each.accepted.holds ? [each.class.resource.metadata.name] : [])),
  )
  const sets = Map.groupBy(inputs.listenerSets, gatewayOf)
  const gateways = inputs.gateways
    .filter(each => served.has(each.value.gatewayClassName))
    .map(gateway => readGateway(gateway, sets.get(gateway.resource.id) ?? [], known))
  const attachment = new Attachment(gateways)
  const policies = new BackendPolicies(inputs.backendTls, { registry, secrets })
  const routes = inputs.routes.map(each => readRoute(each, { grants, registry }))
  for (const route of routes) attachment.add(route)
  for (const { route, gateway } of attachment.parents) policies.use(route, gateway)
  const whole = (listener: BareListener): ApiListener => ({ ...listener, attached: attachment.of(listener) })
  return {
    inputs,
    policies,
    api: {
      classes,
      gateways: gateways.map(each => ({
        ...each,
        listeners: each.listeners.map(whole),
        sets: each.sets.map(set => ({ ...set, listeners: set.listeners.map(whole) })),
      })),
      routes,
      parents: attachment.parents,
      policies: policies.list,
    },
  }
}

function readClass(found: ApiInputs['classes'][number]): ApiClass {
  const accepted = found.value.parametersRef
    ? no('InvalidParameters', 'weir takes no parameters', ['spec', 'parametersRef'])
    : yes('Accepted', 'weir serves the Gateways of this class')
  return { class: found, accepted }
}

/** The Gateway that a ListenerSet names: 'namespace/name'; '': another kind of parent. */
function gatewayOf({ resource, value: { parentRef } }: ApiInputs['listenerSets'][number]): string {
  const { kind = 'Gateway', name, namespace = resource.metadata.namespace } = parentRef
  return kind === 'Gateway' ? `${namespace}/${name}` : ''
}

function readRoute(
  written: ApiInputs['routes'][number],
  known: { readonly grants: Grants; readonly registry: Registry },
): ApiRoute {
  const { kind, resource, value } = written
  const backends = backendsOf(resource, kind, value, known)
  const wrong = backends.find(each => !each.resolved.holds)
  return {
    route: { resource, value },
    kind,
    title: resource.title,
    backends,
    resolvedRefs: wrong?.resolved ?? yes('ResolvedRefs', 'every backend is there'),
    ...howOf(resource.metadata.annotations),
  }
}
