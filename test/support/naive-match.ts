/**
 * The matcher that cannot be wrong: what src/table/plan/plan.ts says, word by word, and as slowly
 * as that.
 *
 * The data plane's matcher is checked against this one.
 */

import { type Address, type Cidr, contains, parseAddress } from '../../src/address/address.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../../src/table/format/outcome.ts'
import type { Listener, Plan, Rule, Scope } from '../../src/table/plan/plan.ts'

export type Identity = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

export type Query = {
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  readonly client: string
  readonly destination: string
  /** The port that the client asked for. */
  readonly port: number
  /** Who the client is, where that is given and not to be looked up. */
  readonly identity?: Identity
}

export type Outcome = {
  /** Index into `Plan.listeners`, or −1: nothing listens there. */
  readonly listener: number
  /** The rule that decided, or null. */
  readonly rule: Rule | null
  /** Index into `Plan.routes`, or one of table/format/outcome.ts. */
  readonly route: number
}

const NOBODY: Identity = { namespace: '', labels: {} }
const OTHERWISE = { close: NO_ROUTE, passthrough: PASSTHROUGH, deny: DENIED }

export function naiveMatch(plan: Plan, query: Query): Outcome {
  const destination = address(query.destination)
  const client = address(query.client)
  const index = listenerOf(plan, query, destination)
  const listener = plan.listeners[index]
  if (!listener) return { listener: -1, rule: null, route: NO_ROUTE }
  // A Gateway's connections arrive at its own port, whatever a PROXY header says of them.
  const port = listener.gateway === 'mesh' ? query.port : listener.port
  const scope = scopeOf(listener, destination, port)
  if (!scope) return { listener: index, rule: null, route: OTHERWISE[listener.otherwise] }
  const identity = query.identity ?? identify(plan, client)
  const matched = scope.rules.findIndex(each => holds(each, destination, port, client, identity))
  const passed = matched < 0 ? Number.POSITIVE_INFINITY : matched
  const own = scope.defaults?.find(
    each => each.after <= passed && each.visibleTo.includes(identity.namespace),
  )
  if (own) return { listener: index, rule: null, route: own.route }
  const rule = scope.rules[matched] ?? null
  return { listener: index, rule, route: rule ? rule.route : scope.defaultRoute }
}

/**
 * The kernel prefers the socket that is bound to the address; behind a redirect the address says
 * nothing of the socket.
 */
function listenerOf({ listeners }: Plan, { gateway, port }: Query, destination: Address): number {
  const specific = (each: Listener) =>
    !isEvery(each.bind, destination) && equal(address(each.bind), destination)
  const redirected = listeners.findIndex(each => each.gateway === gateway && each.destination === 'original')
  if (redirected >= 0) return redirected
  const fits = listeners.filter(each => each.gateway === gateway && each.port === port)
  const chosen = fits.find(specific) ?? fits.find(each => isEvery(each.bind, destination))
  return chosen ? listeners.indexOf(chosen) : -1
}

/** A socket on :: takes IPv4 too, unless it is told not to (ipv6(7), IPV6_V6ONLY). */
const isEvery = (bind: string, destination: Address): boolean =>
  bind === '' || bind === '::' || (bind === '0.0.0.0' && destination.family === 4)

function scopeOf(listener: Listener, destination: Address, port: number): Scope | null {
  const lengths = listener.scopes.map(scope =>
    scope.port === 0 || scope.port === port ? prefixLength(scope.addresses, destination) : -1,
  )
  const longest = Math.max(-1, ...lengths)
  return longest < 0 ? null : listener.scopes[lengths.indexOf(longest)]
}

/**
 * Length of the longest of the ranges around an address; 0 where none are given, −1 where none
 * fits.
 */
const prefixLength = (ranges: readonly Cidr[], { family, words }: Address): number =>
  ranges.length === 0
    ? 0
    : Math.max(-1, ...ranges.filter(each => contains(each, family, words)).map(each => each.bits))

const holds = (
  rule: Rule,
  destination: Address,
  port: number,
  client: Address,
  identity: Identity,
): boolean =>
  rule.never === null &&
  isInside(rule.destinations, destination) &&
  (rule.port === 0 || rule.port === port) &&
  isInside(rule.clients, client) &&
  (rule.source.namespace === null || rule.source.namespace === identity.namespace) &&
  Object.entries(rule.source.labels).every(([key, value]) => identity.labels[key] === value) &&
  (rule.source.visibleTo === null || rule.source.visibleTo.includes(identity.namespace))

const isInside = (ranges: readonly Cidr[], { family, words }: Address): boolean =>
  ranges.length === 0 || ranges.some(each => contains(each, family, words))

function identify({ sources }: Plan, client: Address): Identity {
  const around = sources.filter(each => contains(each.cidr, client.family, client.words))
  const longest = Math.max(...around.map(each => each.cidr.bits))
  return around.find(each => each.cidr.bits === longest) ?? NOBODY
}

const equal = (left: Address, right: Address): boolean =>
  left.family === right.family && left.words.every((word, index) => word === right.words[index])

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(`"${text}" is no address`)
  return parsed
}
