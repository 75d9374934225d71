/**
 * `weir test` through the command line: what passes, what misses and why, coverage, formats, exit
 * codes.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'

const ROUTES = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  servers: [{ hosts: ['*'], port: { number: 7100, name: tcp, protocol: TCP } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.shop.svc.cluster.local]
  gateways: [edge, mesh]
  tcp:
    - match: [{ sourceSubnet: 10.1.0.0/16 }, { sourceSubnet: '2001:db8::/32' }]
      route: [{ destination: { host: orders, subset: gray } }]
    - match: [{ sourceSubnet: 10.1.2.0/24 }] # taken by the first
      route: [{ destination: { host: orders, subset: prod } }]
    - match: [{ sourceSubnet: 10.2.0.0/16 }]
      route: [{ destination: { host: orders, subset: grey } }] # nobody defines it
    - match: [{ sourceSubnet: 10.3.0.0/16 }]
      route: [{ destination: { host: empty.shop.svc.cluster.local, port: { number: 7001 } } }]
    - match: [{ sourceSubnet: 10.4.0.0/16 }]
      route:
        - { destination: { host: orders, subset: prod }, weight: 1 }
        - { destination: { host: orders, subset: gray }, weight: 1 }
        - { destination: { host: empty, port: { number: 7001 } }, weight: 1 }
    - match: [{ sourceSubnet: 10.5.0.0/16, gateways: [edge] }]
      route:
        - { destination: { host: orders, subset: prod }, weight: 80 }
        - { destination: { host: orders, subset: grey }, weight: 20 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: orders, namespace: shop }
spec:
  host: orders.shop.svc.cluster.local
  subsets: [{ name: prod, labels: { version: v1 } }, { name: gray, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders, namespace: shop }
spec:
  hosts: [orders.shop.svc.cluster.local]
  addresses: [10.9.0.1, 'fd00::9']
  resolution: STATIC
  ports: [{ number: 7000, name: tcp, protocol: TCP }]
  endpoints: [{ address: 10.0.0.1, labels: { version: v1 } }, { address: 'fd00::2', labels: { version: v2 } }]
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: shop }
spec: { clusterIP: 10.9.0.2, ports: [{ port: 7000, name: a }, { port: 7001, name: b }] }
---
apiVersion: gateway.weir/v1
kind: Settings
spec: { mesh: { bind: '' } }
`

type Line = readonly [name: string, connection: string, expect: string]

const routeTest = (lines: readonly Line[], name = 'orders'): string =>
  `apiVersion: gateway.weir/v1\nkind: RouteTest\nmetadata: { name: ${name}, namespace: shop }\nspec:\n  tests:\n${lines
    .map(
      ([name, connection, expect]) =>
        `    - { name: ${JSON.stringify(name)}, connection: ${connection}, expect: ${expect} }\n`,
    )
    .join('')}`

function files(t: TestContext, lines: readonly Line[], routes = ROUTES): string {
  return folder(t, { 'routes.yaml': routes, 'tests.yaml': routeTest(lines) })
}

const from = (address: string, more = ''): string =>
  `{ gateway: edge, from: ${JSON.stringify(address)}${more} }`

const PASSING: readonly Line[] = [
  ['a rule by its whole name', from('10.1.9.9'), "{ rule: 'shop/orders tcp[0].match[0]' }"],
  ['a rule without its match', from('10.1.9.9'), "{ rule: 'orders tcp[0]' }"],
  [
    'an IPv6 client',
    from('2001:db8::7'),
    "{ destination: orders, subset: gray, rule: 'orders tcp[0].match[1]' }",
  ],
  ['an IPv6 client and address', from('[2001:db8::7]:80', ", to: '[fd00::1]:7100'"), '{ subset: gray }'],
  ['a full host name', from('10.1.9.9'), '{ destination: orders.shop.svc.cluster.local, port: 7000 }'],
  ['all connections', from('10.1.9.9'), '{ destination: orders, share: { percent: 100 } }'],
  ['one of several destinations', from('10.4.0.1'), '{ destination: orders, subset: gray }'],
  ['a third, more or less', from('10.4.0.1'), '{ subset: gray, share: { percent: 33.3, within: 0.1 } }'],
  [
    'two thirds, over both subsets',
    from('10.4.0.1'),
    '{ destination: orders, share: { percent: 66.67, within: 0.01 } }',
  ],
  ['a third as it is shown', from('10.4.0.1'), '{ subset: gray, share: { percent: 33.33 } }'],
  ['by its port alone', from('10.4.0.1'), '{ port: 7001, share: { percent: 33, within: 1 } }'],
  ['nothing goes there', from('10.1.9.9'), '{ subset: prod, share: { percent: 0 } }'],
  ['an unknown subset, as expected', from('10.2.0.1'), '{ subset: grey, reason: unknown-destination }'],
  ['and without a destination', from('10.2.0.1'), '{ reason: unknown-destination }'],
  [
    'the part of a split that is not defined',
    from('10.5.0.1'),
    '{ subset: grey, reason: unknown-destination, share: { percent: 20 } }',
  ],
  ['a destination without endpoints', from('10.3.0.1'), '{ destination: empty }'],
  ['and the reason for it', from('10.3.0.1'), '{ destination: empty, reason: no-endpoint }'],
  ['no rule for it', from('192.0.2.1'), '{ reason: no-route }'],
  [
    'the mesh, as it listens',
    '{ from: 10.5.0.1, to: 10.9.0.1:7000 }',
    '{ destination: orders, rule: default }',
  ],
  ['the mesh by IPv6', "{ from: '2001:db8::1', to: '[fd00::9]:7000' }", "{ rule: 'orders tcp[0].match[1]' }"],
  ['past the mesh', '{ gateway: mesh, to: 192.0.2.9:7000 }', '{ destination: 192.0.2.9, rule: passthrough }'],
  [
    'past it by IPv6, however it is spelt',
    "{ gateway: mesh, to: '[2001:DB8:0::9]:7000' }",
    "{ destination: '2001:0DB8::9' }",
  ],
]

test('tests that pass: rules, destinations, shares, reasons, IPv6, defaults', async t => {
  const { code, out, err } = await weir(['test', files(t, PASSING)])
  assert.equal(code, 0, out + err)
  assert.match(out, new RegExp(`\\n${PASSING.length} tests: ${PASSING.length} passed, 0 missed\\n`))
  for (const [name] of PASSING) assert.ok(out.includes(`  ok    ${name}\n`), name)
})

/** Each with what it must say. */
const MISSING: readonly (readonly [...Line, RegExp])[] = [
  [
    'a',
    from('10.1.9.9'),
    "{ rule: 'orders tcp[4]' }",
    /rule +expected shop\/orders tcp\[4\], got shop\/orders tcp\[0\]\.match\[0\]/,
  ],
  [
    'b',
    from('10.1.9.9'),
    '{ rule: default }',
    /rule +expected default, got shop\/orders tcp\[0\]\.match\[0\]/,
  ],
  [
    'c',
    from('192.0.2.1'),
    "{ rule: 'orders tcp[2]' }",
    /rule +expected shop\/orders tcp\[2\], got no-route\n +rejected +shop\/orders tcp\[2\]\.match\[0\] +sourceSubnet: 192\.0\.2\.1 is outside/,
  ],
  [
    'd',
    from('10.1.9.9'),
    '{ destination: orders, subset: prod }',
    /destination +expected orders\.shop\.svc\.cluster\.local subset prod, got 100 % \S+ subset gray/,
  ],
  ['e', from('10.1.9.9'), '{ port: 7001 }', /destination +expected any host:7001, got 100 %/],
  [
    'f',
    from('10.4.0.1'),
    '{ subset: gray, share: { percent: 33 } }',
    /share +expected 33 % of any host subset gray, got 33\.33 %/,
  ],
  [
    'g',
    from('10.4.0.1'),
    '{ subset: gray, share: { percent: 34, within: 0.5 } }',
    /share +expected 34 ± 0\.5 % of/,
  ],
  ['h', from('192.0.2.1'), '{ destination: orders }', /destination +expected \S+, got no-route/],
  [
    'i',
    from('10.2.0.1'),
    '{ destination: orders, subset: grey }',
    /destination +expected .*subset grey, got 100 % .*subset grey \(reset, unknown-destination\)/,
  ],
  [
    'j',
    from('10.5.0.1'),
    '{ subset: grey, share: { percent: 20 } }',
    /destination +expected any host subset grey, got 20 % .*\(reset, unknown-destination\)/,
  ],
  ['k', from('10.3.0.1'), '{ reason: no-route }', /reason +expected no-route, got no-endpoint/],
  ['l', from('10.1.9.9'), '{ reason: no-route }', /reason +expected no-route, got it is served/],
  [
    'm',
    from('10.5.0.1'),
    '{ subset: prod, reason: unknown-destination }',
    /reason +expected unknown-destination, got it is served/,
  ],
  ['n', from('10.1.9.9'), '{ reason: drain }', /reason +expected drain, got it is served/],
  [
    'o',
    from('10.1.9.9'),
    "{ destination: empty, reason: no-endpoint, rule: 'orders tcp[3]' }",
    /rule +expected[^\n]+\n +destination +expected/,
  ],
]

