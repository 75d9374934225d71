/**
 * The identity of a workload in the mesh: namespace, service account and, from these, the name that
 * mutual TLS would give it. Evaluated at build time, for clients known by address.
 */

import type { ColdWorkload } from '../format/cold.ts'
import { fitsIdentity, partOf } from '../match/identity.ts'
import type { Identity } from '../plan/access.ts'

/** Istio's default. */
const TRUST_DOMAIN = 'cluster.local'

/** Whether a workload matches one of the patterns. */
export function isIdentity(workload: ColdWorkload, of: Identity, patterns: readonly string[]): boolean {
  const text = textOf(workload, of)
  return text !== '' && patterns.some(pattern => fitsIdentity(pattern, text, of))
}

/** '': unknown. */
function textOf({ namespace, serviceAccount = '' }: ColdWorkload, of: Identity): string {
  if (namespace === null) return ''
  if (of === 'namespace') return namespace
  if (serviceAccount === '') return ''
  return partOf(`${TRUST_DOMAIN}/ns/${namespace}/sa/${serviceAccount}`, of)
}
