/**
 * `weir test` through the command line: what passes, what misses and why, coverage, formats, exit
 * codes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'
import { files, from, type Line, ROUTES, routeTest } from './route-tests-kit.ts'

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
  [
    'p',
    "{ gateway: mesh, to: '[2001:db8::9]:7000' }",
    "{ destination: '2001:db8::9', port: 7001 }",
    /destination +expected \[2001:db8::9\]:7001, got 100 % \[2001:db8::9\]:7000/,
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
