/**
 * Goal: a worker reads the counts of others once a millisecond, and not for each connection, and
 * still no limit is exceeded. Method: counts that tell who reads them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../src/base/random.ts'
import { Crowd } from '../../src/engine/decide/crowd.ts'
import { drawEndpoint } from '../../src/engine/decide/draw.ts'
import { Loads } from '../../src/engine/decide/loads.ts'
import { HandOver } from '../../src/engine/flow/hand-over.ts'
import { Tally } from '../../src/engine/flow/tally.ts'
import { createInboxes, Inboxes } from '../../src/engine/worker/inboxes.ts'
import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { Counter, createStats, openAt, openStats, type Stats } from '../../src/stats/stats.ts'
import { slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const WORKERS = 64

/** Counts of workers, and how often those of others than worker 0 were read. */
function watched(): { stats: Stats; open: (worker: number, count: number) => void; reads: () => number } {
  const stats = openStats(createStats(WORKERS))
  let reads = 0
  const counters = stats.counters.map((counts, worker) =>
    worker === 0
      ? counts
      : (new Proxy(counts, {
          get: (target, name) => {
            reads++
            return target[name as unknown as number]
          },
        }) as Float64Array),
  )
  const open = (worker: number, count: number): void => {
    stats.counters[worker][Counter.open] = count
  }
  return { stats: { ...stats, counters }, open, reads: () => reads }
}

test('far from the limit, 1 000 connections of a millisecond read each other worker once', () => {
  const { stats, open, reads } = watched()
  const crowd = new Crowd(stats, 0)
  for (let worker = 1; worker < WORKERS; worker++) open(worker, 10)
  for (let count = 1; count <= 1000; count++) {
    open(0, count)
    assert.equal(
      crowd.exceeds(100_000, () => 7.25),
      false,
    )
  }
  assert.equal(reads(), WORKERS - 1)
  crowd.exceeds(100_000, () => 8.5)
  assert.equal(reads(), 2 * (WORKERS - 1))
})

test('near the limit each connection is compared with what is open then', () => {
  const { stats, open } = watched()
  const crowd = new Crowd(stats, 0)
  const found: boolean[] = []
  for (let count = 1; count <= 1000; count++) {
    open(1, count)
    open(0, count)
    found.push(crowd.exceeds(1500, () => 7))
  }
  assert.equal(found.indexOf(true), 750) // 2 × 751
  assert.ok(found.slice(750).every(Boolean))
})

test('one worker alone is compared with its own count', () => {
  const stats = openStats(createStats(1))
  const crowd = new Crowd(stats, 0)
  stats.counters[0][Counter.open] = 5
  assert.deepEqual([crowd.exceeds(5, () => 0), crowd.exceeds(4, () => 0)], [false, true])
})

test('loads of an endpoint are summed once a millisecond, with its own ones exact', () => {
  const stats = openStats(createStats(3))
  const loads = new Loads(stats, 1)
  const add = (worker: number, slot: number, count: number): void => {
    stats.words[openAt(worker, slot)] += count
  }
  for (const slot of [7, 5000]) {
    for (const worker of [0, 1, 2]) add(worker, slot, 10)
    assert.equal(loads.of(slot, 3), 30)
    add(0, slot, 100)
    add(1, slot, 1)
    assert.equal(loads.of(slot, 3.9), 31, 'what others have since then is not seen yet')
    assert.equal(loads.of(slot, 4), 131)
    assert.equal(loads.of(slot, 1), 131, 'a clock that went back is no reason to wait')
    add(2, slot, -10)
    assert.equal(loads.of(slot, 5000), 121)
  }
})

test('a draw reads the clock once for all endpoints, also around one that is not well', () => {
  for (const weights of [
    [1, 1, 1, 1, 1, 1],
    [1, 2, 3, 1, 2, 3],
  ]) {
    const targets = weights.map((weight, at) => ({ address: '127.0.0.1', port: 1000 + at, weight }))
    const table = tableOf(planOf([], [clusterOf(targets, { balance: 'LEAST_REQUEST' })]))
    const stats = openStats(createStats(2))
    // Four are well, so most draws have to look for another than their first choice.
    const slots = targets.map((_, at) => slotAt(table.endpoints, at * Endpoint.WORDS))
    for (const slot of slots.slice(4)) setMark(stats.marks, slot, Mark.down)
    let looks = 0
    const nowMs = (): number => ++looks
    const loads = new Loads(stats, 0)
    const balancer = { stats, worker: 0, random: createRandom(1, 2, 3), nowMs, loads }
    let most = 0
    for (let draw = 0; draw < 100; draw++) {
      looks = 0
      drawEndpoint(balancer, table, [], { cluster: 0, clientHash: 0, isProbe: false })
      most = Math.max(most, looks)
    }
    assert.equal(most, 3, 'for the first choice, for what is in rotation, for a choice of that')
  }
})

/** What a hand-over needs of a kernel. */
const KERNEL = { sockets: { letGo: () => {}, keep: (fd: number) => fd }, rouse: () => {} }

test('connections that stay read each other worker once for all that the least allows', () => {
  const { stats, open, reads } = watched()
  const inboxes = createInboxes(WORKERS)
  const task = { index: 0, inboxes } as WorkerTask
  const handOver = new HandOver(KERNEL as unknown as Kernel, task, stats, new Tally())
  const others = new Inboxes(inboxes, () => {})
  for (let worker = 1; worker < WORKERS; worker++) {
    others.open(worker, 1)
    open(worker, 100)
  }
  handOver.open(1)
  for (let count = 17; count <= 116; count++) {
    open(0, count)
    assert.equal(handOver.pass(3, 0, 50), false)
  }
  assert.equal(reads(), WORKERS - 1, 'a look at each, at the first')
  open(0, 117)
  assert.equal(handOver.pass(3, 0, 50), true, 'the first above the least and its slack')
  assert.equal(reads(), 2 * (WORKERS - 1))
  open(9, 0)
  open(0, 90)
  assert.equal(
    handOver.pass(3, 0, 50.5),
    false,
    'within the millisecond what has ended elsewhere is not seen',
  )
  assert.equal(handOver.pass(3, 0, 51), true, 'after it, it is')
})
