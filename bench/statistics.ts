/**
 * Statistics of a few rounds: the median, the spread of the middle half, and how two runs differ.
 */

import { createRandom, nextBelow, type Random } from '../src/base/random.ts'
import type { Better } from './units.ts'

/** From this spread on (± as a share of the median) a figure is shown, but nothing is claimed. */
export const SPREAD_MAX = 0.15

export type Summary = {
  /** The quartiles and the median. */
  readonly low: number
  readonly median: number
  readonly high: number
  /** The quickest and the slowest round. */
  readonly least: number
  readonly most: number
  /** Half the distance of the quartiles, as a share of the median. */
  readonly spread: number
}

export function summarise(rounds: readonly number[]): Summary {
  const sorted = rounds.toSorted((a, b) => a - b)
  const [least, low, median, high, most] = [0, 0.25, 0.5, 0.75, 1].map(share => quantile(sorted, share))
  const spread = high === low ? 0 : (high - low) / 2 / Math.abs(median)
  return { least, low, median, high, most, spread }
}

/** Between two rounds a straight line; `sorted` has at least one. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  return below + (sorted[Math.ceil(place)] - below) * (place % 1)
}

/** Whether a figure keeps `goal`: only the whole middle half of the rounds can tell. */
export function verdict(
  { low, high }: Pick<Summary, 'low' | 'high'>,
  goal: number,
  better: Better = 'less',
): 'met' | 'missed' | 'unclear' {
  if (better === 'more') return low >= goal ? 'met' : high < goal ? 'missed' : 'unclear'
  if (high <= goal) return 'met'
  return low > goal ? 'missed' : 'unclear'
}

/** A value with its 95 % interval. */
export type Interval = { readonly low: number; readonly value: number; readonly high: number }

const RESAMPLES = 2_000

/**
 * The bootstrap: rounds are drawn from the rounds, with repetition; the middle 95 % of `statistic`
 * over their medians are the interval (Efron, Bootstrap Methods, Annals of Statistics 7, 1979; the
 * percentile interval).
 *
 * @param statistic  Calls `again` for the median of resampled rounds.
 */
export function bootstrap(
  random: Random,
  statistic: (again: (rounds: readonly number[]) => number) => number,
): { readonly low: number; readonly high: number } {
  const again = (rounds: readonly number[]): number =>
    medianOf(rounds.map(() => rounds[nextBelow(random, rounds.length)]))
  const found = Float64Array.from({ length: RESAMPLES }, () => statistic(again)).sort()
  const at = (share: number): number => found[Math.round((RESAMPLES - 1) * share)]
  return { low: at(0.025), high: at(0.975) }
}

/**
 * The ratio of the medians of `after` and `before`, by the bootstrap. No distribution is assumed.
 * The seed is fixed: the same runs give the same interval.
 *
 * If a figure can be 0 or less (what a proxy adds, which noise can make negative), a ratio means
 * nothing; then it is 1 plus the difference, as a share of the larger median.
 */
export function ratioOfMedians(before: readonly number[], after: readonly number[]): Interval {
  const arePositive = [...before, ...after].every(value => value > 0)
  const size = Math.max(Math.abs(medianOf(before)), Math.abs(medianOf(after)))
  const ratio = (old: number, now: number): number => {
    if (old === now) return 1
    return arePositive ? now / old : 1 + (now - old) / (size || 1)
  }
  const random = createRandom(before.length, after.length, 3)
  const { low, high } = bootstrap(random, again => ratio(again(before), again(after)))
  return { low, value: ratio(medianOf(before), medianOf(after)), high }
}

function medianOf(rounds: readonly number[]): number {
  return quantile(
    rounds.toSorted((a, b) => a - b),
    0.5,
  )
}
