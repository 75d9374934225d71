/**
 * Every mistake in a RouteTest is a finding with its place; only `check` and `test` report them.
 */

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'

const GATEWAY = (name: string, namespace: string, ports: readonly number[]): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  servers:
${ports.map(port => `    - { hosts: ['*'], port: { number: ${port}, name: tcp-${port}, protocol: TCP } }`).join('\n')}
---`

const routes = (gateways: string): string => `${gateways}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.shop.svc.cluster.local]
  gateways: [edge, wide]
  tcp:
    - match: [{ sourceSubnet: 10.0.0.0/8 }]
      route: [{ destination: { host: orders } }]
    - route: [{ destination: { host: orders } }]
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: shop }
spec: { clusterIP: 10.9.9.9, ports: [{ port: 7000 }] }
---
apiVersion: gateway.weir/v1
kind: Settings
spec: { mesh: { capture: none } }
---
`

const ROUTES = routes(GATEWAY('edge', 'shop', [7000]) + GATEWAY('wide', 'shop', [7001, 7002]))

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function load(tests: string, text = ROUTES) {
  const resource = `apiVersion: gateway.weir/v1\nkind: RouteTest\nmetadata: { name: orders, namespace: shop }\n${tests}`
  const files = [
    { file: 'routes.yaml', bytes: bytes(text) },
    { file: 'tests.yaml', bytes: bytes(resource) },
  ]
  return loadConfig(files, { names: new Map(), routeTests: true })
}

/** Findings of a RouteTest: "CFG101 spec.tests[0].name: …; hint". */
const found = (tests: string, text?: string): string[] =>
  load(tests, text)
    .diagnostics.filter(each => each.file === 'tests.yaml')
    .map(({ code, field, message, hint, line, column }) => {
      ok(line > 0 && column > 0)
      return `${code} ${field}: ${message}${hint === undefined ? '' : `; ${hint}`}`
    })

const one = (connection: string, expect = '{ reason: no-route }', name = 'one'): string =>
  `spec: { tests: [{ name: ${name}, connection: ${connection}, expect: ${expect} }] }`

const REASONS =
  'expect one of proxy-untrusted, tls-client-certificate, denied-by-policy, no-sni, not-tls, no-route, denied, unknown-destination, no-endpoint, loop'

const MISTAKES: readonly (readonly [string, ...RegExp[]])[] = [
  ['', /^CFG103 spec: spec is missing/],
  ['spec: {}', /^CFG103 spec.tests: tests is missing/],
  ['spec: { tests: [] }', /^CFG211 spec.tests: a RouteTest must have at least one test/],
  ['spec: { tests: all }', /^CFG101 spec.tests: tests must be a list, not "all"/],
  ['spec: { tests: [x] }', /^CFG101 spec.tests\[0\]: tests\[0\] must be an object/],
  ['spec: { tests: [{}] }', /\.name: name is missing/, /connection is missing/, /expect is missing/],
  [
    'spec: { test: [] }',
    /tests is missing/,
    /^CFG102 spec.test: field "test" is not known here; did you mean "tests"\?/,
  ],
  [one('{ gateway: edge }', '{ rule: 1 }'), /^CFG101 \S+expect.rule: rule must be a text, not 1/],
  [one('{ gateway: edge }', '{}'), /^CFG211 \S+expect: the test expects nothing; give at least one of/],
  [
    one('{ gateway: edge }', '{ destinaton: a }'),
    /^CFG102 \S+: field "destinaton" is not known here; did you mean "destination"/,
  ],
  [
    one('{ gateway: edge }', '{ reason: no-rout }'),
    /^CFG213 \S+reason: "no-rout" is not a reason .*; did you mean "no-route"\?/,
  ],
  [
    one('{ gateway: edge }', '{ reason: drain }'),
    new RegExp(`^CFG494 \\S+reason: no table answers with drain: .*; ${REASONS}`),
  ],
  [
    one('{ gateway: edge }', '{ reason: no-route, port: 80 }'),
    /^CFG210 \S+reason: .* no destination, but port is expected/,
  ],
  [
    one('{ gateway: edge }', '{ share: { percent: 20 } }'),
    /^CFG211 \S+share: share does not name a destination/,
  ],
  [one('{ gateway: edge }', '{ port: 80, share: 20 }'), /^CFG101 \S+share: share must be an object, not 20/],
  [
    one('{ gateway: edge }', '{ port: 80, share: { within: 1 } }'),
    /^CFG103 \S+share.percent: percent is missing/,
  ],
  [
    one('{ gateway: edge }', '{ port: 80, share: { percent: 101, within: -1 } }'),
    /^CFG208 \S+percent/,
    /^CFG208 \S+within/,
  ],
  [one('{ gateway: edge }', "{ port: '80' }"), /^CFG101 \S+port: port must be a port between 1 and 65535/],
  [one('{ gateway: edge }', '{ destination: a_b..c }'), /^CFG201 \S+destination/],
  [one('{ gateway: edge }', "{ subset: '' }"), /^CFG217 \S+subset/],
  [
    one('{ gateway: edge }', "{ rule: 'tcp[0]' }"),
    /^CFG492 \S+rule: "tcp\[0\]" is not the name of a rule; write it as weir explain does/,
  ],
  [
    one('{ gateway: edge }', "{ rule: 'order tcp[0]' }"),
    /^CFG492 .* no listener has a rule of a VirtualService shop\/order; did you mean "shop\/orders"/,
  ],
  [
    one('{ gateway: edge }', "{ rule: 'orders tcp[2]' }"),
    /^CFG492 .* no rule shop\/orders tcp\[2\]; there are shop\/orders tcp\[0\]\.match\[0\], shop\/orders tcp\[1\]$/,
  ],
  [one('{ gateway: edg }'), /^CFG491 \S+gateway: there is no gateway "edg"; did you mean "edge"\?/],
  [one('{ gateway: shp/edge }'), /^CFG491 .*; did you mean "shop\/edge"\?/],
  [one('{ gateway: zzzzzzzz }'), /^CFG491 .*; there are mesh, shop\/edge and shop\/wide/],
  [one("{ gateway: 'a/b/c' }"), /^CFG205 \S+gateway: "a\/b\/c" is not the name of a gateway/],
  [
    one('{ from: 10.0.0.1 }'),
    /^CFG493 \S+connection: gateway is missing, and there are shop\/edge and shop\/wide/,
  ],
  [
    one('{ gateway: wide, to: 10.0.0.1 }'),
    /^CFG493 \S+to: to 10\.0\.0\.1 has no port, and gateway shop\/wide listens on 7001, 7002; write to/,
  ],
  [one('{ gateway: wide }'), /^CFG493 \S+connection: to is missing/],
  [one('{ gateway: mesh }'), /^CFG493 .* gateway mesh does not listen/],
  [
    one('{ gateway: edge, to: orders:7000 }'),
    /^CFG203 \S+to: "orders:7000" is not an address and port; write 10\.0\.0\.1:9000/,
  ],
  [one('{ gateway: edge, to: 10.0.0.1:0 }'), /^CFG203 \S+to/],
  [one('{ gateway: edge, from: 10.0.0.1/8, peer: somebody }'), /^CFG203 \S+from/, /^CFG203 \S+peer/],
  [
    one("{ gateway: edge, namespace: 'a b', labels: { app: 'a b' } }"),
    /^CFG217 \S+namespace/,
    /^CFG204 \S+labels.app/,
  ],
  [one('{ gateway: edge, labels: { app: 1 } }'), /^CFG101 \S+labels.app/],
  [
    'spec: { tests: [{ name: a, connection: { gateway: edge }, expect: { port: 1 } }, { name: a, connection: { gateway: edge }, expect: { port: 1 } }] }',
    /^CFG209 spec.tests\[1\].name: two tests here have the name "a"; rename one/,
  ],
]

for (const [tests, ...patterns] of MISTAKES) {
  test(`a RouteTest's mistake is found: ${tests}`, () => {
    const list = found(tests)
    equal(list.length, patterns.length, list.join('\n'))
    for (const pattern of patterns)
      ok(
        list.some(each => pattern.test(each)),
        `${pattern}\n${list.join('\n')}`,
      )
  })
}

