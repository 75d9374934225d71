/** Listeners of a Gateway and its ListenerSets: which are served, and by what certificates. */

import type { Path } from '../findings/diagnostic.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { SecretData } from '../plan/secrets.ts'
import type { Resource } from '../resource.ts'
import { certificatesOf } from './certificates.ts'
import type { Claims } from './claims.ts'
import type { Grants } from './grants.ts'
import { ROUTE_KINDS, type RouteKind, type WrittenListener } from './inputs.ts'
import { type ApiListener, type Conflict, no, type Verdict, yes } from './model.ts'
import type { Namespaces } from './namespaces.ts'

export type KnownToListeners = {
  readonly claims: Claims
  readonly grants: Grants
  readonly namespaces: Namespaces
  readonly secrets: ReadonlyMap<string, SecretData>
}

/** A listener before routes are attached to it. */
export type BareListener = Omit<ApiListener, 'attached'>

/** Listener by listener, of one Gateway and its ListenerSets. */
export class ListenerReader {
  readonly #gateway: Resource
  /** None: it does not listen at all. */
  readonly #binds: readonly string[]
  readonly #conflicts: ReadonlyMap<WrittenListener, Conflict>
  readonly #known: KnownToListeners

  constructor(
    gateway: Resource,
    binds: readonly string[],
    conflicts: ReadonlyMap<WrittenListener, Conflict>,
    known: KnownToListeners,
  ) {
    this.#gateway = gateway
    this.#binds = binds
    this.#conflicts = conflicts
    this.#known = known
  }

  read(resource: Resource, listeners: readonly WrittenListener[]): BareListener[] {
    return listeners.map((written, index) => this.#readOne(resource, ['spec', 'listeners', index], written))
  }

  #readOne(resource: Resource, path: Path, written: WrittenListener): BareListener {
    const { name, port, protocol, allowedRoutes } = written
    const mode =
      protocol === 'TLS' ? (written.tls?.mode === 'Passthrough' ? 'Passthrough' : 'Terminate') : null
    const { kinds, unknown } = kindsOf(written, mode)
    const { namespaces, grants, secrets: all } = this.#known
    const references = mode === 'Terminate' ? (written.tls?.certificateRefs ?? []) : []
    const { resolved, ...certificates } = certificatesOf(
      references,
      resource,
      [...path, 'tls', 'certificateRefs'],
      { grants, secrets: all },
    )
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
        mode === 'Terminate' && certificates.secrets.length === 0 ? resolved : null,
      ),
      ...certificates,
    }
  }

  #accepted(written: WrittenListener, path: Path, conflict: Conflict | null): Verdict {
    const { port, protocol, hostname } = written
    if (conflict !== null) {
      const message = `another listener of ${this.#gateway.title} has port ${port} with ${conflict === 'HostnameConflict' ? 'the same hostname' : `a protocol beside which ${protocol} cannot stand`}`
      return no(conflict, message, path)
    }
    if (protocol !== 'TCP' && protocol !== 'TLS')
      return no('UnsupportedProtocol', unsupportedText(protocol), [...path, 'protocol'])
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

function unsupportedText(protocol: string): string {
  const meant = ['TCP', 'TLS'].find(each => each === protocol.toUpperCase())
  return `weir serves TCP and TLS, not ${protocol}${meant ? `: write ${meant}` : ''}`
}

function programmedOf(accepted: Verdict, conflict: Conflict | null, closed: Verdict | null): Verdict {
  if (!accepted.holds) return no(conflict ?? 'Invalid', accepted.message)
  if (closed) return no('Invalid', `it stays closed, or keeps the certificate that it had: ${closed.message}`)
  return yes('Programmed', 'the listener is open')
}

/** By protocol and mode; where TLS ends here, bytes may be routed by both. */
function possibleKinds(protocol: string, mode: BareListener['mode']): readonly RouteKind[] {
  if (protocol === 'TCP') return ['TCPRoute']
  if (mode === 'Passthrough') return ['TLSRoute']
  return mode === 'Terminate' ? ['TLSRoute', 'TCPRoute'] : []
}

/** The kinds of routes, narrowed by allowedRoutes, and the first that it names in vain. */
function kindsOf(
  { protocol, allowedRoutes }: WrittenListener,
  mode: BareListener['mode'],
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
