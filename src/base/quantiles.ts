/** Quantiles of a sample: the smallest value that at least that part of it does not exceed. */

export type Quantiles = { readonly p50: number; readonly p99: number; readonly count: number }

/** Of values in rising order; null: there is none. */
export function quantilesOf(sorted: Float64Array): Quantiles | null {
  if (sorted.length === 0) return null
  const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1]
  return { p50: at(0.5), p99: at(0.99), count: sorted.length }
}
