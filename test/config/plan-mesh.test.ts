// Goal: mesh listeners follow the services, and each client sees the VirtualServices that are for
// it. Method: small meshes, read as listeners and asked with the naive matcher.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings/settings.ts'
import { DENIED, PASSTHROUGH } from '../../src/table/format/outcome.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { naiveMatch } from '../support/naive-match.ts'
import { istio, type Planned, planOf, type Written } from '../support/resources.ts'

const service = (name: string, addresses: string[], ports: (number | [number, string])[], metadata = {}) =>
  istio(
    'ServiceEntry',
    name,
    {
      hosts: [`${name}.example.com`],
      addresses,
      ports: ports
        .map(port => (typeof port === 'number' ? [port, 'TCP'] : port))
        .map(([number, protocol]) => ({ number, name: `p${number}`, protocol })),
      resolution: 'STATIC',
      endpoints: [{ address: '10.9.0.1' }],
    },
    metadata,
  )
const route = (host: string) => [{ route: [{ destination: { host, port: { number: 80 } } }] }]
const forDb = (id: string, spec: object, metadata: Partial<Written['metadata']> = {}) =>
  istio('VirtualService', id, { hosts: ['db.example.com'], ...spec }, metadata)
const mesh = (more: Partial<Settings['mesh']>): Partial<Settings> => ({
  mesh: { ...DEFAULT_SETTINGS.mesh, ...more },
})

const meshSockets = ({ plan }: Planned): string[] =>
  plan.listeners
    .filter(each => each.gateway === 'mesh' && each.opens)
    .map(
      each =>
        `${each.bind || '*'}:${each.port} ${each.destination} ${each.scopes.map(scope => scope.host.split('.')[0])}`,
    )

/**
 * The destination of a client in a namespace: the first label of the host, or an outcome's number.
 */
function reach(plan: Plan, destination: string, port: number, namespace = 'default'): string | number {
  const { route: index } = naiveMatch(plan, {
    gateway: 'mesh',
    client: '192.0.2.1',
    destination,
    port,
    identity: { namespace, labels: {} },
  })
  return index < 0 ? index : plan.clusters[plan.routes[index].destinations[0].cluster].host.split('.')[0]
}

const found = ({ findings }: Planned): unknown[] =>
  findings.list
    .filter(each => each.code.startsWith('CFG4'))
    .map(each => [each.code, each.resource, each.field])

const two = [service('db', ['10.0.0.1'], [5432, 80]), service('cache', ['10.0.0.2'], [80])]

test('there is one listener for each service port, for all its services', () => {
  assert.deepEqual(meshSockets(planOf(two)), ['*:80 local cache,db', '*:5432 local db'])
})

test('behind a redirect there is one listener, with a scope for each service and port', () => {
  const planned = planOf(two, mesh({ capture: 'redirect', bind: '127.0.0.1' }))
  assert.deepEqual(meshSockets(planned), ['127.0.0.1:15001 original cache,db,db'])
  assert.equal(reach(planned.plan, '10.0.0.1', 80), 'db')
})

test('without capture there is none', () => {
  assert.deepEqual(meshSockets(planOf(two, mesh({ capture: 'none' }))), [])
})

test('an address that is no service passes through, or is denied where only the registry counts', () => {
  assert.equal(reach(planOf(two).plan, '10.0.0.9', 80), PASSTHROUGH)
  assert.equal(reach(planOf(two, mesh({ outbound: 'REGISTRY_ONLY' })).plan, '10.0.0.9', 80), DENIED)
})

test('the longest prefix around the address decides between services; one without addresses takes the rest', () => {
  const { plan } = planOf([
    service('any', [], [80]),
    service('wide', ['10.0.0.0/8'], [80]),
    service('narrow', ['10.1.0.0/16'], [80]),
  ])
  assert.deepEqual(
    ['10.1.0.1', '10.2.0.1', '192.0.2.1'].map(address => reach(plan, address, 80)),
    ['narrow', 'wide', 'any'],
  )
})

test('of two services with one address and port the older has it, with a finding', () => {
  const planned = planOf([
    service('young', ['10.0.0.1'], [80], { creationTimestamp: '2024-01-01T00:00:00Z' }),
    service('zold', ['10.0.0.1'], [80]),
  ])
  assert.equal(reach(planned.plan, '10.0.0.1', 80), 'zold')
  assert.deepEqual(found(planned), [['CFG405', 'ServiceEntry default/young', 'spec.ports[0]']])
})

