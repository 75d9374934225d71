/**
 * When to ask for a name again.
 *
 * After the shortest lifetime of its records, within limits. After a failure, or the answer that
 * there is no address, after one second, then two, … up to half a minute: node:dns does not tell
 * the lifetime of such an answer (RFC 2308). All waits differ by chance, so that names that were
 * asked for together are not asked for together again.
 */

import { nextU32, type Random } from '../../base/random.ts'
import { type Answer, FAMILIES } from './answer.ts'

/** Some servers give a lifetime of 0 s; this is the least then. */
const LEAST_MS = 1_000
/** With many names the least is longer: they cost at most this many lookups a second. */
const LOOKUPS_PER_S = 1_000
/** A change that the operator cannot wait for is seen by then, whatever the record says. */
const MOST_MS = 300_000
const RETRY_MS = 1_000
const RETRY_MOST_MS = 30_000
const SPREAD = 0.1

/** A chance between 0 and 1. */
const chance = (random: Random): number => nextU32(random) / 2 ** 32

/**
 * @param failures  Lookups in a row that failed; 0: this one did not.
 * @param names     How many names there are.
 * @param isFirst   Of this name: part of its lifetime may have passed, and names start together.
 */
export function waitMs(
  answer: Answer,
  { failures, names, isFirst }: { failures: number; names: number; isFirst: boolean },
  random: Random,
): number {
  const leastMs = Math.max(LEAST_MS, (names / LOOKUPS_PER_S) * 1000)
  const lifetimeMs = Math.min(MOST_MS, Math.max(leastMs, ttlMs(answer)))
  const spread = 1 + SPREAD * chance(random)
  if (failures > 0) {
    const retryMs = Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** Math.min(failures - 1, 10))
    return Math.max(leastMs, Math.min(lifetimeMs, retryMs)) * spread
  }
  if (isFirst) return leastMs + (lifetimeMs - leastMs) * chance(random)
  return lifetimeMs * spread
}

/** Later than the end of the lifetime: a cache would answer with the rest of it. */
function ttlMs({ families }: Answer): number {
  const lifetimes = FAMILIES.map(family => families[family]).map(each =>
    each.kind === 'found' ? each.ttlS * 1000 : Number.POSITIVE_INFINITY,
  )
  return Math.min(...lifetimes)
}