test('a bare gateway of which there are several is a finding, unless one is in the namespace of the RouteTest', () => {
  const more = GATEWAY('edge', 'other', [7005])
  deepEqual(found(one('{ gateway: edge }'), ROUTES + more), [])
  const several = ROUTES.replaceAll('name: edge, namespace: shop', 'name: edge, namespace: third') + more
  match(
    found(one('{ gateway: edge }'), several)[0],
    /^CFG493 .* gateway edge may be \S+ or \S+; write it as namespace\/name$/,
  )
})

test('what a resource with errors may define is not missed by a test as well', () => {
  const broken = ROUTES.replace('number: 7000', 'number: 70000').replace(
    'sourceSubnet: 10.0.0.0/8',
    'sourceSubnet: x',
  )
  deepEqual(found(one('{ gateway: edge }', "{ rule: 'orders tcp[0]' }"), broken), [])
  deepEqual(load(one('{ gateway: edge }'), broken).routeTests, [])
})

test('what is left out is filled in from the configuration', () => {
  const only = load(
    one(
      '{ from: "[2001:DB8::1]:80", labels: { app: null } }',
      '{ destination: orders, share: { percent: 5 } }',
    ),
    routes(GATEWAY('edge', 'shop', [7000])),
  )
  deepEqual(
    only.diagnostics.filter(each => each.severity === 'error').map(each => each.message),
    [],
  )
  const [{ routeTest, question, expect, place }] = only.routeTests
  equal(routeTest, 'shop/orders')
  equal(place.file, 'tests.yaml')
  deepEqual(question, {
    gateway: 'shop/edge',
    source: { ip: '2001:DB8::1', labels: { app: '' } },
    destination: { port: 7000 },
  })
  deepEqual(expect, {
    destination: 'orders.shop.svc.cluster.local',
    port: null,
    subset: null,
    share: { percent: 5, within: 0 },
    reason: null,
    rule: null,
  })
})

