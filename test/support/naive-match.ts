/**
 * The matcher that cannot be wrong: the definition of src/table/plan/plan.ts, literally, and as
 * slowly as that.
 *
 * The data plane's matcher is checked against this one.
 */

import { type Address, type Cidr, contains } from '../../src/address/address.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../../src/table/format/outcome.ts'
import type { Listener, Plan, Rule, Scope } from '../../src/table/plan/plan.ts'
import { addressOf } from './addresses.ts'

export type Identity = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

export type Query = {
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  readonly client: string
  readonly destination: string
  /** The port that the client asked for. */
  readonly port: number
  /**
   * Whether the client begins with TLS, and the server name that it asks for; '' or absent: none.
   */
  readonly isTls?: boolean
  readonly serverName?: string
  /** The client's identity, if given instead of looked up. */
  readonly identity?: Identity
}

export type Outcome = {
  /**
   * Index into `Plan.listeners`, of the one whose scope took the connection; −1: nothing listens
   * there.
   */
  readonly listener: number
  /** The rule that decided, or null. */
  readonly rule: Rule | null
  /** Index into `Plan.routes`, or one of table/format/outcome.ts. */
  readonly route: number
}

const NOBODY: Identity = { namespace: '', labels: {} }
const OTHERWISE = { close: NO_ROUTE, passthrough: PASSTHROUGH, deny: DENIED }

/** The scope that takes the connection; null: none. */
export const naiveScope = (plan: Plan, query: Query): Scope | null =>
  takenBy(plan, query).found?.scope ?? null

/** Who listens there, and whose scope takes the connection. */
function takenBy(plan: Plan, query: Query) {
  const destination = addressOf(query.destination)
  const index = listenerOf(plan, query, destination)
  const listener = plan.listeners[index]
  // A Gateway's connections arrive at its own port, whatever a PROXY header names.
  const port = listener?.gateway === 'mesh' ? query.port : (listener?.port ?? query.port)
  const { isTls = false, serverName = '' } = query
  const names: Names = isTls ? serverName : NOT_TLS
  const found = listener ? scopeOf(plan, listener.shares ?? index, destination, port, names) : null
  return { index, listener, destination, port, names, found }
}

export function naiveMatch(plan: Plan, query: Query): Outcome {
  const client = addressOf(query.client)
  const { index, listener, destination, port, names, found } = takenBy(plan, query)
  if (!listener) return { listener: -1, rule: null, route: NO_ROUTE }
  if (!found) return { listener: index, rule: null, route: OTHERWISE[listener.otherwise] }
  const { scope } = found
  const identity = query.identity ?? identify(plan, client)
  const matched = scope.rules.findIndex(
    each => holds(each, destination, port, client, identity) && isAsked(each, names),
  )
  const passed = matched < 0 ? Number.POSITIVE_INFINITY : matched
  const own = scope.defaults?.find(
    each => each.after <= passed && each.visibleTo.includes(identity.namespace),
  )
  if (own) return { listener: found.listener, rule: null, route: own.route }
  const rule = scope.rules[matched] ?? null
  return { listener: found.listener, rule, route: rule ? rule.route : scope.defaultRoute }
}

/** A server name, '' for none, or that of a client that does not begin with TLS. */
type Names = string | null
const NOT_TLS = null

/** How well a pattern takes a name: −1: it does not. */
function specificity(pattern: string, names: Names): number {
  if (pattern === '*') return 0
  if (names === pattern) return Number.POSITIVE_INFINITY
  const isWild = pattern.startsWith('*.') && names?.endsWith(pattern.slice(1)) === true
  return isWild && names.length > pattern.length - 1 ? pattern.length : -1
}

const isAsked = ({ names: patterns }: Rule, names: Names): boolean =>
  patterns === undefined || patterns.some(pattern => specificity(pattern, names) >= 0)

function taken({ takes }: Scope, names: Names): number {
  if (takes === undefined) return 0
  if (names === NOT_TLS) return takes.plain ? 0 : -1
  return Math.max(-1, ...takes.names.map(pattern => specificity(pattern, names)))
}

/**
 * The kernel prefers the socket that is bound to the address; behind a redirect the address does
 * not identify the socket.
 */
function listenerOf({ listeners }: Plan, { gateway, port }: Query, destination: Address): number {
  const specific = (each: Listener) =>
    !isEvery(each.bind, destination) && equal(addressOf(each.bind), destination)
  const redirected = listeners.findIndex(each => each.gateway === gateway && each.destination === 'original')
  if (redirected >= 0) return redirected
  const fits = listeners.filter(each => each.gateway === gateway && each.port === port)
  const chosen = fits.find(specific) ?? fits.find(each => isEvery(each.bind, destination))
  return chosen ? listeners.indexOf(chosen) : -1
}

/** A socket on :: takes IPv4 too, unless it is set to IPv6 only (ipv6(7), IPV6_V6ONLY). */
const isEvery = (bind: string, destination: Address): boolean =>
  bind === '' || bind === '::' || (bind === '0.0.0.0' && destination.family === 4)

/** The scope of a socket that takes the connection, and whose it is. */
function scopeOf(plan: Plan, socket: number, destination: Address, port: number, names: Names) {
  const scopes = plan.listeners.flatMap((each, listener) =>
    listener === socket || each.shares === socket ? each.scopes.map(scope => ({ scope, listener })) : [],
  )
  const lengths = scopes.map(({ scope }) =>
    scope.port === 0 || scope.port === port ? prefixLength(scope.addresses, destination) : -1,
  )
  const longest = Math.max(-1, ...lengths)
  const equals = longest < 0 ? [] : scopes.filter((_, index) => lengths[index] === longest)
  const byName = equals.map(({ scope }) => taken(scope, names))
  const best = Math.max(-1, ...byName)
  return best < 0 ? null : equals[byName.indexOf(best)]
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
