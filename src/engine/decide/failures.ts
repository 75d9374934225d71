/**
 * The meaning of socket errors, the same for every engine: one table for dialing and one for
 * relaying, by the name of the errno.
 */

import { Reason } from '../../stats/reasons.ts'

/** No endpoint's fault: another one would fail as well. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/**
 * EPIPE is a reset that was found out by writing, or after the other side's end (tcp_reset,
 * net/ipv4/tcp_input.c).
 */
const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

/** Open files or memory ran out. */
export const isShortage = (code: string): boolean => SHORTAGES.has(code)

/** While dialing, too, it says that the connection stood: a reset of the SYN is ECONNREFUSED. */
export const isReset = (code: string): boolean => RESETS.has(code)

/** Why a dial that never stood has failed. */
export function dialFailure(code: string): number {
  if (isShortage(code)) return Reason['accept-error']
  if (code === 'ECONNREFUSED') return Reason['connect-refused']
  // ETIMEDOUT: the kernel's own limit on SYNs was shorter than ours. ECANCELED: ours.
  return Reason[code === 'ETIMEDOUT' || code === 'ECANCELED' ? 'connect-timeout' : 'connect-failed']
}

export const relayFailure = (side: 'client' | 'upstream', code: string): number =>
  isReset(code) ? Reason[`${side}-reset`] : Reason[`${side}-lost`]
