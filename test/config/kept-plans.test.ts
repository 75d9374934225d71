/**
 * Goal: what is kept of one load for the next never speaks in it where something has changed that
 * no random edit of partial-plans.test.ts does: a load that fails midway, a cause that goes away,
 * objects of an API, other gateways that share the thread, files that change their names.
 *
 * Method: each test is a list of loads with one memory; each is compared with a first load.
 */

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { collectGarbage } from '../../src/base/collect-garbage.ts'
import { ReviewMemory } from '../../src/config/lint/review-memory.ts'
import { type LoadOptions, loadConfig } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { objectKey } from '../../src/config/text/read-objects.ts'
import { BuildMemory, buildTable } from '../../src/table/build/builder.ts'
import type { Listener, Scope } from '../../src/table/plan/plan.ts'

const ISTIO = 'networking.istio.io/v1'

const object = (kind: string, id: string, spec: object, annotations = {}, apiVersion = ISTIO) => {
  const [namespace, name] = id.split('/')
  return { apiVersion, kind, metadata: { name, namespace, annotations }, spec }
}
const text = (value: object): string => `${JSON.stringify(value, null, 1)}\n`
const resource = (...args: Parameters<typeof object>): string => text(object(...args))

const gateway = (name: string, port: number, hosts: readonly string[] = ['*'], protocol = 'TCP'): string =>
  resource('Gateway', `default/${name}`, {
    selector: {},
    servers: [
      {
        port: { number: port, name: 'p', protocol },
        hosts,
        ...(protocol === 'TLS' && { tls: { mode: 'PASSTHROUGH' } }),
      },
    ],
  })
const entry = (host: string, more: object = {}): string =>
  resource('ServiceEntry', `default/${host[0]}`, {
    hosts: [host],
    addresses: [`240.0.1.${host.charCodeAt(0)}`],
    ports: [{ number: 80, name: 't', protocol: 'TCP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.9.1.1' }],
    ...more,
  })
const to = (host: string, subnet: string, more: object = {}) => ({
  match: [{ destinationSubnets: [subnet] }],
  route: [{ destination: { host, port: { number: 80 }, ...more }, weight: 1 }],
})
const routes = (
  name: string,
  tcp: readonly object[],
  gateways: readonly string[],
  annotations = {},
): string => resource('VirtualService', `shop/${name}`, { hosts: ['*'], gateways, tcp }, annotations)

/** By name, its documents. */
type Files = Readonly<Record<string, readonly string[]>>
type Options = Partial<Omit<LoadOptions, 'memory'>>

const read = (files: Files) =>
  Object.entries(files).map(([file, documents]) => ({
    file,
    bytes: new TextEncoder().encode(documents.join('---\n')),
  }))

function load(files: Files, options: Options = {}, memory?: LoadMemory) {
  const loaded = loadConfig(read(files), { names: new Map(), ...options, ...(memory && { memory }) })
  const { defines: _, stages: __, ...rest } = loaded
  return rest
}

/** Compares loads with one memory with first loads; returns the codes of each. */
function follow(steps: readonly (readonly [Files, Options?])[]): { codes: string[][]; memory: LoadMemory } {
  const memory = new LoadMemory()
  const tables = new BuildMemory()
  const codes = steps.map(([files, options]) => {
    const objects = options?.objects && structuredClone(options.objects)
    const [part, whole] = [
      load(files, options, memory),
      load(files, { ...options, ...(objects && { objects }) }),
    ]
    deepEqual(part, whole)
    if (part.plan && whole.plan) {
      const [after, alone] = [buildTable(part.plan, 1, () => 0, tables), buildTable(whole.plan, 1, () => 0)]
      equal(Buffer.compare(new Uint8Array(after.routing), new Uint8Array(alone.routing)), 0)
    }
    return part.diagnostics.map(each => each.code)
  })
  return { codes, memory }
}

