// Goal: counts of many writers add up and survive a worker's death. Method: several views on one
// buffer.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SLOTS_MAX } from '../../src/stats/counter-slots.ts'
import { REASON_NAMES, Reason } from '../../src/stats/reasons.ts'
import {
  Counter,
  clearWorker,
  closedAt,
  createStats,
  openAt,
  openStats,
  sumOpen,
  totals,
  turnAt,
} from '../../src/stats/stats.ts'

test('every thread sees what each worker counted, and the sum', () => {
  const buffer = createStats(3)
  for (let worker = 0; worker < 3; worker++) {
    const mine = openStats(buffer)
    mine.counters[worker][Counter.accepted] += 10 + worker
    mine.counters[worker][closedAt(Reason.drain)] += worker
    mine.words[openAt(worker, 7)] += 1 + worker
  }
  const all = openStats(buffer)
  assert.equal(all.workers, 3)
  assert.deepEqual([totals(all).accepted, totals(all).closed.drain], [33, 3])
  assert.deepEqual([sumOpen(all, 7), sumOpen(all, 6), sumOpen(all, 8)], [6, 0, 0])
})

test('no two counts share a word', () => {
  const stats = openStats(createStats(2))
  for (let worker = 0; worker < 2; worker++) {
    stats.counters[worker].fill(1)
    for (const slot of [0, 1, SLOTS_MAX - 1]) {
      stats.words[openAt(worker, slot)]++
      stats.words[turnAt(worker, slot)]++
    }
  }
  for (const counters of stats.counters) assert.deepEqual(new Set(counters), new Set([1]))
  for (let worker = 0; worker < 2; worker++) {
    for (const slot of [0, 1, SLOTS_MAX - 1]) {
      assert.equal(stats.words[openAt(worker, slot)], 1)
      assert.equal(stats.words[turnAt(worker, slot)], 1)
    }
  }
})

test('a dead worker leaves nothing open, and its connections ended for that reason', () => {
  const stats = openStats(createStats(2))
  for (const counters of stats.counters) {
    counters[Counter.accepted] = 5
    counters[Counter.open] = 2
    counters[closedAt(Reason['client-closed'])] = 3
  }
  for (const worker of [0, 1]) stats.words[openAt(worker, SLOTS_MAX - 1)] = 2
  clearWorker(stats, 0)
  const { accepted, open, closed } = totals(stats)
  assert.deepEqual([accepted, open, closed['worker-lost'], closed['client-closed']], [10, 2, 2, 6])
  assert.equal(accepted, open + REASON_NAMES.reduce((sum, name) => sum + closed[name], 0))
  assert.equal(sumOpen(stats, SLOTS_MAX - 1), 2)
})

test('a buffer of another size is refused', () => {
  assert.throws(() => openStats(new SharedArrayBuffer(8)), /no counts/)
  assert.throws(() => createStats(0), /no worker/)
})
