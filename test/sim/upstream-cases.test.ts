/**
 * Goal: Istio's fields about endpoints mean what Envoy makes of them, to the millisecond and the
 * connection. Method: one worker on the simulated kernel, in simulated time, in front of servers of
 * which some refuse; a Gateway and a destination planned from resources; who answered, and for
 * which reason nobody did. On real kernels the same cases are in test/engine/upstream-cases and
 * upstream-shares.test.ts, without the times.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Reason } from '../../src/stats/reasons.ts'
import { closedAt } from '../../src/stats/stats.ts'
import { istio, type Planned, planOf } from '../support/resources.ts'
import { openScene } from './scene.ts'
import type { Socket } from './sockets.ts'

type Member = { readonly at: number; readonly weight?: number; readonly locality?: string }
type Shape = { readonly members: readonly Member[]; readonly policy: object }

const GATEWAY = '10.1.0.1'
const PORT = 80
const HERE = { region: 'us', zone: 'a', subzone: '', node: '', network: '' }
const S = 1_000
/** Envoy looks every 10 s which ejections are over. */
const SWEEP_MS = 10 * S
const TURNS = { loadBalancer: { simple: 'ROUND_ROBIN' } }

const all = (count: number): Member[] => Array.from({ length: count }, (_, at) => ({ at }))
const addressOf = (at: number): string => `10.2.0.${at + 1}`

/** Endpoints are 10.2.0.1, 10.2.0.2 …; each connection has one attempt. */
function planned({ members, policy }: Shape): Planned {
  const host = 'db.example.com'
  const port = { number: 9000, name: 'tcp', protocol: 'TCP' }
  const endpoints = members.map(({ at, ...rest }) => ({ address: addressOf(at), ...rest }))
  return planOf(
    [
      istio('Gateway', 'edge', {
        servers: [{ port: { ...port, number: PORT }, hosts: ['*'], bind: GATEWAY }],
      }),
      istio('VirtualService', 'all', {
        hosts: ['*'],
        gateways: ['edge'],
        tcp: [{ route: [{ destination: { host } }] }],
      }),
      istio('ServiceEntry', 'db', { hosts: [host], ports: [port], resolution: 'STATIC', endpoints }),
      istio('DestinationRule', 'db', { host, trafficPolicy: policy }),
    ],
    { locality: HERE, connectAttempts: 1 },
  )
}

function open(t: TestContext, shape: Shape) {
  const { gateway, network, machine, pass, client } = openScene(planned(shape).plan, { hasHealth: true })
  t.after(() => gateway.health?.close())
  const served: string[] = []
  for (let at = 0; at < 20; at++)
    network.servers.set(`${addressOf(at)}:9000`, () => void served.push(addressOf(at)))
  pass(1)
  const closed = (reason: keyof typeof Reason): number => gateway.stats.counters[0][closedAt(Reason[reason])]
  /** The address that a connection led to; '': it was lost. No time passes. */
  const connect = (from?: string): { readonly socket: Socket; readonly to: string } => {
    const before = served.length
    const socket = client(GATEWAY, PORT, from)
    pass(0)
    return { socket, to: served.length > before ? served[before] : '' }
  }
  const ask = (from?: string): string => {
    const { socket, to } = connect(from)
    if (to !== '') network.abort(socket)
    pass(0)
    return to
  }
  return {
    connect,
    ask,
    pass,
    closed,
    nowMs: () => machine.clock.nowMs,
    publish: (next: Shape) => gateway.publish(planned(next).plan),
    breaks: (...ats: number[]) => {
      for (const at of ats) network.refusing.add(`${addressOf(at)}:9000`)
    },
    mends: (at: number) => network.refusing.delete(`${addressOf(at)}:9000`),
    /** How many of so many each had; '' has the lost ones. */
    shares: (times: number): Record<string, number> => {
      const answers = Array.from({ length: times }, () => ask())
      return Object.fromEntries(
        [...Map.groupBy(answers, each => each)].map(([to, some]) => [to, some.length]),
      )
    },
  }
}

