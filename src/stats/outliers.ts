/**
 * Outlier detection: one record for each endpoint within a destination, shared by all workers.
 *
 *   0 failures ─a connect fails─▶ 1, 2 … ─the threshold─▶ ejected until ─a sweep─▶ 0 failures
 *   ▲                                └─connects─┐
 *   └───────────────────────────────────────────┘
 *
 * The rules are Envoy's (source/common/upstream/outlier_detection_impl.cc). Envoy's main thread
 * sweeps in each interval, and lets back endpoints whose time is up. Here the worker that ejects
 * computes that sweep at once: sweeps are the multiples of the interval on the clock that all
 * workers share. So nobody has to wake up, and a busy main thread delays nothing.
 *
 * A record belongs to a slot (counter-slots.ts) of the endpoint within the destination, as in
 * Envoy: an endpoint that is ejected from one subset stays in the others. Slot 0 is never written.
 * The counts of failures are atomic. All other words are written by whoever holds the lock, which
 * is in the record of the destination's own slot.
 */

import { layout } from '../base/layout.ts'
import { SLOTS_MAX } from './counter-slots.ts'

export const Outlier = layout(8, {
  failures: [0, 1], //         in a row: consecutive5xxErrors, or consecutiveLocalOriginFailures
  gatewayFailures: [1, 1], //  in a row: consecutiveGatewayErrors
  backoff: [2, 1], //          the next ejection lasts this many times the base, and once more
  ejections: [3, 1], //        ever
  prevented: [4, 1], //        ejections that maxEjectionPercent has prevented, ever
  lock: [5, 1], //             of a destination: 1: a worker ejects one of its endpoints
  untilMs: [6, 2], //          f64: when the last ejection is over, or was; 0: there was none. Of a destination: of any endpoint
})

export const OUTLIER_WORDS = SLOTS_MAX * Outlier.WORDS

export type Outliers = { readonly words: Int32Array; readonly numbers: Float64Array }

/** Of a destination: `outlierDetection`, as far as layer 4 knows it. */
export type EjectionRules = {
  /** 0: never. */
  readonly failures: number
  /** 0: never. */
  readonly gatewayFailures: number
  readonly intervalMs: number
  readonly baseMs: number
  readonly maxPercent: number
}

/** Whom a failure concerns, and how many of the destination's endpoints are ejected. */
type Subject = {
  readonly slot: number
  readonly clusterSlot: number
  readonly endpoints: number
  readonly ejected: () => number
}

/** Envoy's default of max_ejection_time, which Istio cannot set. */
const MOST_MS = 300_000

/** Another worker holds the lock for microseconds; one that has died must not hold it for ever. */
const SPINS = 10_000

/** The words from `offset` on, a multiple of 8 bytes. */
export const openOutliers = (buffer: SharedArrayBuffer, offset: number): Outliers => ({
  words: new Int32Array(buffer, offset, OUTLIER_WORDS),
  numbers: new Float64Array(buffer, offset, OUTLIER_WORDS / 2),
})

/** When the ejection of an endpoint is over, or was; 0: it was never ejected. */
export const ejectedUntilMs = ({ numbers }: Outliers, slot: number): number =>
  numbers[(slot * Outlier.WORDS + Outlier.untilMs) / 2]

export const isEjected = (outliers: Outliers, slot: number, nowMs: number): boolean =>
  slot !== 0 && nowMs < ejectedUntilMs(outliers, slot)

/** A connect has succeeded: two plain loads where none has failed since the last. */
export function noteConnected({ words }: Outliers, slot: number): void {
  const at = slot * Outlier.WORDS
  if ((words[at + Outlier.failures] | words[at + Outlier.gatewayFailures]) !== 0) forgetFailures(words, at)
}

function forgetFailures(words: Int32Array, at: number): void {
  Atomics.store(words, at + Outlier.failures, 0)
  Atomics.store(words, at + Outlier.gatewayFailures, 0)
}

/**
 * A connect has failed: true where the endpoint is ejected for it.
 *
 * What fails while it is ejected does not count, since the counts begin anew when it comes back.
 */
export function noteConnectFailed(
  outliers: Outliers,
  subject: Subject,
  rules: EjectionRules,
  nowMs: number,
): boolean {
  const { slot } = subject
  if (slot === 0 || isEjected(outliers, slot, nowMs)) return false
  const byGateway = reaches(outliers, slot, Outlier.gatewayFailures, rules.gatewayFailures)
  if (byGateway && eject(outliers, subject, rules, nowMs)) return true
  const byFailures = reaches(outliers, slot, Outlier.failures, rules.failures)
  return byFailures && eject(outliers, subject, rules, nowMs)
}

