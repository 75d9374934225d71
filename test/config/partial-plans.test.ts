/**
 * Goal: a load that takes over what VirtualServices came to in the last one gives what a first load
 * would give: the same Plan, the same findings in the same order, the same table byte for byte.
 *
 * Method: files whose resources refer to each other in many ways (several listeners for one
 * VirtualService, the mesh, subsets, private services, clients, TLS), edited again and again. After
 * each edit one load with memory is compared with one without. A memory that forgets to look at
 * something is planted, to see that this finds it.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { PlanMemory } from '../../src/config/plan/plan-memory.ts'
import { BuildMemory, buildTable } from '../../src/table/build/builder.ts'
import { runs } from '../support/full.ts'

const resource = (kind: string, id: string, spec: object, annotations = {}): string => {
  const [namespace, name] = id.split('/')
  const group = kind === 'Settings' ? 'gateway.weir/v1' : 'networking.istio.io/v1'
  const metadata = { name, ...(kind !== 'Settings' && { namespace }), annotations }
  return `${JSON.stringify({ apiVersion: group, kind, metadata, spec }, null, 1)}\n`
}

const NAMESPACES = ['default', 'shop']
const often = <Item>(items: readonly Item[], times: number): Item[] =>
  Array.from({ length: times }, () => items).flat()
const namespace = fc.constantFrom(...NAMESPACES)
const exportTo = fc.constantFrom<string[] | undefined>(
  undefined,
  undefined,
  undefined,
  ['.'],
  ['*'],
  ['shop'],
)
const subnet = fc.constantFrom(
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.2.0.0/16',
  '127.0.0.0/8',
  '240.0.0.1',
  'fd00::/8',
)

const settings = fc
  .record({
    capture: fc.constantFrom('none', 'ports', 'ports', 'redirect'),
    outbound: fc.constantFrom('ALLOW_ANY', 'REGISTRY_ONLY'),
    workload: fc.constantFrom(null, null, { namespace: 'shop', labels: { app: 'edge' } }),
  })
  .map(({ capture, outbound, workload }) =>
    resource('Settings', '/weir', { mesh: { capture, outbound }, workload }),
  )

const server = (number: number, protocol: string, hosts: readonly string[]) => ({
  port: { number, name: `p${number}`, protocol },
  hosts,
  ...(protocol === 'TLS' && { tls: { mode: 'PASSTHROUGH' } }),
})
const gateway = fc
  .record({
    name: fc.constantFrom('edge', 'edge', 'side'),
    ports: fc.constantFrom([15_100], [15_100, 15_101], [15_101, 15_102], []),
    tls: fc.constantFrom([], ['*'], ['a.com', '*.b.com'], ['*.com']),
    app: fc.constantFrom('edge', 'other'),
  })
  .map(({ name, ports, tls, app }) =>
    resource('Gateway', `default/${name}`, {
      selector: { app },
      servers: [
        ...ports.map(each => server(each, 'TCP', ['*'])),
        ...(tls.length > 0 ? [server(15_443, 'TLS', tls)] : []),
        ...(ports.length + tls.length === 0 ? [server(15_103, 'TCP', ['shop/*'])] : []),
      ],
    }),
  )

const HOSTS = ['a.com', 'b.com', 'c.com']
const entry = fc
  .record({
    namespace,
    host: fc.constantFrom(...HOSTS),
    ports: fc.constantFrom([80], [80, 443], [90]),
    protocol: fc.constantFrom('TCP', 'TCP', 'TLS', 'HTTP'),
    endpoints: fc.subarray([1, 2, 3]),
    resolution: fc.constantFrom('STATIC', 'STATIC', 'DNS', 'NONE'),
    addresses: fc.constantFrom([], ['240.0.0.1'], ['240.0.0.1', '240.0.0.2']),
    exportTo,
  })
  .map(({ namespace, host, ports, protocol, endpoints, resolution, addresses, exportTo }) =>
    resource('ServiceEntry', `${namespace}/${host[0]}`, {
      hosts: [host],
      addresses,
      ports: ports.map(number => ({ number, name: `p${number}`, protocol })),
      resolution,
      exportTo,
      ...(resolution !== 'NONE' && {
        endpoints: endpoints.map(low => ({
          address: resolution === 'DNS' ? `n${low}.test` : `10.9.0.${low}`,
          labels: { version: `v${low % 2}` },
        })),
      }),
    }),
  )

const rule = fc
  .record({
    namespace,
    host: fc.constantFrom(...HOSTS),
    subsets: fc.subarray(['v0', 'v1']),
    maxConnections: fc.constantFrom(undefined, 7),
    simple: fc.constantFrom(undefined, 'LEAST_REQUEST', 'PASSTHROUGH'),
    exportTo,
  })
  .map(({ namespace, host, subsets, maxConnections, simple, exportTo }) =>
    resource('DestinationRule', `${namespace}/${host[0]}`, {
      host,
      exportTo,
      subsets: subsets.map(name => ({ name, labels: { version: name } })),
      trafficPolicy: { connectionPool: { tcp: { maxConnections } }, loadBalancer: { simple } },
    }),
  )

const client = fc.tuple(namespace, fc.integer({ min: 1, max: 3 })).map(([namespace, low]) =>
  resource('WorkloadEntry', `${namespace}/w${low}`, {
    address: `10.1.2.${low}`,
    labels: { app: `c${low % 2}` },
  }),
)

const destination = fc
  .record({
    host: fc.constantFrom(...often(HOSTS, 10), 'nowhere.com'),
    subset: fc.constantFrom(...often([undefined], 20), 'v0', 'v0', 'v1'),
    port: fc.constantFrom(...often([80], 20), undefined, 90),
    weight: fc.constantFrom(...often([1, 20, 80], 8), undefined),
  })
  .map(({ host, subset, port, weight }) => ({
    destination: { host, subset, ...(port && { port: { number: port } }) },
    weight,
  }))
const route = fc.uniqueArray(destination, {
  minLength: 1,
  maxLength: 3,
  selector: each => each.destination.host,
})
const match = fc.record({
  port: fc.constantFrom(...often([undefined], 12), 80, 15_100),
  destinationSubnets: fc.array(subnet, { minLength: 1, maxLength: 2 }),
  sourceSubnet: fc.constantFrom(undefined, '10.1.0.0/16', 'fd00::/8'),
  sourceLabels: fc.constantFrom(undefined, undefined, { app: 'c0' }, { app: 'c1' }),
  gateways: fc.constantFrom(...often([undefined], 12), ['default/edge']),
})
const tcp = fc.record({ match: fc.array(match, { minLength: 1, maxLength: 2 }), route })
/** Hosts, and names below them that a client may ask for. */
const asked = fc.constantFrom(
  { hosts: ['a.com'], names: ['a.com'] },
  { hosts: ['a.com', '*.b.com'], names: ['x.b.com', '*.b.com'] },
  { hosts: ['c.com', 'b.com'], names: ['b.com', 'c.com'] },
)
const virtualService = fc
  .record({
    namespace,
    name: fc.nat(25).map(index => `r${index}`),
    asked,
    gateways: fc.constantFrom(
      ['default/edge'],
      ['default/edge', 'default/side'],
      ['default/side', 'mesh', 'default/edge'],
      ['default/edge', 'mesh'],
    ),
    exportTo,
    tcp: fc.array(tcp, { minLength: 1, maxLength: 4 }),
    last: fc.constantFrom(...often([false], 6), true),
    tls: fc.option(route, { nil: undefined, freq: 1 }),
    http: fc.constantFrom(...often([false], 12), true),
    split: fc.constantFrom('random', 'random', 'exact', 'sticky'),
  })
  .map(({ namespace, name, asked, gateways, exportTo, tcp, last, tls, http, split }) => {
    const { hosts, names } = asked
    const all = [...tcp, ...(last && tcp[0] ? [{ route: tcp[0].route }] : [])]
    const spec = {
      hosts: gateways.some(each => each === 'mesh') || tls ? hosts : ['*'],
      gateways,
      exportTo,
      ...(all.length > 0 && !http && { tcp: all }),
      ...(tls && { tls: names.map(each => ({ match: [{ sniHosts: [each] }], route: tls })) }),
      ...(http && { http: [{ route: [{ destination: { host: 'a.com' } }] }] }),
    }
    return resource('VirtualService', `${namespace}/${name}`, spec, { 'gateway.weir/split': split })
  })

