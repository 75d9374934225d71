/**
 * Exact splits: a schedule of destinations such that after any number of connections, each
 * destination has its share to within one connection.
 *
 * This is the chairman assignment problem; the schedule is Tijdeman's (The chairman assignment
 * problem, Discrete Mathematics 32, 1980): after any number N of connections, a destination of
 * weight w of W has N·w/W of them with an error of at most 1 − 1/(2n−2), for n destinations.
 * Workers walk through it by one shared ticket counter (../match/pick.ts), so it holds over all of
 * them together.
 *
 * Up to four destinations need no schedule, however long it would be. Of two, the first has had
 * t·w/W of t connections, rounded, and gets the next one when that grows: it is never off by more
 * than a half. Of three or four, two groups take turns in this way, and so do the two destinations
 * in a group: a destination is off by at most a half of its own and its share of the group's half,
 * which is less than one. (For more, that sum could exceed one.)
 */

/** The longest schedule: 2 bytes for each connection. */
export const SCHEDULE_MAX = 2 ** 17

/** The weights without their common factor; their sum is the schedule's period. */
function reduced(weights: readonly number[]): number[] {
  const factor = weights.reduce(greatestCommonDivisor)
  return weights.map(weight => weight / factor)
}

const sumOf = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0)

/** Whether the period of `weights` fits into a schedule. */
export const isPeriodic = (weights: readonly number[]): boolean => sumOf(reduced(weights)) <= SCHEDULE_MAX

/** At most this many destinations take turns in pairs. */
const PAIRED_MAX = 4

/** Their longest period: up to here `turnsBefore` is exact. */
export const PAIRED_PERIOD_MAX = 2 ** 25

/**
 * Destinations `0` to `half` − 1 are the first group, which gets `share` of each `period` turns;
 * the others are the second.
 */
type Paired = {
  /** The weights without their common factor. */
  readonly weights: readonly number[]
  readonly share: number
  readonly period: number
}

/** The number of destinations in the first group. */
export const firstGroup = (destinations: number): number => destinations >>> 1

/** For weights that take turns in pairs because their schedule would be too long; else null. */
export function pairedOf(weights: readonly number[]): Paired | null {
  if (weights.length > PAIRED_MAX || isPeriodic(weights)) return null
  const shares = reduced(weights)
  const period = sumOf(shares)
  const share = sumOf(shares.slice(0, firstGroup(shares.length)))
  return period <= PAIRED_PERIOD_MAX ? { weights: shares, share, period } : null
}

/**
 * How many of the first `turns` go to a destination whose share is `share` of `period`: their
 * product, rounded. `turns` and `share` are at most `period`, and that is at most
 * PAIRED_PERIOD_MAX.
 *
 * Exact: because of the added half, the quotient (at most 2^25) is at least 2^-26 away from any
 * whole number, and the computed one is off by at most 2^-27.
 */
export const turnsBefore = (turns: number, share: number, period: number): number =>
  Math.floor((turns * share + Math.floor(period * 0.5) + 0.5) * (1 / period))

/**
 * Whether an exact split by `weights` stays exact for ever. Otherwise its schedule is cut and
 * starts over, and the error grows by less than one connection every SCHEDULE_MAX.
 */
export const isExactForEver = (weights: readonly number[]): boolean =>
  isPeriodic(weights) || pairedOf(weights) !== null

/** The schedule: indexes into `weights`, which are positive and at least two. */
export function exactSchedule(weights: readonly number[]): Uint16Array {
  const shares = reduced(weights)
  const total = sumOf(shares)
  const schedule = new Uint16Array(Math.min(total, SCHEDULE_MAX))
  /**
   * How far each destination is behind, times `total`: whole numbers below 2^53, so nothing is
   * rounded.
   */
  const behind = new Float64Array(shares.length)
  for (let next = 0; next < schedule.length; next++) {
    for (const [index, share] of shares.entries()) behind[index] += share
    const chosen = mostUrgent(behind, shares, total)
    behind[chosen] -= total
    schedule[next] = chosen
  }
  return schedule
}

/** Of those that may get the next connection, the one with the earliest deadline. */
function mostUrgent(behind: Float64Array, shares: readonly number[], total: number): number {
  const margin = 2 * shares.length - 2
  let chosen = -1
  let soonest = Number.POSITIVE_INFINITY
  for (const [index, share] of shares.entries()) {
    if (behind[index] * margin < total) continue
    const slack = (total - total / margin - behind[index]) / share
    if (slack >= soonest) continue
    soonest = slack
    chosen = index
  }
  return chosen
}

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
