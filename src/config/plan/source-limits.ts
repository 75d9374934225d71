/**
 * Limits per source: in the Settings for all listeners, and as an annotation of a Gateway for its
 * own. This module defines the allowed values.
 */

import type { PlannedLimit, SourceLimit } from '../../table/plan/access.ts'
import type { Listener } from '../../table/plan/plan.ts'
import type { Settings } from '../settings/settings.ts'
import type { GatewayServers } from './servers.ts'

export const PER_SOURCE = 'gateway.weir/per-source'

export const LIMIT_DEFAULTS: SourceLimit = { connections: 0, rate: 0, burst: 0, prefix4: 32, prefix6: 64 }

/** The minimum and maximum of each. */
export const LIMIT_RANGES: Readonly<Record<keyof SourceLimit, readonly [least: number, most: number]>> = {
  connections: [0, 1 << 24],
  rate: [0, 1_000_000],
  burst: [0, 1_000_000],
  prefix4: [1, 32],
  prefix6: [1, 128],
}

/** The default burst is one second of the rate. */
export const readyLimit = (limit: SourceLimit): SourceLimit => ({
  ...limit,
  burst: limit.rate === 0 ? 0 : limit.burst || limit.rate,
})

/** "connections=100;rate=10;burst=20"; null for anything that is no limit. */
export function readSourceLimit(text: string): SourceLimit | null {
  const limit: { -readonly [field in keyof SourceLimit]: number } = { ...LIMIT_DEFAULTS }
  const seen = new Set<string>()
  for (const part of text.split(';')) {
    const [, name = '', digits = ''] = /^\s*(\w+)=(\d{1,9})\s*$/.exec(part) ?? []
    if (!isField(name) || seen.has(name)) return null
    seen.add(name)
    const [least, most] = LIMIT_RANGES[name]
    const value = Number(digits)
    if (value < least || value > most) return null
    limit[name] = value
  }
  return limit.connections > 0 || limit.rate > 0 ? readyLimit(limit) : null
}

const isField = (name: string): name is keyof SourceLimit => Object.hasOwn(LIMIT_RANGES, name)

const limits = ({ connections, rate }: SourceLimit): boolean => connections > 0 || rate > 0

/** The limit for all listeners, and the listeners with their own. */
export function withSourceLimits(
  listeners: readonly Listener[],
  settings: Settings,
  gateways: readonly GatewayServers[],
): { readonly listeners: readonly Listener[]; readonly limits: readonly PlannedLimit[] } {
  const { perSource } = settings.limits
  const planned: PlannedLimit[] = perSource && limits(perSource) ? [{ ...perSource, gateway: '' }] : []
  const general = planned.map((_, index) => index)
  const own = new Map<string, number>()
  for (const { resource } of gateways) {
    const text = resource.metadata.annotations[PER_SOURCE]
    const limit = text === undefined ? null : readSourceLimit(text)
    if (limit) own.set(resource.id, planned.push({ ...limit, gateway: resource.id }) - 1)
  }
  if (planned.length === 0) return { listeners, limits: planned }
  return {
    listeners: listeners.map(listener => {
      const gateway = own.get(listener.gateway)
      const indexes = gateway === undefined ? general : [...general, gateway]
      return indexes.length === 0 ? listener : { ...listener, limits: indexes }
    }),
    limits: planned,
  }
}