test('tests that miss say what was expected, what came, and why the expected rule was passed over', async t => {
  const root = files(
    t,
    MISSING.map(([name, connection, expect]) => [name, connection, expect]),
  )
  const { code, out } = await weir(['test', root])
  assert.equal(code, 1)
  assert.match(out, new RegExp(`\\n${MISSING.length} tests: 0 passed, ${MISSING.length} missed\\n`))
  for (const [name, , expect, pattern] of MISSING) {
    const [, said = ''] =
      new RegExp(`^  miss  ${name}  \\S+tests\\.yaml:\\d+\\n((?: {10}.*\\n)*)`, 'm').exec(out) ?? []
    assert.match(said, pattern, `${name} ${expect}\n${out}`)
  }
})

test('coverage counts the rules that can match, and a minimum that is not reached fails', async t => {
  const lines: readonly Line[] = [
    ['one', from('10.1.9.9'), '{ subset: gray }'],
    ['again', from('10.1.2.3'), '{ subset: gray }'],
    ['two', from('10.2.0.1'), '{ reason: unknown-destination }'],
  ]
  const root = files(t, lines)
  const low = await weir(['test', root, '--min-coverage', '33.3'])
  assert.equal(low.code, 0)
  // Seven are written; tcp[1] is taken by tcp[0], and can never match.
  assert.match(low.out, /\n2 of 6 rules reached: 33\.33 %, of 33\.3 % asked for\n/)
  assert.match(low.out, / {2}not reached: shop\/orders tcp\[0\]\.match\[1\] {2}\S+routes\.yaml:15\n/)
  assert.doesNotMatch(low.out, /not reached: shop\/orders tcp\[1\]/)
  const high = await weir(['test', root, '--min-coverage', '33.4'])
  assert.equal(high.code, 1)
  assert.match(high.out, /3 passed, 0 missed/)
  assert.equal((await weir(['test', root, '--min-coverage', '0'])).code, 0)
})

