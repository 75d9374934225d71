/** `weir status --fleet`: many gateways seen as one, some of which are not as they should be. */

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { askAdmin, Unanswered } from '../../src/admin/ask.ts'
import type { WeightedRule } from '../../src/admin/fleet/replica.ts'
import { fleetShares } from '../../src/admin/fleet/shares.ts'
import { inTurns } from '../../src/base/turns.ts'
import { configurationHash } from '../../src/config/configuration-hash.ts'
import { loadConfig } from '../../src/config/load.ts'
import { splitting } from '../admin/routes-kit.ts'
import { type Scene, scene } from '../admin/scene.ts'
import { ask, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const summaryOf = (more: object): object => ({
  version: '1.2.3',
  workers: 2,
  uptimeS: 60,
  generation: 1,
  configuration: 'aaaaaaaaaaaa',
  ready: true,
  why: null,
  counters: { open: 1, accepted: 10 },
  lastReload: { at: '2026-01-01T00:00:00Z' },
  ...more,
})

/** A rule with two destinations, of shares 0.7 and 0.3, that got so many. */
const ruleOf = (first: number, second: number, split = 'random'): WeightedRule =>
  ({
    rule: {
      virtualService: 'TCPRoute shop/echo',
      block: 'rules',
      route: 0,
      match: null,
      file: 'a.yaml',
      line: 1,
    },
    split,
    destinations: [
      { host: 'a.test', port: 80, subset: null, configuredShare: 0.7, connections: first },
      { host: 'b.test', port: 80, subset: null, configuredShare: 0.3, connections: second },
    ],
  }) as WeightedRule

/** Something that answers as a gateway does; its address. */
async function replica(t: TestContext, more: object, ...rules: WeightedRule[]): Promise<string> {
  const server = createServer((request, response) => {
    const body = request.url?.startsWith('/summary')
      ? summaryOf(more)
      : { generation: 1, total: rules.length, next: null, rules, unruled: [] }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('five replicas: one is behind, one drains, one is gone; the others’ shares are summed', async t => {
  const fine = await replica(t, {}, ruleOf(680, 320))
  const also = await replica(t, { generation: 7 }, ruleOf(720, 280))
  const behind = await replica(t, { configuration: 'bbbbbbbbbbbb' }, ruleOf(0, 900))
  const draining = await replica(t, { ready: false, why: 'draining' }, ruleOf(0, 0))
  const gone = `127.0.0.1:${await freePort()}`
  const { code, out } = await weir(['status', '--fleet', [fine, also, behind, draining, gone].join()])
  assert.equal(code, 1)
  const [head, ...lines] = out.split('\n')
  assert.equal(head, '5 replicas: 3 ready, 3 with configuration aaaaaaaaaaaa, 4 open, 40 accepted')
  const lineOf = (place: string): string => lines.find(each => each.includes(place)) ?? ''
  assert.match(
    lineOf(fine),
    /^ +127\S+ +ready +weir 1\.2\.3 +configuration a{12} +generation 1 +up 1 min +1 open/,
  )
  assert.match(lineOf(also), /^ +127\S+ +ready .*generation 7/)
  assert.match(lineOf(behind), /^ +! +127\S+ +ready .*configuration b{12}.*others have a{12}$/)
  assert.match(lineOf(draining), /^ +! +127\S+ +draining/)
  assert.match(lineOf(gone), /^ +! +127\S+ +no answer +no gateway answers at .*ECONNREFUSED/)
  assert.match(out, /\nTCPRoute shop\/echo rules\[0\] {2}2 000 connections\n/)
  assert.match(out, / 70 % +got 70\.0 % +\([\d.]+ – [\d.]+\) as asked +1 400 +a\.test:80\n/)

  const json = JSON.parse(
    (await weir(['status', '--fleet', `${fine},${behind},${also}`, '--output', 'json'])).out,
  )
  assert.deepEqual(
    json.replicas.map((each: { why: unknown }) => each.why),
    [null, 'configuration bbbbbbbbbbbb, where 2 have aaaaaaaaaaaa', null],
  )
  assert.equal(json.configuration, 'aaaaaaaaaaaa')
  assert.equal(json.rules[0].connections, 2000)
})

test('all alike is 0; a name stands for its addresses; nobody is a mistake', async t => {
  const [fine, also] = [await replica(t, {}), await replica(t, {})]
  const alike = await weir(['status', '--fleet', `${fine}, ${also},${fine}`])
  assert.equal(alike.code, 0)
  assert.match(alike.out, /^2 replicas: 2 ready, 2 with/)
  const port = fine.slice(fine.indexOf(':'))
  assert.match((await weir(['status', '--fleet', `localhost${port}`])).out, /1 ready/)
  assert.equal((await weir(['status', '--fleet', ' ,'])).code, 2)
  assert.equal((await weir(['status', '--fleet', 'a.invalid'])).code, 1)
})

test('what cannot be asked, or tells no rules, is one of the replicas', async t => {
  const fine = await replica(t, {}, ruleOf(680, 320))
  const older = await replica(t, {}, { ...ruleOf(1, 1), destinations: [] as never, rule: {} as never })
  const { code, out } = await weir(['status', '--fleet', `${fine},${older},localhost:99999`])
  assert.equal(code, 1)
  assert.match(out, /^3 replicas: 2 ready, 2 with configuration a{12}, /)
  assert.match(
    out,
    /\n +! +\S+ +ready .* its rules are not counted: it is of another version: no virtualService\n/,
  )
  assert.match(
    out,
    /\n +! +localhost:99999 +no answer +localhost:99999 has no such port: the last is 65535\n/,
  )
  assert.match(out, / rules\[0\] {2}1 000 connections\n/)
  const nowhere = { address: '127.0.0.1', port: 99_999, socket: '' }
  await assert.rejects(askAdmin(nowhere, { path: '/', token: null }, {}), Unanswered)
})

test('of as many, the configuration that was taken last counts', async t => {
  const old = await replica(t, { configuration: 'bbbbbbbbbbbb' })
  const recent = await replica(t, { lastReload: { at: '2026-01-02T00:00:00Z' } })
  const { out } = await weir(['status', '--fleet', `${old},${recent}`])
  assert.match(out, /1 with configuration aaaaaaaaaaaa/)
  assert.match(out, /! +\S+ +ready .* others have a{12}/)
})

test('summed shares: random ones by their band, exact ones to less than the replicas, sticky ones by none', async () => {
  const verdicts = async (split: string, ...counts: [number, number][]) => {
    const replicas = counts.map(([first, second]) => ({
      summary: { workers: 1 },
      rules: [ruleOf(first, second, split)],
    }))
    const [{ destinations }] = await inTurns(fleetShares(replicas))
    return destinations.map(each => each.deliveredShare?.verdict)
  }
  assert.deepEqual(await verdicts('random', [700, 300], [700, 300]), ['as-asked', 'as-asked'])
  assert.deepEqual(await verdicts('random', [7, 3], [7, 3]), ['too-few', 'too-few'])
  assert.deepEqual(await verdicts('random', [700, 300], [500, 500]), ['off', 'off'], 'together, not each')
  assert.deepEqual(await verdicts('exact', [701, 299], [699, 301]), ['as-asked', 'as-asked'])
  assert.deepEqual(
    await verdicts('exact', [702, 298], [702, 298]),
    ['as-asked', 'as-asked'],
    'less than what may be under way',
  )
  assert.deepEqual(await verdicts('exact', [703, 297], [703, 297]), ['off', 'off'])
  assert.deepEqual(await verdicts('sticky', [900, 100], [0, 0]), [undefined, undefined])
})

test('the hash is that of the content, not of files, endpoints or Secrets', () => {
  const hashOf = (...texts: string[]) => {
    const files = texts.map((text, index) => ({ file: `${index}.yaml`, bytes: Buffer.from(text) }))
    return configurationHash(loadConfig(files, { names: new Map() }).resources)
  }
  const [first, ...rest] = routing(9000, 9001).split('---\n')
  const secret = (text: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: ${text}}\n`
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n'
  const whole = hashOf(routing(9000, 9001))
  assert.match(whole, /^[0-9a-f]{12}$/)
  assert.equal(hashOf(rest.join('---\n'), first), whole, 'in two files, in another order')
  assert.equal(hashOf(routing(9000, 9001), pod), whole)
  assert.notEqual(hashOf(routing(9000, 9002)), whole)
  assert.notEqual(hashOf(routing(9000, 9001), secret('b')), whole, 'a Secret is there')
  assert.equal(hashOf(routing(9000, 9001), secret('b')), hashOf(routing(9000, 9001), secret('c')))
})

for (const count of [2, 5])
  test(`${count} gateways at one port deliver an exact split together, to less than ${count} connections`, async t => {
    const weights = { 'backend.example': 50, 'second.example': 30, 'third.example': 20 }
    const text = (first: Scene | null) => (port: number, backend: number) => {
      const two = splitting(50, 30)(first?.port ?? port, first?.backend ?? backend).replace(
        /( *- \{destination: \{host: )second(.*)weight: 30\}\n/,
        '$&$1third$2weight: 20}\n',
      )
      const [entry] = two.split('---\n').slice(-1)
      return `${two}---\n${entry.replaceAll('second', 'third')}`
    }
    const one = await scene(t, text(null), 'epoll')
    const others = await Promise.all(Array.from({ length: count - 1 }, () => scene(t, text(one), 'epoll')))
    const hosts = [one, ...others].map(each => `127.0.0.1:${each.where.port}`).join()
    const all = 83 * count
    for (let index = 0; index < all; index++) assert.equal(await ask(one.port), 'hello test')
    const { code, out } = await weir(['status', '--fleet', hosts, '--output', 'json'])
    assert.equal(code, 0, out)
    const [rule] = JSON.parse(out).rules
    assert.equal(rule.connections, all)
    assert.equal(rule.exactTo, count)
    for (const [host, weight] of Object.entries(weights)) {
      const found = rule.destinations.find((each: { destination: string }) =>
        each.destination.startsWith(host),
      )
      assert.ok(
        Math.abs(found.connections - (all * weight) / 100) < count,
        `${host}: ${found.connections} of ${all}`,
      )
      assert.equal(found.deliveredShare.verdict, 'as-asked')
    }
    const bound = new RegExp(`${all} connections, exact to less than ${count}\n`)
    assert.match((await weir(['status', '--fleet', hosts])).out, bound)
    const [changed] = others
    await changed.save(splitting(60, 40)(one.port, one.backend))
    await changed.reload()
    const behind = count === 2 ? one : changed // of two, the newer configuration counts
    const told = await weir(['status', '--fleet', hosts])
    assert.equal(told.code, 1)
    assert.match(told.out, new RegExp(`! +127\\.0\\.0\\.1:${behind.where.port} .* others have`))
    assert.equal(told.out.match(/ ! /g)?.length, 1, told.out)
  })
