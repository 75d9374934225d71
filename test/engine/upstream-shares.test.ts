/**
 * Goal: Istio's fields choose among endpoints on every engine as they are written: weights, a hash
 * of the client's address, localities, warm-up, PASSTHROUGH. Method: a Gateway with a port for each
 * destination, planned from resources, in front of servers that say who they are; what the answers
 * are shared like. The arithmetic is in weights, hashed, groups and warmup.test.ts.
 */

import assert from 'node:assert/strict'
import { clockOriginMs, monotonicMs } from '../../src/base/clock.ts'
import { Warmups } from '../../src/control/health/warmups.ts'
import { runOf, slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { ENGINES, TestEngine } from '../support/engine.ts'
import { istio, planOf, type Written } from '../support/resources.ts'
import { begin, freePort, greet, listen, readAll, until } from '../support/sockets.ts'

type Member = { readonly at: number; readonly weight?: number; readonly locality?: string }
/** A destination: endpoints, by index of the servers, and its DestinationRule's trafficPolicy. */
type Case = { readonly members: readonly Member[]; readonly policy: object }

const HERE = { region: 'us', zone: 'a', subzone: '', node: '', network: '' }
const PLACES = ['us/a', 'us/b', 'eu/c']
const DAY_MS = 86_400_000

const all = (count: number): Member[] => Array.from({ length: count }, (_, at) => ({ at }))
const placed: readonly Member[] = PLACES.map((locality, at) => ({ at, locality }))
const balancer = (loadBalancer: object, more: object = {}) => ({ loadBalancer, ...more })
const byWeight: readonly Member[] = [
  { at: 0, weight: 1 },
  { at: 1, weight: 3 },
]
const bySource = balancer({ consistentHash: { useSourceIp: true } })

const CASES = {
  inTurns: { members: byWeight, policy: balancer({ simple: 'ROUND_ROBIN' }) },
  byLoad: { members: byWeight, policy: balancer({ simple: 'LEAST_REQUEST' }) },
  hashed: { members: all(9), policy: bySource },
  distributed: {
    members: placed,
    policy: balancer({
      simple: 'ROUND_ROBIN',
      localityLbSetting: { distribute: [{ from: 'us/*', to: { 'us/a': 80, 'us/b': 20 } }] },
    }),
  },
  alike: {
    members: placed,
    policy: balancer({
      simple: 'ROUND_ROBIN',
      localityLbSetting: { failover: [{ from: 'us', to: 'eu' }] },
    }),
  },
  firstZone: {
    members: placed,
    policy: balancer({ simple: 'ROUND_ROBIN' }, { outlierDetection: {} }),
  },
  warming: {
    members: all(2),
    policy: balancer({
      simple: 'ROUND_ROBIN',
      warmup: { duration: `${(10 * DAY_MS) / 1000}s`, minimumPercent: 10, aggression: 1 },
    }),
  },
  asAsked: { members: all(1), policy: balancer({ simple: 'PASSTHROUGH' }) },
} satisfies Record<string, Case>
type Name = keyof typeof CASES
const NAMES = Object.keys(CASES) as Name[]

function resourcesOf(
  cases: Readonly<Record<Name, Case>>,
  listeners: readonly number[],
  servers: readonly number[],
): Written[] {
  const port = (number: number) => ({ number, name: `tcp-${number}`, protocol: 'TCP' })
  const gateway = istio('Gateway', 'edge', {
    servers: listeners.map(each => ({ port: port(each), hosts: ['*'], bind: '127.0.0.1' })),
  })
  const ofCase = (name: Name, index: number): Written[] => {
    const host = `${name.toLowerCase()}.example.com`
    const { members, policy } = cases[name]
    const endpoints = members.map(({ at, ...rest }) => ({
      address: '127.0.0.1',
      ports: { 'tcp-80': servers[at] },
      ...rest,
    }))
    return [
      istio('ServiceEntry', name, {
        hosts: [host],
        addresses: [`10.0.0.${index + 1}`],
        ports: [port(80)],
        resolution: 'STATIC',
        endpoints,
      }),
      istio('DestinationRule', name, { host, trafficPolicy: policy }),
    ]
  }
  const routes = NAMES.map((name, index) => ({
    match: [{ port: listeners[index] }],
    route: [{ destination: { host: `${name.toLowerCase()}.example.com`, port: { number: 80 } } }],
  }))
  const routing = istio('VirtualService', 'all', { hosts: ['*'], gateways: ['edge'], tcp: routes })
  return [gateway, routing, ...NAMES.flatMap(ofCase)]
}

/** How often each answer came. */
const counted = (answers: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(answers, each => each)].map(([name, { length }]) => [name, length]))

