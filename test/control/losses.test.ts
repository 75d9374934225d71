// Goal: each mistake is reported by what it takes from connections; harmless changes are not
// reported.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { LOSS_KINDS, type Losses } from '../../src/control/guard/loss.ts'
import { findLosses } from '../../src/control/guard/losses.ts'
import { type Counts, type GuardMode, judge } from '../../src/control/guard/reload-guard.ts'
import { snapshotOf, unservedRules } from '../../src/control/guard/snapshot.ts'
import type { SeriesName } from '../../src/stats/generations.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { guarded, type Parts } from '../support/guarded.ts'

const FILES = guarded(9000, 9001)

/** `files` with `from` replaced by `to` in one of them. */
function edited(name: string, from: string | RegExp, to: string, files: Parts = FILES): Parts {
  const text = files[name].replace(from, to)
  assert.notEqual(text, files[name])
  return { ...files, [name]: text }
}

function without(...names: readonly string[]): Parts {
  return Object.fromEntries(Object.entries(FILES).filter(([name]) => !names.includes(name)))
}

function sideOf(files: Parts) {
  const sources = Object.entries(files).map(([file, text]) => ({
    file,
    bytes: new TextEncoder().encode(text),
  }))
  const { plan, resources, defines, diagnostics } = loadConfig(sources, { names: new Map() })
  assert.ok(plan, JSON.stringify(diagnostics))
  const table = openTable(buildTable(plan, 1, () => 0))
  return { table, resources, defines, snapshot: snapshotOf(plan, table, resources) }
}

const between = (before: Parts, after: Parts, withSnapshot = true): Losses | null => {
  const [old, now] = [sideOf(before), sideOf(after)]
  return findLosses(withSnapshot ? old : { ...old, snapshot: null }, now, now.defines)
}

/** "lost default/shop tcp[0].match[0]: shop.example:9000 subset v1", one for each. */
const told = (losses: Losses | null): string[] =>
  LOSS_KINDS.flatMap(kind =>
    (losses?.[kind].named ?? []).map(
      ({ name, missing }) => `${kind} ${name}${missing.length > 0 ? `: ${missing.join(', ')}` : ''}`,
    ),
  )

const [ONE, TWO, REST] = ['tcp[0].match[0]', 'tcp[1].match[0]', 'tcp[2]'].map(
  place => `default/shop ${place}`,
)
const [V1, V2] = ['v1', 'v2'].map(subset => `shop.example:9000 subset ${subset}`)

const IN_FRONT = '  tcp:\n    - match: [{port: 1}]\n      route: [{destination: {host: shop.example}}]\n'
const RENAMED = edited('gateway.yaml', 'name: edge', 'name: front', edited('routes.yaml', 'edge', 'front'))

