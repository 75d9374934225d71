/**
 * Goal: hints name the intended fix, for unknown hosts, for rules that no port and no client
 * matches, and for istioctl's findings between resources. Method: small configurations, and the
 * findings of `check`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { asked, gateway, pod, running, service, serviceEntry, virtualService } from './ask.ts'

/** "CODE hint" of the findings with hints, and "CODE field" of all. */
function told(...documents: string[]): { hints: string[]; fields: string[] } {
  const bytes = new TextEncoder().encode(documents.join('\n---\n'))
  const { diagnostics } = loadConfig([{ file: 'in.yaml', bytes }], { names: new Map() })
  return {
    hints: diagnostics.flatMap(({ code, hint }) => (hint === undefined ? [] : [`${code} ${hint}`])),
    fields: diagnostics.map(({ code, resource, field }) => `${code} ${resource} ${field}`),
  }
}

const entry = (id: string, host: string, more = '', protocol = 'TCP') =>
  serviceEntry(
    id,
    `spec: {hosts: ["${host}"], addresses: [10.0.0.1], resolution: STATIC, ports: [{number: 80, name: p, protocol: ${protocol}}], endpoints: [{address: 10.1.0.1}]${more}}`,
  )
const route = (host: string, more = '') => `{${more}route: [{destination: {host: "${host}"}}]}`
const rules = (id: string, host: string, routes: string, more = '') =>
  virtualService(id, `spec: {hosts: ["${host}"], tcp: [${routes}]${more}}`)

