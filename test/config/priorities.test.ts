/**
 * Goal: priorities and weights of localities are istiod's. Method: a mesh of one service, whose
 * cluster is read out of the Plan; random localities against a naive model of istiod's rules.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { placeMembers } from '../../src/config/plan/priorities.ts'
import type { Settings } from '../../src/config/settings/settings.ts'
import { runs } from '../support/full.ts'
import { core, istio, planOf, type Written } from '../support/resources.ts'

const HERE: Settings['locality'] = { region: 'us', zone: 'a', subzone: '1', node: 'n1', network: '' }

const entry = (localities: readonly string[], annotations: Record<string, string> = {}): Written => {
  const written = istio('ServiceEntry', 'db', {
    hosts: ['db.example.com'],
    addresses: ['10.0.0.1'],
    ports: [{ number: 5432, name: 'main', protocol: 'TCP' }],
    resolution: 'STATIC',
    endpoints: localities.map((locality, index) => ({ address: `10.1.0.${index + 1}`, locality })),
  }) as { metadata: object }
  return { ...written, metadata: { ...written.metadata, annotations } } as Written
}

const rule = (localityLbSetting: object | undefined, outlierDetection: object | undefined = {}): Written =>
  istio('DestinationRule', 'db', {
    host: 'db.example.com',
    trafficPolicy: {
      ...(localityLbSetting && { loadBalancer: { localityLbSetting } }),
      ...(outlierDetection && { outlierDetection }),
    },
  })

/** shop/web of a cluster; the rest of its spec. */
const web = (more: object = {}): Written =>
  core('Service', 'shop/web', {
    spec: { clusterIP: '10.0.0.9', ports: [{ port: 80, name: 'tcp' }], ...more },
  })

/** Its endpoints, without their addresses: 10.1.0.1, 10.1.0.2, … */
const sliceOfWeb = (endpoints: readonly object[]): Written =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'tcp', port: 8080 }],
    endpoints: endpoints.map((each, index) => ({ addresses: [`10.1.0.${index + 1}`], ...each })),
  }) as unknown as Written

/** "10.1.0.1 0 80": address, priority and share. */
function placesOf(written: readonly Written[], locality: Settings['locality'] = HERE): string[] {
  const { plan } = planOf(written, { locality })
  const found = plan.clusters.find(each => each.host === 'db.example.com')
  assert.ok(found)
  return found.endpoints.map(({ address, priority, share }) =>
    [address.slice(7), priority ?? '-', share ?? '-'].join(' '),
  )
}

const ALL = ['us/a/1', 'us/a/2', 'us/b', 'eu/c', 'asia/d']

test('with outlierDetection the same subzone comes first, then zone, region and the others', () => {
  assert.deepEqual(placesOf([entry(ALL), rule(undefined)]), ['1 0 -', '2 1 -', '3 2 -', '4 3 -', '5 3 -'])
  assert.deepEqual(placesOf([entry(ALL.slice(2)), rule(undefined)]), ['1 0 -', '2 1 -', '3 1 -'])
})

test('all are alike without outlierDetection, with enabled: false, and where the gateway does not know where it is', () => {
  const alike = ['1 - -', '2 - -', '3 - -', '4 - -', '5 - -']
  assert.deepEqual(placesOf([entry(ALL)]), alike)
  assert.deepEqual(placesOf([entry(ALL), rule({ enabled: false })]), alike)
  assert.deepEqual(placesOf([entry(ALL), rule(undefined)], null), alike)
})

test('failover: the named region comes before the others', () => {
  const places = placesOf([entry(ALL), rule({ failover: [{ from: 'us', to: 'asia' }] })])
  assert.deepEqual(places, ['1 0 1', '2 1 1', '3 2 1', '4 4 1', '5 3 1'])
})

