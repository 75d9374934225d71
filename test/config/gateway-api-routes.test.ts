/**
 * Gateway API's routes in the Plan: which listener they are attached to, and where connections go.
 *
 * The rules are those that the conformance suite holds implementations to (TCPRoute* and TLSRoute*
 * of gateway-api); the cases are weir's own.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ruleName } from '../../src/table/plan/rule-name.ts'
import {
  authority,
  gateway,
  goes,
  grant,
  planned,
  service,
  tcp,
  tcpRoute,
  tls,
  tlsRoute,
  WEIR,
} from '../support/gateway-api.ts'
import { core, istio, type Written } from '../support/resources.ts'
import { at, codes, EDGE, of, policy } from './gateway-api-kit.ts'

test('weights: 70, 30 and 0; a weight that is left out is 1', () => {
  const { plan } = of(
    gateway('edge', [tcp(9000), tcp(9001)]),
    ...['a', 'b', 'c'].map(each => service(each)),
    tcpRoute('weighted', { ...EDGE, port: 9000 }, ['a 70', 'b 30', 'c 0']),
    tcpRoute('even', { ...EDGE, port: 9001 }, ['a', 'b']),
  )
  equal(goes(plan, 'default/edge', 9000), 'default/a 70, default/b 30')
  equal(goes(plan, 'default/edge', 9001), 'default/a 1, default/b 1')
})

test('the share of a backend that cannot be used is reset, not given to the others', () => {
  const found = of(
    gateway('edge', [tcp(9000), tcp(9001), tcp(9002), tcp(9003)]),
    service('a'),
    service('udp', [{ name: 'main', port: 80, protocol: 'UDP' }]),
    core('Service', 'alias', {
      spec: { type: 'ExternalName', externalName: 'a.other.svc.cluster.local', ports: [{ port: 80 }] },
    }),
    tcpRoute('missing', { ...EDGE, port: 9000 }, ['a 20', 'gone 80']),
    tcpRoute('only', { ...EDGE, port: 9001 }, ['gone']),
    tcpRoute('kinds', { ...EDGE, port: 9002 }, ['udp', 'alias']),
    tcpRoute('zero', { ...EDGE, port: 9003 }, ['a 0']),
  )
  const { plan } = found
  equal(goes(plan, 'default/edge', 9000), 'default/a 20, default/gone reset 80')
  equal(goes(plan, 'default/edge', 9001), 'default/gone reset 1')
  equal(goes(plan, 'default/edge', 9002), 'default/udp reset 1, default/alias reset 1')
  equal(goes(plan, 'default/edge', 9003), 'default/a reset 0')
  deepEqual(codes(found), [
    'CFG525 TCPRoute default/kinds spec.rules[0].backendRefs[0].port',
    'CFG525 TCPRoute default/kinds spec.rules[0].backendRefs[1].name',
    'CFG525 TCPRoute default/missing spec.rules[0].backendRefs[1].name',
    'CFG525 TCPRoute default/only spec.rules[0].backendRefs[0].name',
    'CFG525 TCPRoute default/zero spec.rules[0].backendRefs',
  ])
})

test('a Service of another namespace is used with a ReferenceGrant only, for that kind and name', () => {
  const base = [
    WEIR,
    gateway('edge', [tcp(9000)]),
    ...service('other/db'),
    tcpRoute('far', EDGE, ['other/db']),
  ]
  const goesTo = (...grants: Written[]) => goes(planned([...base, ...grants]).plan, 'default/edge', 9000)
  equal(goesTo(), 'other/db reset 1')
  equal(goesTo(grant('other/g', 'TCPRoute', 'default')), 'other/db 1')
  equal(
    goesTo(grant('other/g', 'TCPRoute', 'default', { group: '', kind: 'Service', name: 'db' })),
    'other/db 1',
  )
  for (const [why, each] of [
    ['in the namespace of the route', grant('default/g', 'TCPRoute', 'default')],
    ['for another kind', grant('other/g', 'TLSRoute', 'default')],
    ['from another namespace', grant('other/g', 'TCPRoute', 'third')],
    [
      'for another Service',
      grant('other/g', 'TCPRoute', 'default', { group: '', kind: 'Service', name: 'x' }),
    ],
    ['for Secrets', grant('other/g', 'TCPRoute', 'default', { group: '', kind: 'Secret' })],
  ] as const)
    equal(goesTo(each), 'other/db reset 1', why)
})

test('one route with a grant does not open the Service to another without', () => {
  const { plan } = of(
    gateway('edge', [tcp(9000), tcp(9001)], {}),
    service('other/db'),
    tcpRoute('may', { ...EDGE, port: 9000 }, ['other/db']),
    tcpRoute('third/may-not', { name: 'edge', namespace: 'default', port: 9001 }, ['other/db']),
    gateway('third/edge', [tcp(9002)]),
    tcpRoute('third/own', EDGE, ['other/db']),
    grant('other/g', 'TCPRoute', 'default'),
  )
  equal(goes(plan, 'default/edge', 9000), 'other/db 1')
  equal(goes(plan, 'third/edge', 9002), 'other/db reset 1')
})

test('of several TCPRoutes on a listener the oldest alone has it; of the same age, the first by name', () => {
  const found = of(
    gateway('edge', [tcp(9000)]),
    ['a', 'b', 'c'].flatMap(each => service(each)),
    tcpRoute('newer', EDGE, ['a'], at(2)),
    tcpRoute('older', EDGE, ['b'], at(1)),
    tcpRoute('also-older', EDGE, ['c'], at(1)),
  )
  equal(goes(found.plan, 'default/edge', 9000), 'default/c 1')
  equal(found.plan.listeners[0].scopes[0].rules.length, 1)
  deepEqual(codes(found), [
    'CFG526 TCPRoute default/older spec.parentRefs',
    'CFG526 TCPRoute default/newer spec.parentRefs',
  ])
})

test('parentRefs: all listeners, one by section, one by port, or both', () => {
  const base = [WEIR, gateway('edge', [tcp(9000), tcp(9001), tls(9002, '')]), ...service('a')]
  const ports = (parent: object) => {
    const { plan } = planned([...base, tcpRoute('route', { ...EDGE, ...parent }, ['a'])])
    return [9000, 9001].filter(port => goes(plan, 'default/edge', port) === 'default/a 1')
  }
  deepEqual(ports({}), [9000, 9001])
  deepEqual(ports({ sectionName: 'tcp-9001' }), [9001])
  deepEqual(ports({ port: 9000 }), [9000])
  deepEqual(ports({ sectionName: 'tcp-9000', port: 9000 }), [9000])
  deepEqual(ports({ sectionName: 'tcp-9000', port: 9001 }), [])
  deepEqual(ports({ sectionName: 'none' }), [])
  deepEqual(ports({ kind: 'Service' }), [])
})

test('a BackendTLSPolicy asks for TLS to a Service; one that cannot be used leaves it closed', () => {
  const ca = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] }
  const cluster = (...written: Written[]) => {
    const { plan } = of(gateway('edge', [tcp(9000)]), service('db'), tcpRoute('r', EDGE, ['db']), ...written)
    return plan.clusters[0]
  }
  equal(cluster().tls, undefined)
  const { tls: spoken } = cluster(policy('p', ca), authority('ca'))
  deepEqual(
    [spoken?.serverName, spoken?.names, spoken?.trust],
    ['db.test', ['db.test'], '[[],{"configMap":"default/ca"}]'],
  )
  equal(cluster(policy('p', { wellKnownCACertificates: 'System' })).tls?.trust, 'system')
  const named = {
    ...ca,
    subjectAltNames: [
      { type: 'Hostname', hostname: 'b.test' },
      { type: 'URI', uri: 'spiffe://a/b' },
    ],
  }
  deepEqual(cluster(policy('p', named), authority('ca')).tls?.names, ['b.test', 'spiffe://a/b'])
  for (const [why, ...written] of [
    ['no ConfigMap', policy('p', ca)],
    ['no PEM', policy('p', ca), authority('ca', 'hello')],
    [
      'another kind',
      policy('p', { caCertificateRefs: [{ group: 'example.com', kind: 'Bundle', name: 'ca' }] }),
    ],
    ['an authority that nobody knows', policy('p', { wellKnownCACertificates: 'example.com/all' })],
  ] as const)
    equal(cluster(...written).kind, 'unknown', why)
  const older = { creationTimestamp: '2026-01-01T00:00:00Z' }
  const system = policy('older', { hostname: 'older.test', wellKnownCACertificates: 'System' }, {}, older)
  const newer = policy('newer', ca, {}, { creationTimestamp: '2026-01-02T00:00:00Z' })
  equal(cluster(newer, system, authority('ca')).tls?.serverName, 'older.test')
  const ofPort = policy('port', ca, { sectionName: 'main' }, { creationTimestamp: '2026-01-02T00:00:00Z' })
  equal(cluster(ofPort, system, authority('ca')).tls?.serverName, 'db.test', 'a port before its Service')
})

test('rules are named by their kind; weir’s annotations say how they split', () => {
  const { plan } = of(
    gateway('edge', [tcp(9000), tls(9443, '')]),
    service('a'),
    tcpRoute('shop', { ...EDGE, port: 9000 }, ['a'], {
      annotations: { 'gateway.weir/split': 'exact', 'gateway.weir/on-dead': 'redistribute' },
    }),
    tlsRoute('shop', { ...EDGE, port: 9443 }, ['a.test', 'b.test'], ['a']),
  )
  const names = plan.listeners.flatMap(each => each.scopes[0].rules.map(rule => ruleName(rule.origin)))
  deepEqual(names, [
    'TCPRoute default/shop rules[0]',
    'TLSRoute default/shop rules[0].match[0]',
    'TLSRoute default/shop rules[0].match[1]',
  ])
  deepEqual(
    plan.routes.map(each => [each.identity, each.split, each.onDead ?? 'fail']),
    [
      ['TCPRoute default/shop rules[0] a.default.svc.cluster.local:80=1', 'exact', 'redistribute'],
      ['TLSRoute default/shop rules[0] a.default.svc.cluster.local:80=1', 'random', 'fail'],
    ],
  )
})

test('a policy may name the Gateway; those without targets select it by its label', () => {
  const policy = (spec: object) => ({
    ...istio('AuthorizationPolicy', 'p', { action: 'DENY', rules: [{}], ...spec }),
    apiVersion: 'security.istio.io/v1',
  })
  const target = (name: string, kind = 'Gateway') => ({ group: 'gateway.networking.k8s.io', kind, name })
  const guarded = (spec: object) =>
    of(gateway('edge', [tcp(9000)]), policy(spec)).plan.listeners[0].policies !== undefined
  equal(guarded({ targetRefs: [target('edge')] }), true)
  equal(guarded({ targetRef: target('edge') }), true)
  equal(guarded({ targetRefs: [target('other')] }), false)
  equal(guarded({ targetRefs: [target('edge', 'GatewayClass')] }), false)
  equal(guarded({ selector: { matchLabels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } } }), true)
  equal(guarded({}), true)
})
