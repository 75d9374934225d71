/**
 * weir's one extension of Istio: an http route that routes connections.
 *
 * If a VirtualService has no `tcp` routes, and its first http route has no match and no layer 7, a
 * TCP gateway can serve it. weir does; Istio would ignore it. Checks and planning both ask this
 * module, so that they cannot disagree.
 */

import { isObject } from './field.ts'

const ROUTE_FIELDS = ['route', 'name', 'match']
const DESTINATION_FIELDS = ['destination', 'weight']

/** The http route that routes connections; null if the resource has none. */
export function connectionRoute(spec: unknown): Readonly<Record<string, unknown>> | null {
  if (!isObject(spec) || !isFilled(spec.hosts) || isFilled(spec.tcp) || !isFilled(spec.http)) return null
  const [first] = spec.http
  if (!isObject(first) || isFilled(first.match) || !isFilled(first.route)) return null
  const plain = hasOnly(first, ROUTE_FIELDS) && first.route.every(each => hasOnly(each, DESTINATION_FIELDS))
  return plain ? first : null
}

const isFilled = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > 0

/** Whether only `names` are set. */
const hasOnly = (value: unknown, names: readonly string[]): boolean =>
  isObject(value) &&
  Object.keys(value).every(key => names.includes(key) || value[key] === undefined || value[key] === null)