const CASES: readonly (readonly [string, Parts, Parts, readonly string[]])[] = [
  ['nothing', FILES, FILES, []],
  [
    'a DestinationRule is deleted',
    FILES,
    without('subsets.yaml'),
    [`lost ${ONE}: ${V1}`, `lost ${TWO}: ${V2}`, `lost ${REST}: ${V1}, ${V2}`],
  ],
  [
    'a service is deleted, and its VirtualService stays',
    FILES,
    without('service.yaml', 'subsets.yaml'),
    [`lost ${ONE}: ${V1}`, `lost ${TWO}: ${V2}`, `lost ${REST}: ${V1}, ${V2}`],
  ],
  [
    'a subset is misspelt where it is defined',
    FILES,
    edited('subsets.yaml', 'name: v2', 'name: v-2'),
    [`lost ${TWO}: ${V2}`, `lost ${REST}: ${V2}`],
  ],
  [
    'a subset is misspelt where it is named',
    FILES,
    edited('routes.yaml', 'subset: v2', 'subset: v22'),
    [`lost ${TWO}: shop.example:9000 subset v22`],
  ],
  [
    'a host is misspelt',
    FILES,
    edited('routes.yaml', 'host: shop.example', 'host: shpo.example'),
    [`lost ${ONE}: shpo.example:9000 subset v1`],
  ],
  [
    'a service has another port',
    FILES,
    edited(
      'service.yaml',
      'number: 9000',
      'number: 9009',
      edited('routes.yaml', /subset: v1}/g, 'subset: v1, port: {number: 9000}}'),
    ),
    [`lost ${ONE}: ${V1}`, `lost ${REST}: ${V1}`],
  ],
  [
    'a canary is given a share before it is defined',
    edited('routes.yaml', /subset: v2}\n {10}weight: 50/, 'subset: v3}\n          weight: 0'),
    edited('routes.yaml', /subset: v2}\n {10}weight: 50/, 'subset: v3}\n          weight: 5'),
    [`lost ${REST}: shop.example:9000 subset v3`],
  ],
  ['a weight is set to 0', FILES, edited('routes.yaml', /weight: 50\n$/, 'weight: 0\n'), []],
  ['weights change', FILES, edited('routes.yaml', /weight: 50\n$/, 'weight: 10\n'), []],
  [
    'what nothing defined before is no loss',
    edited('routes.yaml', 'subset: v2', 'subset: v22'),
    edited('routes.yaml', 'subset: v2', 'subset: v22', edited('settings.yaml', 'workers: 1', 'workers: 2')),
    [],
  ],
  [
    'nor where others of its VirtualService are lost',
    edited('routes.yaml', 'subset: v2', 'subset: v22'),
    edited('routes.yaml', 'subset: v2', 'subset: v22', edited('subsets.yaml', 'name: v1', 'name: one')),
    [`lost ${ONE}: ${V1}`, `lost ${REST}: ${V1}`],
  ],
  [
    'nor is a destination of a split, beside what it loses',
    edited('routes.yaml', /subset: v2}\n {10}weight: 50/, 'subset: v3}\n          weight: 50'),
    edited(
      'routes.yaml',
      /subset: v2}\n {10}weight: 50/,
      'subset: v3}\n          weight: 50',
      edited('subsets.yaml', 'name: v1', 'name: one'),
    ),
    [`lost ${ONE}: ${V1}`, `lost ${REST}: ${V1}`],
  ],
  [
    'nor is a rule that comes along',
    FILES,
    edited(
      'routes.yaml',
      '  tcp:\n',
      '  tcp:\n    - match: [{port: 1}]\n      route: [{destination: {host: none.example}}]\n',
    ),
    [],
  ],
  [
    'a rule in front of others hides no loss behind it',
    FILES,
    edited(
      'subsets.yaml',
      'name: v1',
      'name: one',
      edited(
        'routes.yaml',
        '  tcp:\n',
        '  tcp:\n    - match: [{port: 1}]\n      route: [{destination: {host: shop.example}}]\n',
      ),
    ),
    [`lost default/shop tcp[1].match[0]: ${V1}`, `lost default/shop tcp[3]: ${V1}`],
  ],
  ['a VirtualService is renamed', FILES, edited('routes.yaml', 'name: shop', 'name: store'), []],
  [
    'a VirtualService is renamed, and its subsets are gone',
    FILES,
    edited('routes.yaml', 'name: shop', 'name: store', without('subsets.yaml')),
    [`lost ${ONE}: ${V1}`, `lost ${TWO}: ${V2}`, `lost ${REST}: ${V1}, ${V2}`].map(each =>
      each.replace('shop ', 'store '),
    ),
  ],
  [
    'a VirtualService is renamed, and a subset misspelt in it',
    FILES,
    edited('routes.yaml', 'name: shop', 'name: store', edited('routes.yaml', 'subset: v2', 'subset: v22')),
    ['lost default/store tcp[1].match[0]: shop.example:9000 subset v22'],
  ],
  [
    'a rule is put in front, and a subset misspelt in one behind it',
    FILES,
    edited('routes.yaml', '  tcp:\n', IN_FRONT, edited('routes.yaml', 'subset: v2', 'subset: v22')),
    ['lost default/shop tcp[2].match[0]: shop.example:9000 subset v22'],
  ],
  [
    'a rule takes a part of what another drew, whose subset is gone',
    edited('routes.yaml', /subset: v2}\n {10}weight: 50/, 'subset: v1}\n          weight: 50'),
    edited(
      'routes.yaml',
      '  tcp:\n',
      IN_FRONT,
      edited(
        'routes.yaml',
        /subset: v2}\n {10}weight: 50/,
        'subset: v1}\n          weight: 49',
        edited('subsets.yaml', 'name: v1', 'name: one'),
      ),
    ),
    [`lost default/shop tcp[1].match[0]: ${V1}`, `lost default/shop tcp[3]: ${V1}`],
  ],
  ['a Gateway is renamed', FILES, RENAMED, ['closed default/edge 127.0.0.1:9000']],
  [
    'a Gateway is renamed, and its subsets are gone',
    FILES,
    edited('subsets.yaml', /name: v(\d)/g, 'name: gone$1', RENAMED),
    [
      ...[`lost ${ONE}: ${V1}`, `lost ${TWO}: ${V2}`, `lost ${REST}: ${V1}, ${V2}`],
      'closed default/edge 127.0.0.1:9000',
    ],
  ],
  [
    'a rule is removed',
    FILES,
    edited('routes.yaml', / {4}- match: \[{sourceSubnet: 127\.0\.10.*\n.*\n.*v1}\n/, ''),
    [`removed ${ONE}`],
  ],
  [
    'a VirtualService is deleted',
    FILES,
    without('routes.yaml'),
    [`removed ${ONE}`, `removed ${TWO}`, `removed ${REST}`],
  ],
  ['a Gateway is deleted', FILES, without('gateway.yaml'), ['closed default/edge 127.0.0.1:9000']],
  [
    'a Gateway has another port',
    FILES,
    edited('gateway.yaml', 'number: 9000', 'number: 9010'),
    ['closed default/edge 127.0.0.1:9000'],
  ],
  [
    'a Gateway has another address, and its subsets are gone',
    FILES,
    edited(
      'gateway.yaml',
      'bind: 127.0.0.1',
      'bind: 127.0.0.2',
      edited('subsets.yaml', /name: v(\d)/g, 'name: gone$1'),
    ),
    [
      ...[`lost ${ONE}: ${V1}`, `lost ${TWO}: ${V2}`, `lost ${REST}: ${V1}, ${V2}`],
      'closed default/edge 127.0.0.1:9000',
    ],
  ],
  [
    'a rule for all is given a condition, and a misspelt subset',
    FILES,
    edited(
      'routes.yaml',
      /- route:(\n.*\n.*\n.*subset: v2)/,
      '- match: [{sourceSubnet: 127.0.0.0/8}]\n      route:$12',
    ),
    ['lost default/shop tcp[2].match[0]: shop.example:9000 subset v22'],
  ],
  [
    'the last endpoint of a subset goes',
    FILES,
    edited('service.yaml', 'labels: {version: v2}', 'labels: {version: v1}'),
    [`emptied ${V2}`],
  ],
]

