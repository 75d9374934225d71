// Goal: each mistake is reported by what it takes from connections; harmless changes are not
// reported.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLosses } from '../../src/control/guard/losses.ts'
import { unservedRules } from '../../src/control/guard/snapshot.ts'
import type { Parts } from '../support/guarded.ts'
import { between, edited, FILES, ONE, REST, sideOf, TWO, told, V1, V2, without } from '../support/losses.ts'

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

test('the resources are read as often for many listeners that close as for one', () => {
  const reads = (services: number): number => {
    const files = Array.from({ length: services }, (_, index) => [
      `${index}.yaml`,
      mesh(`s${index}`, 5400 + index),
    ])
    const before = sideOf(Object.fromEntries(files))
    const after = sideOf({ 'settings.yaml': FILES['settings.yaml'] })
    let count = 0
    const resources = before.resources.map(each => ({
      ...each,
      get title() {
        count++
        return each.title
      },
    }))
    const losses = findLosses({ ...before, resources }, after, after.defines)
    assert.equal(losses?.closed.count, services)
    return count / resources.length
  }
  assert.equal(reads(40), reads(1))
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
