/** What is kept of a client's certified identity with its connection. */

import { IDENTITY_BYTES_MAX } from '../../stats/row-names.ts'
import type { CertifiedIdentity } from '../../table/match/query.ts'

/**
 * The SPIFFE IDs, one a line, since policies ask for nothing else (../../table/match/identity.ts);
 * where there are none, a name for people.
 */
export const identityText = ({ names, uri, subject }: CertifiedIdentity): string =>
  spiffeIdsOf(names) || uri || subject || names[0] || 'unnamed'

/** Whether it cannot be kept whole: a changed policy could not judge its client again. */
export const isTooLong = ({ names }: CertifiedIdentity): boolean =>
  Buffer.byteLength(spiffeIdsOf(names)) > IDENTITY_BYTES_MAX

const spiffeIdsOf = (names: readonly string[]): string =>
  names
    .filter(name => name.startsWith('URI:spiffe://'))
    .map(name => name.slice(4).replaceAll('\n', ' '))
    .join('\n')
