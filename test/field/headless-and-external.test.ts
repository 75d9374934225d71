/**
 * Goal: which address means which service, if a Service has no address of its own: headless ones,
 * ExternalNames, ServiceEntries with addresses that istiod allocated. Method: the endpoint that a
 * connection reaches.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asked,
  destinationRule,
  gateway,
  pod,
  running,
  service,
  serviceEntry,
  virtualService,
  workloadEntry,
} from './ask.ts'

const headless = (id: string, app: string, ports = '[{name: tcp, port: 9092}]', more = '') =>
  service(id, `spec: {clusterIP: None, selector: {app: ${app}}, ports: ${ports}${more}}`)
const KAFKA = [
  headless('data/kafka', 'kafka'),
  running('data/kafka-0', '10.1.0.1', 'app: kafka, version: a'),
  running('data/kafka-1', '10.1.0.2', 'app: kafka, version: b'),
]

test("a headless Service's client gets the Pod that it dials, on the port that it dials", () => {
  const all = asked(...KAFKA)
  assert.equal(all.reach('10.1.0.2:9092'), '10.1.0.2:9092')
  assert.equal(all.explain('10.1.0.2:9092').outcome, 'default')
  assert.equal(all.reach('198.51.100.7:9092'), 'passthrough')
  const other = asked(
    headless('data/kafka', 'kafka', '[{name: tcp, port: 80, targetPort: 8080}]'),
    ...KAFKA.slice(1),
  )
  assert.equal(other.reach('10.1.0.2:80'), '10.1.0.2:80', 'a headless Service translates no port')
})

test('rules for a headless Service are for connections to its Pods, and send them to the Pod dialled', () => {
  const rules = [
    virtualService(
      'data/kafka',
      'spec: {hosts: [kafka], tcp: [{route: [{destination: {host: kafka, subset: a}, weight: 1}, {destination: {host: other.example.com}, weight: 0}]}]}',
    ),
    destinationRule('data/kafka', 'spec: {host: kafka, subsets: [{name: a, labels: {version: a}}]}'),
  ]
  const all = asked(...KAFKA, ...rules)
  assert.equal(all.explain('10.1.0.2:9092').rule?.virtualService, 'data/kafka')
  assert.equal(all.reach('10.1.0.2:9092'), '10.1.0.2:9092')
  assert.equal(all.reach('198.51.100.7:9092'), 'passthrough')
})

test('a Gateway, and a rule for another service, balance a headless Service over its Pods', () => {
  const all = asked(
    ...KAFKA,
    service('data/front', 'spec: {clusterIP: 10.0.0.1, ports: [{name: tcp, port: 80}]}'),
    gateway('data/edge', 'spec: {servers: [{port: {number: 7000, name: tcp, protocol: TCP}, hosts: ["*"]}]}'),
    virtualService(
      'data/front',
      'spec: {hosts: [front], gateways: [edge, mesh], tcp: [{route: [{destination: {host: kafka}}]}]}',
    ),
  )
  assert.equal(all.reach('10.0.0.1:80'), '10.1.0.1:9092 10.1.0.2:9092')
  assert.equal(all.reach('192.0.2.1:7000', { gateway: 'edge' }), '10.1.0.1:9092 10.1.0.2:9092')
})

test('headless Services share a port, each for its own Pods; two of one Pod are told of once', () => {
  const all = asked(
    headless('a/am', 'am'),
    headless('b/am', 'am'),
    running('a/am-0', '10.1.0.1', 'app: am'),
    running('b/am-0', '10.1.0.2 fd00::2', 'app: am'),
  )
  assert.deepEqual(
    ['10.1.0.1:9092', '10.1.0.2:9092'].map(to => all.explain(to).destinations[0].host),
    ['am.a.svc.cluster.local', 'am.b.svc.cluster.local'],
  )
  assert.deepEqual(all.codes, [])
  const twice = asked(...KAFKA, headless('data/kafka-all', 'kafka'))
  assert.equal(twice.reach('10.1.0.2:9092'), '10.1.0.2:9092')
  assert.deepEqual(twice.codes, ['CFG405'])
})

test('a headless Service without Pods takes no connection at all', () => {
  const alone = asked(
    headless('data/kafka', 'kafka'),
    service('a/b', 'spec: {clusterIP: 10.0.0.1, ports: [{port: 9092}]}'),
  )
  assert.equal(alone.reach('10.1.0.2:9092'), 'passthrough')
})

test('a Pod without the named target port is none of that port, and its address stays free', () => {
  const all = asked(
    headless('data/kafka', 'kafka', '[{name: tcp, port: 9092, targetPort: broker}]'),
    pod(
      'data/kafka-0',
      'spec: {containers: [{ports: [{name: broker, containerPort: 9092}]}]}\nstatus: {podIP: 10.1.0.1, phase: Running}',
      'labels: {app: kafka}',
    ),
    running('data/kafka-1', '10.1.0.2', 'app: kafka'),
  )
  assert.equal(all.reach('10.1.0.1:9092'), '10.1.0.1:9092')
  assert.equal(all.reach('10.1.0.2:9092'), 'passthrough')
})

test('a ServiceEntry that forwards and selects workloads is known by their addresses', () => {
  const entry = (more: string) =>
    asked(
      serviceEntry(
        'a/ext',
        `spec: {hosts: [ext.example.com], ports: [{number: 80, name: tcp, protocol: TCP}]${more}}`,
      ),
      workloadEntry('a/vm', 'spec: {address: 10.1.0.1, labels: {app: vm}}'),
    )
  const selecting = entry(', workloadSelector: {labels: {app: vm}}')
  assert.equal(selecting.reach('10.1.0.1:80'), '10.1.0.1:80')
  assert.equal(selecting.reach('10.1.0.2:80'), 'passthrough')
  const any = entry('')
  assert.equal(any.reach('10.1.0.2:80'), '10.1.0.2:80')
  assert.deepEqual(any.codes, ['CFG253'], 'every address on the port is said to be its own')
})

const alias = (id: string, name: string, ports = '') =>
  service(id, `spec: {type: ExternalName, externalName: ${name}${ports && `, ports: ${ports}`}}`)
const REAL = [
  service(
    'app/real',
    'spec: {clusterIP: 10.0.0.1, selector: {app: real}, ports: [{name: tcp, port: 7000, targetPort: 7001}]}',
  ),
  running('app/real-0', '10.1.0.1', 'app: real, version: a'),
  service('app/front', 'spec: {clusterIP: 10.0.0.2, ports: [{name: tcp, port: 80}]}'),
]
const toAlias = (destination: string) =>
  virtualService('app/front', `spec: {hosts: [front], tcp: [{route: [{destination: ${destination}}]}]}`)

test('an ExternalName means the service that it names, over several, with a dot at the end or capitals', () => {
  const names: [string, ...string[]][] = [
    ['real.app.svc.cluster.local'],
    ['Real.App.svc.cluster.local.'],
    ['hop.app.svc.cluster.local', alias('app/hop', 'real.app.svc.cluster.local')],
  ]
  for (const [name, ...more] of names) {
    for (const ports of ['', '[{port: 7000}]']) {
      const all = asked(...REAL, alias('app/alias', name, ports), ...more, toAlias('{host: alias}'))
      assert.equal(all.reach('10.0.0.2:80'), '10.1.0.1:7001', `${name} ${ports}`)
    }
  }
})

test('an ExternalName whose own port the service lacks leads to the only port of the service', () => {
  const name = alias('app/alias', 'real.app.svc.cluster.local', '[{port: 9}]')
  assert.equal(asked(...REAL, name, toAlias('{host: alias}')).reach('10.0.0.2:80'), '10.1.0.1:7001')
})

test('the ports and subsets of an ExternalName are those of the service that it names', () => {
  const rule = destinationRule('app/real', 'spec: {host: real, subsets: [{name: a, labels: {version: a}}]}')
  const name = alias('app/alias', 'real.app.svc.cluster.local', '[{port: 9}]')
  const subset = asked(...REAL, name, rule, toAlias('{host: alias, subset: a, port: {number: 7000}}'))
  assert.equal(subset.reach('10.0.0.2:80'), '10.1.0.1:7001')
  const wrong = asked(...REAL, name, toAlias('{host: alias, port: {number: 9}}'))
  assert.equal(wrong.explain('10.0.0.2:80').ends, 'unknown-destination')
  assert.ok(wrong.findings.some(each => each.startsWith('IST0101 Referenced host:port not found')))
})

test('a DestinationRule for an ExternalName is never used, and a subset of an unseen service is no mistake', () => {
  const rule = destinationRule(
    'app/alias',
    'spec: {host: alias, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}',
  )
  const all = asked(...REAL, alias('app/alias', 'real.app.svc.cluster.local'), rule)
  assert.match(all.findings.join('; '), /IST0174 .*is an ExternalName for "real\.app.*never used/)
  const own = (id: string, label: string, more: string) =>
    serviceEntry(
      id,
      `spec: {hosts: [ext.example.com], addresses: [10.0.0.9], resolution: STATIC, ports: [{number: 1, name: tcp, protocol: TCP}], endpoints: [{address: 10.1.0.9, labels: {version: ${label}}}]${more}}`,
    )
  const subset = destinationRule(
    'a/ext',
    'spec: {host: ext.example.com, subsets: [{name: b, labels: {version: b}}]}',
  )
  const both = asked(own('b/all', 'a', ''), own('a/own', 'b', ', exportTo: [.]'), subset)
  assert.ok(!both.codes.includes('IST0173'), both.findings.join('; '))
})

test('an ExternalName listens nowhere: its clients dial the address of what it names', () => {
  const all = asked(...REAL, alias('app/alias', 'real.app.svc.cluster.local', '[{port: 7000}]'))
  assert.equal(all.reach('10.0.0.1:7000'), '10.1.0.1:7001')
  assert.equal(all.reach('198.51.100.7:7000'), 'passthrough')
  const rules = virtualService(
    'app/alias',
    'spec: {hosts: [alias], tcp: [{route: [{destination: {host: real}}]}]}',
  )
  const ruled = asked(...REAL, alias('app/alias', 'real.app.svc.cluster.local', '[{port: 7000}]'), rules)
  assert.ok(ruled.findings.some(each => /CFG407 .*is an ExternalName.*never used/.test(each)))
})

test('a name outside of the files is left to DNS with a note, also without ports; a circle is nothing', () => {
  const outside = asked(
    ...REAL,
    alias('app/alias', 'db.example.com'),
    toAlias('{host: alias, port: {number: 5432}}'),
  )
  assert.equal(outside.explain('10.0.0.2:80').destinations[0].ends, null)
  assert.deepEqual(
    outside.codes.filter(code => code !== 'CFG404'),
    ['CFG416'],
  )
  const circle = asked(
    ...REAL,
    alias('app/alias', 'hop.app.svc.cluster.local'),
    alias('app/hop', 'alias.app.svc.cluster.local'),
    toAlias('{host: alias, port: {number: 1}}'),
  )
  assert.equal(circle.explain('10.0.0.2:80').ends, 'unknown-destination')
  assert.deepEqual(circle.findings.filter(each => each.includes('circle')).length, 2)
})

const allocated = (name: string, value: string, endpoint: string, more = '', metadata = '') =>
  serviceEntry(
    `app/${name}`,
    `spec: {hosts: [${name}.example.com], resolution: STATIC, ports: [{number: 3306, name: tcp, protocol: TCP}], endpoints: [{address: ${endpoint}}]${more}}\nstatus: {addresses: [${value}]}`,
    metadata,
  )
const given = (host: string, value: string) => `{host: ${host}.example.com, value: "${value}"}`

test('addresses in the status of a ServiceEntry are its own, each for its host', () => {
  const all = asked(
    allocated('a', `${given('a', '240.240.0.1')}, ${given('a', '2001:2::1')}`, '10.1.0.1'),
    allocated('b', `${given('b', '240.240.0.2')}, ${given('c', '240.240.0.3')}`, '10.1.0.2'),
  )
  assert.deepEqual(
    ['240.240.0.1:3306', '[2001:2::1]:3306', '240.240.0.2:3306', '240.240.0.3:3306'].map(to => all.reach(to)),
    ['10.1.0.1:3306', '10.1.0.1:3306', '10.1.0.2:3306', 'passthrough'],
  )
  assert.deepEqual(all.codes, [])
})

test('a status counts only where istiod would use it', () => {
  const own = asked(allocated('a', given('a', '240.240.0.1'), '10.1.0.1', ', addresses: [10.0.0.9]'))
  assert.deepEqual(
    ['240.240.0.1:3306', '10.0.0.9:3306'].map(to => own.reach(to)),
    ['passthrough', '10.1.0.1:3306'],
  )
  const refused = asked(
    allocated(
      'a',
      given('a', '240.240.0.1'),
      '10.1.0.1',
      '',
      'labels: {networking.istio.io/enable-autoallocate-ip: "False"}',
    ),
  )
  assert.equal(refused.reach('198.51.100.7:3306'), '10.1.0.1:3306')
  assert.deepEqual(refused.codes, ['CFG253'])
})

test('services without any address are told of, once for all of a kind', () => {
  const entry = (name: string, port: number) =>
    serviceEntry(
      `app/${name}`,
      `spec: {hosts: [${name}.example.com], resolution: STATIC, ports: [{number: ${port}, name: http, protocol: HTTP}], endpoints: [{address: 10.1.0.1}]}`,
    )
  const bare = (name: string, port: number) =>
    service(`app/${name}`, `spec: {selector: {app: real}, ports: [{port: ${port}}]}`)
  const all = asked(...REAL, bare('a', 1), bare('b', 2), entry('c', 3))
  const said = all.findings.filter(each => each.startsWith('CFG415'))
  assert.equal(said.length, 2)
  assert.match(said[0], /no address of 2 Services is known/)
  assert.match(said[1], /no address of "c\.example\.com" is known/)
})