test('an invalid configuration is 1 in every format, with its findings', async t => {
  const root = files(t, [['one', '{ gateway: edg }', '{ reason: no-route }']])
  const table = await weir(['test', root])
  assert.deepEqual([table.code, table.out], [1, ''])
  assert.match(
    table.err,
    /tests\.yaml:6:\d+: error CFG491: there is no gateway "edg"[\s\S]*hint: did you mean "edge"\?/,
  )
  const json = await weir(['test', root, '--format', 'json'])
  const { ok, valid, coverage, tests, messages } = JSON.parse(json.out)
  assert.deepEqual([json.code, ok, valid, coverage, tests], [1, false, false, null, []])
  assert.deepEqual(
    [messages[0].code, messages[0].line, messages[0].field],
    ['CFG491', 6, 'spec.tests[0].connection.gateway'],
  )
  const junit = await weir(['test', root, '--format', 'junit'])
  assert.equal(junit.code, 1)
  assert.match(
    junit.out,
    /<testsuite name="configuration" tests="1" failures="0" errors="1"[\s\S]*<error type="CFG491"/,
  )
  const checked = await weir(['check', root])
  assert.equal(checked.code, 1)
  assert.match(checked.out, /error CFG491/)
  const explained = await weir(['explain', root, '--gateway', 'edge', '--to', ':7100', '--from', '10.1.0.1'])
  assert.equal(explained.code, 0, 'others pass RouteTests over')
})

test('without a RouteTest it fails, and says so; a warning about one is said as well', async t => {
  const none = await weir(['test', folder(t, { 'routes.yaml': ROUTES })])
  assert.equal(none.code, 1)
  assert.match(none.err, /^error: no RouteTest found: nothing to test\n$/)
  assert.match(none.out, /^0 tests: 0 passed, 0 missed\n0 of 6 rules reached: 0 %\n/)
  const warned = await weir(['test', files(t, [['one', from('10.1.0.1'), '{ reason: drain }']])])
  assert.equal(warned.code, 1, 'no table answers so')
  assert.match(warned.err, /warning CFG494: /)
})

test('wrong usage is 2', async () => {
  for (const words of [
    ['--format', 'xml'],
    ['--min-coverage', '101'],
    ['--min-coverage', 'all'],
    ['--nonsense'],
    ['-o', 'json', '--format', 'table'],
  ])
    assert.equal((await weir(['test', ...words])).code, 2, words.join(' '))
})

