/** What a negative errno of a connection's operations means: one table for dialing, one for relaying. */

import { Errno } from '../../net/errno.ts'
import { Reason } from '../../stats/reasons.ts'
import { CLIENT, type Side } from './slots.ts'

const DIAL: ReadonlyMap<number, number> = new Map([
  [-Errno.ECONNREFUSED, Reason['connect-refused']],
  [-Errno.ECONNRESET, Reason['connect-refused']],
  [-Errno.ETIMEDOUT, Reason['connect-timeout']], // the kernel's own limit on SYNs was shorter than ours
  [-Errno.ECANCELED, Reason['connect-timeout']], // ours
])

/** EPIPE is a reset that was found out by writing. */
const RESETS: ReadonlySet<number> = new Set([-Errno.ECONNRESET, -Errno.EPIPE, -Errno.ECONNABORTED])

export const dialFailure = (result: number): number => DIAL.get(result) ?? Reason['connect-failed']

export function relayFailure(side: Side, result: number): number {
  if (side === CLIENT) return Reason[RESETS.has(result) ? 'client-reset' : 'client-lost']
  return Reason[RESETS.has(result) ? 'upstream-reset' : 'upstream-lost']
}
