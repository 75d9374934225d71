/** Gateways of weir's classes with their ListenerSets: which of their listeners are served. */

import { parseAddress } from '../../address/address.ts'
import type { Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { Typed } from '../plan/inputs.ts'
import { plainAddress } from '../plan/names.ts'
import type { SecretData } from '../plan/secrets.ts'
import type { Resource } from '../resource.ts'
import { certificatesOf } from './certificates.ts'
import type { Claims } from './claims.ts'
import { conflictsOf } from './conflicts.ts'
import type { Grants } from './grants.ts'
import {
  type ApiGatewaySpec,
  type ListenerSetSpec,
  ROUTE_KINDS,
  type RouteKind,
  type WrittenListener,
} from './inputs.ts'
import {
  type ApiGateway,
  type ApiListener,
  type ApiListenerSet,
  type Conflict,
  no,
  type Verdict,
  yes,
} from './model.ts'
import type { Namespaces } from './namespaces.ts'

type Known = {
  readonly claims: Claims
  readonly grants: Grants
  readonly namespaces: Namespaces
  readonly secrets: ReadonlyMap<string, SecretData>
}

/** A listener before routes are attached to it. */
type Bare = Omit<ApiListener, 'attached'>
export type BareGateway = Omit<ApiGateway, 'listeners' | 'sets'> & {
  readonly listeners: readonly Bare[]
  readonly sets: readonly (Omit<ApiListenerSet, 'listeners'> & { readonly listeners: readonly Bare[] })[]
}

export type BareListener = Bare

/** @param sets  The ListenerSets that name it, in the order of precedence. */
export function readGateway(
  gateway: Typed<ApiGatewaySpec>,
  sets: readonly Typed<ListenerSetSpec>[],
  known: Known,
): BareGateway {
  const { resource, value } = gateway
  const { binds, refusal } = bindsOf(value)
  const own = value.listeners ?? []
  const allowed = sets.filter(set =>
    known.namespaces.letsIn(
      value.allowedListeners?.namespaces,
      resource.metadata.namespace,
      set.resource.metadata.namespace,
      'None',
    ),
  )
  const conflicts = conflictsOf([own, ...allowed.map(set => set.value.listeners ?? [])])
  const reader = new ListenerReader(resource, refusal === null ? binds : [], conflicts, known)
  const listeners = reader.read(resource, own)
  const accepted = refusal ?? gatewayAccepted(value, listeners)
  return {
    gateway,
    id: resource.id,
    accepted,
    binds,
    listeners,
    sets: sets.map(set => {
      const all = allowed.includes(set) ? reader.read(set.resource, set.value.listeners ?? []) : []
      return { set, gateway: resource.id, accepted: setAccepted(resource, accepted, all), listeners: all }
    }),
  }
}

/** The addresses to listen at: those asked for, else every one. */
function bindsOf({ addresses = [] }: ApiGatewaySpec): { binds: readonly string[]; refusal: Verdict | null } {
  for (const [index, { type = 'IPAddress', value }] of addresses.entries()) {
    const path = ['spec', 'addresses', index]
    if (type !== 'IPAddress')
      return {
        binds: [],
        refusal: no('UnsupportedAddress', `weir listens at addresses of type IPAddress, not ${quote(type)}`, [
          ...path,
          'type',
        ]),
      }
    if (value && parseAddress(value) === null)
      return {
        binds: [],
        refusal: no('UnsupportedAddress', `${quote(value)} is not an IP address`, [...path, 'value']),
      }
  }
  const wanted = addresses.flatMap(({ value }) => (value ? [plainAddress(value)] : []))
  return { binds: wanted.length > 0 ? [...new Set(wanted)] : [''], refusal: null }
}

function gatewayAccepted({ infrastructure }: ApiGatewaySpec, listeners: readonly Bare[]): Verdict {
  if (infrastructure?.parametersRef)
    return no('InvalidParameters', 'weir takes no parameters', ['spec', 'infrastructure', 'parametersRef'])
  return listenersValid(listeners, 'the Gateway')
}

/** Accepted, also if some listeners are not. */
function listenersValid(listeners: readonly Bare[], what: string): Verdict {
  const wrong = listeners.filter(each => !each.accepted.holds).map(each => each.name)
  if (wrong.length === 0) return yes('Accepted', `${what} is accepted`)
  if (wrong.length === listeners.length) return no('ListenersNotValid', 'no listener is accepted')
  return yes('ListenersNotValid', `these listeners are not accepted: ${wrong.join(', ')}`)
}

function setAccepted(gateway: Resource, parent: Verdict, listeners: readonly Bare[]): Verdict {
  const path = ['spec', 'parentRef']
  if (listeners.length === 0)
    return no('NotAllowed', `${gateway.title} allows no ListenerSet of this namespace`, path)
  if (!parent.holds)
    return no('ParentNotAccepted', `${gateway.title} is not accepted: ${parent.message}`, path)
  return listenersValid(listeners, 'the ListenerSet')
}

/** Listener by listener, of one Gateway and its ListenerSets. */
class ListenerReader {
  readonly #gateway: Resource
  /** None: it does not listen at all. */
  readonly #binds: readonly string[]
  readonly #conflicts: ReadonlyMap<WrittenListener, Conflict>
  readonly #known: Known

  constructor(
    gateway: Resource,
    binds: readonly string[],
    conflicts: ReadonlyMap<WrittenListener, Conflict>,
    known: Known,
  ) {
    this.#gateway = gateway
    this.#binds = binds
    this.#conflicts = conflicts
    this.#known = known
  }

  read(resource: Resource, listeners: readonly WrittenListener[]): Bare[] {
    return listeners.map((written, index) => this.#readOne(resource, ['spec', 'listeners', index], written))
  }

  #readOne(resource: Resource, path: Path, written: WrittenListener): Bare {
    const { name, port, protocol, allowedRoutes } = written
    const mode =
      protocol === 'TLS' ? (written.tls?.mode === 'Passthrough' ? 'Passthrough' : 'Terminate') : null
    const { kinds, unknown } = kindsOf(written, mode)
    const { namespaces, grants, secrets: all } = this.#known
    const references = mode === 'Terminate' ? (written.tls?.certificateRefs ?? []) : []
    const { resolved, secrets } = certificatesOf(references, resource, [...path, 'tls', 'certificateRefs'], {
      grants,
      secrets: all,
    })
    const conflict = this.#conflicts.get(written) ?? null
    const accepted = this.#accepted(written, path, conflict)
    const resolvedRefs = unknown
      ? no('InvalidRouteKinds', unknown.message, [...path, 'allowedRoutes', 'kinds', unknown.index])
      : resolved
    return {
      resource,
      path,
      name,
      port,
      protocol,
      hostname: (written.hostname ?? '').toLowerCase(),
      mode,
      accepts: {
        kinds,
        fromNamespace: namespace =>
          namespaces.letsIn(allowedRoutes?.namespaces, resource.metadata.namespace, namespace, 'Same'),
      },
      knowsKinds: unknown === null,
      conflict,
      accepted,
      resolvedRefs,
      programmed: programmedOf(
        accepted,
        conflict,
        mode === 'Terminate' && secrets.length === 0 ? resolved : null,
      ),
      secrets,
    }
  }

  #accepted(written: WrittenListener, path: Path, conflict: Conflict | null): Verdict {
    const { port, protocol, hostname } = written
    if (conflict !== null) {
      const message = `another listener of ${this.#gateway.title} has port ${port} with ${conflict === 'HostnameConflict' ? 'the same hostname' : `a protocol beside which ${protocol} cannot stand`}`
      return no(conflict, message, path)
    }
    if (protocol !== 'TCP' && protocol !== 'TLS')
      return no('UnsupportedProtocol', `weir serves TCP and TLS, not ${protocol}`, [...path, 'protocol'])
    const names = protocol === 'TLS' ? [hostname?.toLowerCase() || '*'] : []
    const gateway = `api ${this.#gateway.id}`
    const owner = this.#known.claims.owner(this.#binds, port, names, gateway)
    if (owner !== null)
      return no('PortUnavailable', `${owner} has port ${port}${names.length > 0 ? ` for ${names[0]}` : ''}`, [
        ...path,
        'port',
      ])
    this.#known.claims.add(this.#binds, port, { names, gateway, title: this.#gateway.title })
    return yes('Accepted', 'the listener is accepted')
  }
}

