/**
 * The identity of a workload in the mesh: namespace, service account and, from these, the name that
 * mutual TLS would give it. Evaluated at build time, for clients known by address.
 */

import type { ColdWorkload } from '../format/cold.ts'
import type { Identity } from '../plan/access.ts'

/** Istio's default. */
const TRUST_DOMAIN = 'cluster.local'

/** Whether a workload matches one of the patterns. */
export function isIdentity(workload: ColdWorkload, of: Identity, patterns: readonly string[]): boolean {
  const text = textOf(workload, of)
  return text !== '' && patterns.some(pattern => fits(pattern, text, of))
}

/** '': unknown. */
function textOf({ namespace, serviceAccount = '' }: ColdWorkload, of: Identity): string {
  if (namespace === null) return ''
  if (of === 'namespace') return namespace
  if (serviceAccount === '') return ''
  if (of === 'trustDomain') return TRUST_DOMAIN
  return of === 'serviceAccount'
    ? `${namespace}/${serviceAccount}`
    : `${TRUST_DOMAIN}/ns/${namespace}/sa/${serviceAccount}`
}

/**
 * A namespace or a trust domain may have a wildcard anywhere, a principal at one end, a service
 * account none (pilot/pkg/security/authz/model/generator.go).
 */
function fits(pattern: string, text: string, of: Identity): boolean {
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