const ejecting = (outlierDetection: object) => ({ ...TURNS, outlierDetection })
const [A, B, C] = [0, 1, 2].map(addressOf)

test('1: of three endpoints none is ejected at 10 %', t => {
  const { breaks, shares } = open(t, { members: all(3), policy: ejecting({}) })
  breaks(0)
  assert.deepEqual(shares(60), { '': 20, [B]: 20, [C]: 20 })
})

test('2 and 3: at 34 % five failures eject for 30 s, the next five for 60 s, each until the sweep', t => {
  const { breaks, shares, pass, ask, nowMs } = open(t, {
    members: all(3),
    policy: ejecting({ maxEjectionPercent: 34 }),
  })
  breaks(0)
  for (const lastsMs of [30 * S, 60 * S]) {
    let lost = 0
    while (lost < 5) lost += ask() === '' ? 1 : 0
    const backMs = Math.ceil((nowMs() + lastsMs) / SWEEP_MS) * SWEEP_MS
    assert.equal(shares(30)[''], undefined)
    pass(backMs - nowMs() - 1)
    assert.equal(shares(30)[''], undefined)
    pass(1)
  }
})

test('4: of ten endpoints the first that fails is ejected, the second is not', t => {
  const { breaks, shares } = open(t, { members: all(10), policy: ejecting({}) })
  breaks(0, 1)
  shares(200)
  const { '': lost } = shares(90)
  assert.equal(lost, 10, 'one of nine')
})

test('5: a connect that succeeds begins the count anew', t => {
  const { breaks, mends, ask, closed } = open(t, {
    members: all(1),
    policy: ejecting({ maxEjectionPercent: 100 }),
  })
  const fail = (times: number): void => {
    breaks(0)
    for (let each = 0; each < times; each++) assert.equal(ask(), '')
    mends(0)
  }
  fail(4)
  assert.equal(ask(), A)
  fail(4)
  assert.equal(ask(), A)
  fail(5)
  assert.equal(ask(), '')
  assert.deepEqual([closed('connect-refused'), closed('no-endpoint')], [13, 1])
})

test('6: with splitExternalLocalOriginErrors its own threshold counts alone', t => {
  const split = { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 }
  const { breaks, shares } = open(t, {
    members: all(3),
    policy: ejecting({ maxEjectionPercent: 34, consecutive5xxErrors: 1, ...split }),
  })
  breaks(0)
  assert.equal(shares(30)[''], 2)
})

test('7 and 8: with less health than minHealthPercent all are used; with none of it, nobody is', t => {
  const twoOfThree = (minHealthPercent: number) => {
    const policy = ejecting({ maxEjectionPercent: 100, consecutive5xxErrors: 1, minHealthPercent })
    const scene = open(t, { members: all(3), policy })
    scene.breaks(0, 1)
    scene.shares(10)
    return scene
  }
  const panics = twoOfThree(50)
  assert.deepEqual(panics.shares(30), { '': 20, [C]: 10 })
  const { breaks, shares, closed } = twoOfThree(0)
  assert.deepEqual(shares(30), { [C]: 30 })
  breaks(2)
  shares(1)
  const before = closed('no-endpoint')
  assert.deepEqual(shares(10), { '': 10 })
  assert.equal(closed('no-endpoint') - before, 10)
})

test('9: weights of 1 and 3 are exact in turns, and within chance by load', t => {
  const members = [
    { at: 0, weight: 1 },
    { at: 1, weight: 3 },
  ]
  assert.deepEqual(open(t, { members, policy: TURNS }).shares(400), { [A]: 100, [B]: 300 })
  const byLoad = open(t, { members, policy: { loadBalancer: { simple: 'LEAST_REQUEST' } } })
  const { [A]: lighter } = byLoad.shares(400)
  assert.ok(Math.abs(lighter - 100) < 35, `${lighter} of 400 at a quarter`) // 4 standard deviations
})

