// Goal: a Gateway's servers get the sockets and the rules that they should, and no other. Method:
// small configurations, read as listeners and as the hosts that their rules lead to.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { istio, type Planned, planOf, type Written } from '../support/resources.ts'

const server = (number: number, more: object = {}) => ({
  port: { number, name: `p${number}`, protocol: 'TCP' },
  hosts: ['*'],
  ...more,
})
const gateway = (id: string, servers: object[], metadata: Partial<Written['metadata']> = {}, selector = {}) =>
  istio('Gateway', id, { selector, servers }, metadata)
const to = (host: string, match?: object[]) => ({
  ...(match && { match }),
  route: [{ destination: { host, port: { number: 80 } } }],
})
const virtualService = (id: string, spec: object, metadata: Partial<Written['metadata']> = {}) =>
  istio('VirtualService', id, { hosts: ['*'], gateways: ['default/gw'], ...spec }, metadata)

const sockets = ({ plan }: Planned): string[] =>
  plan.listeners.map(each => `${each.gateway} ${each.bind || '*'}:${each.port}`)

/** Short names of the hosts that the rules of the first listener lead to, in order. */
const targets = ({ plan }: Planned): string[] =>
  plan.listeners[0].scopes[0].rules.map(
    rule => plan.clusters[plan.routes[rule.route].destinations[0].cluster].host.split('.')[0],
  )

const found = ({ findings }: Planned): unknown[] =>
  findings.list
    .filter(each => each.code.startsWith('CFG4') || each.code === 'IST0145')
    .map(each => [each.code, each.resource, each.field])

test('each port and bind address of a Gateway is a listener, also without any route', () => {
  const planned = planOf([
    gateway('gw', [server(1), server(2, { bind: '127.0.0.1' }), server(2, { bind: '0:0::1' })]),
  ])
  assert.deepEqual(sockets(planned), ['default/gw *:1', 'default/gw 127.0.0.1:2', 'default/gw ::1:2'])
  assert.deepEqual(planned.plan.listeners[0], {
    gateway: 'default/gw',
    bind: '',
    port: 1,
    opens: true,
    destination: 'local',
    scopes: [{ host: '', port: 0, addresses: [], rules: [], defaultRoute: -1 }],
    otherwise: 'close',
    readTimeoutMs: 15_000,
    tcp: { keepalive: { timeS: 60, intervalS: 15, probes: 4 }, userTimeoutMs: 0, writeTimeoutMs: 0 },
  })
})

test('only the Gateways whose selector fits the workload are served', () => {
  const written = [
    gateway('a', [server(1)], {}, { app: 'gw' }),
    gateway('b', [server(2)], {}, { app: 'other' }),
    gateway('c', [server(3)]),
  ]
  assert.deepEqual(sockets(planOf(written)), ['default/a *:1', 'default/b *:2', 'default/c *:3'])
  const workload = { namespace: 'default', labels: { app: 'gw', more: 'x' } }
  assert.deepEqual(sockets(planOf(written, { workload })), ['default/a *:1', 'default/c *:3'])
})

test('servers of other protocols and Unix sockets are not served, and take no socket', () => {
  const protocol = (name: string) => ({ port: { number: 1, name, protocol: name } })
  const planned = planOf([
    gateway('gw', [
      server(1, protocol('HTTP')),
      server(1, { ...protocol('TLS'), tls: { mode: 'AUTO_PASSTHROUGH' } }),
      server(0, { bind: 'unix:///x' }),
      server(1, protocol('mongo')),
    ]),
  ])
  assert.deepEqual(sockets(planned), ['default/gw *:1'])
  assert.deepEqual(found(planned), [
    ['CFG402', 'Gateway default/gw', 'spec.servers[0].port'],
    ['CFG402', 'Gateway default/gw', 'spec.servers[1].tls'],
    ['CFG402', 'Gateway default/gw', 'spec.servers[2].bind'],
  ])
})

test('of two Gateways on one socket the older has it; other addresses of the port coexist', () => {
  const at = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` })
  const planned = planOf([
    gateway('a', [server(1), server(1, { bind: '127.0.0.1' })], at(2024)),
    gateway('b', [server(1)], at(2020)),
  ])
  assert.deepEqual(sockets(planned), ['default/b *:1', 'default/a 127.0.0.1:1'])
  assert.deepEqual(found(planned), [
    ['IST0145', 'Gateway default/a', 'spec.servers[0]'],
    ['IST0145', 'Gateway default/b', 'spec.servers[0]'],
  ])
})

test('`::` is every address of both families, as no bind is: the older of two Gateways has it', () => {
  const planned = planOf([gateway('a', [server(1)]), gateway('b', [server(1, { bind: '::' })])])
  assert.deepEqual(sockets(planned), ['default/a *:1'])
  assert.deepEqual(found(planned), [['IST0145', 'Gateway default/b', 'spec.servers[0]']])
})

test('servers of one Gateway share a socket: rules in the order of the servers, each VirtualService once', () => {
  const planned = planOf([
    gateway('gw', [
      server(1, { hosts: ['b.example.com'] }),
      server(1, { hosts: ['a.example.com', 'b.example.com'] }),
    ]),
    virtualService('a', { hosts: ['a.example.com'], tcp: [to('a')] }),
    virtualService('b', { hosts: ['b.example.com'], tcp: [to('b')] }),
  ])
  assert.equal(planned.plan.listeners.length, 1)
  assert.deepEqual(targets(planned), ['b', 'a'])
})

test('VirtualServices are tried private ones first, then those exported by name, then public ones, each by age', () => {
  const at = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` })
  const planned = planOf([
    gateway('gw', [server(1)]),
    virtualService('public-young', { tcp: [to('e')] }, at(2003)),
    virtualService('public-old', { tcp: [to('d')] }, at(2001)),
    virtualService('public-oldest', { tcp: [to('c')] }),
    virtualService('team/named', { exportTo: ['default'], tcp: [to('b')] }, at(2004)),
    virtualService('private', { exportTo: ['.'], tcp: [to('a')] }, at(2005)),
    virtualService('team/hidden', { exportTo: ['.'], tcp: [to('x')] }),
  ])
  assert.deepEqual(targets(planned), ['a', 'b', 'c', 'd', 'e'])
})

