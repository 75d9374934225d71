/**
 * Goal: `outlierDetection` ejects and lets back exactly as Envoy does for TCP. Method: workers on
 * one set of counts under a clock that the test moves, for the rules; then real workers in front of
 * endpoints that refuse.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ejectedUntilMs, Outlier } from '../../src/stats/outliers.ts'
import { openStats } from '../../src/stats/stats.ts'
import { memberSlotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import { DEFAULT_EJECTION, type Ejection, type Policy } from '../../src/table/plan/policy.ts'
import { clusterWith, refusing, World } from '../support/dialing.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, freePort, listen, readAll, say } from '../support/sockets.ts'
import { tableOf } from '../support/tables.ts'

const A = 1000

/** One attempt a connection, as Envoy's tcp_proxy has it. */
const ejecting = (ejection: Partial<Ejection>, policy: Partial<Policy> = {}): Partial<Policy> => ({
  balance: 'ROUND_ROBIN',
  connectAttempts: 1,
  remembersFailures: false,
  ejection: { ...DEFAULT_EJECTION, ...ejection },
  ...policy,
})

const worldWith = (endpoints: number, ejection: Partial<Ejection>): World => {
  const weights = Array.from({ length: endpoints }, () => 1)
  const world = new World(tableOf(planOf([], [clusterWith(weights, ejecting(ejection))])))
  world.nowMs = 100_000
  return world
}

function record(world: World, port = A) {
  const { outliers } = openStats(world.stats)
  const slot = memberSlotAt(world.table.endpoints, (port - A) * Endpoint.WORDS)
  assert.ok(slot > 0)
  const at = slot * Outlier.WORDS
  return {
    ejections: outliers.words[at + Outlier.ejections],
    prevented: outliers.words[at + Outlier.prevented],
    untilMs: ejectedUntilMs(outliers, slot),
  }
}

/** Dials until the endpoint has failed so often more. */
function failTimes(world: World, times: number, ...dead: readonly number[]): void {
  const wanted = world.dialsTo(dead[0]) + times
  for (let each = 0; world.dialsTo(dead[0]) < wanted && each < 1000; each++)
    world.connect(refusing(...dead), each % 2)
  assert.equal(world.dialsTo(dead[0]), wanted)
}

/** Ports that are dialed by a hundred connections which all succeed. */
function used(world: World): number[] {
  world.dials.clear()
  for (let each = 0; each < 100; each++) world.connect(refusing())
  return [...world.dials.keys()].toSorted()
}

test('with 3 endpoints and 10 % nothing is ejected, and it is counted', () => {
  const world = worldWith(3, {})
  failTimes(world, 10, A)
  assert.deepEqual(record(world), { ejections: 0, prevented: 2, untilMs: 0 })
  assert.deepEqual(used(world), [A, A + 1, A + 2])
})

test('with 34 % it is ejected after 5 failed connects over all workers, and back at the sweep after 30 s', () => {
  const world = worldWith(3, { maxPercent: 34 })
  world.nowMs = 101_234
  failTimes(world, 4, A)
  assert.equal(record(world).ejections, 0)
  failTimes(world, 1, A)
  assert.deepEqual(record(world), { ejections: 1, prevented: 0, untilMs: 140_000 })
  world.nowMs = 139_999
  assert.deepEqual(used(world), [A + 1, A + 2])
  world.nowMs = 140_000
  assert.deepEqual(used(world), [A, A + 1, A + 2])
})

