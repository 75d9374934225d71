/**
 * Since when endpoints are in rotation, so that a new one, or one that returns, gets its share
 * little by little (`warmup` of a DestinationRule).
 *
 * One word for an endpoint's address and port, and one for a destination, by slot: the time of the
 * last arrival, in milliseconds on the clock that all workers share, modulo 2^32; 0: long ago. Only
 * the main thread writes them (control/health/warmups.ts). Returns from ejection need no word: the
 * records of outliers.ts tell them.
 *
 * The weight follows Envoy's slow start:
 *
 *   weight × max(minimumPercent, (age / window)^(1 / aggression)), with an age of a second at least
 */

/** No window is longer, and no arrival is remembered for longer: half of what a word can tell. */
export const WARMUP_MS_MAX = 2 ** 31 - 1

const RANGE = 2 ** 32
const AGE_LEAST_MS = 1_000

export const arrivalStamp = (nowMs: number): number => (Math.floor(nowMs) % RANGE) | 0 || 1

/** How long ago an arrival was; Infinity: long ago. */
export const sinceArrivalMs = (stamp: number, nowMs: number): number =>
  stamp === 0 ? Number.POSITIVE_INFINITY : (Math.floor(nowMs) - (stamp >>> 0)) >>> 0

/** The part of its weight that an endpoint has at this age: up to 1. */
export function warmthAt(
  ageMs: number,
  windowMs: number,
  minimumPercent: number,
  aggression: number,
): number {
  if (ageMs >= windowMs) return 1
  const part = Math.min(1, Math.max(AGE_LEAST_MS, ageMs) / windowMs)
  return Math.max(minimumPercent / 100, aggression === 1 ? part : part ** (1 / aggression))
}