test("with a workload in the Settings its namespace decides what is visible, not the Gateway's", () => {
  const planned = planOf(
    [gateway('gw', [server(1)]), virtualService('team/vs', { exportTo: ['.'], tcp: [to('x')] })],
    {
      workload: { namespace: 'team', labels: {} },
    },
  )
  assert.deepEqual(targets(planned), ['x'])
})

test('each match entry is a rule with all its conditions; an entry for another gateway says why it never matches', () => {
  const match = [
    {
      port: 1,
      destinationSubnets: ['10.0.0.0/8', '::/0'],
      sourceSubnet: '192.0.2.7',
      sourceLabels: { app: 'web' },
      sourceNamespace: 'team',
    },
    { gateways: ['other'] },
  ]
  const planned = planOf([
    gateway('gw', [server(1)]),
    virtualService('vs', { gateways: ['gw', 'other'], tcp: [to('a', match), to('b')] }),
  ])
  const [full, narrowed, last] = planned.plan.listeners[0].scopes[0].rules
  assert.deepEqual(
    [full.port, full.destinations.map(each => each.bits), full.clients.map(each => each.bits), full.source],
    [1, [8, 0], [32], { namespace: 'team', labels: { app: 'web' }, visibleTo: null }],
  )
  assert.equal(full.never, null)
  assert.equal(narrowed.never, 'gateways: default/gw is not in [default/other]')
  assert.equal(narrowed.route, full.route)
  assert.deepEqual(last.origin, {
    virtualService: 'default/vs',
    block: 'tcp',
    route: 1,
    match: null,
    file: 'test.yaml',
    line: 1,
  })
})

test('an http block routes connections only where its first route has no match and no action', () => {
  const action = { ...to('a'), rewrite: { uri: '/' } }
  const blocks = [[to('a'), to('b')], [to('a', [{ port: 1 }])], [action]]
  const routed = blocks.map(http =>
    targets(planOf([gateway('gw', [server(1)]), virtualService('vs', { http })])),
  )
  assert.deepEqual(routed, [['a'], [], []])
})

test('the split is taken from the annotation, and a route keeps its identity while it means the same', () => {
  const written = (weight: number, split: string) => [
    gateway('gw', [server(1), server(2)]),
    virtualService(
      'vs',
      {
        tcp: [
          {
            route: [
              { destination: { host: 'a', port: { number: 1 } }, weight },
              { destination: { host: 'b', port: { number: 1 } }, weight: 1 },
            ],
          },
        ],
      },
      { annotations: { 'gateway.weir/split': split } },
    ),
  ]
  const [first, again, shifted] = [written(3, 'exact'), written(3, 'exact'), written(4, 'sticky')].map(
    each => planOf(each).plan.routes,
  )
  assert.deepEqual([first.length, first[0].split, shifted[0].split], [1, 'exact', 'sticky'])
  assert.equal(first[0].identity, again[0].identity)
  assert.notEqual(first[0].identity, shifted[0].identity)
})

test("a destination without a port takes its service's only port, else the listener's", () => {
  const ports = (...numbers: number[]) =>
    numbers.map(number => ({ number, name: `p${number}`, protocol: 'TCP' }))
  const planned = planOf([
    gateway('gw', [server(9000)]),
    istio('ServiceEntry', 'one', { hosts: ['one.example.com'], ports: ports(5432), resolution: 'DNS' }),
    istio('ServiceEntry', 'two', { hosts: ['two.example.com'], ports: ports(9000, 9001), resolution: 'DNS' }),
    virtualService('vs', {
      tcp: ['one.example.com', 'two.example.com', 'ghost'].map(host => ({
        route: [{ destination: { host } }],
      })),
    }),
  ])
  const { plan } = planned
  const reached = plan.listeners[0].scopes[0].rules.map(
    rule => plan.clusters[plan.routes[rule.route].destinations[0].cluster],
  )
  assert.deepEqual(
    reached.map(each => [each.port, each.kind]),
    [
      [5432, 'static'],
      [9000, 'static'],
      [9000, 'unknown'],
    ],
  )
})