test("each client sees its namespace's VirtualServices, then those exported to it, then public ones", () => {
  const { plan } = planOf([
    ...two,
    forDb('aaa-public', { tcp: route('public') }),
    forDb('team/own', { exportTo: ['.', 'guest'], tcp: route('own') }),
    forDb('named', { exportTo: ['team', 'friend'], tcp: route('named') }),
  ])
  const reached = ['team', 'friend', 'guest', 'default'].map(namespace =>
    reach(plan, '10.0.0.1', 80, namespace),
  )
  assert.deepEqual(reached, ['own', 'named', 'own', 'public'])
})

test('a wildcard host speaks for every service that it covers', () => {
  const { plan } = planOf([
    ...two,
    istio('VirtualService', 'vs', { hosts: ['*.example.com'], tcp: route('all') }),
  ])
  assert.deepEqual([reach(plan, '10.0.0.1', 80), reach(plan, '10.0.0.2', 80)], ['all', 'all'])
})

test('an HTTP port reads the http block, a TCP port the tcp block, and a rule that misses leaves the service itself', () => {
  const both = forDb('vs', { tcp: route('by-tcp'), http: route('by-http') })
  const planned = planOf([service('db', ['10.0.0.1'], [5432, [80, 'HTTP'], [443, 'TLS']]), both])
  assert.deepEqual(
    [5432, 80, 443].map(port => reach(planned.plan, '10.0.0.1', port)),
    ['by-tcp', 'by-http', 'db'],
  )
})

test('a TLS port is routed by server name, and else goes to the service', () => {
  const tls = [{ match: [{ sniHosts: ['db.example.com'], port: 443 }], ...route('x')[0] }]
  const planned = planOf([
    service(
      'db',
      ['10.0.0.1'],
      [
        [443, 'TLS'],
        [8443, 'HTTPS'],
      ],
    ),
    forDb('vs', { tls }),
  ])
  assert.deepEqual(
    [443, 8443].map(port => reach(planned.plan, '10.0.0.1', port)),
    ['db', 'db'],
  )
  const asked = { destination: '10.0.0.1', gateway: 'mesh', client: '10.9.9.9', isTls: true }
  assert.deepEqual(
    ['db.example.com', 'other.example.com', ''].map(serverName => {
      const { route: row } = naiveMatch(planned.plan, { ...asked, port: 443, serverName })
      return planned.plan.clusters[planned.plan.routes[row].destinations[0].cluster].host.split('.')[0]
    }),
    ['x', 'db', 'db'],
  )
  assert.deepEqual(found(planned), [])
})

test('a Gateway keeps the socket that the mesh would want too; other addresses coexist', () => {
  const gateway = istio('Gateway', 'gw', {
    servers: [{ port: { number: 5432, name: 'p', protocol: 'TCP' }, hosts: ['*'] }],
  })
  const same = planOf([...two, gateway])
  assert.deepEqual(meshSockets(same), ['*:80 local cache,db'])
  assert.deepEqual(found(same), [['CFG406', 'ServiceEntry default/db', 'spec.ports[0]']])
  const apart = planOf([...two, gateway], mesh({ bind: '127.0.0.1' }))
  assert.deepEqual(meshSockets(apart), ['127.0.0.1:80 local cache,db', '127.0.0.1:5432 local db'])
  assert.deepEqual(found(apart), [])
})

test('a service that is exported to nobody, or not to the workload, is not in the mesh', () => {
  const exported = (name: string, address: string, exportTo: string[]) => {
    const written = service(name, [address], [80])
    return { ...written, spec: { ...(written.spec as object), exportTo } }
  }
  const all = [
    exported('none', '10.0.0.1', ['~']),
    exported('own', '10.0.0.2', ['.']),
    exported('team', '10.0.0.3', ['team']),
  ]
  assert.deepEqual(meshSockets(planOf(all)), ['*:80 local own,team'])
  const workload = { namespace: 'team', labels: {} }
  assert.deepEqual(meshSockets(planOf(all, { workload })), ['*:80 local team'])
})
