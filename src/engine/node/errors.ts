/** What an error of a Node socket means: one table for dialing, one for relaying. */

import { Reason } from '../../stats/reasons.ts'

const DIAL: Readonly<Record<string, number>> = {
  ECONNREFUSED: Reason['connect-refused'],
  ECONNRESET: Reason['connect-refused'],
  ETIMEDOUT: Reason['connect-timeout'], // the kernel's own limit on SYNs was shorter than ours
}

/** EPIPE is a reset that was found out by writing. */
const RESETS: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

export const dialFailure = ({ code = '' }: NodeJS.ErrnoException): number =>
  DIAL[code] ?? Reason['connect-failed']

export const relayFailure = (
  side: 'client' | 'upstream',
  { code }: Pick<NodeJS.ErrnoException, 'code'>,
): number => (RESETS.has(code) ? Reason[`${side}-reset`] : Reason[`${side}-lost`])
