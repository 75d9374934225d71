/**
 * Peers that vanish: their machine or their network is gone, and nobody says so. What the kernel of
 * the gateway does about it: keepalive and TCP_USER_TIMEOUT (tcp_keepalive_timer and
 * tcp_write_timeout, net/ipv4/tcp_timer.c), and retransmissions, which end at last.
 */

import { Errno } from '../../src/kernel/errno.ts'
import type { Keepalive } from '../../src/kernel/kernel.ts'
import type { Clock } from './clock.ts'
import type { Socket } from './sockets.ts'

/** What a socket has been told of peers that vanish. */
export type Tuning = { keepalive: Keepalive | null; userTimeoutMs: number }

const LOOK_MS = 100
/** After so long without an acknowledgement a kernel gives up; Linux takes a quarter of an hour. */
const RETRIES_MS = 25_000

/** `peer` has vanished: its counterpart finds out by itself, in its own time. */
export function findOut(clock: Clock, own: Socket, giveUp: (error: number) => void): void {
  const sinceMs = clock.nowMs
  const look = (): void => {
    if (own.broken || own.closed) return
    if (clock.nowMs >= overMs(own, sinceMs)) giveUp(Errno.ETIMEDOUT)
    else clock.in(LOOK_MS, look)
  }
  clock.in(LOOK_MS, look)
}

function overMs({ tuning, unheardMs }: Socket, sinceMs: number): number {
  const { keepalive, userTimeoutMs } = tuning
  const lastMs = sinceMs + RETRIES_MS
  if (unheardMs > 0) return userTimeoutMs > 0 ? unheardMs + userTimeoutMs : lastMs
  if (keepalive === null) return lastMs
  const { timeS, intervalS, probes } = keepalive
  return sinceMs + (timeS + intervalS * probes) * 1000
}
