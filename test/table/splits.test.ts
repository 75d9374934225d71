/** The destinations of weighted connections, for each of the three kinds of splits. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { createRandom } from '../../src/base/random.ts'
import {
  exactSchedule,
  isExactForEver,
  isPeriodic,
  PAIRED_PERIOD_MAX,
  pairedOf,
  SCHEDULE_MAX,
} from '../../src/table/build/exact.ts'
import { Route } from '../../src/table/format/routing-layout.ts'
import { pickDestination, type Shared } from '../../src/table/match/pick.ts'
import { BUCKETS, CLIENT_WORDS, stickyBuckets } from '../../src/table/match/sticky.ts'
import { type Plan, SPLITS } from '../../src/table/plan/plan.ts'
import { runs, sized } from '../support/full.ts'
import { splitPlan } from '../support/plans.ts'
import { tableOf } from '../support/tables.ts'

const CLIENT = Uint32Array.of(0x0a000001, 0, 0, 0)

/** Of a few splits. */
const createShared = (): Shared => ({
  tickets: new Int32Array(new SharedArrayBuffer(1024)),
  clients: new Int32Array(4 * CLIENT_WORDS),
})

/** Counts by destination after `draws` connections. */
function drawn(weights: readonly number[], split: Plan['routes'][number]['split'], draws: number): number[] {
  const table = tableOf(splitPlan(weights, split))
  const random = createRandom(1, 2, 3)
  const shared = createShared()
  const counts = new Array<number>(weights.length).fill(0)
  for (let i = 0; i < draws; i++) counts[pickDestination(table, 0, CLIENT, random, shared)]++
  return counts
}

const weights = fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 2, maxLength: 12 })
const percents = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 12 })

test('exact: after any number of connections no destination is off by one', () => {
  fc.assert(
    fc.property(fc.oneof(weights, percents), list => {
      const schedule = exactSchedule(list)
      const rounds = isPeriodic(list) ? Math.ceil(100_000 / schedule.length) : 1
      const total = list.reduce((sum, weight) => sum + weight, 0)
      const counts = new Float64Array(list.length)
      for (let n = 1; n <= Math.min(100_000, rounds * schedule.length); n++) {
        counts[schedule[(n - 1) % schedule.length]]++
        for (const [index, weight] of list.entries()) {
          if (Math.abs(counts[index] * total - n * weight) >= total)
            assert.fail(`${counts} of ${n} for ${list}`)
        }
      }
    }),
    { numRuns: runs(40) },
  )
})

test('exact: 80 to 20 is 4 of every 5, and a schedule is no longer than it must be', () => {
  assert.equal(exactSchedule([80, 20]).length, 5)
  assert.deepEqual(drawn([80, 20], 'exact', 5), [4, 1])
  assert.deepEqual(drawn([80, 20], 'exact', 1000), [800, 200])
  assert.deepEqual(drawn([3, 2, 1], 'exact', 600), [300, 200, 100])
  assert.equal(isPeriodic([SCHEDULE_MAX - 1, 1]), true)
  assert.equal(isPeriodic([SCHEDULE_MAX, 1]), false)
})

/** Two to four weights whose period is too long for a schedule, and at most `most`. */
const paired = (most: number) =>
  fc
    .array(fc.integer({ min: 1, max: most }), { minLength: 2, maxLength: 4 })
    .map(list => {
      const scale = Math.min(1, (most - list.length) / list.reduce((sum, weight) => sum + weight, 0))
      return list.map(weight => Math.max(1, Math.floor(weight * scale)))
    })
    .filter(list => pairedOf(list) !== null)

/** Whether `counts`, of `turns` connections, are off by less than one each. */
const isExact = (
  counts: readonly number[],
  turns: number,
  weights: readonly number[],
  total: number,
): boolean => weights.every((weight, index) => Math.abs(counts[index] * total - turns * weight) < total)

test('exact: up to four destinations are never off by one, over a whole period that no schedule holds', () => {
  const random = createRandom(1, 2, 3)
  fc.assert(
    fc.property(paired(2 ** 18), fc.integer({ min: 1, max: 1000 }), (list, factor) => {
      const weights = list.map(weight => weight * factor)
      const table = tableOf(splitPlan(weights, 'exact'))
      const shared = createShared()
      const total = list.reduce((sum, weight) => sum + weight, 0)
      const counts = new Array<number>(list.length).fill(0)
      for (let turns = 1; turns <= total + 1000; turns++) {
        counts[pickDestination(table, 0, CLIENT, random, shared)]++
        if (!isExact(counts, turns, list, total)) assert.fail(`${counts} of ${turns} for ${list}`)
      }
    }),
    { numRuns: runs(30) },
  )
})

test('exact: nor are they anywhere in the longest periods', () => {
  const random = createRandom(1, 2, 3)
  fc.assert(
    fc.property(paired(PAIRED_PERIOD_MAX), fc.double({ min: 0, max: 1, noNaN: true }), (list, from) => {
      const table = tableOf(splitPlan(list, 'exact'))
      const shared = createShared()
      const total = list.reduce((sum, weight) => sum + weight, 0)
      const start = Math.floor(from * (total - 2000))
      Atomics.store(shared.tickets, table.routes[Route.slot], start)
      const counts = countsAfter(start, list)
      for (let turns = start; turns < start + 2000; turns++) {
        if (!isExact(counts, turns, list, total)) assert.fail(`${counts} of ${turns} for ${list}`)
        counts[pickDestination(table, 0, CLIENT, random, shared)]++
      }
    }),
    { numRuns: runs(300) },
  )
  assert.deepEqual(drawn([1_000_003, 1], 'exact', 300_000), [300_000, 0])
  assert.deepEqual(drawn([1, 1_000_003], 'exact', 700_000), [1, 699_999])
  assert.deepEqual(drawn([200_000, 100_001], 'exact', 300_001), [200_000, 100_001])
  assert.deepEqual(drawn([100_000, 1, 100_000, 1], 'exact', 200_002), [100_000, 1, 100_000, 1])
  assert.equal(isExactForEver([PAIRED_PERIOD_MAX - 1, 1]), true)
  assert.equal(isExactForEver([PAIRED_PERIOD_MAX, 1]), false)
  assert.equal(isExactForEver([1_000_003, 1, 1, 1]), true)
  assert.equal(isExactForEver([1_000_003, 1, 1, 1, 1]), false)
})

