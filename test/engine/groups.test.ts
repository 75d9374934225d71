/**
 * Goal: priorities and weighted localities choose a group of endpoints as Envoy does, whatever is
 * down. Method: draws against a naive model of Envoy's arithmetic, on random groups; then workers
 * whose first group is drained, fails its checks or is ejected, and comes back.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clearMark, Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { openStats, type Stats } from '../../src/stats/stats.ts'
import { runOf, slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import type { Cluster, Placing } from '../../src/table/plan/plan.ts'
import { DEFAULT_EJECTION, type Policy } from '../../src/table/plan/policy.ts'
import { refusing, World } from '../support/dialing.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { runs } from '../support/full.ts'
import { begin, freePort, listen, readAll, say } from '../support/sockets.ts'
import { tableOf } from '../support/tables.ts'

/** One endpoint of a group, and what is known against it. */
type Model = {
  readonly priority: number
  readonly locality: number
  readonly down: boolean
  readonly drained: boolean
}

const PORT = 1000

/** Endpoints at the ports 1000, 1001, … in this order. */
const clusterWith = (placings: readonly Placing[], policy: Partial<Policy> = {}): Cluster => ({
  ...clusterOf(
    placings.map((placing, index) => ({ address: '127.0.0.1', port: PORT + index, weight: 1, ...placing })),
    policy,
  ),
  localities: ['a', 'b', 'c'],
})

const worldOf = (cluster: Cluster): World => new World(tableOf(planOf([], [cluster])))

function slotOf(table: Table, port: number): number {
  const { endpoints } = table
  const first = endpoints[runOf(table, 0) + EndpointRun.first]
  for (let row = first; ; row++)
    if (endpoints[row * Endpoint.WORDS + Endpoint.port] === port)
      return slotAt(endpoints, row * Endpoint.WORDS)
}

function mark(stats: Stats, table: Table, port: number, mark: number, isSet: boolean): void {
  const slot = slotOf(table, port)
  if (isSet) setMark(stats.marks, slot, mark)
  else clearMark(stats.marks, slot, mark)
}

/** Shares by port. */
function drawn(world: World, draws: number): Map<number, number> {
  world.dials.clear()
  for (let each = 0; each < draws; each++) world.connect(refusing(), each % 2)
  return new Map([...world.dials].map(([port, count]) => [port, count / draws]))
}

/**
 * The probability of each endpoint by Envoy's rules, written down anew: load_balancer_impl.cc
 * (recalculatePerPriorityState, recalculatePerPriorityPanic) and upstream_impl.cc
 * (effectiveLocalityWeight). Null: nobody gets it.
 */
function expected(all: readonly Model[], shares: readonly number[] | null, least: number): number[] | null {
  const endpoints = all.map((each, index) => ({ ...each, index })).filter(each => !each.drained)
  const priorities = [...new Set(endpoints.map(each => each.priority))].sort()
  const hosts = (priority: number) => endpoints.filter(each => each.priority === priority)
  const healthy = (priority: number) => hosts(priority).filter(each => !each.down)
  const health = priorities.map(each =>
    Math.min(100, Math.trunc((140 * healthy(each).length) / hosts(each).length)),
  )
  const total = Math.min(
    100,
    health.reduce((sum, each) => sum + each, 0),
  )
  const panic = priorities.map(
    each => total !== 100 && (100 * healthy(each).length) / hosts(each).length < least,
  )
  const chance = all.map(() => 0)
  if (panic.length > 0 && panic.every(each => each)) {
    for (const { index } of endpoints) chance[index] = 1 / endpoints.length
    return chance
  }
  if (total === 0) return null
  const load: number[] = []
  let rest = 100
  for (const each of health) {
    load.push(Math.min(rest, Math.trunc((each * 100) / total)))
    rest -= load[load.length - 1]
  }
  load[health.findIndex(each => each > 0)] += rest
  for (const [at, priority] of priorities.entries()) {
    const members = panic[at] ? hosts(priority) : healthy(priority)
    if (panic[at] || shares === null) {
      for (const { index } of members) chance[index] += load[at] / 100 / members.length
      continue
    }
    const localities = [...new Set(hosts(priority).map(each => each.locality))]
    const weights = localities.map(locality => {
      const of = hosts(priority).filter(each => each.locality === locality)
      return shares[locality] * Math.min(1, (1.4 * of.filter(each => !each.down).length) / of.length)
    })
    const sum = weights.reduce((all, each) => all + each, 0)
    for (const { index, locality } of members) {
      const same = members.filter(each => each.locality === locality).length
      chance[index] += ((load[at] / 100) * weights[localities.indexOf(locality)]) / sum / same
    }
  }
  return chance
}