const PLACES = ['default/one', 'default/two', 'default/three']
const BASE: readonly string[] = [
  gateway('one', 15_110),
  gateway('two', 15_111),
  gateway('three', 15_112),
  ...['a.com', 'b.com', 'c.com'].map(host => entry(host)),
]

test('a load that fails midway leaves nothing half', () => {
  const named = (host: string) => entry(host, { resolution: 'DNS', endpoints: [{ address: `n.${host}` }] })
  const many = (host: string, count: number) =>
    Array.from({ length: count }, (_, at) => to(host, `10.${host.charCodeAt(0)}.${at}.0/24`))
  // One route more before the first place of the last, and one fewer before its second.
  const files = (more: number): Files => ({
    base: [...BASE.slice(0, 3), ...['a.com', 'b.com', 'c.com'].map(named)],
    v: [routes('v', many('a.com', 1 + more), ['default/one'])],
    w: [routes('w', many('b.com', 2 - more), ['default/three'])],
    x: [routes('x', many('c.com', 2), PLACES)],
  })
  const memory = new LoadMemory()
  for (const host of ['a.com', 'b.com', 'c.com']) {
    const names = new (class extends Map<string, readonly string[]> {
      override get(name: string): undefined {
        if (name === `n.${host}`) throw new Error('midway')
      }
    })()
    deepEqual(load(files(0), {}, memory), load(files(0)))
    throws(() => load(files(1), { names }, memory), /midway/)
    deepEqual(load(files(1), {}, memory), load(files(1)))
  }
  ok(memory.plan.taken > 0)
})

test('a finding that another mistake held back is told once that is gone', () => {
  const broken = entry('d.com', { resolution: 'NOWHERE' })
  const base: Files = { base: BASE, v: [routes('v', [to('d.com', '10.2.0.0/16')], PLACES)] }
  const { codes } = follow([[{ ...base, d: [broken] }], [base], [{ ...base, d: [entry('d.com')] }], [base]])
  deepEqual(
    codes.map(each => each.includes('IST0101')),
    [false, true, false, true],
  )
})

test('a rule stands where its file now has it', () => {
  const v = routes('v', [to('a.com', '10.2.0.0/16'), to('b.com', '10.2.1.0/24')], PLACES)
  const w = routes('w', [to('b.com', '10.6.0.0/16')], PLACES)
  const { codes } = follow([
    [{ base: BASE, v: [v, w] }],
    [{ base: BASE, v: ['# one line more\n', v, w] }],
    [{ base: BASE, v: [v, w] }],
    [{ base: BASE, v: [w, v] }],
    [{ base: BASE, moved: [v, w] }],
    [{ base: BASE, moved: [v], v: [v, w] }],
    [{ base: BASE, v: [v, w] }],
    [{ v: [v, w], base: BASE }],
    [{ v: [v], base: BASE, w: [w] }],
    [{ w: [w], v: [v], base: BASE }],
    [{ base: BASE, v: [v, w] }, { lint: { notes: true, openPortsFrom: 0 } }],
    [{ base: BASE, v: [v, w] }],
  ])
  ok(codes[5].includes('CFG027'))
})

test('gateways that share the thread share its memory, and nothing else', () => {
  const one: Files = { base: BASE, v: [routes('v', [to('a.com', '10.2.0.0/16')], PLACES)] }
  const two: Files = {
    base: BASE.toReversed(),
    v: [routes('v', [to('b.com', '10.2.0.0/16')], PLACES, { 'gateway.weir/on-dead': 'redistribute' })],
  }
  const three: Files = { base: BASE.slice(1), v: one.v }
  follow([[one], [two], [one], [three], [two], [three], [one], [one]])
})