const SLIPS: [what: string, written: string, known: string, hint: RegExp][] = [
  ['a dot at the end', 'db.example.com.', 'db.example.com', /^did you mean "db\.example\.com"\?$/],
  ['capitals', 'DB.example.com', 'db.example.com', /^did you mean "db\.example\.com"\?$/],
  ['a letter', 'bd.example.com', 'db.example.com', /^did you mean "db\.example\.com"\?$/],
  ['a letter of a short name', 'oders', 'orders.shop.svc.cluster.local', /^did you mean "orders\.shop\./],
  ['another namespace', 'orders', 'orders.team.svc.cluster.local', /^did you mean "orders\.team\./],
  ['no domain', 'orders.shop', 'orders.shop.svc.cluster.local', /complete: did you mean "orders\.shop\.svc/],
  [
    'half a domain',
    'orders.shop.svc',
    'orders.shop.svc.cluster.local',
    /complete: did you mean "orders\.shop\.svc/,
  ],
  [
    'a short name of a ServiceEntry',
    'lb',
    'lb',
    /^ServiceEntry shop\/known has the host "lb".*give it a name with a dot$/,
  ],
]
for (const [what, written, known, hint] of SLIPS) {
  test(`a host that is off by ${what} gets a hint, as a destination and as a host of the mesh`, () => {
    const entries = [entry('shop/known', known), entry('shop/other', 'front.example.com')]
    const as = {
      IST0101: rules('shop/vs', 'front.example.com', route(written)),
      CFG407: rules('shop/vs', written, route('front.example.com')),
    }
    for (const [code, text] of Object.entries(as)) {
      if (code === 'CFG407' && written.endsWith('.')) continue // refused: no host of a VirtualService ends so
      const { hints } = told(...entries, text)
      const [found] = hints.filter(each => each.startsWith(code))
      assert.match(found?.slice(code.length + 1) ?? hints.join('; '), hint)
    }
  })
}

test('a name that is like no other gets no hint', () => {
  const { hints } = told(
    entry('shop/known', 'db.example.com'),
    rules('shop/vs', 'db.example.com', route('cache.example.org')),
  )
  assert.deepEqual(
    hints.filter(each => each.startsWith('IST0101')),
    [],
  )
})

test('a destination that is exported elsewhere is told of, with where', () => {
  const hidden = entry('team/hidden', 'hidden.example.com', ', exportTo: [team, other]')
  const front = entry('shop/front', 'front.example.com')
  const { hints } = told(hidden, front, rules('shop/vs', 'front.example.com', route('hidden.example.com')))
  assert.deepEqual(hints, ['IST0101 ServiceEntry team/hidden defines it, but exports it to team, other only'])
  const exported = rules('team/vs', 'front.example.com', route('hidden.example.com'), ', exportTo: [., lost]')
  assert.ok(
    asked(hidden, front, exported).findings.some(each =>
      /^IST0101 .*namespace lost sees, to which/.test(each),
    ),
  )
  const own = rules('team/vs', 'front.example.com', route('hidden.example.com'), ', exportTo: [., other]')
  assert.deepEqual(
    asked(hidden, front, own).codes.filter(code => code === 'IST0101'),
    [],
  )
  const lost = asked(
    hidden,
    front,
    rules('team/vs', 'front.example.com', route('hidden.example.com'), ', exportTo: [lost]'),
  )
  assert.equal(lost.explain('10.0.0.1:80', { namespace: 'lost' }).ends, 'unknown-destination')
})

test('a VirtualService that no known client sees says so in a whole sentence, where it says who sees it', () => {
  const one = told(
    entry('a/db', 'db.example.com'),
    rules('b/vs', 'db.example.com', route('db.example.com'), ', exportTo: [.]'),
  )
  assert.deepEqual(one.fields, ['IST0127 VirtualService b/vs spec.exportTo'])
  const all = asked(
    entry('a/db', 'db.example.com'),
    rules(
      'b/vs',
      'db.example.com',
      `${route('db.example.com', 'match: [{sourceLabels: {app: web}}], ')}, ${route('db.example.com')}`,
      ', exportTo: [b, c]',
    ),
  )
  assert.deepEqual(all.findings, [
    'IST0127 only clients in "b", "c" see the VirtualService, and no known client is there',
    'IST0127 no known client is labelled "app=web"',
  ])
})

test('tcp routes for ports that are HTTP or TLS are told of, with what makes them so', () => {
  const ports: [string, string][] = [
    ['{name: http-web, port: 80}', 'HTTP by its name "http-web"'],
    ['{name: tcp-web, port: 80, appProtocol: http}', 'HTTP by its appProtocol "http"'],
    ['{name: https, port: 80}', 'TLS by its name "https"'],
  ]
  for (const [port, why] of ports) {
    const web = service('shop/web', `spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [${port}]}`)
    const all = asked(
      web,
      running('shop/web-0', '10.1.0.1', 'app: web'),
      rules('shop/vs', 'web', route('web')),
    )
    const reason = `port 80 of "web.shop.svc.cluster.local" is ${why}`
    assert.deepEqual(all.findings, [`CFG418 tcp[0] is never used: ${reason}`])
    const { outcome, rejected } = all.explain('10.0.0.1:80')
    assert.deepEqual([outcome, rejected.map(each => each.because)], ['default', [reason]])
  }
  const external = asked(
    entry('shop/db', 'db.example.com', '', 'HTTP'),
    rules('shop/vs', 'db.example.com', route('db.example.com')),
  )
  assert.match(external.findings[0], /^CFG418 tcp\[0\] .*is HTTP by its protocol HTTP$/)
})

test('tcp routes that some TCP port or a Gateway has are in use', () => {
  const two = service(
    'shop/web',
    'spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}',
  )
  const web = running('shop/web-0', '10.1.0.1', 'app: web')
  const codes = (vs: string, ...more: string[]) =>
    asked(two, web, vs, ...more).codes.filter(code => code === 'CFG418')
  const to = route('web', 'match: [{port: 80}], ').replace('host: "web"', 'host: web, port: {number: 81}')
  assert.deepEqual(codes(rules('shop/vs', 'web', to.replace('port: 80', 'port: 81'))), [])
  assert.deepEqual(
    codes(rules('shop/vs', 'web', route('web').replace('host: "web"', 'host: web, port: {number: 81}'))),
    [],
  )
  assert.deepEqual(codes(rules('shop/vs', 'web', to)), ['CFG418'])
  const edge = gateway(
    'shop/edge',
    'spec: {servers: [{port: {number: 80, name: tcp, protocol: TCP}, hosts: ["*"]}]}',
  )
  assert.deepEqual(codes(rules('shop/vs', 'web', to, ', gateways: [edge, mesh]'), edge), [])
})

test('an HTTP port still has its http routes, behind the tcp routes that it does not have', () => {
  const all = asked(
    entry('shop/db', 'db.example.com', '', 'HTTP'),
    serviceEntry(
      'shop/other',
      'spec: {hosts: [other.example.com], addresses: [10.0.0.2], resolution: STATIC, ports: [{number: 80, name: p, protocol: TCP}], endpoints: [{address: 10.1.0.2}]}',
    ),
    virtualService(
      'shop/vs',
      'spec: {hosts: [db.example.com], tcp: [{route: [{destination: {host: db.example.com}}]}], http: [{route: [{destination: {host: other.example.com}}]}]}',
    ),
  )
  const { rule, rejected } = all.explain('10.0.0.1:80')
  assert.deepEqual([rule?.block, rejected.map(each => each.block)], ['http', ['tcp']])
  assert.equal(all.reach('10.0.0.1:80'), '10.1.0.2:80')
})

test('VirtualServices of one mesh host are told of, each once, by those who see both', () => {
  const shared = (...exports: [string, string][]) =>
    told(
      entry('a/db', 'db.example.com'),
      ...exports.map(([id, more]) => rules(id, 'db.example.com', route('db.example.com'), more)),
    ).fields.flatMap(each => (each.startsWith('IST0109') ? [each.split(' ')[2]] : []))
  assert.deepEqual(shared(['a/one', ''], ['b/two', '']), ['a/one', 'b/two'])
  assert.deepEqual(shared(['a/one', ', exportTo: [.]'], ['b/two', ', exportTo: [.]']), [])
  assert.deepEqual(shared(['a/one', ', exportTo: [.]'], ['b/two', ', exportTo: [a]']), ['a/one', 'b/two'])
  assert.deepEqual(shared(['a/one', ', exportTo: [.]'], ['b/two', '']), ['a/one', 'b/two'])
  assert.deepEqual(shared(['a/one', ''], ['b/two', ', gateways: [b/edge]']), [])
})

const server = (protocol: string, hosts = 'shop.example.com', more = '') =>
  `{port: {number: 80, name: p, protocol: ${protocol}}, hosts: ["${hosts}"]${more}}`
const edge = (id: string, servers: string, selector = '{istio: edge}') =>
  gateway(id, `spec: {selector: ${selector}, servers: [${servers}]}`)

test('two Gateways that claim one port for one host are told of, also where weir serves only one', () => {
  const conflicts = (...documents: string[]) =>
    told(...documents).fields.flatMap(each => (each.startsWith('IST0145') ? [each.split(' ')[2]] : []))
  assert.deepEqual(conflicts(edge('a/one', server('TCP')), edge('b/two', server('HTTP'))), ['a/one', 'b/two'])
  assert.deepEqual(conflicts(edge('a/one', server('TCP')), edge('b/two', server('TCP'))).sort(), [
    'a/one',
    'b/two',
  ])
  assert.deepEqual(
    conflicts(edge('a/one', server('TCP')), edge('b/two', server('HTTP', 'other.example.com'))),
    [],
  )
  assert.deepEqual(
    conflicts(edge('a/one', server('TCP')), edge('b/two', server('HTTP'), '{istio: inner}')),
    [],
  )
  const apart = [
    edge('a/one', server('TCP', undefined, ', bind: 10.0.0.1')),
    edge('b/two', server('HTTP', undefined, ', bind: 10.0.0.2')),
  ]
  assert.deepEqual(conflicts(...apart), [])
  const part = [edge('a/one', server('TCP')), edge('b/two', server('HTTP'), '{istio: edge, app: x}')]
  assert.deepEqual(conflicts(...part), [], 'no Pod is known for both')
  assert.deepEqual(conflicts(...part, pod('a/edge-0', 'spec: {}', 'labels: {istio: edge, app: x}')), [
    'a/one',
    'b/two',
  ])
})

test('a Gateway port that the Service before its Pods lacks is told of, where both are known', () => {
  const edgePod = pod('a/edge-0', 'spec: {}', 'labels: {istio: edge}')
  const before = (ports: string) =>
    service('a/edge', `spec: {clusterIP: 10.0.0.1, selector: {istio: edge}, ports: [${ports}]}`)
  const found = (...documents: string[]) =>
    told(edge('a/one', server('TCP')), ...documents).fields.filter(each => each.startsWith('IST0162'))
  const at = ['IST0162 Gateway a/one spec.servers[0].port.number']
  assert.deepEqual(found(edgePod, before('{port: 81}')), at)
  assert.deepEqual(found(edgePod, before('{port: 80, protocol: UDP}')), at)
  assert.deepEqual(found(edgePod, before('{port: 80, targetPort: 8080}')), [])
  assert.deepEqual(found(edgePod, before('{port: 8080, targetPort: 80}')), [])
  assert.deepEqual(found(edgePod), [])
  assert.deepEqual(found(before('{port: 81}')), [])
})
