/**
 * Goal: with ROUND_ROBIN each endpoint has exactly its share of every cycle, over all workers,
 * whatever the weights are. Method: random weights; tables that were built, and revised; workers in
 * random order; beside them a naive scheduler like Envoy's, which counts in whole numbers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createRandom } from '../../src/base/random.ts'
import { type Balancer, chooseEndpoint } from '../../src/engine/decide/balance.ts'
import { createStats, openStats } from '../../src/stats/stats.ts'
import { rowRulesOf } from '../../src/table/build/endpoint-rows.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { cycleOf } from '../../src/table/build/turns.ts'
import { runOf } from '../../src/table/format/endpoints.ts'
import { EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { openTable, type Table } from '../../src/table/format/table.ts'
import { takeTurnAmong } from '../../src/table/match/turns.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { runs } from '../support/full.ts'
import { tableOf } from '../support/tables.ts'

/** The longest cycle that has a schedule (build/turns.ts). */
const SCHEDULED_MAX = 1024

const targetsOf = (weights: readonly number[]) =>
  weights.map((weight, index) => ({ address: '127.0.0.1', port: 1000 + index, weight }))

const clusterBy = (weights: readonly number[]) => clusterOf(targetsOf(weights), { balance: 'ROUND_ROBIN' })

/** Built with these weights, or with others before. */
function tableBy(weights: readonly number[], before: readonly number[] | null): Table {
  if (before === null) return tableOf(planOf([], [clusterBy(weights)]))
  const table = tableOf(planOf([], [clusterBy(before)]))
  const rules = new Map([[0, rowRulesOf(clusterBy(weights))]])
  const endpoints = changeEndpoints(table, new Map([[0, targetsOf(weights)]]), () => 0, rules)
  return openTable({ ...table.buffers, endpoints })
}

const balancersFor = (workers: number): Balancer[] => {
  const stats = openStats(createStats(workers))
  return Array.from({ length: workers }, (_, worker) => ({
    stats,
    worker,
    random: createRandom(1, 2, worker),
    nowMs: () => 0,
  }))
}

/** The places that `count` connections get, by workers in this order. */
function placesOf(table: Table, workers: number, order: readonly number[], count: number): number[] {
  const balancers = balancersFor(workers)
  const first = table.endpoints[runOf(table, 0) + EndpointRun.first]
  return Array.from({ length: count }, (_, draw) => {
    const balancer = balancers[order[draw % order.length] % workers]
    return chooseEndpoint(balancer, table, 0, [], 0) - first
  })
}

/** Envoy's scheduler: the earliest deadline wins, and comes again after 1 / its weight. */
function naivePlaces(weights: readonly number[], count: number): number[] {
  const common = weights.reduce((product, weight) => product * BigInt(weight), 1n)
  const due = weights.map(weight => common / BigInt(weight))
  return Array.from({ length: count }, () => {
    const earliest = due.toSorted((a, b) => (a < b ? -1 : 1))[0]
    const place = due.indexOf(earliest)
    due[place] += common / BigInt(weights[place])
    return place
  })
}

const countsOf = (weights: readonly number[], places: readonly number[]): number[] => {
  const counts = weights.map(() => 0)
  for (const each of places) counts[each]++
  return counts
}

/** How far an endpoint has been from its share, at most. */
function mostOff(weights: readonly number[], places: readonly number[]): number {
  const total = weights.reduce((sum, each) => sum + each, 0)
  const counts = weights.map(() => 0)
  let most = 0
  for (const [index, place] of places.entries()) {
    counts[place]++
    for (const [each, got] of counts.entries())
      most = Math.max(most, Math.abs(got - ((index + 1) * weights[each]) / total))
  }
  return most
}

const small = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 6 })
const scaled = fc
  .tuple(small, fc.integer({ min: 1, max: 1000 }))
  .map(([all, by]) => all.map(each => each * by))
const large = fc.array(fc.integer({ min: 300, max: 900 }), { minLength: 2, maxLength: 4 })
const weighted = fc.oneof(small, scaled, large).filter(all => all.some(each => each !== all[0]))
const drawn = fc.record({
  weights: weighted,
  before: fc.option(small),
  workers: fc.integer({ min: 1, max: 4 }),
  order: fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
  from: fc.nat(40),
})

test('a cycle gives each endpoint as many connections as its weight, from wherever it is counted', () => {
  fc.assert(
    fc.property(drawn, ({ weights, before, workers, order, from }) => {
      const { length = 0, unit = 0 } = cycleOf(weights) ?? {}
      const shares = weights.map(each => each / unit)
      const all = placesOf(tableBy(weights, before), workers, order, from + 2 * length)
      const naive = naivePlaces(weights, length)
      assert.deepEqual(countsOf(weights, all.slice(from, from + length)), shares)
      assert.deepEqual(countsOf(weights, all.slice(from + length)), shares)
      assert.deepEqual(countsOf(weights, naive), shares)
      if (length <= SCHEDULED_MAX) assert.ok(mostOff(weights, all) < 1, `${weights}`)
    }),
    { numRuns: runs(300) },
  )
})

test('turns among some endpoints, as among a group of them, are as exact', () => {
  fc.assert(
    fc.property(weighted, fc.nat(40), (weights, from) => {
      const { length = 0, unit = 0 } = cycleOf(weights) ?? {}
      const tickets = new Int32Array(new SharedArrayBuffer(8))
      const take = () => takeTurnAmong(weights, tickets, 1)
      for (let turn = 0; turn < from; turn++) take()
      const places = Array.from({ length }, take)
      assert.deepEqual(
        countsOf(weights, places),
        weights.map(each => each / unit),
      )
    }),
    { numRuns: runs(300) },
  )
})

test('an endpoint of a large cycle is never far from its share', () => {
  for (const weights of [
    [1_000_003, 2_999_999],
    [1, 999_983],
    [333_331, 333_337, 333_667],
    [2 ** 31 - 1, 2 ** 31 - 2, 5],
    [2 ** 32 - 1, 2 ** 30],
  ]) {
    const off = mostOff(weights, placesOf(tableBy(weights, null), 2, [0, 1, 1], 20_000))
    assert.ok(off < 6, `${weights}: ${off}`)
  }
})

test('a counter begins again without a turn that is lost or doubled', () => {
  const weights = [1, 2]
  const table = tableBy(weights, null)
  const [balancer] = balancersFor(1)
  balancer.stats.tickets.fill(2 ** 30 - 5)
  assert.notEqual(2 ** 30 % 3, 0)
  const places = Array.from({ length: 30 }, () => chooseEndpoint(balancer, table, 0, [], 0))
  for (let from = 0; from < 28; from++)
    assert.equal(new Set(places.slice(from, from + 3)).size, 2, `${places}`)
  assert.ok(balancer.stats.tickets.some(each => each < 100))
})