for (const [what, before, after, expected] of CASES) {
  test(`${what}: ${expected.length === 0 ? 'nothing is lost' : expected.map(each => each.split(' ', 1)).join(', ')}`, () => {
    assert.deepEqual(told(between(before, after)), expected)
  })
}

const mesh = (name: string, port: number): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {clusterIP: 10.0.0.${port % 100}, ports: [{name: tcp, port: ${port}}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: ${name}}
subsets: [{addresses: [{ip: 10.1.0.1}], ports: [{name: tcp, port: ${port}}]}]
`
const meshRoute = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec: {hosts: [db], tcp: [{route: [{destination: {host: db}}]}]}
`

test('a service of the mesh that goes takes its rules along, where these are still written', () => {
  const files = {
    'db.yaml': mesh('db', 5432),
    'other.yaml': mesh('other', 5432).replace('.32,', '.33,'),
    'route.yaml': meshRoute,
  }
  const { 'db.yaml': db, 'route.yaml': _, ...rest } = files
  const name = 'db.default.svc.cluster.local:5432'
  assert.deepEqual(told(between(files, { ...rest, 'route.yaml': meshRoute })), [
    `lost default/db tcp[0]: ${name}`,
  ])
  assert.deepEqual(told(between(files, rest)), ['removed default/db tcp[0]'])
  const alone = { 'db.yaml': db, 'route.yaml': meshRoute }
  assert.deepEqual(told(between(alone, { 'settings.yaml': FILES['settings.yaml'] })), [
    'removed default/db tcp[0]',
    'closed mesh *:5432',
  ])
})

test('a thread that knows nothing of what is served looks at all rules, and finds the same', () => {
  for (const after of [without('subsets.yaml'), without('routes.yaml'), without('gateway.yaml'), FILES]) {
    const known = told(between(FILES, after)).filter(each => !each.startsWith('emptied'))
    const closed = known.some(each => each.startsWith('closed'))
    const found = told(between(FILES, after, false)).filter(each => !closed || !each.startsWith('removed'))
    assert.deepEqual(found, known)
  }
})

test('rules are unserved that draw what nothing defines, each once', () => {
  assert.equal(unservedRules(sideOf(FILES).snapshot), 0)
  assert.equal(unservedRules(sideOf(without('subsets.yaml')).snapshot), 3)
})

/** Counts of `opened` connections, all open, for a rule and subset of `shop`. */
const counted = (place: string, subset: string, opened: number, closed = 0) => {
  const [, block, route, match] = /(tcp)\[(\d)\](?:\.match\[(\d)\])?/.exec(place) ?? []
  const rule = {
    virtualService: 'default/shop',
    block: block as 'tcp',
    route: Number(route),
    match: match === undefined ? null : Number(match),
    file: 'routes.yaml',
    line: 1,
  }
  const name: SeriesName = {
    key: `${place} ${subset}`,
    rule,
    endpoint: null,
    instead: null,
    source: { namespace: null, labels: {} },
    destination: { host: 'shop.example', subset, port: 9000 },
  }
  return {
    name,
    opened,
    closed,
    moved: 0,
    failed: 0,
    silent: 0,
    reset: 0,
    brief: 0,
    given: 0,
    received: 0,
    sent: 0,
    lastWallMs: 0,
  }
}

const busy: Counts = {
  totals: [
    counted(ONE, 'v1', 30, 20),
    counted(TWO, 'v2', 5, 5),
    counted(REST, 'v1', 40),
    counted(REST, 'v2', 41, 40),
  ],
  lastMinute: ({ opened }) => opened,
}
const idle: Counts = { ...busy, lastMinute: () => 0 }

function verdict(mode: GuardMode, after: Parts, counts: Counts) {
  const losses = between(FILES, after)
  assert.ok(losses)
  return judge(mode, losses, counts)
}

test('what is lost is refused with all the traffic that it has, each connection counted once', () => {
  for (const mode of ['refuse', 'strict'] as const) {
    const { refused, text, weighed, findings, warnings } = verdict(mode, without('subsets.yaml'), busy)
    assert.equal(refused, true)
    assert.equal(text, '3 rules, 51 connections open, 116 in the last minute')
    assert.deepEqual(weighed, {
      rules: 3,
      listeners: 0,
      destinations: 0,
      policies: 0,
      endpoints: 0,
      open: 51,
      lastMinute: 116,
    })
    assert.deepEqual(
      findings.map(each => /(\d+) connections? open, (\d+) in/.exec(each.message)?.slice(1).join()),
      ['10,30', '0,5', '41,81'],
    )
    assert.ok(findings.every(each => each.code === 'CFG470' && each.severity === 'error'))
    assert.deepEqual(warnings, [])
  }
  assert.equal(verdict('refuse', without('subsets.yaml'), idle).refused, true)
})

test('warn refuses nothing and says the same', () => {
  const { refused, text, findings } = verdict('warn', without('subsets.yaml'), busy)
  assert.deepEqual([refused, text], [false, '3 rules, 51 connections open, 116 in the last minute'])
  assert.deepEqual([...new Set(findings.map(each => each.severity))], ['warning'])
})

const REMOVALS: readonly (readonly [string, Parts, RegExp, string])[] = [
  [
    'a rule',
    edited('routes.yaml', / {4}- match: \[{sourceSubnet: 127\.0\.10.*\n.*\n.*v1}\n/, ''),
    /^default\/shop tcp\[0\]\.match\[0\] is not there any more: it has 10 connections open, 30 in the last minute$/,
    '1 rule, 10 connections open, 30 in the last minute',
  ],
  [
    'a listener',
    without('gateway.yaml'),
    /^listener default\/edge 127\.0\.0\.1:9000 closes: it has 51 connections open, 116 in the last minute$/,
    '1 listener, 51 connections open, 116 in the last minute',
  ],
  [
    'the last endpoint',
    edited('service.yaml', 'labels: {version: v2}', 'labels: {version: v1}'),
    /^shop\.example:9000 subset v2 has no endpoint any more: it has 1 connection open, 46 in the last minute$/,
    '1 destination, 1 connection open, 46 in the last minute',
  ],
]

for (const [what, after, warning, text] of REMOVALS) {
  test(`${what} that is removed is served with a warning; strict refuses it while it is in use`, () => {
    for (const mode of ['refuse', 'warn'] as const) {
      const { refused, warnings, findings } = verdict(mode, after, busy)
      assert.deepEqual([refused, findings.length, warnings.length], [false, 0, 1])
      assert.match(warnings[0], warning)
    }
    const strict = verdict('strict', after, busy)
    assert.deepEqual([strict.refused, strict.text, strict.findings.length], [true, text, 1])
    assert.ok(strict.findings[0].file.endsWith('.yaml') && strict.findings[0].line > 0)
    assert.equal(verdict('strict', after, idle).refused, false)
  })
}

const settings = (entry: string): Parts => ({
  ...FILES,
  'settings.yaml': `${FILES['settings.yaml'].trimEnd().slice(0, -1)},\n  proxyProtocol: [${entry}]}\n`,
})
const headed = (version: string): Parts => ({
  ...FILES,
  'subsets.yaml': `${FILES['subsets.yaml']}  trafficPolicy: {proxyProtocol: {version: ${version}}}\n`,
})

const EDGE = 'default/edge 127.0.0.1:9000'
const BOTH_SUBSETS = [V1, V2].map(each => `sends ${each}`)

const HEADERS: readonly (readonly [string, Parts, Parts, readonly string[]])[] = [
  ['a listener begins to read', FILES, settings('{from: [10.0.0.1]}'), [`reads ${EDGE}`]],
  ['a listener reads no more', settings('{from: [10.0.0.1]}'), FILES, [`reads ${EDGE}`]],
  ['another sender', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.2]}'), [`reads ${EDGE}`]],
  ['a sender more', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.1, "::1"]}'), []],
  ['wider ranges', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.0/24]}'), []],
  ['narrower ranges', settings('{from: [10.0.0.0/24]}'), settings('{from: [10.0.0.1]}'), [`reads ${EDGE}`]],
  [
    'a sender more, where others were clients',
    settings('{from: [10.0.0.1], require: false}'),
    settings('{from: [10.0.0.1, 10.0.0.2], require: false}'),
    [`reads ${EDGE}`],
  ],
  ['others are clients', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.1], require: false}'), []],
  [
    'others are clients no more',
    settings('{from: [10.0.0.1], require: false}'),
    settings('{from: [10.0.0.1]}'),
    [`reads ${EDGE}`],
  ],
  [
    'a version less',
    settings('{from: [10.0.0.1]}'),
    settings('{from: [10.0.0.1], versions: [2]}'),
    [`reads ${EDGE}`],
  ],
  ['a version more', settings('{from: [10.0.0.1], versions: [2]}'), settings('{from: [10.0.0.1]}'), []],
  [
    'less time',
    settings('{from: [10.0.0.1]}'),
    settings('{from: [10.0.0.1], timeout: 1s}'),
    [`reads ${EDGE}`],
  ],
  ['a destination begins to get a header', FILES, headed('V1'), BOTH_SUBSETS],
  ['a destination gets another header', headed('V1'), headed('V2'), BOTH_SUBSETS],
  ['a destination gets none any more', headed('V2'), FILES, BOTH_SUBSETS],
  ['the same header', headed('V2'), headed('V2'), []],
]

