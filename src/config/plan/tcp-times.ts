/**
 * How weir finds out that a peer has vanished: keepalive and TCP_USER_TIMEOUT, in the Settings for
 * all and as annotations of a Gateway for its clients. What each may be stands here once.
 */

import type { Listener } from '../../table/plan/plan.ts'
import { DEFAULT_KEEPALIVE, type Keepalive } from '../../table/plan/policy.ts'
import { parseDuration } from '../settings/duration.ts'
import type { Settings } from '../settings/settings.ts'
import type { GatewayServers } from './servers.ts'

export const KEEPALIVE = 'gateway.weir/keepalive'
/** Also of a DestinationRule, for its upstreams. */
export const USER_TIMEOUT = 'gateway.weir/user-timeout'
/** Of a DestinationRule: for both sides of its connections. */
export const WRITE_TIMEOUT = 'gateway.weir/write-timeout'

/** What Linux takes (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT in linux/tcp.h). */
export const KEEPALIVE_MS_MAX = 32_767_000
export const PROBES_MAX = 127
export const PEER_TIMEOUT_MS_MAX = 24 * 3_600_000

/** Times in milliseconds, of which whole seconds count. */
export const keepaliveOf = (time: number, interval: number, probes: number): Keepalive => ({
  timeS: Math.floor(time / 1000),
  intervalS: Math.floor(interval / 1000),
  probes,
})

/** "time=60s;interval=15s;probes=4", each at most once, or "off"; undefined for anything else. */
export function readKeepalive(text: string): Keepalive | null | undefined {
  if (text === 'off') return null
  const found = new Map<string, string>()
  for (const part of text.split(';')) {
    const [, name = '', value = ''] = /^\s*(time|interval|probes)=(\w+)\s*$/.exec(part) ?? []
    if (name === '' || found.has(name)) return undefined
    found.set(name, value)
  }
  const { timeS, intervalS, probes } = DEFAULT_KEEPALIVE
  const time = timeOf(found.get('time'), timeS * 1000)
  const interval = timeOf(found.get('interval'), intervalS * 1000)
  const count = found.get('probes') ?? String(probes)
  const isCount = /^\d{1,3}$/.test(count) && Number(count) >= 1 && Number(count) <= PROBES_MAX
  return time === null || interval === null || !isCount
    ? undefined
    : keepaliveOf(time, interval, Number(count))
}

/** A user or write timeout: "30s" in whole milliseconds, 0 for none; null for anything else. */
export function readTimeout(text: string): number | null {
  const ms = parseDuration(text)
  return ms !== null && ms >= 0 && ms <= PEER_TIMEOUT_MS_MAX ? Math.floor(ms) : null
}

function timeOf(text: string | undefined, absent: number): number | null {
  const ms = text === undefined ? absent : parseDuration(text)
  return ms !== null && ms >= 1000 && ms <= KEEPALIVE_MS_MAX ? ms : null
}

/** The listener with how its clients are watched. */
export function withTcpTimes(
  listener: Listener,
  { keepalive, userTimeoutMs, writeTimeoutMs }: Settings,
  gateways: ReadonlyMap<string, GatewayServers>,
): Listener {
  const annotations = gateways.get(listener.gateway)?.resource.metadata.annotations ?? {}
  const own = readKeepalive(annotations[KEEPALIVE] ?? '')
  const tcp = {
    keepalive: own === undefined ? keepalive : own,
    userTimeoutMs: readTimeout(annotations[USER_TIMEOUT] ?? '') ?? userTimeoutMs,
    writeTimeoutMs,
  }
  return { ...listener, tcp }
}
