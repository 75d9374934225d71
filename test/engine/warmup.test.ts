/**
 * Goal: an endpoint that comes into rotation gets its share little by little, as Envoy's slow start
 * has it, and costs nothing afterwards. Method: workers without sockets on a clock that the test
 * controls; delivered shares against the formula.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEndpoints, endpointRows } from '../../src/control/health/endpoint-states.ts'
import { Warmups } from '../../src/control/health/warmups.ts'
import { WARM, warmingAt } from '../../src/engine/decide/warmup.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { ejectedUntilMs } from '../../src/stats/outliers.ts'
import { openStats } from '../../src/stats/stats.ts'
import { arrivalStamp, sinceArrivalMs, warmthAt } from '../../src/stats/warmups.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { memberSlotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import { openTable, readCold, withEndpoints } from '../../src/table/format/table.ts'
import type { Cluster } from '../../src/table/plan/plan.ts'
import { DEFAULT_EJECTION, type Policy } from '../../src/table/plan/policy.ts'
import { clusterWith, refusing, World, worldOf } from '../support/dialing.ts'
import { planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const WINDOW_MS = 100_000
const WARMUP = { durationMs: WINDOW_MS, minimumPercent: 10, aggression: 1 }
const DRAWS = 6_000

test('the weight grows from minimumPercent with the age, by the aggression', () => {
  assert.equal(warmthAt(1_000, 10_000, 10, 1), 0.1)
  assert.equal(warmthAt(0, 10_000, 5, 1), 0.1, 'an age of a second at least')
  assert.equal(warmthAt(5_000, 10_000, 10, 1), 0.5)
  assert.equal(warmthAt(2_500, 10_000, 10, 2), 0.5)
  assert.equal(warmthAt(2_000, 10_000, 30, 1), 0.3)
  assert.equal(warmthAt(10_000, 10_000, 10, 1), 1)
  assert.equal(warmthAt(100, 500, 10, 1), 1, 'a window of less than a second')
})

test('an arrival is told for weeks, whatever the clock says', () => {
  for (const nowMs of [0, 1, 2 ** 31 - 5, 2 ** 32 - 3, 2 ** 40 + 0.5]) {
    const stamp = arrivalStamp(nowMs)
    assert.notEqual(stamp, 0)
    assert.ok(Math.abs(sinceArrivalMs(stamp, nowMs + 90_000) - 90_000) <= 1)
    assert.ok(Math.abs(sinceArrivalMs(Int32Array.of(stamp)[0], nowMs + 2 ** 31) - 2 ** 31) <= 1)
  }
  assert.equal(sinceArrivalMs(0, 12_345), Number.POSITIVE_INFINITY)
})

/** The share that port `port` gets of draws now; nothing stays open. */
function shareOf(world: World, port: number): number {
  world.dials.clear()
  for (let draw = 0; draw < DRAWS; draw++) world.connect(refusing(), draw % 2)
  return world.dialsTo(port) / DRAWS
}

function assertShare(world: World, port: number, weight: number, others: number): void {
  const expected = weight / (others + weight)
  const tolerance = 4.5 * Math.sqrt((expected * (1 - expected)) / DRAWS)
  const share = shareOf(world, port)
  assert.ok(Math.abs(share - expected) <= tolerance, `${share}, not ${expected}`)
}

/** A world whose cluster gets the port 1003 in a revision, and who notes it. */
function grown(policy: Partial<Policy>) {
  const cluster = clusterWith([1, 1, 1], { warmup: WARMUP, ...policy })
  const world = new World(tableOf(planOf([], [cluster])))
  const warmups = new Warmups(openStats(world.stats), () => world.nowMs)
  warmups.publishing(world.table)
  const endpoints = [...cluster.endpoints, { address: '127.0.0.1', port: 1003, weight: 1 }]
  let slot = 1_000
  const slots = new Map(cluster.endpoints.map(({ port }, index) => [port, world.slotOf(index)]))
  const slotOf = (identity: string) => slots.get(Number(identity.split(' ').at(-1))) ?? slot++
  world.table = withEndpoints(world.table, changeEndpoints(world.table, new Map([[0, endpoints]]), slotOf))
  warmups.publishing(world.table)
  return { world, warmups }
}

/** What weir says of the newest endpoint. */
function whyOf({ stats, table, nowMs }: World): string | null {
  const row = [...endpointRows(table)].at(-1)
  assert.ok(row)
  return [
    ...describeEndpoints(openStats(stats), { table, cold: readCold(table) }, [row], nowMs, () => null),
  ][0].why
}

