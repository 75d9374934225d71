import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quantilesOf } from '../../src/base/quantiles.ts'

test('quantiles are values of the sample', () => {
  assert.equal(quantilesOf([]), null)
  assert.deepEqual(quantilesOf([7]), { p50: 7, p99: 7, count: 1 })
  assert.deepEqual(quantilesOf([10, 9, 2]), { p50: 9, p99: 10, count: 3 })
  const hundred = Array.from({ length: 200 }, (_, index) => 200 - index)
  assert.deepEqual(quantilesOf(hundred), { p50: 100, p99: 198, count: 200 })
})
