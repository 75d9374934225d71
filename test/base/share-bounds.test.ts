/** Bounds of a share that hold at every moment: their form, and how often they fail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, nextU32 } from '../../src/base/random.ts'
import { boundsOf, isExcluded } from '../../src/base/share-bounds.ts'
import { sized } from '../support/full.ts'

/** ∫ q^count (1 − q)^(all − count) dBeta(½, ½)(q): with q = sin² x, a mean over x (midpoints). */
function mixture(count: number, all: number): number {
  const points = 20_000
  let sum = 0
  for (let point = 0; point < points; point++) {
    const q = Math.sin(((point + 0.5) / points) * (Math.PI / 2)) ** 2
    sum += q ** count * (1 - q) ** (all - count)
  }
  return sum / points
}

test('the bounds are where the mixture’s ratio reaches 1/risk', () => {
  for (const [count, all, risk] of [
    [0, 20, 0.05],
    [1, 29, 0.05],
    [15, 148, 0.01],
    [81, 263, 0.0005],
    [40, 40, 0.05],
  ]) {
    const { share, low, high } = boundsOf(count, all, risk)
    const ratio = (p: number) => mixture(count, all) / (p ** count * (1 - p) ** (all - count))
    assert.equal(share, count / all)
    if (count === 0) assert.equal(low, 0)
    else assert.ok(Math.abs(ratio(low) * risk - 1) < 1e-6, `${count} of ${all}: low`)
    if (count === all) assert.equal(high, 1)
    else assert.ok(Math.abs(ratio(high) * risk - 1) < 1e-6, `${count} of ${all}: high`)
  }
})

test('the bounds hold for a thousand million connections, and for one', () => {
  const { low, high } = boundsOf(2e8, 1e9, 0.05)
  assert.ok(low > 0.1999 && low < 0.2 && high > 0.2 && high < 0.2001)
  assert.deepEqual(boundsOf(1, 1, 0.05).high, 1)
  assert.ok(boundsOf(1, 1, 0.05).low > 0)
})

test('what is seen of a share of 0 or 1 is excluded by one connection against it', () => {
  assert.deepEqual([isExcluded(0, 0, 1000, 0.05), isExcluded(0, 1, 1000, 0.05)], [false, true])
  assert.deepEqual([isExcluded(1, 1000, 1000, 0.05), isExcluded(1, 999, 1000, 0.05)], [false, true])
})

const RULES = 100
const CONNECTIONS = 100_000
const RISK = 0.05 / RULES

test('of pages with 100 right splits, at most one in twenty ever shows one as off', () => {
  const random = createRandom(21, 4, 2026)
  const pages = sized(20, 400)
  let wrong = 0
  for (let page = 0; page < pages; page++) if (isEverOff(random)) wrong++
  assert.ok(wrong <= pages / 20, `${wrong} of ${pages}`)
})

test('a split that is off by five points is called so within 2 000 connections', () => {
  const random = createRandom(5, 2, 2026)
  const needed = Array.from({ length: sized(50, 400) }, () => connectionsUntilOff(0.25, 0.2, random))
  needed.sort((a, b) => a - b)
  assert.ok(needed[Math.floor(needed.length / 2)] < 2_000, `half of them: ${needed[needed.length >> 1]}`)
  assert.ok((needed.at(-1) ?? 0) < 5_000, `all of them: ${needed.at(-1)}`)
})

/** Whether one of 100 right splits is ever excluded, looked at in geometric steps. */
function isEverOff(random: Int32Array): boolean {
  for (let rule = 0; rule < RULES; rule++) {
    const p = 0.01 + 0.98 * uniform(random)
    let [count, all] = [0, 0]
    while (all < CONNECTIONS) {
      const more = Math.max(1, Math.floor(all / 8))
      count += binomial(more, p, random)
      all += more
      if (isExcluded(p, count, all, RISK)) return true
    }
  }
  return false
}

function connectionsUntilOff(p: number, configured: number, random: Int32Array): number {
  let [count, all] = [0, 0]
  do {
    if (uniform(random) < p) count++
    all++
  } while (!isExcluded(configured, count, all, RISK))
  return all
}

const uniform = (random: Int32Array): number => (nextU32(random) + 0.5) / 2 ** 32

/**
 * How many of `n` go to a share of `p`, exactly: the median of n uniforms is Beta distributed, and
 * splits the rest in two (Devroye 1986, X.4.4), until few enough are left to be drawn one by one.
 */
function binomial(n: number, p: number, random: Int32Array): number {
  let [left, share, count] = [n, p, 0]
  while (left > 32) {
    const middle = (left + 1) >> 1
    const x = gamma(middle, random)
    const at = x / (x + gamma(left + 1 - middle, random))
    if (at <= share) {
      count += middle
      share = (share - at) / (1 - at)
      left -= middle
    } else {
      share /= at
      left = middle - 1
    }
  }
  for (; left > 0; left--) if (uniform(random) < share) count++
  return count
}

/** Marsaglia and Tsang (2000), for shapes of at least 1. */
function gamma(shape: number, random: Int32Array): number {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random))
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(uniform(random)) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v
  }
}
