/** Each way to define a ServiceEntry gives the endpoints that Istio gives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { core, istio, planOf } from '../support/resources.ts'
import { addressesOf, cluster, codes, endpoints, entry, tcp } from './plan-services-kit.ts'

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