test('each further ejection lasts longer by the base, up to 300 s; sweeps in rotation take it back', () => {
  const world = worldWith(3, { maxPercent: 34, intervalMs: 1_000 })
  const lasted = () => {
    const from = world.nowMs
    failTimes(world, 5, A)
    const lasts = record(world).untilMs - from
    world.nowMs = record(world).untilMs
    return lasts
  }
  const first = Array.from({ length: 12 }, lasted).map(ms => ms / 1_000)
  assert.deepEqual(first, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  world.nowMs += 7_500 // seven sweeps, the one that let it back not counted
  assert.equal(Math.floor(lasted() / 1_000), 150) // Envoy counts to 11 before it stops
  world.nowMs += 1_000_000
  assert.equal(Math.floor(lasted() / 1_000), 30)
})

test('of 10 endpoints with 10 % the first is ejected and the second is not', () => {
  const world = worldWith(10, {})
  failTimes(world, 5, A)
  failTimes(world, 5, A + 1)
  assert.deepEqual([record(world).ejections, record(world, A + 1).ejections], [1, 0])
  assert.equal(record(world, A + 1).prevented, 1)
  world.nowMs = record(world).untilMs // it is back, so that another one may be out
  failTimes(world, 5, A + 1)
  assert.equal(record(world, A + 1).ejections, 1)
})

test('a connect that succeeds begins the count anew', () => {
  const world = worldWith(3, { maxPercent: 100 })
  for (let round = 0; round < 3; round++) {
    failTimes(world, 4, A)
    used(world)
  }
  assert.equal(record(world).ejections, 0)
})

test('both thresholds count the same failures, and each begins anew by itself', () => {
  const world = worldWith(3, { gatewayFailures: 3, failures: 5, maxPercent: 10 })
  failTimes(world, 15, A)
  assert.equal(record(world).prevented, 5 + 3)
  const smaller = worldWith(3, { gatewayFailures: 3, failures: 5, maxPercent: 100 })
  failTimes(smaller, 3, A)
  assert.equal(record(smaller).ejections, 1)
})

test('a threshold of 0 never ejects', () => {
  const world = worldWith(2, { failures: 0, maxPercent: 100 })
  failTimes(world, 50, A)
  assert.deepEqual(record(world), { ejections: 0, prevented: 0, untilMs: 0 })
})

test('with less health than minHealthPercent all endpoints are used', () => {
  const world = worldWith(3, { maxPercent: 100, minHealthPercent: 50, failures: 1 })
  failTimes(world, 1, A)
  assert.deepEqual(used(world), [A + 1, A + 2])
  failTimes(world, 1, A + 1)
  assert.deepEqual(used(world), [A, A + 1, A + 2])
})

test('with all ejected and no minHealthPercent connections end as no-endpoint', () => {
  const world = worldWith(2, { maxPercent: 100, failures: 1 })
  const ports = [A, A + 1]
  while (world.dials.size < 2) world.connect(refusing(...ports))
  assert.throws(() => world.connect(refusing()), /no-endpoint|!==/)
  world.nowMs = Math.max(...ports.map(port => record(world, port).untilMs))
  assert.deepEqual(used(world), ports)
})

test('an ejected endpoint stays in other destinations', () => {
  const policy = ejecting({ maxPercent: 100, failures: 1 })
  const clusters = ['one', 'other'].map(host => clusterWith([1, 1], policy, host))
  const world = new World(tableOf(planOf([], clusters)))
  failTimes(world, 1, A)
  world.dials.clear()
  for (let each = 0; each < 10; each++) {
    world.connect(refusing(), 0, 0)
    world.connect(refusing(), 1, 1)
  }
  assert.equal(world.dialsTo(A), 5)
})

test('the back-off of other destinations holds nobody back here, and is not made longer', () => {
  const policy = ejecting({ maxPercent: 100 })
  const clusters = [clusterWith([1, 1], policy), clusterWith([1, 1], {}, 'other')]
  const world = new World(tableOf(planOf([], clusters)))
  while (world.dialsTo(A) === 0) world.connect(refusing(A), 0, 1)
  assert.deepEqual(used(world), [A, A + 1])
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: an endpoint that refuses is ejected, and no connection fails from then on`, async () => {
    await using upstream = await listen(say('hi'))
    const gone = { address: '127.0.0.1', port: await freePort() }
    const [port, deadPort] = [await freePort(), await freePort()]
    await using plane = new TestEngine(engine, 2)
    const policy = ejecting({ maxPercent: 50, baseMs: 3_600_000 }, { connectAttempts: 3 })
    const clusters = [
      clusterOf([gone, upstream], policy),
      clusterOf([gone], ejecting({ maxPercent: 100, failures: 2, baseMs: 3_600_000 }), 'dead'),
    ]
    await plane.adopt(planOf([listenerOn(port), listenerOn(deadPort, 1)], clusters))
    const ask = async (at: number) => {
      const socket = begin(at)
      socket.end()
      return await readAll(socket)
    }
    for (let each = 0; each < 60; each++) assert.equal(await ask(port), 'hi')
    assert.equal(plane.counts.dialFailures, 5)
    for (let each = 0; each < 6; each++) await ask(deadPort).catch(() => 'reset')
    await plane.settled()
    const { closed, dialFailures } = plane.counts
    assert.deepEqual([closed['connect-refused'], closed['no-endpoint'], dialFailures], [2, 4, 7])
  })
}
