/**
 * How long connects to an endpoint take: a coarse histogram for each slot in each worker's row,
 * which only this worker writes.
 *
 * Buckets are half octaves of microseconds, from 16 µs on, so a quantile is off by a fifth at most.
 */

export const TIME_BUCKETS = 40

const FIRST_OCTAVE = 4

/** The bucket of so many microseconds. */
export function timeBucketOf(us: number): number {
  const octave = 31 - Math.clz32(us)
  if (octave < FIRST_OCTAVE) return 0
  const half = (us >>> (octave - 1)) & 1
  return Math.min(TIME_BUCKETS - 1, (octave - FIRST_OCTAVE) * 2 + half)
}

/** The least value of a bucket, in microseconds. */
const floorOf = (bucket: number): number =>
  2 ** (FIRST_OCTAVE + (bucket >>> 1)) * (bucket % 2 === 0 ? 1 : 1.5)

/**
 * The buckets with something in them: values from `fromUs` up to `toUs`, which is null in the last.
 */
export const timeBuckets = (
  buckets: readonly number[],
): { readonly fromUs: number; readonly toUs: number | null; readonly count: number }[] =>
  buckets.flatMap((count, bucket) => {
    if (count === 0) return []
    const isLast = bucket === TIME_BUCKETS - 1
    return [{ fromUs: bucket === 0 ? 0 : floorOf(bucket), toUs: isLast ? null : floorOf(bucket + 1), count }]
  })

/** The value below which a share of those counted lies, in microseconds; null: none is counted. */
export function timeQuantile(buckets: readonly number[], share: number): number | null {
  const count = buckets.reduce((sum, each) => sum + each, 0)
  if (count === 0) return null
  let before = 0
  for (const [bucket, each] of buckets.entries()) {
    before += each
    if (before >= share * count) return Math.sqrt(floorOf(bucket) * floorOf(bucket + 1))
  }
  return floorOf(TIME_BUCKETS)
}