for (const balance of ['LEAST_REQUEST', 'ROUND_ROBIN'] as const) {
  test(`${balance}: a new endpoint has its share after the window, and part of it before`, () => {
    const { world } = grown({ balance })
    const { decider } = world.workers[0]
    const cameMs = world.nowMs
    for (const [ageS, weight] of [
      [0, 0.1],
      [10, 0.1],
      [25, 0.25],
      [60, 0.6],
    ] as const) {
      world.nowMs = cameMs + ageS * 1000
      assert.notEqual(warmingAt(decider, world.table, 0), WARM)
      assertShare(world, 1003, weight, 3)
    }
    assert.equal(whyOf(world), 'warming up: 60 % of its weight, all of it in 40.0 s')
    world.nowMs = cameMs + WINDOW_MS
    assert.equal(warmingAt(decider, world.table, 0), WARM)
    assertShare(world, 1003, 1, 3)
    assert.equal(whyOf(world), null)
  })

  test(`${balance}: an endpoint that returns from ejection, a drain or failed checks warms up, too`, () => {
    const ejection = { ...DEFAULT_EJECTION, failures: 1, maxPercent: 50 }
    const world = worldOf([1, 1], { balance, warmup: WARMUP, ejection, remembersFailures: false })
    const stats = openStats(world.stats)
    const warmups = new Warmups(stats, () => world.nowMs)
    warmups.publishing(world.table)
    assertShare(world, 1000, 1, 1)
    while (world.dialsTo(1001) === 0 || shareOf(world, 1001) > 0) world.connect(refusing(1001))
    world.nowMs = ejectedUntilMs(stats.outliers, memberSlotAt(world.table.endpoints, Endpoint.WORDS))
    assertShare(world, 1001, 0.1, 1)
    world.nowMs += 50_000
    assertShare(world, 1001, 0.5, 1)
    world.nowMs += 50_000
    assertShare(world, 1001, 1, 1)
    for (const mark of [Mark.draining, Mark.down]) {
      setMark(stats.marks, world.slotOf(0), mark)
      assert.equal(shareOf(world, 1000), 0)
      warmups.unmark(world.slotOf(0), mark)
      assertShare(world, 1000, 0.1, 1)
      warmups.unmark(world.slotOf(0), mark) // it was not set
      world.nowMs += 30_000
      assertShare(world, 1000, 0.3, 1)
      world.nowMs += WINDOW_MS
      assertShare(world, 1000, 1, 1)
    }
  })
}

test('the shares of a failed endpoint go to the others by their warmth', () => {
  const { world } = grown({ balance: 'ROUND_ROBIN' })
  world.connect(refusing(1000))
  while (world.dialsTo(1000) === 0) world.connect(refusing(1000))
  world.dials.clear()
  for (let draw = 0; draw < DRAWS; draw++) world.connect(refusing(1000))
  const share = world.dialsTo(1003) / (DRAWS - world.dialsTo(1000))
  assert.ok(Math.abs(share - 0.1 / 2.1) < 0.02, `${share}`)
})

test('at the start, and where the destination is new, nobody warms up', () => {
  const old = clusterWith([1, 1, 1], { warmup: WARMUP })
  const memory = createSlots()
  const tableFor = (clusters: readonly Cluster[], generation: number) => {
    const { slotOf } = new Slots(memory, generation, NO_COUNTS)
    return openTable(buildTable(planOf([], clusters), generation, slotOf))
  }
  const world = new World(tableFor([old], 1))
  const { decider } = world.workers[0]
  const warmups = new Warmups(openStats(world.stats), () => world.nowMs)
  warmups.publishing(world.table)
  assert.equal(warmingAt(decider, world.table, 0), WARM)
  const more = tableFor([old, clusterWith([1, 1, 1, 1, 1], { warmup: WARMUP }, 'new')], 2)
  warmups.publishing(more)
  for (const cluster of [0, 1]) assert.equal(warmingAt(decider, more, cluster), WARM)
  warmups.publishing(tableFor([clusterWith([1, 1, 1, 1], { warmup: WARMUP })], 3))
  assert.notEqual(warmingAt(decider, more, 0), WARM)
})

test('without warmup an arrival changes nothing, and what is long ago is forgotten', () => {
  const { world, warmups } = grown({ warmup: null })
  assert.equal(
    openStats(world.stats).arrivals.some(each => each !== 0),
    false,
  )
  assertShare(world, 1003, 1, 3)
  warmups.forget()
  const other = grown({})
  const { arrivals } = openStats(other.world.stats)
  assert.ok(arrivals.some(each => each !== 0))
  other.warmups.forget()
  assert.ok(arrivals.some(each => each !== 0))
  other.world.nowMs += 2 ** 31
  other.warmups.forget()
  assert.equal(
    arrivals.some(each => each !== 0),
    false,
  )
})
