/** Which routes are attached to which listeners, and why others are not. */

import { namesMeet, plainName, takesName } from '../../table/plan/server-name.ts'
import { GATEWAY_API } from '../kinds.ts'
import type { Resource } from '../resource.ts'
import type { BareGateway } from './gateways.ts'
import type { ParentRef } from './inputs.ts'
import type { BareListener } from './listeners.ts'
import { type ApiParent, type ApiRoute, type Attached, no, type Verdict, yes } from './model.ts'

type Names = Attached['names']

/** A listener that takes a route, with their common names. */
type Taken = { readonly listener: BareListener; readonly names: Names }

export class Attachment {
  readonly parents: ApiParent[] = []
  readonly #gateways: ReadonlyMap<string, BareGateway>
  readonly #sets: ReadonlyMap<string, BareGateway['sets'][number]>
  readonly #taken = new Map<BareListener, { route: ApiRoute; names: Names }[]>()

  constructor(gateways: readonly BareGateway[]) {
    this.#gateways = new Map(gateways.map(each => [each.id, each]))
    this.#sets = new Map(gateways.flatMap(each => each.sets).map(each => [each.set.resource.id, each]))
  }

  /** In the order of precedence. */
  add(route: ApiRoute): void {
    const { metadata } = route.route.resource
    const own = new Map<BareListener, Names>()
    for (const [index, ref] of (route.route.value.parentRefs ?? []).entries()) {
      const parent = this.#parentOf(ref, metadata.namespace)
      if (!parent) continue
      const { accepted, taken } = attach(route, index, ref, parent.listeners, parent.resource)
      this.parents.push({ route, index, ref, gateway: parent.gateway, accepted })
      for (const { listener, names } of taken) own.set(listener, names)
    }
    for (const [listener, names] of own)
      this.#taken.getOrInsertComputed(listener, () => []).push({ route, names })
  }

  /** TLSRoutes are told apart by name; of TCPRoutes, which have no condition, the oldest serves. */
  of(listener: BareListener): Attached[] {
    let hasPlain = false
    return (this.#taken.get(listener) ?? []).map(({ route, names }) => {
      const serves = route.kind === 'TLSRoute' || !hasPlain
      if (route.kind === 'TCPRoute') hasPlain = true
      return { route, names, serves }
    })
  }

  /** A Gateway's own listeners, or those of a ListenerSet; undefined: not served here. */
  #parentOf({ group = GATEWAY_API, kind = 'Gateway', name, namespace }: ParentRef, own: string) {
    if (group !== GATEWAY_API) return undefined
    const id = `${namespace ?? own}/${name}`
    const gateway = kind === 'Gateway' ? this.#gateways.get(id) : undefined
    if (gateway) return { gateway: id, listeners: gateway.listeners, resource: gateway.gateway.resource }
    const set = kind === 'ListenerSet' ? this.#sets.get(id) : undefined
    return set && { gateway: set.gateway, listeners: set.listeners, resource: set.set.resource }
  }
}

/** The listeners of one parent that take the route, or the first reason for which none does. */
function attach(
  { kind, route }: ApiRoute,
  index: number,
  { sectionName, port }: ParentRef,
  listeners: readonly BareListener[],
  parent: Resource,
): { accepted: Verdict; taken: readonly Taken[] } {
  const path = ['spec', 'parentRefs', index]
  const none = (reason: string, message: string) => ({ accepted: no(reason, message, path), taken: [] })
  const named = listeners.filter(
    each =>
      (sectionName === undefined || each.name === sectionName) && (port === undefined || each.port === port),
  )
  if (named.length === 0) {
    const wanted = [sectionName && `named ${sectionName}`, port && `at port ${port}`]
      .filter(Boolean)
      .join(' ')
    return none('NoMatchingParent', `${parent.title} has no listener${wanted && ` ${wanted}`}`)
  }
  const { namespace } = route.resource.metadata
  const ofKind = named.filter(each => each.accepts.kinds.includes(kind))
  if (ofKind.length === 0)
    return none('NotAllowedByListeners', `no listener of ${parent.title} takes a ${kind}`)
  const open = ofKind.filter(each => each.accepts.fromNamespace(namespace))
  if (open.length === 0)
    return none(
      'NotAllowedByListeners',
      `no listener of ${parent.title} takes routes of namespace ${namespace}`,
    )
  const taken = open.flatMap((listener): Taken[] => {
    if (kind === 'TCPRoute') return [{ listener, names: [] }]
    const names = commonNames(listener.hostname || '*', route.value.hostnames ?? [])
    return names.length > 0 ? [{ listener, names }] : []
  })
  if (taken.length > 0)
    return { accepted: yes('Accepted', `the route is attached to ${parent.title}`), taken }
  const hosts = [...new Set(open.map(each => each.hostname))].join(', ')
  return none('NoMatchingListenerHostname', `no hostname of the route is one of ${parent.title}: ${hosts}`)
}

/** The narrower of two patterns that meet; a route without hostnames has the listener's. */
function commonNames(listener: string, hostnames: readonly string[]): Names {
  if (hostnames.length === 0) return [{ name: listener, index: 0 }]
  const common = new Map<string, number>()
  for (const [index, written] of hostnames.entries()) {
    const host = plainName(written)
    if (!namesMeet(listener, host)) continue
    const name = takesName(listener, host) ? host : listener
    if (!common.has(name)) common.set(name, index)
  }
  return [...common].map(([name, index]) => ({ name, index }))
}
