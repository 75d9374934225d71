/**
 * The meaning of socket errors, the same for every engine: one table for dialing and one for
 * relaying, by the name of the errno.
 */

import { Reason } from '../../stats/reasons.ts'

/** Not the endpoint's fault: another one would fail as well. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/**
 * EPIPE is a reset detected by a write, or after the other side's end (tcp_reset,
 * net/ipv4/tcp_input.c).
 */
const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

/** An upstream's handshake: it failed, its certificate is not right, it took too long. */
export const TLS_FAILED = 'TLS'
export const TLS_CERTIFICATE = 'TLS certificate'
export const TLS_TIMED_OUT = 'TLS timeout'

/** Out of file descriptors or memory. */
export const isShortage = (code: string): boolean => SHORTAGES.has(code)

/** While dialing, too, the connection had been established: a reset of the SYN is ECONNREFUSED. */
export const isReset = (code: string): boolean => RESETS.has(code)

/**
 * Why a dial failed. One that was reset had been established: by a server that dies, or sheds
 * load. It heard no byte, so another may.
 */
export function dialFailure(code: string): number {
  if (code === TLS_FAILED) return Reason['tls-handshake']
  if (code === TLS_CERTIFICATE) return Reason['tls-upstream-certificate']
  if (code === TLS_TIMED_OUT) return Reason['tls-timeout']
  if (isShortage(code)) return Reason['accept-error']
  if (isReset(code)) return Reason['upstream-reset']
  if (code === 'ECONNREFUSED') return Reason['connect-refused']
  // ETIMEDOUT: the kernel's own limit on SYNs was shorter than weir's. ECANCELED: weir's.
  return Reason[code === 'ETIMEDOUT' || code === 'ECANCELED' ? 'connect-timeout' : 'connect-failed']
}

export const relayFailure = (side: 'client' | 'upstream', code: string): number =>
  isReset(code) ? Reason[`${side}-reset`] : Reason[`${side}-lost`]
