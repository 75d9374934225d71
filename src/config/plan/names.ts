/**
 * Names: how a written name becomes the full name that weir compares.
 *
 * The rules are Istio's, oddities included: a host with any dot counts as full already, and hosts
 * are compared as text, with case (pilot/pkg/model/config.go, pkg/config/host/name.go).
 */

import { formatAddress, parseAddress } from '../../address/address.ts'

/** The domain of a cluster's services; Istio's default. */
const DOMAIN = 'cluster.local'

/** The word in a `gateways` list for traffic inside the mesh. */
export const MESH = 'mesh'

/** Istio's root namespace: its DestinationRules apply where no nearer namespace has one. */
export const ROOT_NAMESPACE = 'istio-system'

/** "reviews.shop" → "reviews.shop.svc.cluster.local". */
export const withDomain = (name: string): string => `${name}.svc.${DOMAIN}`

export const serviceHost = (name: string, namespace: string): string => withDomain(`${name}.${namespace}`)

/**
 * "reviews" in namespace "shop" → "reviews.shop.svc.cluster.local"; "*", addresses and dotted names
 * stay.
 */
export const expandHost = (host: string, namespace: string): string =>
  host === '*' || host.includes('.') || parseAddress(host) !== null ? host : serviceHost(host, namespace)

/** The namespace in a full service name, or '' where the name has another form. */
export const namespaceOfHost = (host: string): string =>
  new RegExp(`^[^.]+\\.([^.]+)\\.svc\\.${DOMAIN}$`).exec(host)?.[1] ?? ''

/** "edge", "./edge", "shop/edge" and the old "edge.shop[.svc…]" → "shop/edge"; "mesh" stays. */
export function gatewayId(name: string, namespace: string): string {
  if (name === MESH) return name
  if (name.startsWith('./')) return `${namespace}/${name.slice(2)}`
  if (name.includes('/')) return name
  const [short, dottedNamespace] = name.split('.')
  return `${dottedNamespace ?? namespace}/${short}`
}

export const isWildcard = (host: string): boolean => host.startsWith('*')

/** Whether some name matches both; "*.example.com" covers "a.example.com" but not "example.com". */
export function hostsOverlap(left: string, right: string): boolean {
  if (!isWildcard(left) && !isWildcard(right)) return left === right
  if (!isWildcard(left)) return left.endsWith(right.slice(1))
  if (!isWildcard(right)) return right.endsWith(left.slice(1))
  const [short, long] = left.length < right.length ? [left, right] : [right, left]
  return long.endsWith(short.slice(1))
}

/** One spelling per address, so that two spellings compare equal; other texts stay. */
export function plainAddress(text: string): string {
  const address = text.includes('%') ? null : parseAddress(text)
  return address ? formatAddress(address.family, address.words) : text
}