/**
 * By destination: how many of the first `turns` connections it has had, by whole numbers of any
 * size.
 */
function countsAfter(turns: number, weights: readonly number[]): number[] {
  const rounded = (of: bigint, share: bigint, period: bigint): bigint => (of * share + period / 2n) / period
  const split = (of: bigint, [first, second]: readonly bigint[]): bigint[] => {
    if (second === undefined) return [of]
    const had = rounded(of, first, first + second)
    return [had, of - had]
  }
  const all = weights.map(BigInt)
  const groups = [all.slice(0, all.length >> 1), all.slice(all.length >> 1)]
  const sums = groups.map(group => group.reduce((sum, weight) => sum + weight))
  return split(BigInt(turns), sums).flatMap((of, group) => split(of, groups[group]).map(Number))
}

test('exact: turns go on as before where the counter is set back', () => {
  const random = createRandom(1, 2, 3)
  for (const weights of [
    [3, 2, 1],
    [100_003, 100_000, 99_999],
  ]) {
    const table = tableOf(splitPlan(weights, 'exact'))
    const period = table.routes[Route.turnCount]
    const picksFrom = (start: number) => {
      const shared = createShared()
      Atomics.store(shared.tickets, table.routes[Route.slot], start)
      const picked = Array.from({ length: 20 }, () => pickDestination(table, 0, CLIENT, random, shared))
      return { picked, ticket: Atomics.load(shared.tickets, table.routes[Route.slot]) }
    }
    const early = picksFrom((2 ** 30 - 7) % period)
    const late = picksFrom(2 ** 30 - 7)
    assert.deepEqual(late.picked, early.picked)
    assert.ok(late.ticket < period + 20, `the counter is at ${late.ticket}`)
  }
})

test('exact: eight threads together keep the split', async () => {
  const { buffers } = tableOf(splitPlan([97, 2, 1], 'exact'))
  const tickets = new SharedArrayBuffer(1024)
  const counts = new SharedArrayBuffer(12)
  const draws = sized(5_000, 20_000)
  const source = new URL('../support/drawing-worker.ts', import.meta.url)
  const workers = Array.from({ length: 8 }, () => {
    return new Worker(source, { workerData: { buffers, tickets, counts, draws } })
  })
  await Promise.all(workers.map(worker => once(worker, 'exit')))
  const total = 8 * draws
  assert.deepEqual([...new Int32Array(counts)], [total * 0.97, total * 0.02, total * 0.01])
})

// Pearson's chi-square with 3 degrees of freedom exceeds 21.1 once in 10 000 runs; the seed is
// fixed.
test('random: 100 000 connections follow their weights', () => {
  const list = [70, 20, 9, 1]
  const counts = drawn(list, 'random', 100_000)
  const chi = counts.reduce(
    (sum, count, index) => sum + (count - list[index] * 1000) ** 2 / (list[index] * 1000),
    0,
  )
  assert.ok(chi < 21.1, `chi-square ${chi} of ${counts}`)
})

test('sticky: a client always gets the same destination', () => {
  assert.equal(drawn([50, 50], 'sticky', 1000).filter(count => count > 0).length, 1)
})

const named = (list: readonly number[]) => list.map((weight, index) => ({ name: `v${index}`, weight }))

const moved = (before: Uint16Array, after: Uint16Array): number =>
  before.reduce((sum, destination, bucket) => sum + (destination === after[bucket] ? 0 : 1), 0) / BUCKETS

test('sticky: shares follow the weights, and a change moves only what it must', t => {
  const at10 = stickyBuckets(named([90, 10]))
  const at20 = stickyBuckets(named([80, 20]))
  const share = at10.reduce((sum, destination) => sum + destination, 0) / BUCKETS
  assert.ok(Math.abs(share - 0.1) < 0.01, `${share} of the buckets for 10 %`)
  const change = moved(at10, at20)
  t.diagnostic(`10 % to 20 %: ${(change * 100).toFixed(2)} % of the clients move`)
  assert.ok(Math.abs(change - 0.1) < 0.01)
  assert.ok(
    at10.every((destination, bucket) => destination === 0 || at20[bucket] === 1),
    'who had the canary keeps it',
  )
  const third = stickyBuckets(named([80, 20, 10]))
  assert.ok(at20.every((destination, bucket) => third[bucket] === destination || third[bucket] === 2))
})

test('sticky: the order of the destinations plays no part', () => {
  const list = named([60, 30, 10])
  const forward = stickyBuckets(list)
  const backward = stickyBuckets(list.toReversed())
  assert.ok(forward.every((destination, bucket) => destination === 2 - backward[bucket]))
})

test('one destination gets everything in each way, whatever its weight', () => {
  for (const split of SPLITS) {
    for (const weight of [0, 1, 2 ** 31 - 1]) assert.deepEqual(drawn([weight], split, 10), [10])
  }
})
