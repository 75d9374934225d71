/**
 * How often and for how long weir dials a destination: by annotations of a DestinationRule, else by
 * the Settings. This module defines the allowed values.
 */

import { parseDuration } from '../settings/duration.ts'

export const CONNECT_ATTEMPTS = 'gateway.weir/connect-attempts'
export const CONNECT_DEADLINE = 'gateway.weir/connect-deadline'

export const ATTEMPTS_MAX = 32
export const DEADLINE_MS_MAX = 3_600_000

/** "3"; null for anything that is no number of attempts. */
export function readAttempts(text: string): number | null {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0
  return count >= 1 && count <= ATTEMPTS_MAX ? count : null
}

/** "15s" in whole milliseconds; null for anything that is no deadline. */
export function readDeadlineMs(text: string): number | null {
  const ms = Math.floor(parseDuration(text) ?? 0)
  return ms >= 1 && ms <= DEADLINE_MS_MAX ? ms : null
}
