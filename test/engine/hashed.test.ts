/**
 * Goal: a client keeps its endpoint, on every worker and after a restart, and loses it only while
 * that endpoint is out. Method: workers without sockets, whose endpoints and clock the test
 * controls; then each engine, with clients of many addresses.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDecider, decide } from '../../src/engine/decide/decide.ts'
import { ADMITTED, createDecision } from '../../src/engine/decide/decision.ts'
import { machine } from '../../src/kernel/machine.ts'
import { clearMark, Mark, setMark } from '../../src/stats/endpoint-marks.ts'
import { createStats, openStats } from '../../src/stats/stats.ts'
import { Explainer } from '../../src/table/explain/explain.ts'
import { clientHash } from '../../src/table/match/hashed.ts'
import { DEFAULT_EJECTION, type Policy } from '../../src/table/plan/policy.ts'
import { type Answer, refusing, type World, worldOf } from '../support/dialing.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { freePort, greet, listen, open, readAll } from '../support/sockets.ts'
import { queryOf, tableOf } from '../support/tables.ts'

const WAYS = [
  { balance: 'RING_HASH', hashSize: 1024 },
  { balance: 'MAGLEV', hashSize: 4093 },
] as const satisfies readonly Partial<Policy>[]

const PORTS = [1000, 1001, 1002, 1003, 1004]
const HASHES = Array.from({ length: 400 }, (_, host) =>
  clientHash(Uint32Array.of(0x0a000000 + host, 0, 0, 0)),
)

/** The port that each client is served by, by the workers in turn. */
function served(world: World, answer: Answer): number[] {
  return HASHES.map((hash, index) => {
    world.dials.clear()
    assert.equal(world.connect(answer, index % 2, 0, hash), ADMITTED)
    const last = [...world.dials.keys()].at(-1) // Map keeps the order
    assert.ok(last !== undefined)
    return last
  })
}

function assertOnlyMoved(before: readonly number[], after: readonly number[], from: number): void {
  for (const [index, port] of before.entries()) {
    if (port === from) assert.notEqual(after[index], from)
    else assert.equal(after[index], port)
  }
  const new_ = new Set(after.filter((_, index) => before[index] === from))
  assert.ok(new_.size > 1, 'its clients are spread over the others')
}

for (const way of WAYS) {
  const { balance } = way
  const fresh = (more: Partial<Policy> = {}) => worldOf([1, 1, 1, 1, 1], { ...way, ...more })

  test(`${balance}: a client has one endpoint, on both workers and after a restart`, () => {
    const world = fresh()
    const before = served(world, refusing())
    assert.deepEqual(new Set(before), new Set(PORTS))
    for (const worker of [0, 1])
      for (const [index, hash] of HASHES.entries()) {
        const { decision, connects, ends } = world.begin(0, worker, 0, hash)
        assert.equal(decision.port, before[index])
        connects()
        ends()
      }
    assert.deepEqual(served(fresh(), refusing()), before)
  })

  test(`${balance}: the clients of a dead endpoint go to the next and come back, nobody else moves`, () => {
    const world = fresh()
    const before = served(world, refusing())
    const meanwhile = served(world, refusing(1002))
    assertOnlyMoved(before, meanwhile, 1002)
    assert.deepEqual(served(world, refusing(1002)), meanwhile, 'the next one is always the same')
    world.nowMs += 60_000
    served(world, refusing()) // the first of its clients probes it
    assert.deepEqual(served(world, refusing()), before)
  })

  test(`${balance}: so do those of an endpoint that is drained, down or ejected`, () => {
    const world = fresh({ ejection: { ...DEFAULT_EJECTION, maxPercent: 50 }, remembersFailures: false })
    const { marks, outliers } = openStats(world.stats)
    const before = served(world, refusing())
    const other = fresh()
    served(other, refusing())
    const expected = served(other, refusing(1003))
    for (const mark of [Mark.draining, Mark.down]) {
      setMark(marks, world.slotOf(3), mark)
      assert.deepEqual(served(world, refusing()), expected)
      clearMark(marks, world.slotOf(3), mark)
      assert.deepEqual(served(world, refusing()), before)
    }
    served(world, refusing(1003)) // its clients' connects fail until it is ejected
    world.dials.clear()
    assert.deepEqual(served(world, refusing()), expected)
    assert.ok(outliers.numbers.some(each => each > 0))
    world.nowMs += 3_600_000
    assert.deepEqual(served(world, refusing()), before)
  })
}

