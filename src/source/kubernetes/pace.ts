/** How often the API server is asked, and how long weir waits for it. */

import { monotonicMs } from '../../base/clock.ts'
import type { Waits } from './back-off.ts'

export type Pace = Waits & {
  /** Objects of one page of a list. */
  readonly pageSize: number
  /** The server ends a watch after this time, and up to as much again by chance. */
  readonly watchS: number
  /** Silence of a watch after which its connection counts as dead: bookmarks come each minute. */
  readonly idleMs: number
  /** The same while a list is streamed. */
  readonly streamMs: number
  /** A watch that ends sooner, with nothing new, counts as a failure. */
  readonly shortMs: number
  /** Until a kind is asked for again that the server lacks, or forbids. */
  readonly absentMs: number
  /** How long events of a watch may wait for each other; default: 40 ms. */
  readonly restMs?: number
  /** How long a start, and changed rules, wait for a single object that fails; default: 5 s. */
  readonly holdMs?: number
  /** Single objects that are watched, and how often each of the others is asked for. */
  readonly watchedMax?: number
  readonly pollMs?: number
  /** How long a start waits for the API where there is a cache; default: 10 s. */
  readonly cacheMs?: number
  /** The first write of status comes after up to this time; default: 2 s. */
  readonly spreadMs?: number
  /** How long the Lease to write is held without a renewal; default: 15 s. */
  readonly leaseMs?: number
}

/** client-go's, where it has them (tools/cache/reflector.go). */
export const DEFAULT_PACE: Pace = {
  leastMs: 800,
  mostMs: 30_000,
  healthyMs: 120_000,
  pageSize: 500,
  watchS: 300,
  idleMs: 150_000,
  streamMs: 20_000,
  shortMs: 1_000,
  absentMs: 20_000,
}

/** Time for three requests, the first of which a server may have been too busy for. */
const HOLD_MS = 5_000

/** How long a single object that fails since it was first asked for is still waited for. */
export const holdLeftMs = (sinceMs: number, { holdMs = HOLD_MS }: Pace): number =>
  Math.max(0, sinceMs + holdMs - monotonicMs())

/**
 * The next wait for a polled object that is not there: in the end it is asked for no more often
 * than the others, which keeps the pace.
 */
export const absentAfter = (absentMs: number, everyMs: number): number => Math.min(absentMs * 2, everyMs)
