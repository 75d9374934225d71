/**
 * What validate does with every resource: kinds, structure, known fields, and unsupported parts.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { connectionRoute } from '../../src/config/validate/connection-route.ts'
import { SPLITS } from '../../src/table/plan/plan.ts'
import { findingsOf, istio, type Json } from './validate-kit.ts'

const route = [{ destination: { host: 'd' } }]
const vs = (fields: Json, metadata: Json = {}): Json =>
  istio('VirtualService', { hosts: ['a.com'], tcp: [{ route }], ...fields }, metadata)
const codes = (value: Json, profile: 'sidecar' | 'ambient' = 'sidecar'): readonly string[] =>
  findingsOf(value, { profile }).map(each => `${each.code} ${each.field ?? ''}`)
const one = (value: Json) => findingsOf(value)[0]
const kind = (apiVersion: string, name: string): Json => ({
  apiVersion,
  kind: name,
  metadata: { name: 'a' },
  spec: {},
})

test('each API version of a kind is checked by the same rules', () => {
  for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
    const apiVersion = `networking.istio.io/${version}`
    deepEqual(codes({ ...vs({}), apiVersion }), [])
    deepEqual(codes({ ...vs({ hosts: [''] }), apiVersion }), ['CFG201 spec.hosts[0]'])
  }
})

test('a known kind under a wrong apiVersion is an error that names the right one', () => {
  const said = one({ ...vs({}), apiVersion: 'networking.istio.io/v2' })
  equal(said.code, 'CFG105')
  equal(said.field, 'apiVersion')
  equal(said.hint, 'write networking.istio.io/v1')
  const wrong = { ...vs({ hosts: [''] }), apiVersion: 'networking.istio.io/v2' }
  deepEqual(codes(wrong), ['CFG105 apiVersion', 'CFG201 spec.hosts[0]'], 'with all else')
  deepEqual(codes(kind('apps/v1', 'Service')), ['CFG105 apiVersion'])
  deepEqual(codes(kind('v1', 'VirtualService')), ['CFG105 apiVersion'])
  equal(one(kind('apps/v1', 'Service')).hint, 'write v1')
})

test('a kind of Kubernetes that weir does not read is no slip of one that it reads', () => {
  for (const [apiVersion, name, right] of [
    ['v1', 'Job', 'batch/v1'],
    ['v1', 'Role', 'rbac.authorization.k8s.io/v1'],
    ['apps/v1', 'Job', 'batch/v1'],
    ['v1', 'Deployment', 'apps/v1'],
  ]) {
    const said = one(kind(apiVersion, name))
    deepEqual([said.code, said.hint], ['CFG306', `in Kubernetes it is ${right} ${name}`])
  }
  equal(one(kind('batch/v1', 'Job')).hint, undefined)
  const service = one(kind('networking.k8s.io/v1', 'Service'))
  deepEqual([service.code, service.hint], ['CFG105', 'write v1'])
})

test('kinds that weir does not read are passed over with a word', () => {
  deepEqual(codes(kind('networking.istio.io/v1', 'Sidecar')), ['CFG305 kind'])
  deepEqual(codes(kind('networking.istio.io/v1', 'WorkloadGroup')), ['CFG305 kind'])
  deepEqual(codes(kind('apps/v1', 'Deployment')), ['CFG306 kind'])
  deepEqual(codes(kind('v1', 'ConfigMap')), [], 'read by whoever names it')
  deepEqual(codes(kind('gateway.networking.k8s.io/v1', 'HTTPRoute')), ['CFG306 kind'])
  deepEqual(codes(kind('v1', 'constructor')), ['CFG306 kind'])
})

test('a kind that a group of ours does not have, and that is near to one of its kinds, is an error', () => {
  for (const [apiVersion, name, right] of [
    ['networking.istio.io/v1', 'VirtualSevice', 'VirtualService'],
    ['networking.istio.io/v1beta1', 'Virtualservice', 'VirtualService'],
    ['security.istio.io/v1', 'AuthorisationPolicy', 'AuthorizationPolicy'],
    ['gateway.networking.k8s.io/v1', 'TCPRoutes', 'TCPRoute'],
    ['gateway.weir/v1', 'Setting', 'Settings'],
    ['v1', 'Services', 'Service'],
  ]) {
    deepEqual(codes(kind(apiVersion, name)), ['CFG105 kind'], name)
    equal(one(kind(apiVersion, name)).hint, `did you mean "${right}"?`)
  }
  for (const [apiVersion, name] of [
    ['networking.istio.io/v1', 'EnvoyFilter'],
    ['networking.istio.io/v1beta1', 'ProxyConfig'],
    ['security.istio.io/v1', 'RequestAuthentication'],
    ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
    ['gateway.networking.k8s.io/v1', 'GRPCRoute'],
    ['gateway.networking.k8s.io/v1alpha2', 'UDPRoute'],
    ['v1', 'ServiceAccount'],
    ['v1', 'PodTemplate'],
    ['apps/v1', 'VirtualSevice'],
  ])
    deepEqual(codes(kind(apiVersion, name)), ['CFG306 kind'], name)
})

test('weir’s own Settings are left to others', () => {
  deepEqual(codes(kind('gateway.weir/v1', 'Settings')), [])
})

test('a resource without spec says so, once', () => {
  for (const name of ['VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'WorkloadEntry']) {
    deepEqual(codes(istio(name, undefined)), ['CFG103 spec'])
    deepEqual(codes(istio(name, null)), ['CFG103 spec'])
    equal(codes(istio(name, 'x'))[0], 'CFG101 spec')
  }
})

test('a wrong type is one sentence with the value, and is not checked for meaning as well', () => {
  const text = (spec: Json) => findingsOf(vs(spec)).map(each => `${each.field}: ${each.message}`)
  deepEqual(text({ hosts: 'a_b' }), ['spec.hosts: hosts must be a list, not "a_b"'])
  deepEqual(text({ tcp: [{ match: [{ port: '80' }], route }] }), [
    'spec.tcp[0].match[0].port: port must be a whole number, not "80"',
  ])
  deepEqual(text({ tcp: [{ match: [null], route }] }), [
    'spec.tcp[0].match[0]: match[0] must be an object, not nothing',
  ])
  deepEqual(text({ tcp: [{ match: [{ port: -1 }], route }] }), [
    'spec.tcp[0].match[0].port: port must be at least 0, not -1',
  ])
  deepEqual(text({ tcp: [{ route: [{ destination: { host: 'd' }, weight: '9' }, route[0]] }] }), [
    'spec.tcp[0].route[0].weight: weight must be a whole number, not "9"',
  ])
})

test('a number or a flag in quotes is answered with a hint', () => {
  const port = (value: unknown) => one(vs({ tcp: [{ match: [{ port: value }], route }] }))
  equal(port('80').hint, 'write it without quotes')
  equal(port('http').hint, undefined)
  const tls = { mode: 'SIMPLE', insecureSkipVerify: 'true' }
  const flag = findingsOf(istio('DestinationRule', { host: 'a', trafficPolicy: { tls } }))
  equal(flag.find(each => each.code === 'CFG101')?.hint, 'write it without quotes')
})

test('a word that is not among the allowed ones is answered with the nearest', () => {
  const said = one(
    istio('DestinationRule', { host: 'a', trafficPolicy: { loadBalancer: { simple: 'RANDON' } } }),
  )
  equal(said.code, 'CFG101')
  equal(said.hint, 'did you mean "RANDOM"?')
})

test('fields that exclude each other are named together', () => {
  const said = one(vs({ tcp: undefined, http: [{ match: [{ uri: { exact: 'a', regex: 'b' } }], route }] }))
  equal(said.message, '"exact" and "regex" exclude each other in uri')
})

test('an unknown field is an error, with the nearest known one', () => {
  const said = one(vs({ tcp: [{ route, matches: [] }] }))
  equal(said.code, 'CFG102')
  equal(said.field, 'spec.tcp[0].matches')
  equal(said.hint, 'did you mean "match"?')
  deepEqual(codes(vs({ tcp: [{ match: [{ destination_subnets: [] }], route }] })), [
    'CFG102 spec.tcp[0].match[0].destination_subnets',
  ])
  deepEqual(codes({ ...vs({}), data: {} }), ['CFG102 data'])
  deepEqual(codes(istio('DestinationRule', { host: 'a', trafficPolicy: { tls: { mood: 'SIMPLE' } } })), [
    'CFG102 spec.trafficPolicy.tls.mood',
  ])
})

test('a mistake of every kind is reported in one run', () => {
  const spec = {
    hosts: ['a_b'],
    tcp: [{ match: [{ port: 'x', destinationSubnets: ['y'] }], route: [{}], rout: 1 }],
  }
  deepEqual(codes(istio('VirtualService', spec)).toSorted(), [
    'CFG101 spec.tcp[0].match[0].port',
    'CFG102 spec.tcp[0].rout',
    'CFG103 spec.tcp[0].route[0].destination',
    'CFG201 spec.hosts[0]',
    'CFG203 spec.tcp[0].match[0].destinationSubnets[0]',
  ])
})

test('what weir ignores is named once for each block', () => {
  const trafficPolicy = {
    connectionPool: { http: { maxRetries: 1, http2MaxRequests: 1 }, tcp: {} },
    outlierDetection: { interval: '1s' },
    tunnel: { protocol: 'CONNECT', targetHost: 'a.com', targetPort: 443 },
  }
  deepEqual(codes(istio('DestinationRule', { host: 'a', trafficPolicy })), [
    'CFG302 spec.trafficPolicy.connectionPool.http',
    'CFG301 spec.trafficPolicy.tunnel',
  ])
  deepEqual(codes(istio('WorkloadEntry', { address: '10.0.0.1', network: 'n', locality: 'a' })), [])
})

test('an http route without match and without layer 7 routes connections', () => {
  deepEqual(codes(vs({ tcp: undefined, http: [{ name: 'a', route }] })), ['CFG304 spec.http[0]'])
  deepEqual(
    codes(
      vs({
        tcp: [],
        http: [
          { route, match: [] },
          { route, match: [{ port: 1 }] },
        ],
      }),
    ),
    ['IST0130 spec.http[1]', 'CFG304 spec.http[0]', 'CFG303 spec.http[1]'],
  )
})

test('every other http route is ignored with a warning', () => {
  const ignored = ['CFG303 spec.http[0]']
  deepEqual(codes(vs({ http: [{ route }] })), ignored)
  deepEqual(codes(vs({ tcp: undefined, http: [{ route, timeout: '1s' }] })), ignored)
  deepEqual(codes(vs({ tcp: undefined, http: [{ route, match: [{ port: 1 }] }] })), ignored)
  deepEqual(codes(vs({ tcp: undefined, http: [{ redirect: { uri: '/' } }] })), ignored)
  deepEqual(codes(istio('VirtualService', { http: [{ route }] })), ignored)
  const withHeaders = [{ destination: { host: 'd' }, headers: { request: { remove: ['a'] } } }]
  deepEqual(codes(vs({ tcp: undefined, http: [{ route: withHeaders }] })), ignored)
})

test('planning asks the same question about http routes', () => {
  const first = { route, timeout: null }
  equal(connectionRoute({ hosts: ['a'], http: [first] }), first)
  equal(connectionRoute({ hosts: ['a'], http: [{ route, retries: {} }] }), null)
  equal(connectionRoute({ hosts: ['a'], http: [first], tcp: [{ route }] }), null)
  equal(connectionRoute({ http: [first] }), null)
  equal(connectionRoute(null), null)
})

test('the split of a VirtualService is random, exact or sticky', () => {
  const split = (value: string) => vs({}, { annotations: { 'gateway.weir/split': value } })
  for (const value of SPLITS) deepEqual(codes(split(value)), [])
  const said = one(split('exakt'))
  equal(said.code, 'CFG219')
  equal(said.field, 'metadata.annotations["gateway.weir/split"]')
  equal(said.hint, 'did you mean "exact"?')
})

test('other annotations of weir are not known; those of others are theirs', () => {
  const said = one(vs({}, { annotations: { 'gateway.weir/spilt': 'exact' } }))
  equal(said.code, 'CFG307')
  equal(said.severity, 'warning')
  equal(said.hint, 'did you mean "gateway.weir/split"?')
  deepEqual(codes(vs({}, { annotations: { 'example.com/split': 'x' } })), [])
  deepEqual(
    codes(
      istio('WorkloadEntry', { address: '10.0.0.1' }, { annotations: { 'gateway.weir/split': 'exact' } }),
    ),
    ['CFG307 metadata.annotations["gateway.weir/split"]'],
  )
  for (const name of ['istio.io/dry-run', 'internal.istio.io/parents']) {
    const annotations = { [name]: 'true' }
    deepEqual(codes(vs({}, { annotations })), [`CFG219 metadata.annotations["${name}"]`])
  }
})

test('the ambient profile matches by gateways only, and to one destination', () => {
  const match = [
    {
      destinationSubnets: ['10.0.0.0/8'],
      port: 1,
      sourceLabels: {},
      sourceNamespace: 'a',
      gateways: ['mesh'],
    },
  ]
  const value = vs({ tcp: [{ match, route }] })
  deepEqual(codes(value), [])
  deepEqual(codes(value, 'ambient'), [
    'CFG220 spec.tcp[0].match[0].destinationSubnets',
    'CFG220 spec.tcp[0].match[0].port',
    'CFG220 spec.tcp[0].match[0].sourceLabels',
    'CFG220 spec.tcp[0].match[0].sourceNamespace',
  ])
  const tls = [{ match: [{ sniHosts: ['a.com'], port: 443 }], route }]
  deepEqual(codes(vs({ tls }), 'ambient'), ['CFG220 spec.tls[0].match[0].port'])
  const weighted = vs({
    tcp: [
      {
        route: [
          { ...route[0], weight: 1 },
          { ...route[0], weight: 1 },
        ],
      },
    ],
  })
  deepEqual(codes(weighted, 'ambient'), ['CFG308 spec.tcp[0].route'])
  deepEqual(codes(weighted), [])
})

test('Kubernetes kinds are checked where weir reads them, and nowhere else', () => {
  const service = (spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec })
  deepEqual(
    codes(service({ ports: [{ port: 80, targetPort: 'http', nodePort: 'x' }], sessionAffinity: 5 })),
    [],
  )
  deepEqual(codes(service({ ports: [{ port: '80' }] })), ['CFG101 spec.ports[0].port'])
  deepEqual(codes(service({ ports: [{ name: 'a' }] })), ['CFG103 spec.ports[0].port'])
  deepEqual(codes(service({ ports: [{ port: 70000 }] })), ['CFG101 spec.ports[0].port'])
  deepEqual(codes(service({ ports: [null] })), ['CFG101 spec.ports[0]'])
  deepEqual(codes(service({ ports: {} })), ['CFG101 spec.ports'])
  deepEqual(codes(service({ selector: { app: 5 } })), ['CFG101 spec.selector.app'])
  deepEqual(codes(service({ clusterIP: 'None', ports: null })), [])
  const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'a' } }
  deepEqual(
    codes({ ...endpoints, subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] }),
    [],
  )
  deepEqual(codes({ ...endpoints, subsets: [{ addresses: [{ ip: 'a' }, {}] }] }), [
    'CFG101 subsets[0].addresses[0].ip',
    'CFG103 subsets[0].addresses[1].ip',
  ])
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'a' } }
  deepEqual(codes({ ...slice, endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: null } }] }), [])
  deepEqual(codes({ ...slice, endpoints: [{ addresses: '10.0.0.1', conditions: { ready: 'yes' } }] }), [
    'CFG101 endpoints[0].addresses',
    'CFG101 endpoints[0].conditions.ready',
  ])
  deepEqual(
    codes({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, status: { podIPs: [{ ip: 5 }] } }),
    ['CFG101 status.podIPs[0].ip'],
  )
  deepEqual(codes({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }), [])
})