test('failoverPriority: labels in order, with values of its own', () => {
  const keys = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone']
  const places = placesOf([entry(ALL), rule({ failoverPriority: keys })])
  assert.deepEqual(places, ['1 0 1', '2 0 1', '3 1 1', '4 2 1', '5 2 1'])
  const named = placesOf([entry(ALL), rule({ failoverPriority: ['topology.kubernetes.io/region=eu'] })])
  assert.deepEqual(named, ['1 1 1', '2 1 1', '3 1 1', '4 0 1', '5 1 1'])
})

test('distribute: shares by locality, split by weight and rounded up; others get nothing; no outlierDetection needed', () => {
  const to = { 'us/a/*': 60, 'us/b': 30, 'eu/*': 10 }
  const places = placesOf([
    entry([...ALL, 'us/a/2']),
    rule({ distribute: [{ from: 'us/*', to }] }, undefined),
  ])
  assert.deepEqual(places, ['1 0 20', '2 0 40', '3 0 30', '4 0 10', '6 0 40'])
})

test('trafficDistribution fails over without outlierDetection, and a DestinationRule comes before it', () => {
  const prefers = entry(ALL, { 'networking.istio.io/traffic-distribution': 'PreferClose' })
  assert.deepEqual(placesOf([prefers]), ['1 0 1', '2 0 1', '3 1 1', '4 2 1', '5 2 1'])
  assert.deepEqual(placesOf([prefers, rule({ enabled: false })])[0], '1 - -')
})

test('hints: only endpoints for the own zone, if all have one; else all', () => {
  const AUTO = { 'service.kubernetes.io/topology-mode': 'Auto' }
  /** @param hints  Of each endpoint, the zones that it is for; null: none. */
  const of = (
    hints: readonly (readonly string[] | null)[],
    more: { annotations?: object; away?: number[] } = {},
  ) => {
    const service = web()
    const slice = sliceOfWeb(
      hints.map((zones, index) => ({
        conditions: { ready: !more.away?.includes(index + 1) },
        ...(zones && { hints: { forZones: zones.map(name => ({ name })) } }),
      })),
    )
    const metadata = { ...service.metadata, annotations: more.annotations ?? AUTO }
    const { plan } = planOf([{ ...service, metadata } as Written, slice], { locality: HERE })
    return plan.clusters.flatMap(each => each.endpoints.map(({ address }) => Number(address.slice(7))))
  }
  assert.deepEqual(of([['a'], ['b'], ['b', 'a']]), [1, 3])
  assert.deepEqual(of([['a'], ['b'], null]), [1, 2, 3], 'one has no hint')
  assert.deepEqual(of([['a'], ['b'], []]), [1, 2, 3], 'nor a zone')
  assert.deepEqual(of([['a'], ['b'], null], { away: [3] }), [1], 'one that is not ready does not count')
  assert.deepEqual(of([['b'], ['c']]), [1, 2], 'none is for this zone')
  assert.deepEqual(of([['a'], ['b']], { away: [1] }), [2], 'nor one that is ready')
  assert.deepEqual(of([['a'], ['b']], { annotations: {} }), [1, 2], 'nobody asks for it')
  const older = { 'service.kubernetes.io/topology-aware-hints': 'auto' }
  assert.deepEqual(of([['a'], ['b']], { annotations: older }), [1])
})

test('internalTrafficPolicy: Local: only endpoints on the own node, if that is known', () => {
  const service = web({ internalTrafficPolicy: 'Local' })
  const slice = sliceOfWeb(['n1', 'n2', 'n1'].map(nodeName => ({ nodeName })))
  const endpoints = core('Endpoints', 'shop/web', {
    subsets: [
      {
        addresses: ['n1', 'n2'].map((nodeName, index) => ({ ip: `10.1.0.${index + 1}`, nodeName })),
        ports: [{ name: 'tcp', port: 8080 }],
      },
    ],
  })
  const on = (node: string, ...given: Written[]) => {
    const { plan, findings } = planOf([service, ...given], { locality: { ...HERE, node } })
    const places = plan.clusters.flatMap(each =>
      each.endpoints.map(({ address }) => Number(address.slice(7))),
    )
    return [places, findings.list.filter(({ code }) => code === 'CFG445').map(each => each.field)]
  }
  assert.deepEqual(on('n1', slice), [[1, 3], []])
  assert.deepEqual(on('n2', endpoints), [[2], []])
  const beside = istio('WorkloadEntry', 'shop/second', { address: '10.1.0.2', locality: 'us/a' })
  assert.deepEqual(on('n2', endpoints, beside), [[2], []], 'a WorkloadEntry knows no node')
  assert.deepEqual(on('n2', slice, beside), [[2], []])
  assert.deepEqual(on('n3', slice), [[], []])
  assert.deepEqual(on('', slice), [[1, 2, 3], ['spec.internalTrafficPolicy']])
})