test('a RouteTest under a wrong apiVersion is an error', () => {
  const text = 'apiVersion: gateway.weir/v2\nkind: RouteTest\nmetadata: { name: a }\nspec: {}\n'
  const files = [{ file: 'a.yaml', bytes: bytes(ROUTES + text) }]
  const { diagnostics } = loadConfig(files, { names: new Map(), routeTests: true })
  deepEqual(
    diagnostics.filter(each => each.severity === 'error').map(each => each.code),
    ['CFG105', 'CFG103'],
  )
})

test('who serves a configuration sees no RouteTest, whatever is wrong with it', () => {
  const wrong = ['v1', 'v2'].map(
    version =>
      `apiVersion: gateway.weir/${version}\nkind: RouteTest\nmetadata: { nam: a, labels: 1 }\nspec: 1\n---\n`,
  )
  const files = [{ file: 'a.yaml', bytes: bytes(ROUTES + wrong.join('')) }]
  const { plan, diagnostics, resources, routeTests } = loadConfig(files, { names: new Map() })
  ok(plan)
  deepEqual([...diagnostics.filter(each => each.severity === 'error'), ...routeTests], [])
  ok(resources.every(each => !each.title.startsWith('RouteTest')))
  const alone = loadConfig([{ file: 'a.yaml', bytes: bytes(wrong.join('')) }], { names: new Map() })
  deepEqual(
    alone.diagnostics.map(each => each.code),
    ['CFG014'],
  )
})