for (const [what, before, after, expected] of HEADERS) {
  test(`PROXY headers: ${what}`, () => assert.deepEqual(told(between(before, after)), expected))
}

test('a listener that reads otherwise is told in words, with file and line; strict refuses it in use', () => {
  const losses = between(FILES, settings('{from: [10.0.0.0/8]}'))
  assert.ok(losses)
  const { refused, warnings, weighed } = judge('refuse', losses, busy)
  assert.equal(refused, false)
  assert.deepEqual(warnings, [
    `settings.yaml:6: listener ${EDGE} reads a PROXY header (V1, V2) from 10.0.0.0/8 within 5s, and resets all others; before, it reads no PROXY header: it has 51 connections open, 116 in the last minute`,
  ])
  assert.deepEqual([weighed.listeners, weighed.open], [1, 51])
  const strict = judge('strict', losses, busy)
  assert.equal(strict.refused, true)
  const [{ file, line, resource, message }] = strict.findings
  assert.deepEqual([file, line, resource], ['settings.yaml', 6, 'Settings weir'])
  assert.match(message, /^listener .* reads a PROXY header .*; 51 connections open/)
  assert.equal(judge('strict', losses, idle).refused, false)
})

test('a destination that gets another header is told in words, with file and line', () => {
  const losses = between(headed('V1'), headed('V2'))
  assert.ok(losses)
  const [first] = judge('refuse', losses, busy).warnings
  const text = `${V1} gets a PROXY header of version 2 first; before, a PROXY header of version 1`
  assert.equal(first, `subsets.yaml:10: ${text}: it has 50 connections open, 70 in the last minute`)
})
