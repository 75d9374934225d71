/**
 * Goal: several resources for one host or one address are each there for those who see them, and
 * entries of one host go together. Method: who is reached, by the client's namespace.
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
} from './ask.ts'

type Entry = { host?: string; at?: string; port?: number; to: string; more?: string; metadata?: string }
const entry = (
  id: string,
  { host = 'ext.example.com', at = '10.0.0.1', port = 80, to, more = '', metadata }: Entry,
) =>
  serviceEntry(
    id,
    `spec: {hosts: ["${host}"], ${at && `addresses: [${at}], `}resolution: STATIC, ports: [{number: ${port}, name: tcp-${port}, protocol: TCP}], endpoints: [{address: ${to}}]${more}}`,
    metadata,
  )
const PRIVATE = ', exportTo: [.]'
const inNamespaces = (all: ReturnType<typeof asked>, to = '10.0.0.1:80', names = ['a', 'b', 'c']) =>
  names.map(namespace => all.reach(to, { namespace }))

test('a private entry is for its own clients, and takes nothing from the others', () => {
  const all = asked(entry('a/own', { to: '10.1.0.1', more: PRIVATE }), entry('b/all', { to: '10.1.0.2' }))
  assert.deepEqual(inNamespaces(all), ['10.1.0.1:80', '10.1.0.2:80', '10.1.0.2:80'])
  assert.equal(all.reach('10.0.0.1:80'), '10.1.0.2:80', 'an unknown client has the public one')
  const young = asked(
    entry('a/own', { to: '10.1.0.1', more: PRIVATE, metadata: 'creationTimestamp: "2026-01-01T00:00:00Z"' }),
    entry('b/all', { to: '10.1.0.2' }),
  )
  assert.deepEqual(inNamespaces(young), ['10.1.0.1:80', '10.1.0.2:80', '10.1.0.2:80'])
})

test('what only some clients see is not there for the others: a wider range, or nothing', () => {
  const own = entry('a/own', { host: 'own.example.com', to: '10.1.0.1', more: PRIVATE })
  assert.deepEqual(inNamespaces(asked(own)), ['10.1.0.1:80', 'passthrough', 'passthrough'])
  assert.equal(
    asked(own).reach('10.0.0.1:80'),
    '10.1.0.1:80',
    'nobody says that an unknown client is elsewhere',
  )
  const wide = entry('b/wide', {
    host: 'wide.example.com',
    at: '10.0.0.0/8',
    to: '10.1.0.2',
    more: ', exportTo: [b]',
  })
  const any = entry('c/any', { host: 'any.example.com', at: '', to: '10.1.0.3', more: ', exportTo: [c, d]' })
  const all = asked(own, wide, any)
  assert.deepEqual(inNamespaces(all, '10.0.0.1:80', ['a', 'b', 'c', 'e']), [
    '10.1.0.1:80',
    '10.1.0.2:80',
    '10.1.0.3:80',
    'passthrough',
  ])
  const inner = entry('c/inner', { host: 'inner.example.com', at: '10.0.0.0/16', to: '10.1.0.4' })
  assert.equal(
    asked(wide, inner).reach('10.1.0.1:80', { namespace: 'c' }),
    'passthrough',
    'not what lies inside',
  )
  assert.deepEqual(inNamespaces(all, '10.0.0.2:80', ['a', 'b', 'd']), [
    'passthrough',
    '10.1.0.2:80',
    '10.1.0.3:80',
  ])
})

test("each client's rules are those for the service that it has, behind no other's", () => {
  const rules = (id: string, host: string, to: string, more = '') =>
    virtualService(id, `spec: {hosts: [${host}], tcp: [{route: [{destination: {host: ${to}}}]}]${more}}`)
  const all = asked(
    entry('a/own', { host: 'own.example.com', to: '10.1.0.1', more: PRIVATE }),
    entry('b/all', { host: 'all.example.com', to: '10.1.0.2' }),
    entry('b/x', { host: 'x.example.com', at: '10.0.0.7', to: '10.1.0.7' }),
    entry('b/second', { host: 'y.example.com', at: '10.0.0.8', to: '10.1.0.8' }),
    rules('b/all', 'all.example.com', 'x.example.com'),
    rules('c/own', 'own.example.com', 'y.example.com', ', exportTo: [c]'),
  )
  assert.deepEqual(inNamespaces(all), ['10.1.0.1:80', '10.1.0.7:80', '10.1.0.7:80'])
  assert.deepEqual(all.explain('10.0.0.1:80', { namespace: 'a' }).rejected, [])
  const ruled = asked(
    entry('a/own', { host: 'own.example.com', to: '10.1.0.1', more: ', exportTo: [a, c]' }),
    entry('b/second', { host: 'y.example.com', at: '10.0.0.8', to: '10.1.0.8' }),
    rules('c/own', 'own.example.com', 'y.example.com', ', exportTo: [c]'),
  )
  assert.deepEqual(inNamespaces(ruled), ['10.1.0.1:80', 'passthrough', '10.1.0.8:80'])
})

test('a destination is the service that the namespace of the rule sees', () => {
  const rule = (namespace: string) =>
    virtualService(
      `${namespace}/front`,
      `spec: {hosts: [front.example.com], exportTo: [.], tcp: [{route: [{destination: {host: ext.example.com}}]}]}`,
    )
  const all = asked(
    entry('a/own', { at: '10.0.0.5', to: '10.1.0.1', more: PRIVATE }),
    entry('b/all', { at: '10.0.0.6', to: '10.1.0.2' }),
    entry('b/front', { host: 'front.example.com', to: '10.1.0.3' }),
    rule('a'),
    rule('b'),
  )
  assert.deepEqual(inNamespaces(all), ['10.1.0.1:80', '10.1.0.2:80', '10.1.0.3:80'])
})

test('the host of the service that was dialled means that service, whatever the rule sees', () => {
  const all = asked(
    entry('a/own', { at: '10.0.0.5', to: '10.1.0.1', more: PRIVATE }),
    entry('b/all', { to: '10.1.0.2' }),
    virtualService(
      'a/vs',
      'spec: {hosts: [ext.example.com], tcp: [{route: [{destination: {host: ext.example.com}}]}]}',
    ),
  )
  assert.equal(all.explain('10.0.0.1:80', { namespace: 'b' }).outcome, 'route')
  assert.deepEqual(inNamespaces(all), ['10.1.0.2:80', '10.1.0.2:80', '10.1.0.2:80'])
  assert.equal(all.reach('10.0.0.5:80', { namespace: 'a' }), '10.1.0.1:80')
})

test('a Kubernetes Service has its host before a ServiceEntry of any age', () => {
  const all = asked(
    entry('shop/squatter', { host: 'web.shop.svc.cluster.local', at: '10.0.0.9', to: '10.1.0.9' }),
    service(
      'shop/web',
      'spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{port: 80}]}',
      'creationTimestamp: "2026-01-01T00:00:00Z"',
    ),
    running('shop/web-0', '10.1.0.1', 'app: web'),
  )
  assert.equal(all.reach('10.0.0.1:80'), '10.1.0.1:80')
  assert.equal(all.reach('10.0.0.9:80'), 'passthrough')
  assert.ok(all.findings.some(each => /^CFG401 .*is a Kubernetes Service and wins/.test(each)))
})

test('entries of one host are one service with the ports of all, each with its own endpoints', () => {
  const all = asked(
    entry('app/one', { port: 446, to: '10.1.0.1', at: '10.0.0.1' }),
    entry('app/two', { port: 447, to: '10.1.0.2', at: '10.0.0.2' }),
    entry('app/three', { port: 448, to: '10.1.0.3', at: '' }),
    gateway('app/edge', 'spec: {servers: [{port: {number: 7000, name: tcp, protocol: TCP}, hosts: ["*"]}]}'),
    virtualService(
      'app/ext',
      'spec: {hosts: [ext.example.com], gateways: [edge], tcp: [{route: [{destination: {host: ext.example.com, port: {number: 447}}}]}]}',
    ),
  )
  assert.deepEqual(
    ['10.0.0.1:446', '10.0.0.2:446', '10.0.0.1:447', '198.51.100.7:447', '198.51.100.7:448'].map(to =>
      all.reach(to),
    ),
    ['10.1.0.1:446', '10.1.0.1:446', '10.1.0.2:447', 'passthrough', '10.1.0.3:448'],
  )
  assert.equal(all.reach('192.0.2.1:7000', { gateway: 'edge' }), '10.1.0.2:447')
  assert.ok(
    all.codes.every(code => code === 'CFG415' || code === 'CFG253'),
    all.findings.join('\n'),
  )
})

test('entries that cannot be combined stay apart: the older counts, and it is said what differs', () => {
  const apart = (more: string, metadata = '') =>
    asked(
      entry('app/one', { port: 446, to: '10.1.0.1' }),
      entry('app/two', { port: 447, to: '10.1.0.2', more, metadata }),
    )
  for (const [more, metadata, why] of [
    ['', 'labels: {team: x}', 'labels'],
    [', exportTo: ["*"]', '', 'exportTo'],
  ] as const) {
    const all = apart(more, metadata)
    assert.deepEqual(
      [all.reach('10.0.0.1:446'), all.explain('10.0.0.1:447').outcome],
      ['10.1.0.1:446', 'no-route'],
    )
    assert.ok(
      all.findings.some(each => each.startsWith('CFG401') && each.includes(`since their ${why} differ`)),
      all.findings.join('\n'),
    )
  }
})

test('entries of two namespaces are two services, of which the older counts', () => {
  const all = asked(
    entry('a/one', { port: 446, to: '10.1.0.1' }),
    entry('b/two', { port: 447, to: '10.1.0.2' }),
  )
  assert.deepEqual(
    [all.reach('10.0.0.1:446'), all.explain('10.0.0.1:447').outcome, all.codes],
    ['10.1.0.1:446', 'no-route', ['CFG401']],
  )
})

test('a port that two entries define has the endpoints of the older', () => {
  const all = asked(entry('app/one', { to: '10.1.0.1' }), entry('app/two', { to: '10.1.0.2' }))
  assert.equal(all.reach('10.0.0.1:80'), '10.1.0.1:80')
  assert.deepEqual(all.codes, ['CFG401'])
})

test('subsets of a merged service pick among the endpoints of the port', () => {
  const labelled = (id: string, port: number, to: string, version: string) =>
    serviceEntry(
      id,
      `spec: {hosts: [ext.example.com], addresses: [10.0.0.1], resolution: STATIC, ports: [{number: ${port}, name: tcp-${port}, protocol: TCP}], endpoints: [{address: ${to}, labels: {version: ${version}}}]}`,
    )
  const all = asked(
    labelled('app/one', 446, '10.1.0.1', 'a'),
    labelled('app/two', 447, '10.1.0.2', 'b'),
    destinationRule('app/ext', 'spec: {host: ext.example.com, subsets: [{name: b, labels: {version: b}}]}'),
    virtualService(
      'app/ext',
      'spec: {hosts: [ext.example.com], tcp: [{match: [{port: 447}], route: [{destination: {host: ext.example.com, subset: b, port: {number: 447}}}]}]}',
    ),
  )
  assert.deepEqual(
    ['10.0.0.1:446', '10.0.0.1:447'].map(to => all.reach(to)),
    ['10.1.0.1:446', '10.1.0.2:447'],
  )
})

test('a headless Service that only some see is known to them by its Pods', () => {
  const all = asked(
    service(
      'a/db',
      'spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}',
      'annotations: {networking.istio.io/exportTo: "."}',
    ),
    pod('a/db-0', 'status: {phase: Running, podIP: 10.1.0.1}', 'labels: {app: db}'),
  )
  assert.deepEqual(
    ['a', 'b'].map(namespace => all.explain('10.1.0.1:80', { namespace }).outcome),
    ['default', 'passthrough'],
  )
})
