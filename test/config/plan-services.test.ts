// Goal: each way to define a service gives the endpoints that Istio gives. Method: a mesh of one
// service, whose own cluster is read out of the Plan.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../../src/address/address.ts'
import type { Settings } from '../../src/config/settings/settings.ts'
import type { Cluster } from '../../src/table/plan/plan.ts'
import { core, istio, type Planned, planOf, type Written } from '../support/resources.ts'

const cluster = ({ plan }: Planned, host: string, port: number): Cluster => {
  const found = plan.clusters.find(each => each.host === host && each.port === port)
  assert.ok(found, `no cluster ${host}:${port}`)
  return found
}
const endpoints = (planned: Planned, host: string, port: number): string[] =>
  cluster(planned, host, port).endpoints.map(each => `${each.address}:${each.port}*${each.weight}`)
const codes = ({ findings }: Planned): string[] => findings.list.map(each => each.code)
const addressesOf = ({ plan }: Planned, host: string): string[] =>
  plan.listeners
    .flatMap(each => each.scopes.filter(scope => scope.host === host))
    .flatMap(each => each.addresses.map(formatCidr))

const tcp = (number: number, more: object = {}) => ({ number, name: 'main', protocol: 'TCP', ...more })
const entry = (spec: object, id = 'db') =>
  istio('ServiceEntry', id, {
    hosts: ['db.example.com'],
    addresses: ['10.0.0.1'],
    ports: [tcp(5432)],
    ...spec,
  })
const service = (spec: object) => core('Service', 'shop/web', { spec })
const WEB = 'web.shop.svc.cluster.local'

test("an inline endpoint's port is its own by name, else the target port, else the number", () => {
  const planned = planOf([
    entry({
      resolution: 'STATIC',
      ports: [tcp(1), tcp(2, { name: 'aux', targetPort: 20 })],
      endpoints: [
        { address: '10.1.0.1', ports: { main: 11 } },
        { address: '10.1.0.2', weight: 7 },
      ],
    }),
  ])
  assert.deepEqual(endpoints(planned, 'db.example.com', 1), ['10.1.0.1:11*1', '10.1.0.2:1*7'])
  assert.deepEqual(endpoints(planned, 'db.example.com', 2), ['10.1.0.1:20*1', '10.1.0.2:20*7'])
})

test('a ServiceEntry without resolution forwards to the address that was asked for', () => {
  const planned = planOf([entry({})])
  assert.equal(cluster(planned, 'db.example.com', 5432).kind, 'original')
  assert.deepEqual(codes(planned), [])
})

test('each host of a ServiceEntry is a service at each of its addresses', () => {
  const planned = planOf([
    entry({ hosts: ['a.example.com', 'b.example.com'], addresses: ['10.0.0.9', '10.2.0.0/16'] }),
  ])
  assert.deepEqual(addressesOf(planned, 'a.example.com'), ['10.0.0.9/32', '10.2.0.0/16'])
  assert.ok(
    codes(planned).every(code => code === 'CFG405'),
    'both hosts claim the same addresses',
  )
})

test('a DNS name is listed to be resolved, and stands for what it resolved to', () => {
  const written = [
    entry({
      resolution: 'DNS',
      endpoints: [{ address: 'db-1.example.net', weight: 3 }, { address: '10.1.0.2' }],
    }),
  ]
  const unresolved = cluster(planOf(written), 'db.example.com', 5432)
  assert.deepEqual(unresolved.names, [{ name: 'db-1.example.net', port: 5432 }])
  assert.deepEqual(unresolved.endpoints, [{ address: '10.1.0.2', port: 5432, weight: 1 }])
  const names = new Map([['db-1.example.net', ['10.9.0.1', '10.9.0.2']]])
  assert.deepEqual(endpoints(planOf(written, {}, names), 'db.example.com', 5432), [
    '10.9.0.1:5432*3',
    '10.9.0.2:5432*3',
    '10.1.0.2:5432*1',
  ])
})

test('with DNS resolution and no endpoints the host itself is resolved', () => {
  const planned = planOf([entry({ resolution: 'DNS' })])
  assert.deepEqual(cluster(planned, 'db.example.com', 5432).names, [{ name: 'db.example.com', port: 5432 }])
})

test('of DNS_ROUND_ROBIN the first address counts, of an endpoint or of the host itself', () => {
  const names = new Map([
    ['db.example.com', ['10.9.0.2', '10.9.0.1']],
    ['other.example.net', ['10.9.0.3', '10.9.0.4']],
  ])
  const host = planOf([entry({ resolution: 'DNS_ROUND_ROBIN' })], {}, names)
  assert.deepEqual(endpoints(host, 'db.example.com', 5432), ['10.9.0.2:5432*1'])
  const written = entry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'other.example.net' }] })
  assert.deepEqual(endpoints(planOf([written], {}, names), 'db.example.com', 5432), ['10.9.0.3:5432*1'])
})

