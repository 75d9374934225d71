/** Weights changed in the text of files: nothing else may change. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withWeights, writtenRoutes } from '../../src/config/text/edit-weights.ts'

const head = (name: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: ['*']\n`

const ECHO = { virtualService: 'default/echo', block: 'tcp', route: 0 } as const

/** Specs before and after, with weights 30 and 70. */
const CASES: readonly (readonly [string, string, string])[] = [
  [
    'block style, with comments and odd spaces',
    '  tcp:\n    - route:\n        - destination: {host: a} # first\n          weight:   80   # stays\n        - destination:\n            host: b\n          weight: 20\n# end',
    '  tcp:\n    - route:\n        - destination: {host: a} # first\n          weight:   30   # stays\n        - destination:\n            host: b\n          weight: 70\n# end',
  ],
  [
    'flow style, other ways to write a number',
    '  tcp: [{route: [{destination: {host: a}, weight: 0x50}, {weight: 2_0, destination: {host: b}}]}]\n',
    '  tcp: [{route: [{destination: {host: a}, weight: 30}, {weight: 70, destination: {host: b}}]}]\n',
  ],
  [
    'no weight, in both styles',
    '  tcp:\n    - route:\n        - destination: {host: a}\n        - {destination: {host: b}, weight: 1}\n',
    '  tcp:\n    - route:\n        - weight: 30\n          destination: {host: a}\n        - {destination: {host: b}, weight: 70}\n',
  ],
  [
    'no weight in flow style, and an empty one',
    '  tcp:\n    - route:\n        - {destination: {host: a}}\n        - destination: {host: b}\n          weight:\n',
    '  tcp:\n    - route:\n        - {weight: 30, destination: {host: a}}\n        - destination: {host: b}\n          weight: 70\n',
  ],
]

for (const [name, before, after] of CASES)
  test(`only the weights change: ${name}`, () => {
    const [from, to] = [before, after].map(spec => `# top\n${head('echo')}${spec}`)
    assert.deepEqual(withWeights(from, ECHO, [30, 70]), { text: to })
    assert.deepEqual(withWeights(to, ECHO, [30, 70]), { text: to })
    const [windows, changed] = [from, to].map(text => `\uFEFF${text.replaceAll('\n', '\r\n')}`)
    assert.deepEqual(withWeights(windows, ECHO, [30, 70]), { text: changed }, 'with CR LF and a mark')
  })

test('only the weights change: JSON', () => {
  const json = (first: string, second: string): string =>
    `{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "echo"}, "spec": {"tcp": [{"route": [{${first}"destination": {"host": "a"}}, {"destination": {"host": "b"}, ${second}}]}]}}`
  const changed = withWeights(json('', '"weight": 5'), ECHO, [30, 70])
  assert.deepEqual(changed, { text: json('"weight": 30, ', '"weight": 70') })
})

const route = (a: number, b: number): string =>
  `    - route: [{destination: {host: a}, weight: ${a}}, {destination: {host: b, subset: s}, weight: ${b}}]\n`

test('documents, lists, blocks and routes are told apart', () => {
  const text = [
    `${head('other')}  tcp:\n${route(1, 2)}`,
    'kind: [broken\n',
    'apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  metadata: {name: echo, namespace: shop}\n  spec:\n    tcp: [{route: [{destination: {host: x}, weight: 1}]}]\n',
    'apiVersion: networking.istio.io/v1\nkind: VirtualServiceList\nitems:\n- metadata: {name: typed}\n  spec: {tcp: [{route: [{destination: {host: y}}]}]}\n',
    `${head('echo')}  tls:\n${route(3, 4)}  tcp:\n${route(5, 6)}${route(7, 8)}  http:\n${route(9, 9)}`,
    'apiVersion: other.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec: {tcp: [{route: [{destination: {host: a}}]}]}\n',
  ].join('---\n')
  const seen = writtenRoutes(text).map(
    each =>
      `${each.virtualService} ${each.block}[${each.route}] ${each.destinations.map(({ host, subset, weight }) => `${host}/${subset} ${weight}`)}`,
  )
  assert.deepEqual(seen, [
    'default/other tcp[0] a/null 1,b/s 2',
    'shop/echo tcp[0] x/null 1',
    'default/typed tcp[0] y/null 0',
    'default/echo tcp[0] a/null 5,b/s 6',
    'default/echo tcp[1] a/null 7,b/s 8',
    'default/echo tls[0] a/null 3,b/s 4',
    'default/echo http[0] a/null 9,b/s 9',
  ])
  const changed = withWeights(text, { ...ECHO, route: 1 }, [30, 70])
  assert.deepEqual(changed, {
    text: text.replace('weight: 7}', 'weight: 30}').replace('weight: 8}', 'weight: 70}'),
  })
})

test('what another place shares is refused with the reason', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      '  tcp: [{route: &r [{destination: {host: a}, weight: 1}, {destination: {host: b}}]}, {route: *r}]\n',
      /repeats it.*&r/,
    ],
    ['  tcp: [{route: [&d {destination: {host: a}, weight: 1}, *d]}]\n', /&d/],
    [
      '  tcp: [{route: [{destination: {host: a}, weight: &w 1}, {destination: {host: b}, weight: *w}]}]\n',
      /&w/,
    ],
    [
      '  x: &w 1\n  tcp: [{route: [{destination: {host: a}, weight: *w}, {destination: {host: b}, weight: 2}]}]\n',
      /an alias \(\*w\)/,
    ],
    [
      '  x: &m {weight: 5}\n  tcp: [{route: [{destination: {host: a}, <<: *m}, {destination: {host: b}}]}]\n',
      /merged.*<</,
    ],
    [
      '  tcp: [{route: [{destination: {host: a}, weight: lots}, {destination: {host: b}}]}]\n',
      /"lots" is no whole number/,
    ],
  ]
  for (const [spec, reason] of cases) {
    const answer = withWeights(head('echo') + spec, ECHO, [30, 70])
    assert.match('error' in answer ? answer.error : answer.text, reason, spec)
  }
  const harmless = `${head('echo')}  tcp: [{route: [{destination: &d {host: a}, weight: 1}, {destination: {host: b}, weight: 2}]}]\n`
  assert.ok('text' in withWeights(harmless, ECHO, [30, 70]), 'an anchor that nobody uses')
})

test('a route that has gone, or has other destinations, is not changed', () => {
  const text = `${head('echo')}  tcp:\n${route(1, 2)}`
  const gone = { error: 'the route is not there any more' }
  assert.deepEqual(withWeights(text, { ...ECHO, route: 1 }, [1, 2]), gone)
  assert.deepEqual(withWeights(text, ECHO, [1, 2, 3]), gone)
})
