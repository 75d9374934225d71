/**
 * The status of Gateway API's resources: the conditions that its conformance suite expects, for
 * cases of weir's own.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { addressesBy } from '../../src/config/gateway-api/status/addresses.ts'
import { loadConfig } from '../../src/config/load.ts'
import {
  authority,
  certificate,
  gateway,
  grant,
  service,
  tcp,
  tcpRoute,
  terminated,
  tls,
  WEIR,
} from '../support/gateway-api.ts'
import { core, type Written } from '../support/resources.ts'
import { EDGE, listeners, parent, policy, said, statuses } from './gateway-api-kit.ts'

test('all is well: every condition, with the generation that was read', () => {
  const of = statuses([
    gateway(
      'edge',
      [tcp(9000), tls(9443, 'a.test'), terminated(9444, 'b.test', { name: 'cert' })],
      {},
      { generation: 3 },
    ),
    certificate('cert'),
    service('a'),
    tcpRoute('r', { ...EDGE, port: 9000 }, ['a'], { generation: 7 }),
  ])
  deepEqual(said(of('GatewayClass', 'weir').conditions), ['Accepted: Accepted'])
  const { conditions } = of('Gateway')
  deepEqual(said(conditions), ['Accepted: Accepted', 'Programmed: Programmed'])
  deepEqual([...new Set(conditions.map(each => each.observedGeneration))], [3])
  const fine = [
    'Accepted: Accepted',
    'Programmed: Programmed',
    'ResolvedRefs: ResolvedRefs',
    'not Conflicted: NoConflicts',
  ]
  deepEqual(listeners(of('Gateway')), [
    ['tcp-9000', ...fine],
    ['a.test', ...fine],
    ['b.test', ...fine],
  ])
  deepEqual(
    of('Gateway').listeners.map(each => [each.attachedRoutes, each.supportedKinds.map(({ kind }) => kind)]),
    [
      [1, ['TCPRoute']],
      [0, ['TLSRoute']],
      [0, ['TLSRoute', 'TCPRoute']],
    ],
  )
  deepEqual(parent(of('TCPRoute', 'r')), ['Accepted: Accepted', 'ResolvedRefs: ResolvedRefs'])
  equal(of('TCPRoute', 'r').parents[0].conditions[0].observedGeneration, 7)
  deepEqual(of('TCPRoute', 'r').parents[0].parentRef, { ...EDGE, port: 9000 }, 'as it is written')
})

test('a Gateway is accepted with some listeners that are not, and not without any', () => {
  const http = { name: 'http', port: 80, protocol: 'HTTP' }
  const some = statuses([gateway('edge', [tcp(9000), http])])('Gateway')
  deepEqual(said(some.conditions), ['Accepted: ListenersNotValid', 'Programmed: Programmed'])
  deepEqual(listeners(some, 'Accepted', 'Programmed')[1], [
    'http',
    'not Accepted: UnsupportedProtocol',
    'not Programmed: Invalid',
  ])
  deepEqual(some.listeners[1].supportedKinds, [])
  const none = statuses([gateway('edge', [http, { name: 'udp', port: 53, protocol: 'UDP' }])])('Gateway')
  deepEqual(said(none.conditions), ['not Accepted: ListenersNotValid', 'not Programmed: Invalid'])
})

test('conflicting listeners of one Gateway are all conflicted', () => {
  const of = (...all: object[]) =>
    listeners(statuses([gateway('edge', all)])('Gateway'), 'Accepted', 'Conflicted')
  deepEqual(of(tcp(9000), tls(9000, 'a.test'), tcp(9001)), [
    ['tcp-9000', 'not Accepted: ProtocolConflict', 'Conflicted: ProtocolConflict'],
    ['a.test', 'not Accepted: ProtocolConflict', 'Conflicted: ProtocolConflict'],
    ['tcp-9001', 'Accepted: Accepted', 'not Conflicted: NoConflicts'],
  ])
  deepEqual(of(tls(9000, 'a.test'), tls(9000, 'A.test', { name: 'b' })), [
    ['a.test', 'not Accepted: HostnameConflict', 'Conflicted: HostnameConflict'],
    ['b', 'not Accepted: HostnameConflict', 'Conflicted: HostnameConflict'],
  ])
})

test('a port that another Gateway has is unavailable', () => {
  const of = statuses([gateway('edge', [tcp(9000)]), gateway('later', [tcp(9000), tcp(9001)])])
  deepEqual(listeners(of('Gateway', 'later'), 'Accepted'), [
    ['tcp-9000', 'not Accepted: PortUnavailable'],
    ['tcp-9001', 'Accepted: Accepted'],
  ])
})

test('kinds of routes that a listener cannot have are not supported', () => {
  const of = (...kinds: object[]) => {
    const [{ supportedKinds, conditions }] = statuses([
      gateway('edge', [tcp(9000, { allowedRoutes: { kinds } })]),
    ])('Gateway').listeners
    return [supportedKinds.map(each => each.kind), ...said(conditions, 'ResolvedRefs')]
  }
  deepEqual(of({ kind: 'TCPRoute' }), [['TCPRoute'], 'ResolvedRefs: ResolvedRefs'])
  deepEqual(of({ kind: 'TCPRoute' }, { kind: 'HTTPRoute' }), [
    ['TCPRoute'],
    'not ResolvedRefs: InvalidRouteKinds',
  ])
  deepEqual(of({ kind: 'TLSRoute' }), [[], 'not ResolvedRefs: InvalidRouteKinds'])
  deepEqual(of({ group: 'example.com', kind: 'TCPRoute' }), [[], 'not ResolvedRefs: InvalidRouteKinds'])
})

test('certificates: missing, of another kind, malformed, of another namespace', () => {
  const of = (ref: object, ...more: Written[]) => {
    const edge = gateway('edge', [terminated(9443, 'a.test', ref)])
    return said(statuses([edge, ...more])('Gateway').listeners[0].conditions, 'ResolvedRefs', 'Programmed')
  }
  const invalid = ['not Programmed: Invalid', 'not ResolvedRefs: InvalidCertificateRef']
  deepEqual(of({ name: 'cert' }), invalid)
  deepEqual(of({ group: 'example.com', kind: 'Secret', name: 'cert' }, certificate('cert')), invalid)
  deepEqual(of({ kind: 'ConfigMap', name: 'cert' }, certificate('cert')), invalid)
  deepEqual(
    of({ name: 'cert' }, core('Secret', 'cert', { stringData: { 'tls.crt': 'x', 'tls.key': 'y' } })),
    invalid,
  )
  const far = { name: 'cert', namespace: 'certs' }
  const may = (to: object) => grant('certs/g', 'Gateway', 'default', { group: '', kind: 'Secret', ...to })
  deepEqual(of(far, certificate('certs/cert')), [
    'not Programmed: Invalid',
    'not ResolvedRefs: RefNotPermitted',
  ])
  deepEqual(of(far, certificate('certs/cert'), may({ name: 'other' })), [
    'not Programmed: Invalid',
    'not ResolvedRefs: RefNotPermitted',
  ])
  const fine = ['Programmed: Programmed', 'ResolvedRefs: ResolvedRefs']
  deepEqual(of(far, certificate('certs/cert'), may({})), fine)
  deepEqual(of(far, certificate('certs/cert'), may({ name: 'cert' })), fine)
})

test('addresses: those that are known, asked for, or of a type that weir has not', () => {
  const of = (addresses: object[], known: string[] | null = null) => {
    const status = statuses([gateway('edge', [tcp(9000)], { addresses })], known)('Gateway')
    return [...said(status.conditions), ...status.addresses.map(each => Object.values(each).join(' '))]
  }
  const fine = ['Accepted: Accepted', 'Programmed: Programmed']
  deepEqual(of([]), fine)
  deepEqual(of([], ['192.0.2.1']), [...fine, 'IPAddress 192.0.2.1'])
  deepEqual(of([], ['192.0.2.1', 'edge.test']), [...fine, 'IPAddress 192.0.2.1', 'Hostname edge.test'])
  deepEqual(of([], []), ['Accepted: Accepted', 'not Programmed: AddressNotAssigned'])
  deepEqual(of([{ value: '127.0.0.1' }]), [...fine, 'IPAddress 127.0.0.1'])
  deepEqual(of([{ type: 'Hostname', value: 'a.test' }]), [
    'not Accepted: UnsupportedAddress',
    'not Programmed: Invalid',
  ])
})

test('addresses of the Settings come before those that a Gateway asks for, and these before the Pod’s own', () => {
  const asks = { binds: ['10.0.0.1'] }
  const [given, own] = [['192.0.2.1'], ['10.0.0.9', '10.0.0.1']]
  deepEqual(addressesBy({ given, own })(asks), given)
  equal(addressesBy({ given: [], own })(asks), null, 'where it listens')
  deepEqual(addressesBy({ given: [], own })({ binds: [''] }), own)
  equal(addressesBy({ given: [], own: [] })({ binds: [''] }), null)
})

test('addresses of the Settings are in the status that weir check prints', () => {
  const settings =
    'apiVersion: gateway.weir/v1\nkind: Settings\nspec: {kubernetes: {addresses: [edge.test]}}\n'
  const text = [WEIR, gateway('edge', [tcp(9000)])].map(each => JSON.stringify(each)).join('\n---\n')
  const files = [settings, text].map((each, index) => ({ file: `${index}.yaml`, bytes: Buffer.from(each) }))
  const read = (more: object) =>
    loadConfig(files, { names: new Map(), ...more }).statuses.find(each => each.kind === 'Gateway')?.status
      .addresses
  deepEqual(read({}), [{ type: 'Hostname', value: 'edge.test' }])
  const atStart = { gatewayAddresses: { given: [], own: ['10.0.0.9'] } }
  deepEqual(read(atStart), [{ type: 'IPAddress', value: '10.0.0.9' }], 'those of the start count')
})

test('listeners that terminate TLS for names in common are told so', () => {
  const cert = { name: 'cert' }
  const of = statuses([
    gateway('edge', [
      terminated(9443, '*.example.com', cert),
      terminated(9443, 'a.example.com', cert),
      terminated(9443, 'a.test', cert),
      { ...terminated(9444, 'a.example.com', cert), name: 'elsewhere' },
      tls(9443, 'b.example.com'),
    ]),
    certificate('cert'),
  ])
  deepEqual(listeners(of('Gateway'), 'OverlappingTLSConfig'), [
    ['all.example.com', 'OverlappingTLSConfig: OverlappingHostnames'],
    ['a.example.com', 'OverlappingTLSConfig: OverlappingHostnames'],
    ['a.test'],
    ['elsewhere'],
    ['b.example.com'],
  ])
})

test('BackendTLSPolicies: per Gateway that has a route to their Service', () => {
  const ca = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] }
  const base = [gateway('edge', [tcp(9000)]), ...service('db'), tcpRoute('r', EDGE, ['db'])]
  const of = (written: Written[], id = 'p') => {
    const { ancestors } = statuses([...base, ...written])('BackendTLSPolicy', id)
    return said(ancestors[0].conditions)
  }
  deepEqual(of([policy('p', ca), authority('ca')]), ['Accepted: Accepted', 'ResolvedRefs: ResolvedRefs'])
  const refused = (reason: string) => ['not Accepted: NoValidCACertificate', `not ResolvedRefs: ${reason}`]
  deepEqual(of([policy('p', ca)]), refused('InvalidCACertificateRef'))
  deepEqual(of([policy('p', ca), authority('ca', 'x')]), refused('InvalidCACertificateRef'))
  deepEqual(
    of([policy('p', { caCertificateRefs: [{ group: '', kind: 'Service', name: 'ca' }] })]),
    refused('InvalidKind'),
  )
  deepEqual(of([policy('p', { wellKnownCACertificates: 'a.test/all' })]), [
    'not Accepted: Invalid',
    'ResolvedRefs: ResolvedRefs',
  ])
  const twice = [policy('a', ca), policy('b', ca), policy('c', ca, { sectionName: 'main' }), authority('ca')]
  deepEqual(of(twice, 'a')[0], 'Accepted: Accepted')
  deepEqual(of(twice, 'b')[0], 'not Accepted: Conflicted')
  deepEqual(of(twice, 'c')[0], 'Accepted: Accepted', 'a port of it is another target')
  deepEqual(
    statuses([policy('p', ca), authority('ca')])('BackendTLSPolicy', 'p').ancestors,
    [],
    'no Gateway has it',
  )
})