test('the name of an ExternalName is whole, so that no search list applies to it', () => {
  for (const externalName of ['DB.example.com', 'db.example.com.']) {
    const planned = planOf([
      core('Service', 'db', { spec: { type: 'ExternalName', externalName } }),
      istio('VirtualService', 'all', {
        hosts: ['*'],
        gateways: ['edge'],
        tcp: [{ route: [{ destination: { host: 'db', port: { number: 5432 } } }] }],
      }),
      istio('Gateway', 'edge', {
        servers: [{ port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
      }),
    ])
    assert.deepEqual(
      planned.plan.clusters.flatMap(each => each.names),
      [{ name: 'db.example.com.', port: 5432 }],
    )
  }
})

test('a workload selector picks WorkloadEntries and ready Pods of its own namespace', () => {
  const labels = { app: 'db' }
  const pod = (id: string, ip: string, ready: string) =>
    core(
      'Pod',
      id,
      { status: { phase: 'Running', podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready }] } },
      { labels },
    )
  const planned = planOf([
    entry({ resolution: 'STATIC', workloadSelector: { labels } }),
    istio('WorkloadEntry', 'vm', {
      address: '10.1.0.1',
      ports: { main: 6000 },
      labels: { ...labels, zone: 'a' },
      weight: 2,
    }),
    istio('WorkloadEntry', 'other-label', { address: '10.1.0.2', labels: { app: 'web' } }),
    istio('WorkloadEntry', 'far/vm', { address: '10.1.0.3', labels }),
    pod('ready', '10.1.0.4', 'True'),
    pod('starting', '10.1.0.5', 'False'),
  ])
  assert.deepEqual(endpoints(planned, 'db.example.com', 5432), ['10.1.0.1:6000*2', '10.1.0.4:5432*1'])
})

test('labels of the object win over those of a WorkloadEntry spec', () => {
  const planned = planOf([
    entry({ resolution: 'STATIC', workloadSelector: { labels: { app: 'db' } } }),
    istio('WorkloadEntry', 'vm', { address: '10.1.0.1', labels: { app: 'web' } }, { labels: { app: 'db' } }),
  ])
  assert.deepEqual(endpoints(planned, 'db.example.com', 5432), ['10.1.0.1:5432*1'])
})

test('Unix sockets and UDP ports are left out, the socket with a finding', () => {
  const planned = planOf([
    entry({
      resolution: 'STATIC',
      ports: [tcp(5432), tcp(53, { name: 'dns', protocol: 'UDP' })],
      endpoints: [{ address: 'unix:///run/db.sock' }, { address: '10.1.0.1' }],
    }),
  ])
  assert.deepEqual(endpoints(planned, 'db.example.com', 5432), ['10.1.0.1:5432*1'])
  assert.deepEqual(
    planned.findings.list.map(each => [each.code, each.field]),
    [['CFG403', 'spec.endpoints[0].address']],
  )
  assert.deepEqual(
    planned.plan.listeners.map(each => each.port),
    [5432],
  )
})

const slice = (more: object): Written => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'main', port: 8080, protocol: 'TCP' }],
  ...more,
})

test("a Service's slices win over its selector, and only ready endpoints count", () => {
  const planned = planOf([
    service({ clusterIP: '10.0.0.2', selector: { app: 'web' }, ports: [{ name: 'main', port: 80 }] }),
    core('Pod', 'shop/p', { status: { podIP: '10.1.0.1' } }, { labels: { app: 'web' } }),
    slice({
      endpoints: [
        { addresses: ['10.1.0.7'], conditions: { ready: true } },
        { addresses: ['10.1.0.8'], conditions: { ready: false } },
        { addresses: ['10.1.0.9'] },
      ],
    }),
  ])
  assert.deepEqual(endpoints(planned, WEB, 80), ['10.1.0.7:8080*1', '10.1.0.9:8080*1'])
})

test('a slice of names is left out with a finding', () => {
  const planned = planOf([
    service({ clusterIP: '10.0.0.2', ports: [{ name: 'main', port: 80 }] }),
    slice({ addressType: 'FQDN', endpoints: [{ addresses: ['web.example.com'] }] }),
  ])
  assert.deepEqual(codes(planned), ['CFG403', 'CFG404'])
})

