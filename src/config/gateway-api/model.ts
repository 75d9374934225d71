/**
 * What Gateway API's resources come to, taken together: which listeners are served, which routes
 * are attached to them, where their connections go.
 *
 * Everything else is read from it: the servers of the Plan (servers.ts), findings (findings.ts) and
 * the status (status/). No verdict is made twice.
 */

import type { OnDead, Split } from '../../table/plan/plan.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Typed } from '../plan/inputs.ts'
import type { Resource } from '../resource.ts'
import type {
  ApiGatewaySpec,
  BackendTlsSpec,
  GatewayClassSpec,
  ListenerSetSpec,
  ParentRef,
  RouteKind,
  RouteSpec,
} from './inputs.ts'

/** A condition of the status, and why it holds or does not. */
export type Verdict = {
  readonly holds: boolean
  /** A word of the specification, such as "BackendNotFound". */
  readonly reason: string
  readonly message: string
  /** The field that is to blame, in the resource that has the condition. */
  readonly path?: Path
}

export const yes = (reason: string, message: string): Verdict => ({ holds: true, reason, message })
export const no = (reason: string, message: string, path?: Path): Verdict => ({
  holds: false,
  reason,
  message,
  ...(path && { path }),
})

export type ApiClass = { readonly class: Typed<GatewayClassSpec>; readonly accepted: Verdict }

/** A Gateway of one of weir's classes. */
export type ApiGateway = {
  readonly gateway: Typed<ApiGatewaySpec>
  readonly id: string
  readonly accepted: Verdict
  /** Where its listeners listen; ['']: at every address. */
  readonly binds: readonly string[]
  /** Its own; those of its ListenerSets are there. */
  readonly listeners: readonly ApiListener[]
  readonly sets: readonly ApiListenerSet[]
}

/** A ListenerSet that names one of these Gateways. */
export type ApiListenerSet = {
  readonly set: Typed<ListenerSetSpec>
  /** 'namespace/name' of its Gateway. */
  readonly gateway: string
  readonly accepted: Verdict
  /** None if its Gateway does not allow it. */
  readonly listeners: readonly ApiListener[]
}

export type ApiListener = {
  /** The Gateway or ListenerSet in which it is written, and where. */
  readonly resource: Resource
  readonly path: Path
  readonly name: string
  readonly port: number
  readonly protocol: string
  /** In lower case; '': every name. */
  readonly hostname: string
  /** Of protocol TLS, and for others null. */
  readonly mode: 'Terminate' | 'Passthrough' | null
  readonly accepts: Accepts
  /** Whether the kinds that it asks for are all ones that weir and its protocol have. */
  readonly knowsKinds: boolean
  /** Why it takes part in no conflict, or in which. */
  readonly conflict: Conflict | null
  readonly accepted: Verdict
  readonly resolvedRefs: Verdict
  /** Whether it listens. */
  readonly programmed: Verdict
  /** The Secrets that it may use and that have a certificate: 'namespace/name'. */
  readonly secrets: readonly string[]
  /** If there are none: those that it may use once they have one. */
  readonly awaited: readonly string[]
  /** Accepted routes, in the order of precedence. */
  readonly attached: readonly Attached[]
}

export type Conflict = 'HostnameConflict' | 'ProtocolConflict'

/** Which routes may be attached. */
type Accepts = {
  readonly kinds: readonly RouteKind[]
  fromNamespace(namespace: string): boolean
}

export type Attached = {
  readonly route: ApiRoute
  /** Of a TLSRoute: the server names that both have, with the index of the written one. */
  readonly names: readonly { readonly name: string; readonly index: number }[]
  /** Whether it gets connections; of several TCPRoutes only the oldest does. */
  readonly serves: boolean
}

export type ApiRoute = {
  readonly route: Typed<RouteSpec>
  readonly kind: RouteKind
  /** "TCPRoute shop/orders". */
  readonly title: string
  readonly backends: readonly ApiBackend[]
  readonly resolvedRefs: Verdict
  readonly split: Split
  readonly onDead: OnDead
}

export type ApiBackend = {
  readonly path: Path
  /** The full name, also of one that does not exist. */
  readonly host: string
  readonly port: number
  readonly weight: number
  readonly resolved: Verdict
}

/** A route and one of the parents that it names, if this is served here. */
export type ApiParent = {
  readonly route: ApiRoute
  readonly index: number
  readonly ref: ParentRef
  /** 'namespace/name' of the Gateway that it belongs to, at last. */
  readonly gateway: string
  readonly accepted: Verdict
}

export type ApiPolicy = {
  readonly policy: Typed<BackendTlsSpec>
  readonly accepted: Verdict
  readonly resolvedRefs: Verdict
  /** Gateways with a route to one of its Services: 'namespace/name'. */
  readonly gateways: readonly string[]
}

export type GatewayApi = {
  readonly classes: readonly ApiClass[]
  readonly gateways: readonly ApiGateway[]
  /** All of them, also those of others' Gateways. */
  readonly routes: readonly ApiRoute[]
  readonly parents: readonly ApiParent[]
  readonly policies: readonly ApiPolicy[]
}
