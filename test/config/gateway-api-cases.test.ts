/**
 * Rules that Gateway API's conformance suite holds by HTTP, as they are for TCP and TLS, and those
 * where several resources come together. The cases are weir's own.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  api,
  certificate,
  gateway,
  grant,
  planned,
  service,
  tcp,
  tcpRoute,
  terminated,
  tls,
  tlsRoute,
  WEIR,
} from '../support/gateway-api.ts'
import type { Written } from '../support/resources.ts'
import { at, EDGE, open, parent, policy, said, set, statuses } from './gateway-api-kit.ts'

test('any word is a protocol; one that weir does not serve is told in the status', () => {
  const quic = { name: 'quic', port: 9001, protocol: 'example.com/quic' }
  const wrong = { name: 'wrong', port: 9002, protocol: 'tcp' }
  const { conditions, listeners: all } = statuses([gateway('edge', [tcp(9000), quic, wrong])])('Gateway')
  deepEqual(said(conditions), ['Accepted: ListenersNotValid', 'Programmed: Programmed'])
  deepEqual(
    all.map(each => said(each.conditions, 'Accepted')[0]),
    ['Accepted: Accepted', 'not Accepted: UnsupportedProtocol', 'not Accepted: UnsupportedProtocol'],
  )
  const none = statuses([gateway('edge', [wrong])])('Gateway')
  deepEqual(said(none.conditions), ['not Accepted: ListenersNotValid', 'not Programmed: Invalid'])
})

test('parameters are refused, of a class and of a Gateway', () => {
  const parametersRef = { group: 'example.com', kind: 'Parameters', name: 'p' }
  const own = statuses([gateway('edge', [tcp(9000)], { infrastructure: { parametersRef } })])('Gateway')
  deepEqual(said(own.conditions), ['not Accepted: InvalidParameters', 'not Programmed: Invalid'])
  const { conditions } = statuses([
    {
      ...api('GatewayClass', 'more', { controllerName: 'gateway.weir/controller', parametersRef }),
      metadata: { name: 'more', namespace: '' },
    },
  ])('GatewayClass', 'more')
  deepEqual(said(conditions), ['not Accepted: InvalidParameters'])
})

test('an address without a value is any that weir has', () => {
  const edge = gateway('edge', [tcp(9000)], { addresses: [{ type: 'IPAddress' }] })
  const { conditions, addresses } = statuses([edge], ['192.0.2.1'])('Gateway')
  deepEqual(said(conditions), ['Accepted: Accepted', 'Programmed: Programmed'])
  deepEqual(addresses, [{ type: 'IPAddress', value: '192.0.2.1' }])
  const { plan } = planned([WEIR, edge])
  equal(plan.listeners[0].bind, '', 'at every address')
})

test('an address that the machine does not have is told, and is none of the Gateway’s', () => {
  const local = ['127.0.0.0/8', '10.0.0.5', '2001:db8::5']
  const of = (...addresses: object[]) => {
    const edge = gateway('edge', [tcp(9000)], { addresses, ...open('Same') })
    const get = statuses([edge, set('more', [tcp(9001)])], null, local)
    const { conditions, addresses: told, listeners: all } = get('Gateway')
    const [listener] = [...all, ...get('ListenerSet', 'more').listeners]
    return [
      ...said(conditions),
      ...said(listener.conditions, 'Programmed'),
      ...said(get('ListenerSet', 'more').conditions, 'Programmed'),
      ...told.map(each => (each as { value: string }).value),
    ]
  }
  const other = { type: 'example.com/name', value: 'a' }
  const [far, near] = [{ value: '192.0.2.7' }, { value: '10.0.0.5' }]
  deepEqual(of(other, far, near).slice(0, 2), ['not Accepted: UnsupportedAddress', 'not Programmed: Invalid'])
  const programmed = 'Programmed: Programmed'
  const notUsable = ['Accepted: Accepted', 'not Programmed: AddressNotUsable']
  deepEqual(of(far, near), [...notUsable, programmed, programmed, '10.0.0.5'])
  deepEqual(of(far), [...notUsable, 'not Programmed: Invalid', 'not Programmed: ParentNotProgrammed'])
  deepEqual(of(near), ['Accepted: Accepted', programmed, programmed, programmed, '10.0.0.5'])
  deepEqual(of({ value: '127.0.0.9' }, { value: '2001:db8::5' }).slice(0, 2), [
    'Accepted: Accepted',
    programmed,
  ])
  deepEqual(of().slice(0, 2), ['Accepted: Accepted', programmed])
})

test('a Gateway may have a name of 253 characters', () => {
  const name = `${'a'.repeat(200)}.${'b'.repeat(52)}`
  const edge = gateway(name, [tcp(9000)], {}, { generation: 4 })
  const { conditions } = statuses([edge])('Gateway', name)
  deepEqual([...new Set(conditions.map(each => each.observedGeneration))], [4])
  deepEqual(said(conditions), ['Accepted: Accepted', 'Programmed: Programmed'])
})

test('every condition has the generation of the resource that carries it', () => {
  const of = statuses([
    { ...WEIR, metadata: { name: 'second', namespace: '', generation: 2 } as Written['metadata'] },
    gateway('edge', [tcp(9000)], open('Same'), { generation: 3 }),
    set('more', [tcp(9001)], { generation: 5 }),
    tlsRoute('r', EDGE, ['a.test'], ['a'], { generation: 6 }),
  ])
  const generations = (...lists: (readonly { observedGeneration: number }[])[]) => [
    ...new Set(lists.flat().map(each => each.observedGeneration)),
  ]
  const ofAll = (status: ReturnType<typeof of>) =>
    generations(status.conditions, ...status.listeners.map(each => each.conditions))
  deepEqual(generations(of('GatewayClass', 'second').conditions), [2])
  deepEqual(ofAll(of('Gateway')), [3])
  deepEqual(ofAll(of('ListenerSet', 'more')), [5])
  deepEqual(generations(of('TLSRoute', 'r').parents[0].conditions), [6])
})

test('routes count for a listener whose certificate is missing, also with backends that are', () => {
  const of = statuses([
    gateway('edge', [terminated(9443, '*.test', { name: 'gone' })]),
    tlsRoute('r', EDGE, ['a.test'], ['nobody']),
  ])
  const [listener] = of('Gateway').listeners
  deepEqual(said(listener.conditions, 'Accepted', 'Programmed', 'ResolvedRefs'), [
    'Accepted: Accepted',
    'not Programmed: Invalid',
    'not ResolvedRefs: InvalidCertificateRef',
  ])
  equal(listener.attachedRoutes, 1)
  deepEqual(parent(of('TLSRoute', 'r')), ['Accepted: Accepted', 'not ResolvedRefs: BackendNotFound'])
})

test('a TLSRoute: backends and parents that cannot be are told as for a TCPRoute', () => {
  const of = (parentRef: object, backend: object, ...more: Written[]) => {
    const spec = { parentRefs: [parentRef], hostnames: ['a.test'], rules: [{ backendRefs: [backend] }] }
    const edge = gateway('edge', [
      tls(9443, '*.test'),
      { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'cert' }] } },
      { name: 'http', port: 80, protocol: 'HTTP' },
    ])
    return parent(statuses([edge, api('TLSRoute', 'r', spec), ...more])('TLSRoute', 'r'))
  }
  const db = { name: 'db', port: 80 }
  const far = { ...db, namespace: 'far' }
  const unresolved = (reason: string) => ['Accepted: Accepted', `not ResolvedRefs: ${reason}`]
  deepEqual(of(EDGE, db), unresolved('BackendNotFound'))
  deepEqual(of(EDGE, { ...db, group: 'example.com', kind: 'Pool' }), unresolved('InvalidKind'))
  deepEqual(of(EDGE, far, ...service('far/db')), unresolved('RefNotPermitted'))
  deepEqual(
    of(EDGE, far, ...service('far/db'), grant('far/g', 'TCPRoute', 'default')),
    unresolved('RefNotPermitted'),
    'a grant for TCPRoutes is none for TLSRoutes',
  )
  const fine = ['Accepted: Accepted', 'ResolvedRefs: ResolvedRefs']
  deepEqual(of(EDGE, far, ...service('far/db'), grant('far/g', 'TLSRoute', 'default')), fine)
  const why = (section: string) => of({ ...EDGE, sectionName: section }, db, ...service('db'))[0]
  equal(why('https'), 'not Accepted: NotAllowedByListeners')
  equal(why('http'), 'not Accepted: NotAllowedByListeners')
  equal(why('none'), 'not Accepted: NoMatchingParent')
})

test('kinds of routes: of a listener where TLS passes, and of one where it ends', () => {
  const of = (listener: object) => {
    const status = statuses([gateway('edge', [listener]), certificate('cert')])('Gateway')
    const [{ supportedKinds, conditions }] = status.listeners
    return [supportedKinds.map(each => each.kind), ...said(conditions, 'ResolvedRefs')]
  }
  const kinds = { allowedRoutes: { kinds: [{ kind: 'TCPRoute' }, { kind: 'TLSRoute' }] } }
  deepEqual(of(tls(9443, '', kinds)), [['TLSRoute'], 'not ResolvedRefs: InvalidRouteKinds'])
  const ends = terminated(9443, '', { name: 'cert' })
  deepEqual(of({ ...ends, ...kinds }), [['TCPRoute', 'TLSRoute'], 'ResolvedRefs: ResolvedRefs'])
  const one = { allowedRoutes: { kinds: [{ kind: 'TLSRoute' }] } }
  deepEqual(of({ ...ends, ...one }), [['TLSRoute'], 'ResolvedRefs: ResolvedRefs'])
})

test('BackendTLSPolicies: of a Service and of its ports the oldest, by time and then by name', () => {
  const system = { wellKnownCACertificates: 'System' }
  const whole = (id: string, createdAt: object) => policy(id, system, {}, createdAt)
  const ofPort = (id: string, sectionName: string, createdAt: object) =>
    policy(id, system, { sectionName }, createdAt)
  const of = statuses([
    gateway('edge', [tcp(9000)]),
    ...service('db'),
    tcpRoute('r', EDGE, ['db']),
    whole('b-whole', at(1)),
    whole('a-whole', at(2)),
    ofPort('b-port', 'main', at(3)),
    ofPort('a-port', 'main', at(3)),
    ofPort('other-port', 'metrics', at(4)),
  ])
  const accepted = ['b-whole', 'a-whole', 'a-port', 'b-port', 'other-port'].map(
    id => said(of('BackendTLSPolicy', id).ancestors[0].conditions, 'Accepted')[0],
  )
  const [fine, not] = ['Accepted: Accepted', 'not Accepted: Conflicted']
  deepEqual(accepted, [fine, not, fine, not, fine])
})
