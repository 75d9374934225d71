/**
 * Whether a destination is slower than another: its median and its 99th percentile beside those of
 * the other, with the bounds of both (base/quantile-bounds.ts).
 *
 *   connect p99: gray 12 ms, prod 1.3 ms: slower, sure: at least 6.8 times as long
 *
 * Two destinations are never equally quick to the microsecond, so what is less than QUARTER apart
 * for sure is no difference. Values are of the connections that ended last. The bounds hold at
 * every moment at once while all of them are kept; once the oldest have gone, at each look alone.
 */

import { countsBelow, quantileBounds } from '../../base/quantile-bounds.ts'

/** The times of a destination that are compared. */
export const TIMES = {
  connectMs: 'connect',
  firstByteMs: 'first byte',
} as const
type TimeName = keyof typeof TIMES

/** The quantiles that are compared. */
export const PARTS = { p50: 0.5, p99: 0.99 } as const
type PartName = keyof typeof PARTS

/** How long a destination takes, as so many times the other. */
export type TimesComparison = {
  readonly time: TimeName
  readonly part: PartName
  /** Indexes of destinations. */
  readonly arm: number
  readonly beside: number
  readonly verdict: 'worse' | 'better' | 'none-seen' | 'none'
  readonly atLeast: number
  /** null: not bounded yet. */
  readonly atMost: number | null
  /** `none-seen`: so many more connections to both would show a difference of a quarter; null: more
   * than FAR times as many. */
  readonly needs: number | null
}

/** A difference that matters: a quarter more. */
const QUARTER = 1.25
/** From fewer by this factor nobody foresees how many are needed. */
const FAR = 100

/** Times of a destination, in rising order. */
export type Sorted = Readonly<Record<TimeName, Float64Array>>

/** How many comparisons there are of each destination. */
export const TIMES_COMPARED = Object.keys(TIMES).length * Object.keys(PARTS).length

/** Each destination beside the one at `beside`, as far as both have been timed. */
export function compareTimes(arms: readonly Sorted[], beside: number, risk: number): TimesComparison[] {
  return (Object.keys(TIMES) as TimeName[]).flatMap(time =>
    (Object.keys(PARTS) as PartName[]).flatMap(part =>
      arms.flatMap(({ [time]: own }, arm) => {
        const other = arms[beside][time]
        if (arm === beside || own.length === 0 || other.length === 0) return []
        return [{ time, part, arm, beside, ...compare(own, other, PARTS[part], risk) }]
      }),
    ),
  )
}

type Compared = Pick<TimesComparison, 'verdict' | 'atLeast' | 'atMost' | 'needs'>

function compare(own: Float64Array, other: Float64Array, part: number, risk: number): Compared {
  const [a, b] = [quantileBounds(own, part, risk), quantileBounds(other, part, risk)]
  const atLeast = a.low / b.high
  const atMost = b.low > 0 && Number.isFinite(a.high) ? a.high / b.low : null
  const found = { atLeast, atMost, needs: null }
  if (atMost !== null && atMost <= QUARTER && atLeast >= 1 / QUARTER) return { ...found, verdict: 'none' }
  if (atLeast > 1) return { ...found, verdict: 'worse' }
  if (atMost !== null && atMost < 1) return { ...found, verdict: 'better' }
  return { ...found, verdict: 'none-seen', needs: neededFor(own, other, part, risk) }
}

/** Further connections of both together until their bounds are nearer; null: not foreseeable. */
function neededFor(own: Float64Array, other: Float64Array, part: number, risk: number): number | null {
  const isNear = (times: number): boolean => {
    const [a, b] = [spread(own, part, times, risk), spread(other, part, times, risk)]
    return a.above * b.below <= QUARTER && a.below * b.above <= QUARTER
  }
  let [low, high] = [1, 2]
  while (!isNear(high) && high < FAR) [low, high] = [high, high * 2]
  if (!isNear(high)) return null
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high)
    if (isNear(middle)) high = middle
    else low = middle
  }
  return Math.ceil((own.length + other.length) * (high - 1))
}

/** By how much its bounds would be off, were there so many times as many values like these. */
function spread(sorted: Float64Array, part: number, times: number, risk: number) {
  const n = Math.round(sorted.length * times)
  const { fewest, most } = countsBelow(n, part, risk)
  const at = (share: number): number => between(sorted, share * sorted.length - 0.5)
  return {
    below: fewest === 0 ? Number.POSITIVE_INFINITY : at(part) / at(fewest / n),
    above: most === n ? Number.POSITIVE_INFINITY : at((most + 1) / n) / at(part),
  }
}

/** The value at a place between two others. */
function between(sorted: Float64Array, place: number): number {
  const at = Math.min(sorted.length - 1, Math.max(0, place))
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at % 1)
}
