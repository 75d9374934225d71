/** Quantiles of a sample: the smallest value that at least that part of it does not exceed. */

export type Quantiles = { readonly p50: number; readonly p99: number; readonly count: number }

/** null: there is no value. */
export function quantilesOf(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1]
  return { p50: at(0.5), p99: at(0.99), count: sorted.length }
}
