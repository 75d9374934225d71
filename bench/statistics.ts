/** What a handful of rounds says: the median, and how far the middle half of the rounds lies apart. */

/** From this spread on (± as a share of the median) a figure is shown, but nothing is claimed by it. */
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
  return { least, low, median, high, most, spread: median === 0 ? 0 : (high - low) / 2 / median }
}

/** Between two rounds a straight line; `sorted` has at least one. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  return below + (sorted[Math.ceil(place)] - below) * (place % 1)
}

/** Whether a figure is at most `goal`: only the middle half of the rounds as a whole can say so. */
export function verdict({ low, high }: Summary, goal: number): 'met' | 'missed' | 'unclear' {
  if (high <= goal) return 'met'
  return low > goal ? 'missed' : 'unclear'
}

/**
 * Two runs of the same program differ by this much: memory and compiled code lie elsewhere, neighbours on
 * the machine come and go. (Of 259 figures on a shared machine, 5 differed by more.)
 */
const BETWEEN_RUNS = 0.2

/** Whether all rounds of `after` lie apart from all of `before`, by more than two runs do; less is better. */
export function change(before: Summary, after: Summary): 'better' | 'worse' | 'same' {
  if (after.most * (1 + BETWEEN_RUNS) < before.least) return 'better'
  return after.least > before.most * (1 + BETWEEN_RUNS) ? 'worse' : 'same'
}
