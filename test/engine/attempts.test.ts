/**
 * Goal: one dialing policy: which endpoints are tried, for how long, and how failures are
 * remembered. Method: workers on one set of counts, with endpoints and a clock that the test
 * controls.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TIMED_OUT } from '../../src/engine/decide/attempts.ts'
import { ADMITTED } from '../../src/engine/decide/decision.ts'
import { backoffMs } from '../../src/stats/backoffs.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { clearMark, Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { Counter, openStats, slotCounts } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { clusterWith, ROWS, refusing, World, worldOf } from '../support/dialing.ts'
import { planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const BALANCES = ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM'] as const
for (const balance of BALANCES) {
  for (const [weights, dead] of [
    [[1, 1], [1001]],
    [[1, 3], [1001]],
    [
      [1, 1, 1, 1, 1],
      [1000, 1003],
    ],
    [
      [1, 2, 3, 4, 5],
      [1002, 1004],
    ],
  ] as const) {
    test(`${balance} ${weights}: with ${dead.length} refusing no connection fails, and each is dialed once in a back-off`, () => {
      const world = worldOf(weights, { balance })
      for (let each = 0; each < 1000; each++) {
        assert.equal(world.connect(refusing(...dead), each % 2), ADMITTED)
        world.nowMs += 5
      }
      // In five seconds: the first failure, and a probe after 1 s and after 2 s more.
      for (const port of dead) assert.ok(world.dialsTo(port) <= 3, `${world.dialsTo(port)} dials`)
      const { counters } = openStats(world.stats)
      const sum = (counter: number) => counters[0][counter] + counters[1][counter]
      assert.equal(sum(Counter.dials), 1000 + sum(Counter.dialFailures))
    })
  }
}

test('what a failed endpoint would have got is spread over the others as the balancer promises', () => {
  for (const [balance, weights, tolerance] of [
    ['ROUND_ROBIN', [1, 1, 1, 1], 2],
    ['ROUND_ROBIN', [2, 1, 1, 2], 8],
    ['RANDOM', [1, 1, 1, 1], 130],
    ['RANDOM', [2, 1, 1, 2], 130],
    ['LEAST_REQUEST', [1, 1, 1, 1], 130],
    ['LEAST_REQUEST', [2, 1, 1, 2], 130],
  ] as const) {
    const world = worldOf(weights, { balance })
    for (let each = 0; each < 3000; each++) world.connect(refusing(1001))
    const total = weights[0] + weights[2] + weights[3]
    for (const index of [0, 2, 3]) {
      const [got, expected] = [world.dialsTo(1000 + index), (3000 * weights[index]) / total]
      assert.ok(Math.abs(got - expected) <= tolerance, `${balance} ${weights}: ${got}, not ${expected}`)
    }
  }
})

for (const remembersFailures of [true, false])
  test(`an endpoint whose last check has failed gets nothing while another is left${remembersFailures ? '' : ', also where failures are not remembered'}`, () => {
    for (const balance of [...BALANCES, 'RING_HASH', 'MAGLEV'] as const) {
      const world = worldOf([1, 1, 1], { balance, remembersFailures })
      const stats = openStats(world.stats)
      const connect = (count: number) => {
        world.dials.clear()
        for (let each = 0; each < count; each++)
          world.connect(refusing(), each % 2, 0, Math.imul(each, 0x9e3779b1) >>> 0)
      }
      setMark(stats.marks, world.slotOf(0), Mark.doubted)
      connect(300)
      // A client that goes by its address keeps its endpoint until that is down.
      const isHashed = balance === 'RING_HASH' || balance === 'MAGLEV'
      assert.equal(world.dialsTo(1000) > 0, isHashed, balance)
      setMark(stats.marks, world.slotOf(1), Mark.draining)
      setMark(stats.marks, world.slotOf(2), Mark.down)
      connect(3)
      assert.equal(world.dialsTo(1000), 3, 'no other is left')
      for (const [index, mark] of [Mark.doubted, Mark.draining, Mark.down].entries())
        clearMark(stats.marks, world.slotOf(index), mark)
      connect(300)
      assert.ok(world.dialsTo(1000) > 0)
    }
  })

test('two failed endpoints give their turns to all others alike', () => {
  const world = worldOf([1, 1, 1, 1, 1], { balance: 'ROUND_ROBIN' })
  for (let each = 0; each < 3000; each++) world.connect(refusing(1000, 1001))
  for (const port of [1002, 1003, 1004]) assert.ok(Math.abs(world.dialsTo(port) - 1000) <= 3)
})

test('the back-off doubles from 1 s to 30 s, and one probe ends it when the endpoint is back', () => {
  const world = worldOf([1, 1], { balance: 'ROUND_ROBIN' })
  const failedAt: number[] = []
  for (const start = world.nowMs; world.nowMs - start <= 130_000; world.nowMs += 100) {
    const before = world.dialsTo(1000)
    world.connect(refusing(1000))
    if (world.dialsTo(1000) > before) failedAt.push(world.nowMs)
  }
  const gaps = failedAt.slice(1).map((at, index) => at - failedAt[index])
  // A probe waits for a turn of its own: 200 ms here.
  for (const [index, gap] of gaps.entries()) {
    const expected = backoffMs(Math.min(index + 1, 6))
    assert.ok(gap >= expected && gap <= expected + 200, `${gap} after ${index + 1} failures`)
  }
  assert.equal(gaps.length, 8)

  world.nowMs = (failedAt.at(-1) ?? 0) + 30_001
  world.dials.clear()
  for (let each = 0; each < 10; each++) world.connect(refusing())
  assert.equal(world.dialsTo(1000), 5)
})

test('when a back-off is over one connection at a time tries the endpoint, over all workers', () => {
  const world = worldOf([1, 1])
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  world.nowMs += 1_001
  const begun = Array.from({ length: 6 }, (_, row) => world.begin(row, row % 2))
  // Those that have not drawn it do not either, as long as the first has no answer.
  for (let draw = 0; draw < 100; draw++) {
    const next = world.begin(7, draw % 2)
    begun.push(next)
    next.ends()
  }
  assert.equal(begun.filter(({ decision }) => decision.isProbe).length, 1)
  assert.equal(begun.filter(({ decision }) => decision.port === 1000).length, 1)
})

test('a client that leaves while its connection probes begins the same back-off again', () => {
  const world = worldOf([1, 1], { balance: 'ROUND_ROBIN' })
  const probe = () => {
    for (;;) {
      const each = world.begin()
      if (each.decision.isProbe) return each
      each.connects()
      each.ends()
    }
  }
  const isTried = () =>
    [0, 1].some(() => world.connect(refusing(1000)) === ADMITTED && world.dialsTo(1000) > 0)
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  world.nowMs += 1_001
  probe().ends()
  world.dials.clear()
  world.nowMs += 990
  assert.equal(isTried(), false)
  world.nowMs += 11
  assert.equal(isTried(), true)
})

test('a claim of a worker that died runs out', () => {
  const world = worldOf([1, 1], { connectTimeoutMs: 2_000, balance: 'ROUND_ROBIN' })
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  world.nowMs += 1_001
  for (let each = world.begin(1); !each.decision.isProbe; each = world.begin(1)) each.ends()
  world.dials.clear()
  world.nowMs += 2_500
  for (let each = 0; each < 10; each++) world.connect(refusing(1000), 1)
  assert.equal(world.dialsTo(1000), 0)
  world.nowMs += 600
  for (let each = 0; each < 10; each++) world.connect(refusing(), 1)
  assert.equal(world.dialsTo(1000), 5)
})

test('connects that fail together are one failure', () => {
  const world = worldOf([1, 1])
  const begun = Array.from({ length: ROWS }, (_, row) => world.begin(row))
  for (const each of begun.filter(({ decision }) => decision.port === 1000)) each.fails('ECONNREFUSED')
  for (const each of begun) each.ends()
  world.nowMs += 1_001
  assert.ok(Array.from({ length: 50 }, () => world.connect(refusing())).every(each => each === ADMITTED))
  assert.ok(world.dialsTo(1000) > 10)
})

test('a connection whose first dial was a probe goes on to an endpoint that is well, not to another probe', () => {
  const world = worldOf([1, 1, 1, 1], { connectAttempts: 2, balance: 'RANDOM' })
  const answer = refusing(1000, 1001, 1002)
  for (let each = 0; each < 50; each++) world.connect(answer)
  for (let each = 0; each < 500; each++) {
    world.nowMs += 1_001
    assert.equal(world.connect(answer), ADMITTED)
  }
})

test('where all have failed they are dialed all the same, first those whose back-off is over', () => {
  const world = worldOf([1, 1])
  const all = refusing(1000, 1001)
  assert.equal(world.connect(all), Reason['connect-refused'])
  assert.deepEqual([world.dialsTo(1000), world.dialsTo(1001)], [1, 1])
  assert.equal(world.connect(all), Reason['connect-refused'])
  assert.deepEqual([world.dialsTo(1000), world.dialsTo(1001)], [2, 2])
  assert.equal(world.connect(refusing()), ADMITTED) // and what has connected is well again
  const [well] = [1000, 1001].filter(port => world.dialsTo(port) === 3)
  for (let each = 0; each < 20; each++) world.connect(refusing())
  assert.equal(world.dialsTo(well), 23)
})

test('with outlierDetection nothing is remembered, and nothing that others remember counts', () => {
  const plan = planOf(
    [],
    [clusterWith([1, 1], { balance: 'RANDOM', remembersFailures: false }), clusterWith([1, 1], {}, 'b')],
  )
  const world = new World(tableOf(plan))
  for (let each = 0; each < 100; each++) assert.equal(world.connect(refusing(1000)), ADMITTED)
  assert.ok(world.dialsTo(1000) > 25)
  assert.equal(world.words()[world.slotOf(0)], 0)
  while (world.words()[world.slotOf(0)] === 0) world.connect(refusing(1000), 0, 1)
  world.dials.clear()
  for (let each = 0; each < 100; each++) assert.equal(world.connect(refusing(1000)), ADMITTED)
  assert.ok(world.dialsTo(1000) > 25)
})

test('the memory is of an address and port: other destinations have it, and a reload keeps it', () => {
  const slots = createSlots()
  const tableOfGeneration = (generation: number, hosts: readonly string[]) =>
    openTable(
      buildTable(
        planOf(
          [],
          hosts.map(host => clusterWith([1, 1], {}, host)),
        ),
        generation,
        new Slots(slots, generation, NO_COUNTS).slotOf,
      ),
    )
  const world = new World(tableOfGeneration(1, ['a', 'b']))
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000), 0, 0)
  world.table = tableOfGeneration(2, ['c', 'b', 'a'])
  for (const cluster of [0, 1, 2]) {
    for (let each = 0; each < 50; each++) world.connect(refusing(1000), 1, cluster)
  }
  assert.equal(world.dialsTo(1000), 1)
})

test('a slot that goes to another endpoint is forgotten', () => {
  const world = worldOf([1, 1])
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  const slot = world.slotOf(0)
  assert.notEqual(world.words()[slot], 0)
  slotCounts(openStats(world.stats)).reset(slot)
  assert.equal(world.words()[slot], 0)
})

test('an endpoint without a slot is remembered nowhere', () => {
  const world = new World(openTable(buildTable(planOf([], [clusterWith([1, 1])]), 1, () => 0)))
  for (let each = 0; each < 100; each++) assert.equal(world.connect(refusing(1000)), ADMITTED)
  assert.ok(world.dialsTo(1000) > 10)
  assert.ok(world.words().every(word => word === 0))
})

test('an endpoint that nobody dialed for days is not held back when the clock has gone round', () => {
  const world = worldOf([1, 1])
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  for (const days of [1, 3, 4, 6, 30]) {
    world.dials.clear()
    world.nowMs += days * 86_400_000
    while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
    assert.ok(world.dialsTo(1001) <= 20)
  }
})

test('all attempts together end at the deadline, and the last has what is left', () => {
  const world = worldOf([1, 1, 1, 1], {
    connectAttempts: 9,
    connectTimeoutMs: 2_000,
    connectDeadlineMs: 5_000,
  })
  const start = world.nowMs
  assert.equal(
    world.connect(() => TIMED_OUT),
    Reason['connect-timeout'],
  )
  assert.equal(world.nowMs - start, 5_000)
  assert.equal(
    [...world.dials.values()].reduce((sum, each) => sum + each, 0),
    3,
  )
})

test('a first attempt, too, ends at a deadline that is shorter than the connect timeout', () => {
  const world = worldOf([1, 1], { connectTimeoutMs: 2_000, connectDeadlineMs: 500 })
  const start = world.nowMs
  assert.equal(
    world.connect(() => TIMED_OUT),
    Reason['connect-timeout'],
  )
  assert.deepEqual([world.nowMs - start, world.dials.size], [500, 1])
})

test('a timeout is a failure, but not of an attempt that had too little time to tell', () => {
  const world = worldOf([1, 1], { connectTimeoutMs: 2_000, connectDeadlineMs: 2_300 })
  world.connect(() => TIMED_OUT)
  const remembered = [0, 1].filter(endpoint => world.words()[world.slotOf(endpoint)] !== 0)
  assert.equal(remembered.length, 1)
})

test('what runs out here is no fault of an endpoint', () => {
  const world = worldOf([1, 1])
  assert.equal(
    world.connect(() => 'ENOBUFS'),
    Reason['accept-error'],
  )
  assert.equal(world.dials.size, 1)
  assert.ok(world.words().every(word => word === 0))
})
