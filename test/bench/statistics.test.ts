/** Statistics of few rounds: a goal, a spread, and whether two runs differ. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratioOfMedians, summarise, verdict } from '../../bench/statistics.ts'
import { shower, tickIn } from '../../bench/units.ts'

test('a goal is met or missed only where the rounds say so', () => {
  assert.equal(verdict(summarise([1, 2, 3]), 3), 'met')
  assert.equal(verdict(summarise([4, 5, 6]), 3), 'missed')
  assert.equal(verdict(summarise([1, 2, 9]), 3), 'unclear')
  assert.deepEqual(summarise([5, 1, 3]), { least: 1, low: 2, median: 3, high: 4, most: 5, spread: 1 / 3 })
})

test('where more is better, a goal is met from it on', () => {
  assert.equal(verdict(summarise([4, 5, 6]), 3, 'more'), 'met')
  assert.equal(verdict(summarise([1, 2, 2]), 3, 'more'), 'missed')
  assert.equal(verdict(summarise([1, 4, 5]), 3, 'more'), 'unclear')
})

test('the interval of a ratio holds the ratio, is as wide as the rounds, and is the same each time', () => {
  const [before, after] = [
    [100, 101, 99, 100, 102],
    [150, 149, 151, 150, 152],
  ]
  const { low, value, high } = ratioOfMedians(before, after)
  assert.equal(value, 1.5)
  assert.ok(low > 1.4 && low < 1.5 && high > 1.5 && high < 1.6, `${low} to ${high}`)
  assert.deepEqual(ratioOfMedians(before, after), { low, value, high })
  const wide = ratioOfMedians([100, 40, 160, 90, 200], [150, 149, 151, 150, 152])
  assert.ok(wide.low < 1 && wide.high > 2, 'rounds that lie far apart tell nothing')
})

test('what can be negative is compared by difference', () => {
  const { low, value, high } = ratioOfMedians([-2, -1, 0, -1, -2], [9, 10, 11, 10, 9])
  assert.equal(value, 1 + 11 / 10)
  assert.ok(low > 1.5 && high < 2.5)
  assert.equal(ratioOfMedians([0, 0, 0], [0, 0, 0]).value, 1)
})

test('figures that stand together are in one step of their unit', () => {
  const show = shower('ns', [26_400, 1_230_000])
  assert.deepEqual([26_400, 1_230_000].map(show), ['26.4 µs', '1 230 µs'])
  assert.equal(shower('ns', [389, 52_479])(52_479), '52 479 ns')
  assert.equal(shower('ns', [-14_000])(-14_000), '−14.0 µs')
  assert.equal(shower('count', [0])(0), '0')
  assert.deepEqual(
    [10, 1e4, 2.5e6].map(value => tickIn(value, 'ns')),
    ['10 ns', '10 µs', '2.5 ms'],
  )
})