const others = fc.oneof(
  { arbitrary: settings, weight: 1 },
  { arbitrary: gateway, weight: 2 },
  { arbitrary: entry, weight: 4 },
  { arbitrary: rule, weight: 2 },
  { arbitrary: client, weight: 1 },
)
const document = fc.oneof(others, virtualService)

/** What a small edit puts in place of what. */
const TWEAKS = [
  ['10.1.0.0/16', '10.2.0.0/16'],
  ['10.1.2.0/24', 'fd00::/8'],
  ['240.0.0.1', '127.0.0.0/8'],
  ['"c0"', '"c1"'],
  ['"c1"', '"nobody"'],
  ['"v0"', '"v1"'],
  ['"a.com"', '"b.com"'],
  ['x.b.com', '*.b.com'],
  ['*.b.com', '*.com'],
  ['"weight": 20', '"weight": 0'],
  ['"weight": 80', '"weight": 1'],
  ['"number": 80', '"number": 90'],
  ['"shop"', '"default"'],
  ['"none"', '"ports"'],
  ['"mesh"', '"default/side"'],
] as const

/** By file, its documents. */
type Files = readonly (readonly string[])[]
type Edit = {
  readonly file: number
  readonly at: number
  readonly text: string
  readonly kind: string
  readonly tweak: (typeof TWEAKS)[number]
}