test('endpoints of an EndpointSlice have the locality of their Pod, its Node, or the zone of the slice', () => {
  const service = web({ trafficDistribution: 'PreferSameZone' })
  const node = core('Node', 'n9', {}) as { metadata: object }
  const labels = { 'topology.kubernetes.io/region': 'us', 'topology.kubernetes.io/zone': 'b' }
  const slice = sliceOfWeb([{ nodeName: 'n9' }, { zone: 'a' }, { zone: 'z' }])
  const nodes = { ...node, metadata: { ...node.metadata, labels } } as unknown as Written
  const { plan } = planOf([service, nodes, slice], { locality: HERE })
  const [cluster] = plan.clusters.filter(each => each.host.startsWith('web.'))
  assert.deepEqual(
    cluster.endpoints.map(each => [each.address, each.priority]),
    [
      ['10.1.0.1', 1],
      ['10.1.0.2', 0],
      ['10.1.0.3', 2],
    ],
  )
})

test('a setting that counts only where the gateway knows where it is, is found where it does not', () => {
  const found = (setting: object, locality: Settings['locality'] = null): string[] =>
    planOf([entry(ALL), rule(setting)], { locality })
      .findings.list.filter(({ code }) => code === 'CFG445')
      .map(({ field, message }) => `${field} ${message}`)
  const message =
    'spec.trafficPolicy.loadBalancer.localityLbSetting db.example.com:5432: all endpoints are alike, since the Settings do not say where this gateway is'
  const settings = [
    { failover: [{ from: 'us', to: 'eu' }] },
    { failoverPriority: ['topology.kubernetes.io/zone'] },
    { distribute: [{ from: 'us/*', to: { 'us/*': 100 } }] },
  ]
  for (const each of settings) assert.deepEqual([found(each), found(each, HERE)], [[message], []])
  assert.deepEqual(found({ distribute: [{ from: '*', to: { 'us/*': 100 } }] }), [])
  assert.deepEqual(found({ enabled: false, failover: [{ from: 'us', to: 'eu' }] }), [])
})

test('failover is istiod’s for any localities', () => {
  const step = fc.constantFrom('us', 'eu', 'asia')
  const locality = fc
    .tuple(step, fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'))
    .map(each => each.join('/'))
  const failover = fc.array(fc.record({ from: step, to: step }), { maxLength: 2 })
  fc.assert(
    fc.property(
      fc.array(locality, { minLength: 1, maxLength: 8 }),
      locality,
      failover,
      (all, own, entries) => {
        const where = (text: string) => ({ locality: text, node: '', network: '' })
        const members = all.map(each => ({ labels: {}, weight: 1, where: where(each) }))
        const here = { where: where(own), labels: {} }
        const placed = placeMembers(members, {
          setting: { failover: entries },
          prefers: undefined,
          ejects: true,
          here,
        })
        const [region, zone, subzone] = own.split('/')
        const priorities = all.map(each => {
          const [r, z, s] = each.split('/')
          if (r === region) return z === zone ? (s === subzone ? 0 : 1) : 2
          const first = entries.find(({ from }) => from === region)
          return first && first.to !== r ? 4 : 3
        })
        const order = [...new Set(priorities)].sort()
        const got = placed ? placed.placings.map(each => each?.priority) : all.map(() => 0)
        assert.deepEqual(
          got,
          priorities.map(each => order.indexOf(each)),
        )
      },
    ),
    { numRuns: runs(200) },
  )
})
