/** One finding for a cause, and none for what only follows from it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes, findings } from './kit.ts'

const service = (name: string, more = '', namespace = 'shop'): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {selector: {app: ${name}}, ports: [{name: tcp, port: 80}]${more}}\n---\n`
const routes = (name: string, more = ''): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}, namespace: shop}\nspec:\n  hosts: [${name}]\n  tcp:\n  - route: [{destination: {host: ${name}${more}}}]\n---\n`
const pod = (name: string, ip: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}\nspec: {containers: [{name: a}]}\nstatus: {phase: Running, podIP: ${ip}, conditions: [{type: Ready, status: 'True'}]}\n---\n`
const many = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join('')

test('Services as files in Git have them are one finding with a count', () => {
  const found = findings({ 'a.yaml': many(20, i => service(`s${i}`)) })
  assert.deepEqual(
    found.map(each => each.code),
    ['CFG417'],
  )
  assert.match(found[0].message, /^20 Services have neither an address nor an endpoint/)
  assert.match(found[0].message, /they take connections to any address on their ports/)
  assert.match(found[0].message, /19 share a port/)
  assert.match(found[0].message, /"s0\.shop\.svc\.cluster\.local".* and 17 more\)$/)
  assert.equal(found[0].line, 3)
})

test('so are the VirtualServices that route to them', () => {
  assert.deepEqual(codes({ 'a.yaml': many(5, i => service(`s${i}`) + routes(`s${i}`)) }), ['CFG417'])
})

test('more of them than a file may have findings are still one', () => {
  assert.deepEqual(codes({ 'a.yaml': many(1_200, i => service(`s${i}`)) }), ['CFG417'])
})

test('with addresses, and no Pods, the count is of endpoints alone', () => {
  const found = findings({ 'a.yaml': many(3, i => service(`s${i}`, `, clusterIP: 10.0.0.${i + 1}`)) })
  assert.equal(found.length, 1)
  assert.match(
    found[0].message,
    /^3 Services have no endpoint, as in files from Git; their connections are reset \(/,
  )
})

test('where there are Pods, each Service without one is told of, and shared ports once', () => {
  const text =
    service('a', ', clusterIP: 10.0.0.1') + service('b', ', clusterIP: 10.0.0.2') + pod('a', '10.1.0.1')
  assert.deepEqual(codes({ 'a.yaml': text }), ['CFG404'])
  const bare = many(4, i => service(`s${i}`) + pod(`s${i}`, `10.1.0.${i + 1}`))
  const found = findings({ 'a.yaml': bare })
  assert.deepEqual(found.map(each => each.code).sort(), ['CFG405', 'CFG415'])
  assert.match(
    found.find(each => each.code === 'CFG405')?.message ?? '',
    /2 more Services without an address have the same problem$/,
  )
})

test('a Service alone is told of as ever, and routes to it say what they follow from', () => {
  const found = findings({ 'a.yaml': service('a', ', clusterIP: 10.0.0.1') + routes('a') })
  assert.deepEqual(
    found.map(each => each.code),
    ['CFG404', 'CFG459'],
  )
  assert.equal(found[1].hint, 'this follows from CFG404 at a.yaml:3')
})

const GATEWAY = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  servers:
  - port: {number: 9000, name: tcp, protocol: TCP}
    hosts: ['*']
---
`
const ENTRY = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db, namespace: shop}
spec:
  hosts: [db.example]
  addresses: [10.9.0.1]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.9.1.1, labels: {version: v1}}]
---
`
const RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: shop}
spec:
  host: db.example
  subsets: [{name: v1, labels: {version: v1}}]
---
`
const ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop}
spec:
  hosts: [db.example]
  gateways: [edge, mesh]
  tcp:
  - match: [{port: 9000, sourceLabels: {app: web}}]
    route: [{destination: {host: db.example, subset: v1}}]
---
`
const CLIENT = pod('web', '10.1.0.7')
const SETTINGS = `apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {bind: 127.0.0.1}}
---
`
const WHOLE = { GATEWAY, ENTRY, RULE, ROUTES, CLIENT, SETTINGS }

test('the whole of it has no finding', () => {
  const found = findings({ 'a.yaml': Object.values(WHOLE).join('') })
  assert.deepEqual(
    found.filter(each => each.severity !== 'info'),
    [],
  )
})

/** Ways to make a resource unusable, whatever it is. */
const BREAKS: Readonly<Record<string, (text: string) => string>> = {
  'is no YAML': text => text.replace('metadata: {', 'metadata: {{x'),
  'has a broken line': text => text.replace('metadata: {', 'metadata: ['),
  'has no name': text =>
    text
      .replace(/name: \w+(, )?/, '')
      .replace('metadata: {}\nspec: {mesh', 'metadata: {name: 5}\nspec: {mesh'),
  'has a wrong field': text =>
    text.replace(/^spec: *\{?/m, found => (found.endsWith('{') ? 'spec: {bogus: 1, ' : 'spec:\n  bogus: 1')),
  'has a wrong version': text =>
    text
      .replace('istio.io/v1', 'istio.io/v9')
      .replace('apiVersion: v1', 'apiVersion: v9')
      .replace('weir/v1', 'weir/v9'),
}

for (const [how, break_] of Object.entries(BREAKS)) {
  test(`a resource that ${how} causes no findings about what it would have defined`, () => {
    for (const name of Object.keys(WHOLE)) {
      const texts = Object.entries(WHOLE).map(([each, text]) => (each === name ? break_(text) : text))
      const found = findings(Object.fromEntries(texts.map((text, index) => [`${index}.yaml`, text])))
      const broken = found.filter(each => each.severity === 'error')
      if (name !== 'CLIENT' || how !== 'has a wrong field') assert.ok(broken.length > 0, `${name} ${how}`)
      assert.deepEqual(
        found.filter(each => each.severity === 'warning').map(each => `${each.code} ${each.message}`),
        [],
        `${name} ${how}`,
      )
    }
  })
}

test('what is left out is counted, and what a broken resource cannot have defined is still said', () => {
  const gone = ROUTES.replaceAll('db.example', 'gone.example').replace('name: db', 'name: gone')
  const found = findings({
    'a.yaml': GATEWAY.replace('spec:', 'spec:\n  bogus: 1') + ENTRY + RULE + ROUTES + CLIENT + SETTINGS,
    'b.yaml': gone,
  })
  assert.deepEqual(
    found.map(each => `${each.severity} ${each.code}`),
    ['error CFG102', 'warning IST0101', 'warning IST0101', 'info CFG017'],
  )
  assert.match(found[3].message, /^2 findings about missing resources omitted/)
})

test('errors come first, then warnings, then notes', () => {
  const list = findings({
    'a.yaml': `apiVersion: apps/v1\nkind: Deployment\n---\n${routes('a').replace('host: a', 'host: b.example')}`,
    'b.yaml': GATEWAY.replace('TCP}', 'NOPE}'),
  })
  const severities = list.map(each => each.severity)
  assert.deepEqual(
    severities,
    severities.toSorted((a, b) => rank(a) - rank(b)),
  )
  assert.equal(severities[0], 'error')
  assert.equal(severities.at(-1), 'info')
})

const rank = (severity: string): number => ['error', 'warning', 'info'].indexOf(severity)

test('a resource without a usable name, or with that of another, is checked as a whole', () => {
  const wrong = routes('a').replace('hosts: [a]', 'hosts: a')
  const named = (name: string): string => wrong.replace('name: a,', `name: ${name},`)
  assert.deepEqual(codes({ 'a.yaml': named('123') }), ['CFG024', 'CFG101'])
  assert.deepEqual(codes({ 'a.yaml': named('""') }), ['CFG024', 'CFG101'])
  assert.deepEqual(codes({ 'a.yaml': wrong.replace('namespace: shop', 'namespace: S') }), [
    'CFG024',
    'CFG101',
  ])
  const twice = codes({ 'a.yaml': service('a') + routes('a') + wrong })
  assert.deepEqual(twice.slice(0, 2), ['CFG027', 'CFG101'])
})