for (const { engine, test } of ENGINES)
  test(`${engine}: weights, the client's address, localities, warm-up and PASSTHROUGH at a gateway`, async t => {
    const servers = await Promise.all(Array.from({ length: 10 }, (_, at) => listen(greet(String(at)))))
    t.after(() => Promise.all(servers.map(each => each[Symbol.asyncDispose]())))
    const ports = await Promise.all(NAMES.map(() => freePort()))
    const planned = (cases: Readonly<Record<Name, Case>>) =>
      planOf(
        resourcesOf(
          cases,
          ports,
          servers.map(each => each.port),
        ),
        { locality: HERE },
      )
    const { plan, findings } = planned(CASES)
    await using plane = new TestEngine(engine)
    await plane.adopt(plan)
    const ask = async (name: Name, localAddress = '127.0.0.1'): Promise<string> => {
      const socket = begin(ports[NAMES.indexOf(name)], '127.0.0.1', { localAddress })
      socket.end()
      const answer = await readAll(socket).catch(() => 'reset')
      if (name === 'byLoad') await until(() => plane.counts.open === 0)
      return answer
    }
    const askTimes = async (name: Name, times: number): Promise<Record<string, number>> => {
      const answers: string[] = []
      for (let each = 0; each < times; each++) answers.push(await ask(name))
      return counted(answers)
    }

    // ROUND_ROBIN is exact; LEAST_REQUEST draws by weight while nothing is open.
    for (const times of [4, 40]) assert.equal((await askTimes('inTurns', times))[0], times / 4)
    const { 0: lighter } = await askTimes('byLoad', 100)
    assert.ok(lighter >= 5 && lighter <= 48, `${lighter} of 100 at a quarter`)

    const shares = await askTimes('distributed', 60)
    assert.equal(shares[2], undefined, 'a locality that is not named gets nothing')
    assert.ok(shares[0] > shares[1] && shares[1] > 0, `${shares[0]} and ${shares[1]} at 80 and 20`)
    assert.deepEqual(await askTimes('alike', 30), { 0: 10, 1: 10, 2: 10 }, 'no outlierDetection: no failover')
    assert.deepEqual(await askTimes('firstZone', 10), { 0: 10 })

    // So old that the test takes no part of the window: a tenth of the weight, then half.
    const table = plane.observer.generations.table(1)
    assert.ok(table)
    const cluster = plan.clusters.findIndex(each => each.host === 'warming.example.com')
    const row = table.endpoints[runOf(table, cluster) + EndpointRun.first]
    for (const [days, weight] of [
      [0, 0.1],
      [5, 0.5],
    ]) {
      const warmups = new Warmups(plane.stats, () => monotonicMs() + clockOriginMs - days * DAY_MS)
      warmups.publishing(table)
      warmups.arrived(slotAt(table.endpoints, row * Endpoint.WORDS))
      const { 0: newer = 0, 1: older } = await askTimes('warming', 66)
      const part = (66 * weight) / (1 + weight)
      assert.ok(Math.abs(newer - part) <= 4.5 * Math.sqrt(part), `${newer} of ${newer + older}, not ${part}`)
    }

    // A client has one endpoint; a tenth endpoint takes its own clients from the others.
    assert.equal(new Set(Object.keys(await askTimes('hashed', 30))).size, 1)
    const clients = Array.from({ length: 60 }, (_, host) => `127.0.4.${host + 1}`)
    const answers = async (): Promise<string[]> => {
      const all: string[] = []
      for (const each of clients) all.push(await ask('hashed', each))
      return all
    }
    const before = await answers()
    await plane.adopt(planned({ ...CASES, hashed: { members: all(10), policy: bySource } }).plan)
    const after = await answers()
    const moved = after.filter((name, index) => name !== before[index])
    assert.deepEqual(new Set(moved), new Set(moved.length > 0 ? ['9'] : []))
    assert.ok(moved.length <= 20, `${moved.length} of ${clients.length} move to one of ten`)

    // A gateway's clients asked for the gateway itself.
    const warned = findings.list.filter(each => each.code === 'CFG412')
    assert.deepEqual(
      warned.map(each => each.resource),
      ['VirtualService default/all'],
    )
    assert.equal(await ask('asAsked'), 'reset')
  })