/** One more failure; at the threshold the count begins anew, whether or not it ejects. */
function reaches({ words }: Outliers, slot: number, field: number, threshold: number): boolean {
  if (threshold === 0) return false
  const at = slot * Outlier.WORDS + field
  if (Atomics.add(words, at, 1) + 1 < threshold) return false
  Atomics.store(words, at, 0)
  return true
}

function eject(outliers: Outliers, subject: Subject, rules: EjectionRules, nowMs: number): boolean {
  const { words, numbers } = outliers
  const { slot, clusterSlot } = subject
  const at = slot * Outlier.WORDS
  const isLocked = lock(words, clusterSlot)
  const isFirst = !isEjected(outliers, slot, nowMs) // another worker's failure may have done it
  const mayBe = isFirst && mayEject(subject.ejected(), subject.endpoints, rules.maxPercent)
  if (mayBe) {
    const backoff = nextBackoff(words[at + Outlier.backoff], ejectedUntilMs(outliers, slot), rules, nowMs)
    words[at + Outlier.backoff] = backoff
    words[at + Outlier.ejections]++
    const untilMs = sweepFrom(nowMs + Math.min(rules.baseMs * backoff, mostMs(rules)), rules)
    numbers[(at + Outlier.untilMs) / 2] = untilMs
    if (clusterSlot !== 0) {
      const ofCluster = (clusterSlot * Outlier.WORDS + Outlier.untilMs) / 2
      numbers[ofCluster] = Math.max(numbers[ofCluster], untilMs)
    }
    forgetFailures(words, at)
  } else if (isFirst) words[at + Outlier.prevented]++
  if (isLocked) Atomics.store(words, clusterSlot * Outlier.WORDS + Outlier.lock, 0)
  return mayBe
}

/**
 * A health check has succeeded: what is ejected is back at once, and its failures are forgotten, as
 * in Envoy (successful_active_health_check_uneject_host). True where it was ejected.
 */
export function uneject(
  outliers: Outliers,
  { slot, clusterSlot }: Pick<Subject, 'slot' | 'clusterSlot'>,
  nowMs: number,
): boolean {
  const { words, numbers } = outliers
  const isLocked = lock(words, clusterSlot)
  const wasEjected = isEjected(outliers, slot, nowMs)
  const at = slot * Outlier.WORDS
  if (wasEjected) {
    numbers[(at + Outlier.untilMs) / 2] = nowMs
    forgetFailures(words, at)
  }
  if (isLocked) Atomics.store(words, clusterSlot * Outlier.WORDS + Outlier.lock, 0)
  return wasEjected
}

/** Whether one more may be ejected: with the default of 10 % none of fewer than ten. */
export const mayEject = (ejected: number, endpoints: number, maxPercent: number): boolean =>
  (100 * (ejected + 1)) / endpoints <= maxPercent

/**
 * Envoy takes one off in each sweep in which the endpoint is in use, but for the first; and adds
 * one for each ejection, until the time is the longest.
 */
function nextBackoff(backoff: number, backSinceMs: number, rules: EjectionRules, nowMs: number): number {
  const sweeps = Math.floor((nowMs - backSinceMs) / rules.intervalMs)
  const left = Math.max(0, backoff - sweeps)
  return left * rules.baseMs < mostMs(rules) + rules.baseMs ? left + 1 : left
}

const mostMs = ({ baseMs }: EjectionRules): number => Math.max(MOST_MS, baseMs)

/** The first sweep at or after a time. */
const sweepFrom = (ms: number, { intervalMs }: EjectionRules): number =>
  Math.ceil(ms / intervalMs) * intervalMs

/** False where the destination has no slot, or its lock is not given back. */
function lock(words: Int32Array, clusterSlot: number): boolean {
  if (clusterSlot === 0) return false
  const at = clusterSlot * Outlier.WORDS + Outlier.lock
  for (let spin = 0; spin < SPINS; spin++) if (Atomics.compareExchange(words, at, 0, 1) === 0) return true
  return false
}

/** For an endpoint that has the slot from now on. */
export function resetOutlier({ words }: Outliers, slot: number): void {
  words.fill(0, slot * Outlier.WORDS, (slot + 1) * Outlier.WORDS)
}
