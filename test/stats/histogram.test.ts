// Goal: values are in the right bucket, and quantiles are off by at most a bucket. Method: every
// edge, and random values.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BUCKETS,
  bucketFloor,
  bucketOf,
  createHistograms,
  openHistogram,
  record,
  type Summed,
  sumHistograms,
} from '../../src/stats/histogram.ts'

test('each bucket begins where the one before it ends, and none is wider than an 8th', () => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const [floor, next] = [bucketFloor(bucket), bucketFloor(bucket + 1)]
    assert.equal(bucketOf(floor), bucket)
    assert.equal(bucketOf(next - 1), bucket)
    assert.ok(next - floor === 1 || (next - floor) / floor <= 1 / 8, `bucket ${bucket}`)
  }
  assert.equal(bucketFloor(BUCKETS), 2 ** 32)
})

test('a quantile is that of the values, or less than an 8th above it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(2 ** 31), { minLength: 1 }),
      fc.integer({ min: 1, max: 100 }),
      (values, percent) => {
        const buffer = createHistograms()
        for (const value of values) record(openHistogram(buffer, 'connect'), value)
        const exact = values.toSorted((a, b) => a - b)[Math.ceil((percent / 100) * values.length) - 1]
        const told = quantile(sumHistograms([buffer], 'connect'), percent / 100)
        assert.ok(told >= exact && told <= exact * 1.125 + 1, `${told} for ${exact}`)
      },
    ),
  )
})

test('kinds are kept apart, workers are summed, and what is too great counts as the greatest', () => {
  const buffers = [createHistograms(), createHistograms()]
  record(openHistogram(buffers[0], 'connect'), 3)
  record(openHistogram(buffers[1], 'connect'), 2 ** 40)
  record(openHistogram(buffers[1], 'decide'), 5)
  const connect = sumHistograms(buffers, 'connect')
  assert.deepEqual([connect.count, connect.sum], [2, 3 + 2 ** 32 - 1])
  assert.equal(connect.buckets[BUCKETS - 1], 1)
  assert.deepEqual(
    [sumHistograms(buffers, 'decide').count, quantile(sumHistograms(buffers, 'decide'), 0.5)],
    [1, 5],
  )
  assert.ok(Number.isNaN(quantile(sumHistograms([createHistograms()], 'decide'), 0.5)))
})

/**
 * The value that a share (0 – 1) of all lies at or below: the upper end of its bucket. NaN of
 * nothing.
 */
function quantile({ count, buckets }: Summed, share: number): number {
  if (count === 0) return Number.NaN
  let left = Math.max(1, Math.ceil(share * count))
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    left -= buckets[bucket]
    if (left <= 0) return bucketFloor(bucket + 1) - 1
  }
  return bucketFloor(BUCKETS) - 1
}
