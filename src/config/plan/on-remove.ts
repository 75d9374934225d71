/**
 * The annotation `gateway.weir/on-remove` of a DestinationRule: "keep", "close" or
 * "close;over=30s". It says what becomes of the open connections of an endpoint that its host does
 * not have any more (removals.ts).
 */

import { parseDuration } from '../settings/duration.ts'

export const ON_REMOVE = 'gateway.weir/on-remove'
export const ON_REMOVE_WORDS = ['keep', 'close']

const OVER_MS = 30_000
const OVER_MS_MAX = 24 * 3_600_000

/** The time over which connections are ended; null: they are kept. Undefined: this is neither. */
export function readOnRemove(text: string): number | null | undefined {
  if (text === 'keep') return null
  if (text === 'close') return OVER_MS
  const [, duration] = /^close;\s*over=(\S+)$/.exec(text) ?? []
  const ms = duration === undefined ? null : parseDuration(duration)
  return ms !== null && ms >= 0 && ms <= OVER_MS_MAX ? Math.floor(ms) : undefined
}