function programmedOf(accepted: Verdict, conflict: Conflict | null, closed: Verdict | null): Verdict {
  if (!accepted.holds) return no(conflict ?? 'Invalid', accepted.message)
  if (closed) return no('Invalid', `it stays closed without a certificate: ${closed.message}`)
  return yes('Programmed', 'the listener is open')
}

/** By protocol and mode; where TLS ends here, bytes may be routed by both. */
function possibleKinds(protocol: string, mode: Bare['mode']): readonly RouteKind[] {
  if (protocol === 'TCP') return ['TCPRoute']
  if (mode === 'Passthrough') return ['TLSRoute']
  return mode === 'Terminate' ? ['TLSRoute', 'TCPRoute'] : []
}

/** The kinds of routes, narrowed by allowedRoutes, and the first that it names in vain. */
function kindsOf(
  { protocol, allowedRoutes }: WrittenListener,
  mode: Bare['mode'],
): { kinds: readonly RouteKind[]; unknown: { index: number; message: string } | null } {
  const possible = possibleKinds(protocol, mode)
  const asked = allowedRoutes?.kinds ?? []
  if (asked.length === 0) return { kinds: possible, unknown: null }
  const known = ({ group = GATEWAY_API, kind }: (typeof asked)[number]): RouteKind | undefined =>
    group === GATEWAY_API ? possible.find(each => each === kind) : undefined
  const index = asked.findIndex(each => known(each) === undefined)
  const kinds = ROUTE_KINDS.filter(kind => asked.some(each => known(each) === kind))
  const { group = GATEWAY_API, kind = '' } = asked[index] ?? {}
  const message = `a listener of protocol ${protocol}${mode === null ? '' : ` with mode ${mode}`} has no routes of kind ${kind}${group === GATEWAY_API ? '' : ` of ${group}`}`
  return { kinds, unknown: index < 0 ? null : { index, message } }
}
