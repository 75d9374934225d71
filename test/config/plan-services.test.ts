/** Each way to define a Service gives the addresses and endpoints that Istio gives; and clients. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../../src/address/address.ts'
import type { Settings } from '../../src/config/settings/settings.ts'
import { core, istio, planOf, type Written } from '../support/resources.ts'
import { addressesOf, codes, endpoints, entry, tcp } from './plan-services-kit.ts'

const service = (spec: object) => core('Service', 'shop/web', { spec })
const WEB = 'web.shop.svc.cluster.local'

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
