import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quantilesOf } from '../../src/base/quantiles.ts'

test('quantiles are values of the sample', () => {
  assert.equal(quantilesOf(new Float64Array(0)), null)
  assert.deepEqual(quantilesOf(Float64Array.of(7)), { p50: 7, p99: 7, count: 1 })
  assert.deepEqual(quantilesOf(Float64Array.of(2, 9, 10)), { p50: 9, p99: 10, count: 3 })
  const hundred = Float64Array.from({ length: 200 }, (_, index) => index + 1)
  assert.deepEqual(quantilesOf(hundred), { p50: 100, p99: 198, count: 200 })
})