test('without slices the Endpoints of the same name count, else the Pods that the selector picks', () => {
  const written = [
    service({
      clusterIP: '10.0.0.2',
      selector: { app: 'web' },
      ports: [
        { name: 'main', port: 80, targetPort: 'http' },
        { name: 'aux', port: 81, targetPort: 8181 },
      ],
    }),
    core(
      'Pod',
      'shop/p',
      {
        spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
        status: { podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }] },
      },
      { labels: { app: 'web' } },
    ),
    core('Pod', 'shop/unnamed', { status: { podIP: '10.1.0.2' } }, { labels: { app: 'web' } }),
  ]
  const bySelector = planOf(written)
  assert.deepEqual(endpoints(bySelector, WEB, 80), ['10.1.0.1:8080*1'])
  assert.deepEqual(endpoints(bySelector, WEB, 81), ['10.1.0.1:8181*1', '10.1.0.2:8181*1'])
  const subsets = [{ addresses: [{ ip: '10.1.0.3' }], ports: [{ name: 'main', port: 9090 }] }]
  const byEndpoints = planOf([...written, core('Endpoints', 'shop/web', { subsets })])
  assert.deepEqual(endpoints(byEndpoints, WEB, 80), ['10.1.0.3:9090*1'])
})

test('a Service has its cluster, external and balanced addresses', () => {
  const ports = [{ port: 80 }]
  const fixed = planOf([
    service({
      clusterIP: '10.0.0.2',
      clusterIPs: ['10.0.0.2', 'fd00::2'],
      externalIPs: ['192.0.2.1'],
      ports,
    }),
  ])
  assert.deepEqual(addressesOf(fixed, WEB), ['10.0.0.2/32', 'fd00::2/128', '192.0.2.1/32'])
  const ingress = [{ ip: '192.0.2.7' }, { ip: '192.0.2.8', ipMode: 'Proxy' }, { hostname: 'lb.example.com' }]
  const balanced = planOf([
    core('Service', 'shop/web', {
      spec: { clusterIP: '10.0.0.2', ports },
      status: { loadBalancer: { ingress } },
    }),
  ])
  assert.deepEqual(addressesOf(balanced, WEB), ['10.0.0.2/32', '192.0.2.7/32'])
})

test('of two resources that define one host the older counts, with a finding at the other', () => {
  const at = (creationTimestamp: string) => ({ creationTimestamp })
  const spec = (address: string) => ({
    hosts: ['db.example.com'],
    addresses: ['10.0.0.1'],
    ports: [tcp(1)],
    resolution: 'STATIC',
    endpoints: [{ address }],
  })
  const planned = planOf([
    istio('ServiceEntry', 'young', spec('10.1.0.1'), at('2024-01-01T00:00:00Z')),
    istio('ServiceEntry', 'zold', spec('10.1.0.2'), at('2020-01-01T00:00:00Z')),
  ])
  assert.deepEqual(endpoints(planned, 'db.example.com', 1), ['10.1.0.2:1*1'])
  assert.deepEqual(
    planned.findings.list.map(each => [each.code, each.resource, each.field]),
    [['CFG401', 'ServiceEntry default/young', 'spec.hosts[0]']],
  )
})

test('a service without endpoints, and a port that none of them serves, are reported', () => {
  const planned = planOf([
    entry({ resolution: 'STATIC' }),
    service({
      clusterIP: '10.0.0.2',
      ports: [
        { name: 'main', port: 80 },
        { name: 'lost', port: 81 },
      ],
    }),
    slice({ endpoints: [{ addresses: ['10.1.0.7'] }] }),
  ])
  assert.deepEqual(
    planned.findings.list.map(each => [each.code, each.resource, each.field]),
    [
      ['CFG404', 'ServiceEntry default/db', 'spec.hosts[0]'],
      ['CFG404', 'Service shop/web', 'spec.ports[1]'],
    ],
  )
})

test('clients are known from the Settings, then WorkloadEntries, then Pods with an address of their own', () => {
  const settings: Partial<Settings> = {
    sources: [
      {
        cidr: { family: 4, words: new Uint32Array([0x0a000000, 0, 0, 0]), bits: 8 },
        namespace: 'ops',
        labels: {},
      },
    ],
  }
  const { plan } = planOf(
    [
      core('Pod', 'shop/p', { status: { podIP: '10.1.0.2' } }, { labels: { app: 'web' } }),
      core('Pod', 'kube/host', { spec: { hostNetwork: true }, status: { podIP: '192.0.2.9' } }),
      istio('WorkloadEntry', 'vm', { address: '10.1.0.1', labels: { app: 'db' } }),
      istio('WorkloadEntry', 'named', { address: 'vm.example.com' }),
    ],
    settings,
  )
  assert.deepEqual(
    plan.sources.map(each => [formatCidr(each.cidr), each.namespace, each.labels]),
    [
      ['10.0.0.0/8', 'ops', {}],
      ['10.1.0.1/32', 'default', { app: 'db' }],
      ['10.1.0.2/32', 'shop', { app: 'web' }],
    ],
  )
})