test('priorities, panic and localities are as Envoy has them', () => {
  const model = fc.record({
    priority: fc.integer({ min: 0, max: 2 }),
    locality: fc.integer({ min: 0, max: 2 }),
    down: fc.boolean(),
    drained: fc.integer({ min: 0, max: 9 }).map(each => each === 0),
  })
  const shares = fc.option(
    fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map(list => list.map(each => each + 1)),
  )
  const least = fc.constantFrom(0, 0, 30, 50, 80)
  fc.assert(
    fc.property(
      fc.array(model, { minLength: 2, maxLength: 9 }),
      shares,
      least,
      (models, weights, percent) => {
        const policy = {
          balance: 'RANDOM',
          connectAttempts: 1,
          remembersFailures: false,
          ejection: { ...DEFAULT_EJECTION, minHealthPercent: percent },
        } as const
        const placings = models.map(({ priority, locality }) => ({
          priority,
          locality,
          ...(weights && { share: weights[locality] }),
        }))
        const world = worldOf(clusterWith(placings, policy))
        const stats = openStats(world.stats)
        for (const [index, { down, drained }] of models.entries()) {
          mark(stats, world.table, PORT + index, Mark.down, down)
          mark(stats, world.table, PORT + index, Mark.draining, drained)
        }
        const wanted = expected(models, weights, percent)
        if (wanted === null) {
          assert.throws(() => world.connect(refusing())) // `no-endpoint`
          return
        }
        const got = drawn(world, 2000)
        for (const [index, chance] of wanted.entries()) {
          const share = got.get(PORT + index) ?? 0
          assert.ok(Math.abs(share - chance) < 0.06, `${index}: ${share}, not ${chance}`)
          assert.equal(share > 0 && chance === 0, false, `${index} got ${share}`)
        }
      },
    ),
    { numRuns: runs(15) },
  )
})

test('a priority that is drained as a whole keeps no others from a panic of all', () => {
  const policy = {
    balance: 'RANDOM',
    connectAttempts: 1,
    remembersFailures: false,
    ejection: { ...DEFAULT_EJECTION, minHealthPercent: 80 },
  } as const
  const world = worldOf(
    clusterWith([{ priority: 0 }, { priority: 1 }, { priority: 1 }, { priority: 2 }], policy),
  )
  const stats = openStats(world.stats)
  mark(stats, world.table, PORT, Mark.draining, true)
  for (const index of [1, 3]) mark(stats, world.table, PORT + index, Mark.down, true)
  const shares = drawn(world, 3_000)
  for (const index of [1, 2, 3]) assert.ok(Math.abs((shares.get(PORT + index) ?? 0) - 1 / 3) < 0.06)
})

const TWO = [{ priority: 0 }, { priority: 0 }, { priority: 1 }, { priority: 1 }]

for (const balance of ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM', 'RING_HASH', 'MAGLEV'] as const) {
  test(`${balance}: the next group is used as far as the first lacks, and the first alone once it is whole again`, () => {
    const hashSize = balance === 'MAGLEV' ? 101 : 64
    const world = worldOf(clusterWith(TWO, { balance, hashSize, connectAttempts: 1 }))
    const stats = openStats(world.stats)
    const groups = () => {
      const shares = drawn(world, 600)
      return [0, 2].map(at => (shares.get(PORT + at) ?? 0) + (shares.get(PORT + at + 1) ?? 0))
    }
    assert.deepEqual(groups(), [1, 0])
    mark(stats, world.table, PORT, Mark.down, true)
    const hashed = balance === 'RING_HASH' || balance === 'MAGLEV'
    if (!hashed) assert.ok(Math.abs(groups()[0] - 0.7) < 0.1) // all draws here have one client
    mark(stats, world.table, PORT + 1, Mark.down, true)
    assert.deepEqual(groups(), [0, 1])
    mark(stats, world.table, PORT, Mark.down, false)
    mark(stats, world.table, PORT + 1, Mark.down, false)
    assert.deepEqual(groups(), [1, 0])
  })
}

test('a connection that finds its group dead goes on to the next one, and so do others until the back-off is over', () => {
  const world = worldOf(clusterWith([{ priority: 0 }, { priority: 1 }], { balance: 'ROUND_ROBIN' }))
  assert.equal(world.connect(refusing(PORT)), -1) // ADMITTED
  assert.deepEqual(Object.fromEntries(world.dials), { [PORT]: 1, [PORT + 1]: 1 })
  assert.deepEqual(Object.fromEntries(drawn(world, 10)), { [PORT + 1]: 1 })
  world.nowMs += 1_000
  assert.equal(drawn(world, 10).get(PORT), 1)
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: a group that is drained or ejected gives its connections to the next one at once, and gets them back`, async () => {
    await using first = await listen(say('first'))
    await using backup = await listen(say('backup'))
    const port = await freePort()
    await using plane = new TestEngine(engine, 2)
    const targets = [
      { address: '127.0.0.1', port: first.port, weight: 1, priority: 0 },
      { address: '127.0.0.1', port: backup.port, weight: 1, priority: 1 },
    ]
    const ejection = { ...DEFAULT_EJECTION, failures: 1, maxPercent: 100 }
    const policy = { remembersFailures: false, ejection, connectAttempts: 2 }
    const cluster = { ...clusterOf(targets, policy), localities: ['here', 'there'] }
    await plane.adopt(planOf([listenerOn(port)], [cluster]))
    const table = plane.observer.generations.table(1)
    assert.ok(table)
    const ask = async (): Promise<string> => {
      const socket = begin(port)
      socket.end()
      return await readAll(socket)
    }
    const answers = async () =>
      new Set([await ask(), await ask(), await ask(), await ask(), await ask(), await ask()])
    assert.deepEqual(await answers(), new Set(['first']))
    for (const kind of [Mark.draining, Mark.down]) {
      mark(plane.stats, table, first.port, kind, true)
      assert.deepEqual(await answers(), new Set(['backup']))
      mark(plane.stats, table, first.port, kind, false)
      assert.deepEqual(await answers(), new Set(['first']))
    }
    await first[Symbol.asyncDispose]()
    assert.deepEqual(await answers(), new Set(['backup'])) // the one that met the failure was tried again
    await plane.settled()
    assert.equal(plane.counts.dialFailures, 1)
    await plane.reviseEndpoints(0, [targets[0]])
    assert.equal((await ask().catch(() => '')).length, 0)
  })
}