test('a sticky split and consistentHash go by the same address: a client keeps subset and endpoint', () => {
  const hosts = Array.from({ length: 4 }, (_, host) => ({ address: `10.0.0.${host}`, port: 80 }))
  const clusters = ['v1', 'v2'].map((subset, index) => ({
    ...clusterOf(
      hosts.map(each => ({ ...each, port: 80 + index })),
      WAYS[0],
      subset,
    ),
    subset,
  }))
  const destinations = [
    { cluster: 0, weight: 3 },
    { cluster: 1, weight: 1 },
  ]
  const placesBy = (split: 'random' | 'sticky') => {
    const routes = [{ identity: 'r', destinations, split }]
    const table = tableOf({ ...planOf([listenerOn(80)], clusters), routes })
    const limits = { maxConnections: 9 }
    const decider = createDecider({ world: machine, stats: createStats(1), index: 0, limits })
    return (client: string): string => {
      const decision = createDecision()
      assert.equal(decide(decider, table, queryOf(0, client, '127.0.0.1', 80), decision), ADMITTED)
      return `${decision.cluster} ${decision.address[0]} ${decision.port}`
    }
  }
  const clients = Array.from({ length: 60 }, (_, host) => `192.0.2.${host}`)
  const sticky = placesBy('sticky')
  const places = clients.map(sticky)
  for (let round = 0; round < 3; round++) assert.deepEqual(clients.map(sticky), places)
  assert.deepEqual(clients.map(placesBy('sticky')), places, 'after a restart')
  // All endpoints of both subsets have clients: the two hashes are independent.
  assert.equal(new Set(places).size, 8)
  // By itself it makes no split sticky: the subset is drawn anew, and within it the endpoint stays.
  const random = placesBy('random')
  assert.equal(new Set(Array.from({ length: 200 }, () => random(clients[0]))).size, 2)
})

for (const way of WAYS) {
  test(`${way.balance}: explain names the endpoint that a client gets, also among priorities and weighted localities`, () => {
    const hosts = [0, 1, 2, 3, 4, 5].map(host => ({
      address: `10.0.0.${host}`,
      port: 80,
      weight: 1,
      priority: host < 4 ? 0 : 1,
      locality: host % 2,
      share: 1 + host,
    }))
    const cluster = { ...clusterOf(hosts, way), localities: ['us/a', 'us/b'] }
    const table = tableOf(planOf([listenerOn(80)], [cluster]))
    const limits = { maxConnections: 9 }
    const decider = createDecider({ world: machine, stats: createStats(1), index: 0, limits })
    const explainer = new Explainer(table)
    const places = Array.from({ length: 60 }, (_, host) => {
      const ip = `192.0.2.${host}`
      const decision = createDecision()
      assert.equal(decide(decider, table, queryOf(0, ip, '127.0.0.1', 80), decision), ADMITTED)
      const [{ byAddress }] = explainer.answer({
        gateway: 'default/test',
        source: { ip },
        destination: { ip: '127.0.0.1', port: 80 },
      }).destinations
      assert.equal(byAddress, `10.0.0.${decision.address[0] & 255}:80`)
      return byAddress
    })
    assert.deepEqual([...new Set(places)].sort(), [
      '10.0.0.0:80',
      '10.0.0.1:80',
      '10.0.0.2:80',
      '10.0.0.3:80',
    ])
  })
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: clients by address keep their endpoint, and only those of one that goes move`, async t => {
    const names = ['a', 'b', 'c', 'd']
    const upstreams = await Promise.all(names.map(name => listen(greet(name))))
    t.after(() => Promise.all(upstreams.map(each => each[Symbol.asyncDispose]())))
    const port = await freePort()
    const cluster = (list: readonly (typeof upstreams)[number][]) =>
      planOf([listenerOn(port)], [clusterOf(list, WAYS[0])])
    const clients = Array.from({ length: 16 }, (_, host) => `127.0.3.${host + 1}`)
    const answer = async (localAddress: string): Promise<string> => {
      const socket = await open(port, '127.0.0.1', { localAddress })
      socket.end()
      return await readAll(socket)
    }
    const answers = (): Promise<string[]> => Promise.all(clients.map(answer))
    let before: string[]
    {
      await using plane = new TestEngine(engine, 2)
      await plane.adopt(cluster(upstreams))
      before = await answers()
      assert.ok(new Set(before).size > 1)
      assert.deepEqual(await answers(), before)
      const gone = names.indexOf(before[0])
      await plane.adopt(cluster(upstreams.filter((_, index) => index !== gone)))
      const after = await answers()
      for (const [index, name] of before.entries()) {
        if (name === before[0]) assert.notEqual(after[index], name)
        else assert.equal(after[index], name)
      }
      await plane.settled()
    }
    await using plane = new TestEngine(engine, 2)
    await plane.adopt(cluster(upstreams))
    assert.deepEqual(await answers(), before, 'after a restart')
  })
}
