/**
 * Statistics of few rounds or few connections by resampling: no formula, no distribution assumed.
 */

import { createRandom, nextU32 } from '../src/base/random.ts'
import { bootstrap, summarise } from './statistics.ts'

/** A median with its 95 % interval. */
export type Interval = { readonly low: number; readonly median: number; readonly high: number }

const FAIR_DRAWS = 999

/** By the bootstrap (statistics.ts). */
export function intervalOf(rounds: readonly number[]): Interval {
  const { low, high } = bootstrap(createRandom(1, rounds.length, 3), again => again(rounds))
  return { low, median: summarise(rounds).median, high }
}

/**
 * With this few rounds no interval is shown: all of five lie on one side of the true value once in
 * 16 runs.
 */
const ROUNDS_LEAST = 5

/** A wider interval proves little. */
const WIDTH_MAX = 0.2

/** "95 %: 0.1 to 0.7", or that it proves little; `of` is the reference for the width. */
export function intervalText(rounds: readonly number[], show: (value: number) => string, of: number): string {
  if (rounds.length < ROUNDS_LEAST) return 'too few rounds to claim anything'
  const { low, high } = intervalOf(rounds)
  const range = `95 %: ${show(low)} to ${show(high)}`
  return high - low > WIDTH_MAX * Math.abs(of) ? `${range}, too wide to claim anything` : range
}

/** Pearson's statistic: the distance of counts from their shares of the sum. */
export function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const sum = counts.reduce((total, count) => total + count, 0)
  const weight = weights.reduce((total, each) => total + each, 0)
  return counts.reduce((total, count, index) => {
    const expected = (sum * weights[index]) / weight
    return total + (count - expected) ** 2 / expected
  }, 0)
}

/**
 * The probability p that fair draws are at least as far from their shares as `counts`.
 *
 * Found by simulation (Hope, A Simplified Monte Carlo Significance Test Procedure, 1968), since the
 * chi-square distribution fits only if each destination expects several connections: not 10
 * connections among 100. The draws share nothing with the judged pick but the kind of random
 * numbers: each is a throw along the sum of the weights.
 */
export function fairness(counts: readonly number[], weights: readonly number[]): number {
  const sum = counts.reduce((total, count) => total + count, 0)
  const random = createRandom(sum, weights.length, 5)
  const ends = weights.map((_, index) =>
    weights.slice(0, index + 1).reduce((total, weight) => total + weight, 0),
  )
  const seen = chiSquare(counts, weights)
  let asFar = 1 // the observation is one of the draws
  for (let draw = 0; draw < FAIR_DRAWS; draw++) {
    const drawn = new Array<number>(weights.length).fill(0)
    for (let index = 0; index < sum; index++) {
      drawn[firstAbove(ends, (nextU32(random) / 2 ** 32) * ends[ends.length - 1])]++
    }
    if (chiSquare(drawn, weights) >= seen * (1 - 1e-9)) asFar++
  }
  return asFar / (FAIR_DRAWS + 1)
}

/** The index of the first of `sorted` above `value`. */
function firstAbove(sorted: readonly number[], value: number): number {
  let low = 0
  for (let high = sorted.length - 1; low < high; ) {
    const middle = (low + high) >> 1
    if (sorted[middle] > value) high = middle
    else low = middle + 1
  }
  return low
}
