/**
 * Whether a client's verified certificate has an identity that policies ask for.
 *
 * As Istio derives it of spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT
 * (pilot/pkg/security/authz/model/generator.go, matcher/string.go): any URI of the certificate may
 * match. A principal `*` is any verified certificate; every other pattern is about SPIFFE URIs.
 */

import type { Identity } from '../plan/access.ts'
import type { CertifiedIdentity } from './query.ts'

const SPIFFE = 'URI:spiffe://'

/** Called after a handshake only, which costs a thousand times as much. */
export function isCertifiedAs(
  { names }: CertifiedIdentity,
  of: Identity,
  patterns: readonly string[],
): boolean {
  if (of === 'principal' && patterns.includes('*')) return true
  return names.some(name => {
    const text = partOfName(name, of)
    return text !== '' && patterns.some(pattern => fitsIdentity(pattern, text, of))
  })
}

/** The same part of a certificate's name, such as "URI:spiffe://…"; '': it has none. */
export const partOfName = (name: string, of: Identity): string =>
  name.startsWith(SPIFFE) ? partOf(name.slice(SPIFFE.length), of) : ''

/** The part of "cluster.local/ns/shop/sa/web" that policies name; '': it has none. */
export function partOf(principal: string, of: Identity): string {
  if (of === 'principal') return principal
  const [trustDomain, ns, namespace, sa, account, ...more] = principal.split('/')
  if (of === 'trustDomain') return trustDomain
  const isIstios = ns === 'ns' && sa === 'sa' && account !== '' && more.length === 0
  if (!isIstios) return ''
  return of === 'namespace' ? namespace : `${namespace}/${account}`
}

/**
 * A namespace or a trust domain may have a wildcard anywhere, a principal at one end, a service
 * account none.
 */
export function fitsIdentity(pattern: string, text: string, of: Identity): boolean {
  const stars = pattern.split('*')
  if (stars.length === 1 || of === 'serviceAccount') return pattern === text
  if (of === 'namespace' || of === 'trustDomain') return fitsAnywhere(stars, text)
  if (pattern === '*') return true
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1))
  return pattern.startsWith('*') ? text.endsWith(pattern.slice(1)) : pattern === text
}

/** Whether `text` contains the parts in this order, the first at its start, the last at its end. */
function fitsAnywhere(parts: readonly string[], text: string): boolean {
  const [first, ...rest] = parts
  const last = rest.pop() ?? ''
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}
