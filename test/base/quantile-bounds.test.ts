/**
 * Bounds of quantiles: they hold at every moment at once, and are near enough after a while.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quantileBounds } from '../../src/base/quantile-bounds.ts'
import { createRandom, nextU32 } from '../../src/base/random.ts'
import { compareTimes, type TimesComparison } from '../../src/control/observe/compare-times.ts'
import { sized } from '../support/full.ts'

const RISK = 0.05
const random = createRandom(21, 5, 2026)
/** Exponential times: the quantile of `part` is −ln(1 − part). */
const time = (): number => -Math.log(1 - nextU32(random) / 2 ** 32)

/** After each tenth more, up to `most` values. */
function* looks(most: number): Generator<number> {
  for (let n = 1; n <= most; n = Math.ceil(n * 1.1)) yield n
}

test('of right bounds, looked at again and again, at most one in twenty ever excludes the truth', () => {
  const runs = sized(200, 1_000)
  for (const part of [0.5, 0.99]) {
    const truth = -Math.log(1 - part)
    let excluded = 0
    for (let run = 0; run < runs; run++) {
      const values = Float64Array.from({ length: sized(2_000, 10_000) }, time)
      for (const n of looks(values.length)) {
        const { low, high } = quantileBounds(values.slice(0, n).sort(), part, RISK)
        if (truth >= low && truth <= high) continue
        excluded++
        break
      }
    }
    assert.ok(excluded <= runs * RISK, `p${part * 100}: ${excluded} of ${runs}`)
  }
})

test('too few values bound nothing from above; many do so closely', () => {
  const { high } = quantileBounds(Float64Array.from({ length: 100 }, time).sort(), 0.99, RISK)
  assert.equal(high, Number.POSITIVE_INFINITY)
  const many = quantileBounds(Float64Array.from({ length: 20_000 }, time).sort(), 0.99, RISK)
  assert.ok(many.high / many.low < 1.25, JSON.stringify(many))
  assert.deepEqual(quantileBounds(Float64Array.of(7), 0.5, RISK), {
    low: 0,
    high: Number.POSITIVE_INFINITY,
  })
})

/** The verdicts of two destinations, of which one takes `factor` times as long, after n of each. */
function verdicts(factor: number, n: number, risk: number): TimesComparison[] {
  const sorted = (times: number) => Float64Array.from({ length: n }, () => times * (0.2 + time())).sort()
  const arm = (times: number) => ({ connectMs: sorted(times), firstByteMs: sorted(times) })
  return compareTimes([arm(1), arm(factor)], 0, risk)
}

test('a destination that is twice as slow is called so, surely, with the least factor', () => {
  const found = verdicts(2, 5_000, RISK / 8)
  assert.deepEqual(
    found.map(({ time, part, verdict }) => `${time} ${part} ${verdict}`),
    ['connectMs p50 worse', 'connectMs p99 worse', 'firstByteMs p50 worse', 'firstByteMs p99 worse'],
  )
  for (const { atLeast, atMost } of found)
    assert.ok(atLeast > 1.3 && (atMost ?? 9) < 3, `${atLeast} ${atMost}`)
  const [quicker] = verdicts(0.4, 5_000, RISK / 8)
  assert.deepEqual([quicker.verdict, (quicker.atMost ?? 9) < 0.5], ['better', true])
})

test('of equal ones nobody is called slower; how many more are needed is said, and then enough', () => {
  const [few] = verdicts(1, 50, RISK / 8)
  assert.equal(few.verdict, 'none-seen')
  const needs = few.needs ?? 0
  assert.ok(needs > 100 && needs < 20_000, String(needs))
  const [enough] = verdicts(1, 3 * Math.ceil(needs / 2), RISK / 8)
  assert.equal(enough.verdict, 'none')
  const sure = Array.from({ length: sized(100, 400) }, () => verdicts(1, 500, RISK / 8)).filter(all =>
    all.some(({ verdict }) => verdict === 'worse' || verdict === 'better'),
  )
  assert.ok(sure.length <= 2, String(sure.length))
})

test('who has not been timed is not compared', () => {
  const none = { connectMs: new Float64Array(0), firstByteMs: new Float64Array(0) }
  const one = { connectMs: Float64Array.of(1), firstByteMs: new Float64Array(0) }
  assert.deepEqual(compareTimes([none, one], 0, RISK), [])
  const [alone] = compareTimes([one, one], 0, RISK)
  assert.deepEqual([alone.verdict, alone.atMost], ['none-seen', null])
})