test('route tests are read when they are asked for', () => {
  const files: Files = {
    base: BASE,
    v: [routes('v', [to('a.com', '10.2.0.0/16')], PLACES)],
    t: [
      resource(
        'RouteTest',
        'shop/t',
        {
          tests: [
            {
              name: 'one',
              connection: { gateway: 'default/one', from: '10.0.0.1', to: '10.2.0.1:15110' },
              expect: { destination: 'a.com', rule: 'v tcp[0]' },
            },
          ],
        },
        {},
        'gateway.weir/v1',
      ),
    ],
  }
  const memory = new LoadMemory()
  for (const routeTests of [false, true, true, false, true]) {
    const part = load(files, { routeTests }, memory)
    deepEqual(part, load(files, { routeTests }))
    equal(part.routeTests.length, routeTests ? 1 : 0)
  }
})

test('objects of an API change beside the rules of files', () => {
  const entryOf = (value: ReturnType<typeof object>) => ({
    key: objectKey(value),
    object: value,
    lastGood: null,
  })
  const service = (host: string, more: object = {}) => entryOf(JSON.parse(entry(host, more)))
  const files: Files = {
    base: BASE.slice(0, 5),
    v: [routes('v', [to('a.com', '10.2.0.0/16'), to('c.com', '10.3.0.0/16')], PLACES)],
    w: [
      routes(
        'w',
        [to('c.com', '10.4.0.0/16', { subset: 'v0' }), to('b.com', '10.5.0.0/16')],
        ['mesh', ...PLACES],
      ),
    ],
  }
  const rule = entryOf(
    object('DestinationRule', 'default/c', { host: 'c.com', subsets: [{ name: 'v0', labels: {} }] }),
  )
  const sharing = entryOf(
    object('VirtualService', 'default/u', {
      hosts: ['*'],
      gateways: ['default/one'],
      tcp: [to('c.com', '10.3.0.0/16')],
    }),
  )
  const wrong = service('c.com', { resolution: 'NOWHERE' })
  const { memory } = follow(
    [
      [],
      [service('c.com')],
      [service('c.com'), rule],
      [service('c.com'), rule, sharing],
      [wrong, rule],
      [service('c.com'), rule],
      [rule],
    ].map(objects => [files, { objects }] as const),
  )
  ok(memory.plan.taken > 0)
})

test('what a change has replaced is let go of when its load ends', async () => {
  const files = (host: string): Files => ({
    base: BASE,
    v: [routes('v', [to(host, '10.2.0.0/16')], PLACES)],
    w: [routes('w', [to('c.com', '10.3.0.0/16')], PLACES)],
  })
  const memory = new LoadMemory()
  /** Whatever else is kept, it is kept beside a rule. */
  const ruleOf = (host: string) =>
    new WeakRef(load(files(host), {}, memory).plan?.listeners[0].scopes[0].rules[0] ?? {})
  const [old, now] = [ruleOf('a.com'), ruleOf('b.com')]
  await new Promise(setImmediate) // until then whoever has asked a WeakRef holds what it named
  collectGarbage()
  equal(old.deref(), undefined)
  ok(now.deref() !== undefined)
  ok(memory.plan.taken > 0)
})

test('names of many servers of one socket are compared once for all of them', () => {
  class Counted extends Map<string, { scope: Scope; number: number; gateway: string }> {
    asked = 0
    override get(name: string) {
      this.asked++
      return super.get(name)
    }
  }
  const scopes = Array.from(
    { length: 50 },
    (_, at): Scope => ({
      host: '',
      port: 0,
      addresses: [],
      takes: { names: [`${at}.com`], plain: false },
      rules: [],
      defaultRoute: -1,
    }),
  )
  const listener = {
    gateway: 'default/one',
    bind: '',
    port: 443,
    destination: 'local',
    scopes,
  } as unknown as Listener
  const owners = () =>
    new Counted(scopes.map((scope, number) => [`${number}.com`, { scope, number, gateway: 'default/one' }]))
  const memory = new ReviewMemory()
  const review = () => ({ fates: [], complete: true })
  memory.begin()
  const before = owners()
  for (const scope of scopes) memory.of(listener, scope, before, review)
  memory.begin()
  const after = owners()
  for (const scope of scopes) memory.of(listener, scope, after, review)
  equal(memory.reused, scopes.length)
  equal(after.asked, scopes.length)
})
