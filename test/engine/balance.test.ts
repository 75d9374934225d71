/**
 * Goal: endpoints get the connections that their policy and weight promise. Method: many draws from
 * a table, against what probability theory expects; the seeds are fixed, so the outcome is too.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../src/base/random.ts'
import { type Balancer, chooseEndpoint, countOpen, NO_ENDPOINT } from '../../src/engine/decide/balance.ts'
import { createStats, openStats, sumOpen } from '../../src/stats/stats.ts'
import { countEndpoints, slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const BALANCES = ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM'] as const

/**
 * A table with one cluster whose endpoints have these weights, and `workers` balancers on one set
 * of counts.
 */
function world(balance: Policy['balance'], weights: readonly number[], workers = 1) {
  const targets = weights.map((weight, index) => ({ address: '127.0.0.1', port: 1000 + index, weight }))
  const table = tableOf(planOf([], [clusterOf(targets, { balance })]))
  const stats = openStats(createStats(workers))
  const balancers = Array.from(
    { length: workers },
    (_, worker): Balancer => ({ stats, worker, random: createRandom(1, 2, worker), nowMs: () => 0 }),
  )
  return { table, stats, balancers }
}

const slotOf = (table: Table, endpoint: number): number => slotAt(table.endpoints, endpoint * Endpoint.WORDS)

/**
 * How often each endpoint is chosen in `draws` draws by the workers in turn; `hold` leaves the
 * connections open.
 */
function histogram({ table, balancers }: ReturnType<typeof world>, draws: number, hold = false): number[] {
  const counts: number[] = new Array(countEndpoints(table)).fill(0)
  for (let draw = 0; draw < draws; draw++) {
    const balancer = balancers[draw % balancers.length]
    const endpoint = chooseEndpoint(balancer, table, 0, [], 0)
    counts[endpoint]++
    if (hold) countOpen(balancer, slotOf(table, endpoint), 1)
  }
  return counts
}

const isNear = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  for (const [index, count] of actual.entries()) {
    assert.ok(Math.abs(count - expected[index]) <= tolerance, `${actual} is not near ${expected}`)
  }
}

test('with equal weights and nothing open every policy spreads evenly', () => {
  for (const balance of BALANCES) {
    const tolerance = balance === 'ROUND_ROBIN' ? 0 : 400 // 4 standard deviations of 10 000 in 40 000
    isNear(histogram(world(balance, [1, 1, 1, 1]), 40_000), [10_000, 10_000, 10_000, 10_000], tolerance)
  }
})

test('weights are kept by ROUND_ROBIN exactly, over all workers, and by RANDOM within chance', () => {
  for (const workers of [1, 3])
    isNear(histogram(world('ROUND_ROBIN', [1, 2, 5], workers), 8000), [1000, 2000, 5000], 0)
  isNear(histogram(world('RANDOM', [1, 2, 5]), 8000), [1000, 2000, 5000], 180)
})

test('weighted turns are spread, not sent in bursts', () => {
  const { table, balancers } = world('ROUND_ROBIN', [3, 1])
  const turns = Array.from({ length: 400 }, () => chooseEndpoint(balancers[0], table, 0, [], 0))
  assert.doesNotMatch(turns.join(''), /0{6}|11/)
})

test('workers begin their turns at different endpoints', () => {
  const { table, balancers } = world('ROUND_ROBIN', [1, 1, 1], 3)
  const firsts = balancers.map(balancer => chooseEndpoint(balancer, table, 0, [], 0))
  assert.deepEqual(firsts, [0, 1, 2])
})

test('LEAST_REQUEST keeps open connections level over all workers', () => {
  const counts = histogram(world('LEAST_REQUEST', [1, 1, 1, 1, 1], 4), 1000, true)
  isNear(counts, [200, 200, 200, 200, 200], 4) // two choices: the gap grows with log log n only
})

test('LEAST_REQUEST avoids a loaded endpoint, whoever loaded it', () => {
  const all = world('LEAST_REQUEST', [1, 1], 2)
  for (let open = 0; open < 10; open++) countOpen(all.balancers[1], slotOf(all.table, 0), 1)
  assert.equal(sumOpen(all.stats, slotOf(all.table, 0)), 10)
  const draws = Array.from({ length: 50 }, () => chooseEndpoint(all.balancers[0], all.table, 0, [], 0))
  assert.deepEqual(new Set(draws), new Set([1]))
})

test('LEAST_REQUEST with different weights draws by weight / (open + 1)', () => {
  const all = world('LEAST_REQUEST', [1, 4])
  isNear(histogram(all, 10_000), [2000, 8000], 160)
  for (let open = 0; open < 3; open++) countOpen(all.balancers[0], slotOf(all.table, 1), 1)
  isNear(histogram(all, 10_000), [5000, 5000], 200)
})

test('an endpoint that was tried is not chosen again, and after the last there is none', () => {
  for (const balance of BALANCES) {
    for (const weights of [
      [1, 1, 1, 1],
      [1, 2, 3, 4],
    ]) {
      const { table, balancers } = world(balance, weights)
      for (let round = 0; round < 50; round++) {
        const tried: number[] = []
        for (let attempt = 0; attempt < 4; attempt++) {
          tried.push(chooseEndpoint(balancers[0], table, 0, tried, 0))
        }
        assert.deepEqual([...tried].sort(), [0, 1, 2, 3])
        assert.equal(chooseEndpoint(balancers[0], table, 0, tried, 0), NO_ENDPOINT)
      }
    }
  }
})

test('among those not yet tried each is as likely as another', () => {
  const { table, balancers } = world('RANDOM', [1, 1, 1, 1])
  const counts = [0, 0, 0, 0]
  for (let draw = 0; draw < 6000; draw++) counts[chooseEndpoint(balancers[0], table, 0, [1], 0)]++
  isNear(counts, [2000, 0, 2000, 2000], 150)
})