test('10: a client has one endpoint by its address, and an eleventh takes its share alone', t => {
  for (const hash of [{ maglev: { tableSize: 65_537 } }, { ringHash: { minimumRingSize: 1024 } }]) {
    const policy = { loadBalancer: { consistentHash: { useSourceIp: true, ...hash } } }
    const { ask, publish } = open(t, { members: all(10), policy })
    assert.equal(new Set(Array.from({ length: 1000 }, () => ask('10.0.0.7'))).size, 1)
    const clients = Array.from({ length: 1000 }, (_, each) => `10.0.${each >> 8}.${each & 255}`)
    const before = clients.map(ask)
    publish({ members: all(11), policy })
    const after = clients.map(ask)
    const moved = after.filter((to, each) => to !== before[each])
    const toNew = moved.filter(to => to === addressOf(10)).length
    assert.ok(moved.length >= 50 && moved.length <= 130, `${moved.length} of 1000 move`)
    assert.ok(toNew >= 0.9 * moved.length, `${toNew} of ${moved.length} go to the new one`)
  }
})

const PLACED: readonly Member[] = ['us/a', 'us/b', 'eu/c'].map((locality, at) => ({ at, locality }))

test('11: distribute gives 80 and 20, and a locality that is not named nothing', t => {
  const distribute = [{ from: 'us/*', to: { 'us/a': 80, 'us/b': 20 } }]
  const policy = { loadBalancer: { simple: 'ROUND_ROBIN', localityLbSetting: { distribute } } }
  const { [A]: near, [B]: other, ...more } = open(t, { members: PLACED, policy }).shares(500)
  assert.deepEqual(more, {})
  assert.ok(Math.abs(near - 400) < 36, `${near} and ${other}`)
})

test('12: without outlierDetection there is no failover: all localities are used alike', t => {
  const failover = [{ from: 'us', to: 'eu' }]
  const loadBalancer = { simple: 'ROUND_ROBIN', localityLbSetting: { failover } }
  const alike = open(t, { members: PLACED, policy: { loadBalancer } })
  assert.deepEqual(alike.shares(30), { [A]: 10, [B]: 10, [C]: 10 })
  const near = open(t, { members: PLACED, policy: { loadBalancer, outlierDetection: {} } })
  assert.deepEqual(near.shares(30), { [A]: 30 })
})

test('13: a warm-up of 10 s gives a tenth of the weight after 1 s, half after 5 s, all after 10 s', t => {
  const warmup = { duration: '10s', minimumPercent: 10, aggression: 1 }
  const policy = { loadBalancer: { simple: 'ROUND_ROBIN', warmup } }
  const { publish, shares, pass } = open(t, { members: all(1), policy })
  publish({ members: all(2), policy })
  pass(S)
  assert.ok(Math.abs(shares(220)[B] - 20) <= 2)
  pass(4 * S)
  assert.ok(Math.abs(shares(300)[B] - 100) <= 2)
  pass(5 * S)
  assert.deepEqual(shares(100), { [A]: 50, [B]: 50 })
})

test('14: a third connection of two is refused, and the two go on', t => {
  const policy = { connectionPool: { tcp: { maxConnections: 2 } } }
  const { connect, closed } = open(t, { members: all(1), policy })
  const two = [connect(), connect()]
  assert.equal(connect().to, '')
  assert.equal(closed('cluster-max-connections'), 1)
  assert.ok(two.every(({ socket, to }) => to === A && !socket.broken && !socket.closed))
})

test('15: PASSTHROUGH at a gateway is found by check, and its connections are reset', t => {
  const shape = { members: all(1), policy: { loadBalancer: { simple: 'PASSTHROUGH' } } }
  const codes = planned(shape).findings.list.map(each => each.code)
  assert.ok(codes.includes('CFG412'), codes.join())
  const { ask, closed } = open(t, shape)
  assert.equal(ask(), '')
  assert.equal(closed('loop'), 1)
})