const edit: fc.Arbitrary<Edit> = fc.record({
  file: fc.nat(3),
  at: fc.nat(8),
  text: document,
  tweak: fc.constantFrom(...TWEAKS),
  kind: fc.constantFrom(
    ...often(['insert'], 6),
    ...often(['tweak'], 10),
    ...often(['give'], 4),
    'double',
    'drop',
    'drop',
    'comment',
    'move',
    'none',
  ),
})

/** Of the resource that is written; two of one name are an error, and so no Plan. */
const nameIn = (text: string): string => {
  const { kind, metadata } = JSON.parse(text.replaceAll(/^#.*$/gm, ''))
  return `${kind} ${metadata.namespace}/${metadata.name}`
}

/** The documents without others of the same name. */
function replacing(files: Files, texts: readonly string[]): Files {
  const names = new Set(texts.map(nameIn))
  return files.map(list => list.filter(each => !names.has(nameIn(each))))
}

/** One document that has `from` gets `to` instead, once. */
function tweaked(files: Files, which: number, from: string, to: string): Files {
  const all = files.flat().filter(each => each.includes(from))
  const chosen = all[which % (all.length || 1)]
  return files.map(list => list.map(each => (each === chosen ? each.replace(from, to) : each)))
}

/** The last route of one VirtualService becomes the last of another one. */
function given(files: Files, from: number, to: number): Files {
  const all = files.flat().filter(each => each.includes('"kind": "VirtualService"') && each.includes('"tcp"'))
  const [one, two] = [all[from % (all.length || 1)], all[to % (all.length || 1)]]
  if (one === two) return files
  const [giver, taker] = [one, two].map(each => JSON.parse(each.replaceAll(/^#.*$/gm, '')))
  taker.spec.tcp.push(giver.spec.tcp.pop())
  if (giver.spec.tcp.length === 0) delete giver.spec.tcp
  const texts = new Map(
    [giver, taker].map((each, index) => [[one, two][index], JSON.stringify(each, null, 1)]),
  )
  return files.map(list => list.map(each => `${(texts.get(each) ?? each).trimEnd()}\n`))
}

function edited(files: Files, { file, at, text, kind, tweak: [from, to] }: Edit): Files {
  const of = (all: Files, change: (list: readonly string[]) => readonly string[]): Files =>
    all.map((list, index) => (index === file % all.length ? change(list) : list))
  if (kind === 'insert') return of(replacing(files, [text]), all => all.toSpliced(at, 0, text))
  if (kind === 'double') return of(files, all => all.toSpliced(at, 0, text))
  if (kind === 'drop') return of(files, all => all.toSpliced(at % (all.length || 1), 1))
  if (kind === 'comment') return of(files, ([first = text, ...rest]) => [`# a line\n${first}`, ...rest])
  if (kind === 'give') return given(files, file, at)
  if (kind === 'tweak') return tweaked(files, at, from, to)
  if (kind === 'move') return of(files, ([first, ...rest]) => (first === undefined ? [] : [...rest, first]))
  return files
}

const written = (files: Files) =>
  files.map((documents, index) => ({
    file: `${index}.yaml`,
    bytes: new TextEncoder().encode(documents.join('---\n')),
  }))

type Load = { readonly files: Files; readonly notes: boolean; readonly resolves: boolean }

function load({ files, notes, resolves }: Load, memory?: LoadMemory) {
  const names = new Map(resolves ? [['n1.test', ['127.0.0.9']]] : [])
  const loaded = loadConfig(written(files), {
    names,
    lint: { notes, openPortsFrom: 0 },
    ...(memory && { memory }),
  })
  const { defines: _, stages: __, ...rest } = loaded
  return rest
}

const START: readonly string[] = [
  ...['edge', 'side'].map((name, index) =>
    resource('Gateway', `default/${name}`, {
      selector: {},
      servers: [server(15_100 + 100 * index, 'TCP', ['*'])],
    }),
  ),
  ...HOSTS.map((host, index) =>
    resource('ServiceEntry', `default/${host[0]}`, {
      hosts: [host],
      addresses: [`240.0.1.${index}`],
      ports: [{ number: 80, name: 't', protocol: 'TCP' }],
      resolution: 'STATIC',
      endpoints: [{ address: `10.9.1.${index}`, labels: { version: 'v0' } }],
    }),
  ),
  ...HOSTS.map(host =>
    resource('DestinationRule', `default/${host[0]}`, {
      host,
      subsets: [{ name: 'v0', labels: { version: 'v0' } }],
    }),
  ),
  ...[1, 2].map(low =>
    resource('WorkloadEntry', `default/c${low}`, {
      address: `10.1.2.${low}`,
      labels: { app: `c${low % 2}` },
    }),
  ),
]

const history = fc.record({
  first: fc.tuple(
    fc.array(others, { maxLength: 2 }),
    fc.array(virtualService, { minLength: 1, maxLength: 4 }),
    fc.array(virtualService, { maxLength: 3 }),
  ),
  steps: fc.array(fc.record({ edit, notes: fc.boolean(), resolves: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  }),
})

/** Whatever comes later replaces what has the same name. */
function begun(lists: readonly (readonly string[])[]): Files {
  let files: Files = [START]
  for (const list of lists) {
    files = files.toSpliced(files.length, 0, [])
    for (const text of list) {
      const others = replacing(files, [text])
      files = others.toSpliced(-1, 1, [...(others.at(-1) ?? []), text])
    }
  }
  return files
}

/** Of all loads of a property. */
type Counts = { plans: number; taken: number; made: number; reviews: number }

const property = (memoryOf: () => LoadMemory, counts: Counts) =>
  fc.property(history, ({ first, steps }) => {
    const memory = memoryOf()
    const tables = new BuildMemory()
    let files = begun(first)
    for (const { edit, ...how } of [{ edit: null, notes: false, resolves: false }, ...steps]) {
      if (edit) files = edited(files, edit)
      const whole = load({ files, ...how })
      const part = load({ files, ...how }, memory)
      deepEqual(part, whole)
      if (whole.plan === null || part.plan === null) continue
      counts.plans++
      const [alone, after] = [buildTable(whole.plan, 1, () => 0), buildTable(part.plan, 1, () => 0, tables)]
      for (const name of ['routing', 'endpoints', 'clients'] as const)
        equal(Buffer.compare(new Uint8Array(alone[name]), new Uint8Array(after[name])), 0, name)
    }
    counts.taken += memory.plan.taken
    counts.made += memory.plan.made
    counts.reviews += memory.review.reused
  })

test('a load that takes over what is the same gives what a first load gives', t => {
  const counts: Counts = { plans: 0, taken: 0, made: 0, reviews: 0 }
  const numRuns = runs(400)
  fc.assert(
    property(() => new LoadMemory(), counts),
    { numRuns },
  )
  t.diagnostic(JSON.stringify(counts))
  ok(counts.plans > numRuns, `only ${counts.plans} tables were compared`)
  ok(counts.taken > counts.made / 2, 'most rules must be taken over')
  ok(counts.made > counts.taken / 20, 'some rules must be made anew')
  ok(counts.reviews > counts.plans / 2, 'the fates of many scopes must be taken over')
})

test('routes that two places share are where the first one has them', () => {
  const to = (host: string, subnet: string) => ({
    match: [{ destinationSubnets: [subnet] }],
    route: [{ destination: { host, port: { number: 80 } } }],
  })
  const routes = (name: string, gateways: readonly string[], count: number, host: string): string =>
    resource('VirtualService', `default/${name}`, {
      hosts: ['*'],
      gateways,
      tcp: Array.from({ length: count }, (_, index) => to(host, `10.${name.charCodeAt(0)}.${index}.0/24`)),
    })
  const ports = ['one', 'two'].map((name, index) =>
    resource('Gateway', `default/${name}`, { selector: {}, servers: [server(15_110 + index, 'TCP', ['*'])] }),
  )
  const shared = routes('z', ['default/one', 'default/two'], 2, 'c.com')
  // As many routes as before precede the second place of the last, and one more its first.
  const files = (more: number): Files => [
    [...START, ...ports],
    [shared],
    [routes('x', ['default/one'], 1 + more, 'a.com'), routes('y', ['default/two'], 2 - more, 'b.com')],
  ]
  const memory = new LoadMemory()
  for (const more of [0, 1, 0, 0]) {
    const how = { files: files(more), notes: false, resolves: false }
    deepEqual(load(how, memory), load(how))
  }
  ok(memory.plan.taken > 0)
})

test('a name that another server takes from now on is told, though nothing else differs', () => {
  const files = (other: string): Files => [
    START,
    [
      resource('Gateway', 'default/one', {
        selector: {},
        servers: ['*.b.com', other].map((host, index) => ({
          ...server(15_443, 'TLS', [host]),
          port: { number: 15_443, name: `t${index}`, protocol: 'TLS' },
        })),
      }),
    ],
    [
      resource('VirtualService', 'shop/v', {
        hosts: ['x.b.com'],
        gateways: ['default/one'],
        tls: [
          {
            match: [{ sniHosts: ['x.b.com'] }],
            route: [{ destination: { host: 'a.com', port: { number: 80 } } }],
          },
        ],
      }),
    ],
  ]
  const memory = new LoadMemory()
  const codes = ['default/a.com', 'default/x.b.com', 'default/a.com'].map(other => {
    const how = { files: files(other), notes: false, resolves: false }
    const part = load(how, memory)
    deepEqual(part, load(how))
    return part.diagnostics.map(each => each.code).filter(code => code === 'CFG466')
  })
  deepEqual(codes, [[], ['CFG466'], []])
})

test('a memory that looks at less is found out', () => {
  /** As if nothing but VirtualServices ever changed. */
  class Careless extends PlanMemory {
    readonly #same = {}

    override surroundings(): object {
      return this.#same
    }
  }
  const careless = () => Object.assign(new LoadMemory(), { plan: new Careless() })
  const counts: Counts = { plans: 0, taken: 0, made: 0, reviews: 0 }
  const { failed } = fc.check(property(careless, counts), { numRuns: 2_000, endOnFailure: true })
  ok(failed, 'nothing was found')
})
