/**
 * TCP options of this process's own connections, workers' included, by getsockopt(2). /proc/net/tcp
 * would show other processes', too, but one look at it takes 30 ms of CPU where many connections
 * have just ended.
 */

import { readdirSync } from 'node:fs'
import { inspect, isDeepStrictEqual } from 'node:util'
import { Arena } from '../../src/kernel/arena.ts'
import type { Keepalive } from '../../src/kernel/kernel.ts'
import * as libc from '../../src/kernel/libc.ts'
import { createSocketName } from '../../src/kernel/socket-address.ts'
import { Sockets } from '../../src/kernel/sockets.ts'
import { until } from './sockets.ts'
import { opened } from './uring.ts'

/** setsockopt(2): `[level, name]`; socket(7), tcp(7). */
const SO_KEEPALIVE = [1, 9] as const
const TCP_KEEPIDLE = [6, 4] as const
const TCP_KEEPINTVL = [6, 5] as const
const TCP_KEEPCNT = [6, 6] as const

const arena = opened(Arena.map(4096))
const sockets = new Sockets(arena)
const [valueAt, lengthAt] = [arena.take(4), arena.take(4)]
const [value, length] = [arena.pointer(valueAt), arena.pointer(lengthAt)]

/**
 * Waits until the connection to `port` probes a silent peer like this. A worker sets one option
 * after the other, so a look in between finds some of them only.
 */
export async function keepaliveIs(port: number, wanted: Keepalive): Promise<void> {
  const now = (): Keepalive | null => keepaliveNow(port)
  await until(
    () => isDeepStrictEqual(now(), wanted),
    () => inspect(now()),
  )
}

/** How it probes it now; null: it does not. */
export function keepaliveNow(port: number): Keepalive | null {
  const fd = connectedTo(port)
  if (fd === null || option(fd, SO_KEEPALIVE) === 0) return null
  return {
    timeS: option(fd, TCP_KEEPIDLE),
    intervalS: option(fd, TCP_KEEPINTVL),
    probes: option(fd, TCP_KEEPCNT),
  }
}

/** The descriptor of this process whose peer has `port`, or null. */
function connectedTo(port: number): number | null {
  const name = createSocketName()
  const isIt = (fd: string): boolean =>
    sockets.peerName(Number(fd), name) === 0 && name.family !== 0 && name.port === port
  const found = readdirSync('/proc/self/fd').find(isIt)
  return found === undefined ? null : Number(found)
}

function option(fd: number, [level, name]: readonly [number, number]): number {
  arena.i32[lengthAt / 4] = 4
  libc.getsockopt(fd, level, name, value, length)
  return arena.i32[valueAt / 4]
}
