/**
 * How a Node socket finds out that its peer has vanished: keepalive and TCP_USER_TIMEOUT; and what
 * accepted sockets inherit from their listener, so that no call is needed for each of them.
 */

import type { Server, Socket } from 'node:net'
import type { TcpTimes } from '../../table/plan/policy.ts'
import type { Decision } from '../decide/decision.ts'
import { descriptorOf } from './descriptor.ts'
import { direct } from './direct.ts'

/** The kernel's defaults (tcp(7)); Node sets all three, so a field of 0 needs a value. */
const DEFAULT_TIME_S = 7200
const DEFAULT_INTERVAL_S = 75
const DEFAULT_PROBES = 9

/** Node 26 takes interval and count; older ones ignore them and keep libuv's 1 s and 10. */
type Tunable = {
  setKeepAlive(enable: boolean, delayMs: number, intervalMs: number, count: number): unknown
}

/** Of a socket that is open, or is being opened. */
export function keepAlive(socket: Socket, keepalive: TcpTimes['keepalive']): void {
  if (keepalive === null) return
  const tunable: Tunable = socket
  const timeS = keepalive.timeS || DEFAULT_TIME_S
  const intervalS = keepalive.intervalS || DEFAULT_INTERVAL_S
  tunable.setKeepAlive(true, timeS * 1000, intervalS * 1000, keepalive.probes || DEFAULT_PROBES)
}

/** What a decision says of its upstream's open socket. */
export function watchUpstream(upstream: Socket, decision: Decision): void {
  const { keepaliveTimeS: timeS, keepaliveIntervalS: intervalS, keepaliveProbes: probes } = decision
  keepAlive(upstream, timeS < 0 ? null : { timeS, intervalS, probes })
  limitUnacknowledged(upstream, decision.userTimeoutMs)
}

/** Of an open socket; without node:ffi nothing sets it. */
function limitUnacknowledged(socket: Socket, userTimeoutMs: number): void {
  const fd = userTimeoutMs > 0 ? descriptorOf(socket) : -1
  if (fd >= 0) direct()?.sockets.setUserTimeout(fd, userTimeoutMs)
}

/**
 * Sets on an open listener what the sockets that it accepts inherit from now on: these times, a
 * reset when they are closed (direct.ts), and TCP_NODELAY. False without node:ffi: then each has to
 * be told.
 */
export function bequeath(server: Server, { keepalive, userTimeoutMs }: TcpTimes): boolean {
  const fd = descriptorOf(server)
  const sockets = fd >= 0 ? direct()?.sockets : undefined
  if (sockets === undefined) return false
  sockets.setKeepalive(fd, keepalive)
  sockets.setUserTimeout(fd, userTimeoutMs)
  sockets.resetWhenClosed(fd, true)
  sockets.setNoDelay(fd)
  return true
}
