/**
 * Bounds of a quantile that hold at every moment at once: of n values, as many lie at or below the
 * true quantile of `part` as of n throws with that probability succeed. So the counts that
 * isExcluded() (share-bounds.ts) leaves bound its place among the sorted values: Howard and Ramdas,
 * Sequential estimation of quantiles with applications to A/B testing and best-arm identification,
 * Bernoulli 28 (2022).
 */

import { isExcluded } from './share-bounds.ts'

/** `high` is Infinity while there are too few values to bound it. */
type QuantileBounds = { readonly low: number; readonly high: number }

/** Of values in rising order; at least one. */
export function quantileBounds(sorted: Float64Array, part: number, risk: number): QuantileBounds {
  const { fewest, most } = countsBelow(sorted.length, part, risk)
  return {
    low: fewest === 0 ? 0 : sorted[fewest - 1],
    high: most === sorted.length ? Number.POSITIVE_INFINITY : sorted[most],
  }
}

/** How many of n values may lie below the quantile: all counts between these, and no others. */
export function countsBelow(n: number, part: number, risk: number): { fewest: number; most: number } {
  const isOut = (count: number): boolean => isExcluded(part, count, n, risk)
  const middle = Math.min(n, Math.max(0, Math.round(n * part)))
  return { fewest: edge(isOut, -1, middle), most: edge(isOut, n + 1, middle) }
}

/** The last count that is in, from `inside` towards `out`. */
function edge(isOut: (count: number) => boolean, out: number, inside: number): number {
  let [outer, inner] = [out, inside]
  while (Math.abs(outer - inner) > 1) {
    const between = (outer + inner) >> 1
    if (isOut(between)) outer = between
    else inner = between
  }
  return inner
}
