/**
 * Latencies as counts in fixed buckets, in shared memory: one histogram of each kind for each
 * worker, who alone writes it; readers sum them.
 *
 * Values are whole numbers (u32). Up to 8 each has a bucket of its own; beyond, each octave has 8,
 * so a bucket's width is at most an 8th of its lower end. A bucket is found by shifts, without a
 * logarithm.
 */

/** The latencies, and their unit. */
const HISTOGRAMS = { connect: 'us', firstByte: 'us', decide: 'ns' } as const
export type HistogramName = keyof typeof HISTOGRAMS
const NAMES = Object.keys(HISTOGRAMS) as readonly HistogramName[]

const OCTAVE = 8
const OCTAVE_BITS = 3
/** One each for 0 to 7, and 8 for each octave from 2^3 to 2^31. */
export const BUCKETS = OCTAVE + (32 - OCTAVE_BITS) * OCTAVE
/** The first number is the sum of all values; the counts follow it. */
const NUMBERS = 1 + BUCKETS

export const createHistograms = (): SharedArrayBuffer => new SharedArrayBuffer(NAMES.length * NUMBERS * 8)

/** The bucket of a value. */
export function bucketOf(value: number): number {
  const whole = value >>> 0
  if (whole < OCTAVE) return whole
  const octave = 31 - Math.clz32(whole) - OCTAVE_BITS
  return OCTAVE + octave * OCTAVE + ((whole >>> octave) & (OCTAVE - 1))
}

/** The lower end of a bucket; for BUCKETS, one above the greatest value. */
export function bucketFloor(bucket: number): number {
  if (bucket < OCTAVE) return bucket
  const octave = (bucket - OCTAVE) >>> OCTAVE_BITS
  return (OCTAVE + (bucket & (OCTAVE - 1))) * 2 ** octave
}

/** The view that a worker writes. */
export function openHistogram(buffer: SharedArrayBuffer, name: HistogramName): Float64Array {
  return new Float64Array(buffer, NAMES.indexOf(name) * NUMBERS * 8, NUMBERS)
}

/** Counts a value; a value beyond 32 bits counts as the greatest. */
export function record(histogram: Float64Array, value: number): void {
  const fitting = Math.min(value, 0xffffffff)
  histogram[0] += fitting
  histogram[1 + bucketOf(fitting)]++
}

/** A histogram over all workers. */
export type Summed = { readonly sum: number; readonly count: number; readonly buckets: Float64Array }

export function sumHistograms(buffers: readonly SharedArrayBuffer[], name: HistogramName): Summed {
  const buckets = new Float64Array(BUCKETS)
  let sum = 0
  for (const buffer of buffers) {
    const histogram = openHistogram(buffer, name)
    sum += histogram[0]
    for (let bucket = 0; bucket < BUCKETS; bucket++) buckets[bucket] += histogram[1 + bucket]
  }
  return { sum, count: buckets.reduce((total, each) => total + each, 0), buckets }
}
