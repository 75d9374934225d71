/** A distribution as a few percentiles: the data of a latency curve. */

import assert from 'node:assert/strict'
import type { Histogram } from 'hdr-histogram-js'

/**
 * As dense toward the end as at the start, on the scale of 1 / (1 − p): two to four rungs for each
 * further nine.
 */
export const RUNGS = [
  0, 25, 50, 75, 80, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.995, 99.999, 100,
] as const

/** One round: how many operations, and the value at each of RUNGS. */
export type Ladder = { readonly count: number; readonly values: readonly number[] }

/** @param take  The cost of measuring, for each value. */
export function ladderOf(histogram: Histogram, take = 0): Ladder {
  const at = (percentile: number): number => Math.max(0, histogram.getValueAtPercentile(percentile) - take)
  return { count: histogram.totalCount, values: RUNGS.map(at) }
}

/** Of few values, by their ranks. */
export function ladderOfValues(values: readonly number[]): Ladder {
  assert(values.length > 0, 'a distribution of something')
  const sorted = values.toSorted((a, b) => a - b)
  const at = (percentile: number): number => sorted[Math.floor(((sorted.length - 1) * percentile) / 100)]
  return { count: sorted.length, values: RUNGS.map(at) }
}