test('tests come from standard input, from folders in folders, and -o is --format', async t => {
  const root = folder(t, {
    'routes.yaml': ROUTES,
    'tests/more.yaml': routeTest([['one', from('10.1.0.1'), '{ subset: prod }']]),
  })
  assert.match(
    (await weir(['test', root])).err,
    /warning CFG015: 1 YAML file in subfolders is not read[\s\S]*no RouteTest found/,
  )
  assert.equal((await weir(['test', '-R', root])).code, 1)
  const stdin = routeTest([['two', from('10.1.0.1'), '{ subset: gray }']], 'piped')
  const piped = await weir(['test', '-f', root, '-', '-o', 'json'], { stdin })
  assert.equal(piped.code, 0)
  assert.equal(JSON.parse(piped.out).tests[0].file, '<stdin>')
})

/** A reader that takes well-formed XML only: elements with their attributes, and texts, decoded. */
function readXml(xml: string): { name: string; attributes: Record<string, string>; text: string }[] {
  const rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '')
  assert.notEqual(rest, xml)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 forbids
  assert.doesNotMatch(rest, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
  const decode = (text: string): string => {
    assert.doesNotMatch(text, /[<>]|&(?!(?:amp|lt|gt|quot|apos|#\d+);)/)
    const words: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
    return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code, word) =>
      code ? String.fromCharCode(code) : words[word],
    )
  }
  const elements: { name: string; attributes: Record<string, string>; text: string }[] = []
  const open: string[] = []
  const pattern = /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>([^<]*)/gy
  let end = 0
  for (const [whole, closes, name, attributes, empty, text] of rest.matchAll(pattern)) {
    end += whole.length
    if (closes) assert.equal(open.pop(), name)
    else {
      if (!empty) open.push(name)
      const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [
        key,
        decode(value),
      ])
      elements.push({ name, attributes: Object.fromEntries(pairs), text: decode(text) })
    }
  }
  assert.deepEqual([end, open], [rest.length, []])
  return elements
}

test('the JUnit report is XML whatever a test is called, with counts that are right', async t => {
  const names = [
    '<b> & "quotes" \'single\' ]]>',
    'a\u0001control\u001b[31m',
    'tab\tand\nline',
    'half \ud800 and 😀',
  ]
  const root = folder(t, { 'routes.yaml': ROUTES })
  writeFileSync(
    join(root, 'tests.json'),
    JSON.stringify({
      apiVersion: 'gateway.weir/v1',
      kind: 'RouteTest',
      metadata: { name: 'names' },
      spec: {
        tests: names.map(name => ({
          name,
          connection: { gateway: 'edge', from: '10.1.0.1' },
          expect: { subset: name.startsWith('tab') ? 'gray' : 'prod' },
        })),
      },
    }),
  )
  const { code, out } = await weir(['test', root, '--format', 'junit', '--min-coverage', '90'])
  assert.equal(code, 1)
  const elements = readXml(out)
  const cases = elements.filter(each => each.name === 'testcase').map(each => each.attributes.name)
  assert.deepEqual(cases, [
    names[0],
    'a\ufffdcontrol\ufffd[31m',
    names[2],
    'half \ufffd and 😀',
    'at least 90 % of the rules are reached',
  ])
  const [all, ...suites] = elements
    .filter(each => each.name.startsWith('testsuite'))
    .map(each => each.attributes)
  assert.deepEqual([all.tests, all.failures, all.errors], ['5', '4', '0'])
  assert.deepEqual(
    suites.map(each => [each.name, each.tests, each.failures]),
    [
      ['default/names', '4', '3'],
      ['coverage', '1', '1'],
    ],
  )
  const failures = elements.filter(each => each.name === 'failure')
  assert.equal(failures.length, 4)
  assert.match(failures[0].attributes.message, /^destination: expected any host subset prod, got 100 %/)
  assert.match(failures[3].text, /^not reached: shop\/orders /)
})

test('a thousand tests of a thousand rules', async t => {
  const count = 1_000
  const rules = Array.from(
    { length: count },
    (_, index) =>
      `    - match: [{ sourceSubnet: 10.${index >> 8}.${index & 255}.0/24 }]\n      route: [{ destination: { host: orders } }]\n`,
  )
  const routes = ROUTES.replace(/ {2}tcp:\n[\s\S]*?---/, `  tcp:\n${rules.join('')}---`)
  const lines = rules.map(
    (_, index): Line => [
      `${index}`,
      from(`10.${index >> 8}.${index & 255}.7`),
      `{ rule: 'orders tcp[${index}]' }`,
    ],
  )
  const { code, out } = await weir(['test', files(t, lines, routes), '--min-coverage', '100'])
  assert.equal(code, 0, out.slice(-2000))
  assert.match(out, /1000 of 1000 rules reached/)
})
