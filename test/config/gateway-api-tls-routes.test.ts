/** TLSRoutes in the Plan: which name goes where, and which of several routes has it. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  api,
  certificate,
  gateway,
  goes,
  service,
  tcpRoute,
  terminated,
  tls,
  tlsRoute,
} from '../support/gateway-api.ts'
import { codes, EDGE, of } from './gateway-api-kit.ts'

test('TLSRoutes: a name goes to the most specific pattern, of any listener and route', () => {
  const { plan } = of(
    gateway('edge', [tls(9443, 'db.example.com'), tls(9443, '*.example.com'), tls(9443, '')]),
    ...['exact', 'wild', 'deep', 'rest', 'shadow'].map(each => service(each)),
    tlsRoute(
      'shadow',
      { ...EDGE, sectionName: 'all.example.com' },
      ['db.example.com', 'a.example.com'],
      ['shadow'],
    ),
    tlsRoute('exact', { ...EDGE, sectionName: 'db.example.com' }, ['db.example.com'], ['exact']),
    tlsRoute('before-all', { ...EDGE, sectionName: 'all.example.com' }, ['*.example.com'], ['wild']),
    tlsRoute('deep', { ...EDGE, sectionName: 'all.example.com' }, ['*.deep.example.com'], ['deep']),
    tlsRoute('rest', { ...EDGE, sectionName: 'any' }, ['*.test', 'x.example.com'], ['rest']),
  )
  const to = (name: string) => goes(plan, 'default/edge', 9443, name)
  equal(to('db.example.com'), 'default/exact 1', 'the listener with the name isolates it')
  equal(to('a.example.com'), 'default/shadow 1', 'a whole name before a wildcard')
  equal(to('b.example.com'), 'default/wild 1')
  equal(to('a.deep.example.com'), 'default/deep 1', 'the longer wildcard first')
  equal(to('deep.example.com'), 'default/wild 1')
  equal(to('x.example.com'), 'default/wild 1', 'a wildcard listener before the one for all')
  equal(to('a.test'), 'default/rest 1')
  equal(to('example.com'), 'nowhere', 'a wildcard has at least one label before it')
  equal(to(''), 'nowhere', 'without a name no route is for it')
  equal(goes(plan, 'default/edge', 9443), 'nowhere', 'nor without TLS')
})

test('hostnames of a listener and a route meet in the narrower one', () => {
  const attached = (listener: string, ...hostnames: string[]): string[] => {
    const { plan } = of(
      gateway('edge', [tls(9443, listener)]),
      service('a'),
      tlsRoute('r', EDGE, hostnames, ['a']),
    )
    return plan.listeners[0].scopes[0].rules.flatMap(each => each.names ?? [])
  }
  deepEqual(attached('db.example.com', '*.example.com'), ['db.example.com'])
  deepEqual(attached('*.example.com', 'db.example.com', 'db.test'), ['db.example.com'])
  deepEqual(attached('*.example.com', '*.db.example.com'), ['*.db.example.com'])
  deepEqual(attached('*.db.example.com', '*.example.com'), ['*.db.example.com'])
  deepEqual(attached('*.example.com', 'example.com'), [])
  deepEqual(attached('', 'db.example.com'), ['db.example.com'])
  deepEqual(attached('db.example.com', 'other.example.com'), [])
})

test('one hostname of two TLSRoutes belongs to the older', () => {
  const found = of(
    gateway('edge', [tls(9443, '')]),
    service('a'),
    service('b'),
    tlsRoute('newer', EDGE, ['db.test', 'own.test'], ['a'], { creationTimestamp: '2026-01-02T00:00:00Z' }),
    tlsRoute('older', EDGE, ['db.test'], ['b'], { creationTimestamp: '2026-01-01T00:00:00Z' }),
  )
  equal(goes(found.plan, 'default/edge', 9443, 'db.test'), 'default/b 1')
  equal(goes(found.plan, 'default/edge', 9443, 'own.test'), 'default/a 1')
  deepEqual(codes(found), ['CFG527 TLSRoute default/newer spec.hostnames[0]'])
})

test('where TLS ends, TLSRoutes choose by name, and a TCPRoute takes the rest', () => {
  const { plan } = of(
    gateway('edge', [terminated(9443, '*.example.com', { name: 'cert' })]),
    certificate('cert'),
    ...['a', 'b'].map(each => service(each)),
    tlsRoute('named', EDGE, ['a.example.com'], ['a']),
    tcpRoute('rest', EDGE, ['b']),
  )
  equal(goes(plan, 'default/edge', 9443, 'a.example.com'), 'default/a 1')
  equal(goes(plan, 'default/edge', 9443, 'b.example.com'), 'default/b 1')
  const [{ tls: server }] = plan.listeners[0].scopes
  equal(server?.name, 'Gateway default/edge listeners[0]')
  equal(server?.clients, 'none')
})

test('versions before v1: a TLSRoute without hostnames takes every name of its listener', () => {
  const { plan } = of(
    gateway('edge', [tls(9443, '*.example.com')]),
    service('a'),
    api('TLSRoute/v1alpha2', 'old', {
      parentRefs: [EDGE],
      rules: [{ backendRefs: [{ name: 'a', port: 80 }] }],
    }),
  )
  equal(goes(plan, 'default/edge', 9443, 'x.example.com'), 'default/a 1')
})
