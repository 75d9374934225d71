/**
 * Exact splits: a schedule of destinations such that, however many connections came, each destination
 * got its share to within one connection.
 *
 * This is the chairman assignment problem; the schedule is Tijdeman's (The chairman assignment problem,
 * Discrete Mathematics 32, 1980): after any number N of connections, a destination of weight w of W has
 * N·w/W of them with an error of at most 1 − 1/(2n−2), for n destinations. Workers walk through it by
 * one shared ticket counter (pick.ts), so it holds over all of them together.
 */

/** The longest schedule that is kept: 2 bytes for each connection of it. */
export const SCHEDULE_MAX = 2 ** 17

/** The weights without their common factor; their sum is the schedule's period. */
function reduced(weights: readonly number[]): number[] {
  const factor = weights.reduce(greatestCommonDivisor)
  return weights.map(weight => weight / factor)
}

/**
 * Whether `weights` have a period that fits. Where not, the schedule is cut and starts over, and the
 * error grows by less than one connection every SCHEDULE_MAX.
 */
export const isPeriodic = (weights: readonly number[]): boolean =>
  reduced(weights).reduce((sum, weight) => sum + weight, 0) <= SCHEDULE_MAX

/** The schedule: indexes into `weights`, which are positive and at least two. */
export function exactSchedule(weights: readonly number[]): Uint16Array {
  const shares = reduced(weights)
  const total = shares.reduce((sum, share) => sum + share, 0)
  const schedule = new Uint16Array(Math.min(total, SCHEDULE_MAX))
  /** By how much each destination is behind, times `total`: whole numbers below 2^53, so nothing is rounded. */
  const behind = new Float64Array(shares.length)
  for (let next = 0; next < schedule.length; next++) {
    for (const [index, share] of shares.entries()) behind[index] += share
    const chosen = mostUrgent(behind, shares, total)
    behind[chosen] -= total
    schedule[next] = chosen
  }
  return schedule
}

/** Of those that may have the next connection, the one that must have one soonest. */
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

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
