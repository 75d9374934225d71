/** TCP keepalive on an upstream's socket, as its traffic policy says. */

import type { Socket } from 'node:net'

/** The kernel's defaults (tcp(7)); Node sets all three, so a field of 0 needs a value. */
const DEFAULT_TIME_S = 7200
const DEFAULT_INTERVAL_S = 75
const DEFAULT_PROBES = 9

/** Node 26 takes interval and count; older ones ignore them and keep libuv's 1 s and 10. */
type Tunable = {
  setKeepAlive(enable: boolean, delayMs: number, intervalMs: number, count: number): unknown
}

export function keepAlive(
  socket: Socket,
  policy: { keepaliveTimeS: number; keepaliveIntervalS: number; keepaliveProbes: number },
): void {
  const tunable: Tunable = socket
  const timeS = policy.keepaliveTimeS || DEFAULT_TIME_S
  const intervalS = policy.keepaliveIntervalS || DEFAULT_INTERVAL_S
  tunable.setKeepAlive(true, timeS * 1000, intervalS * 1000, policy.keepaliveProbes || DEFAULT_PROBES)
}
