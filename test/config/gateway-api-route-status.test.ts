/** The status of Gateway API's routes: by parent, and what it counts at their listeners. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { api, gateway, grant, service, tcp, tcpRoute, tls, tlsRoute } from '../support/gateway-api.ts'
import type { Written } from '../support/resources.ts'
import { EDGE, parent, said, statuses } from './gateway-api-kit.ts'

test('why a route is not accepted by its parent', () => {
  const edge = gateway('edge', [
    tcp(9000),
    tls(9443, '*.example.com'),
    { name: 'http', port: 80, protocol: 'HTTP' },
    tcp(9002, { allowedRoutes: { kinds: [{ kind: 'HTTPRoute' }] } }),
  ])
  const all = [edge, ...service('a'), ...service('other/a')]
  const why = (route: Written) => {
    const { kind, metadata } = route
    return parent(statuses([...all, route])(kind, `${metadata.namespace}/${metadata.name}`))[0]
  }
  const at = (section: string) => ({ ...EDGE, sectionName: section })
  equal(why(tcpRoute('r', at('none'), ['a'])), 'not Accepted: NoMatchingParent')
  equal(why(tcpRoute('r', { ...EDGE, port: 1 }, ['a'])), 'not Accepted: NoMatchingParent')
  equal(why(tcpRoute('r', at('http'), ['a'])), 'not Accepted: NotAllowedByListeners')
  equal(why(tcpRoute('r', at('all.example.com'), ['a'])), 'not Accepted: NotAllowedByListeners')
  equal(why(tcpRoute('r', at('tcp-9002'), ['a'])), 'not Accepted: NotAllowedByListeners')
  equal(why(tlsRoute('r', at('tcp-9000'), ['x.example.com'], ['a'])), 'not Accepted: NotAllowedByListeners')
  equal(
    why(tcpRoute('other/r', { ...EDGE, namespace: 'default' }, ['a'])),
    'not Accepted: NotAllowedByListeners',
  )
  equal(
    why(tlsRoute('r', EDGE, ['example.com', '*.test'], ['a'])),
    'not Accepted: NoMatchingListenerHostname',
  )
  equal(why(tlsRoute('r', EDGE, ['x.example.com'], ['a'])), 'Accepted: Accepted')
})

test('each parent of a route has its own verdict; others’ parents have none of weir', () => {
  const theirs = {
    ...api('GatewayClass', 'theirs', { controllerName: 'example.com/gateways' }),
    metadata: { name: 'theirs', namespace: '' },
  }
  const of = statuses([
    theirs,
    gateway('edge', [tcp(9000)]),
    gateway('other', [tcp(9001)], { gatewayClassName: 'theirs' }),
    service('a'),
    tcpRoute(
      'r',
      [
        EDGE,
        { ...EDGE, sectionName: 'x' },
        { name: 'other' },
        { name: 'gone' },
        { kind: 'Service', group: '', name: 'a' },
      ],
      ['a'],
    ),
  ])
  deepEqual(
    of('TCPRoute', 'r').parents.map(each => [each.parentRef, said(each.conditions, 'Accepted')[0]]),
    [
      [EDGE, 'Accepted: Accepted'],
      [{ ...EDGE, sectionName: 'x' }, 'not Accepted: NoMatchingParent'],
    ],
  )
  equal(of('Gateway', 'other'), undefined)
  equal(of('GatewayClass', 'theirs'), undefined)
})

test('a backend that cannot be used: the route is accepted, its references are not resolved', () => {
  const of = (ref: object, ...more: Written[]) => {
    const route = api('TCPRoute', 'r', { parentRefs: [EDGE], rules: [{ backendRefs: [ref] }] })
    return parent(statuses([gateway('edge', [tcp(9000)]), route, ...more])('TCPRoute', 'r'))
  }
  const unresolved = (reason: string) => ['Accepted: Accepted', `not ResolvedRefs: ${reason}`]
  deepEqual(of({ name: 'gone', port: 80 }), unresolved('BackendNotFound'))
  deepEqual(of({ name: 'a', port: 81 }, ...service('a')), unresolved('BackendNotFound'))
  deepEqual(of({ group: 'example.com', kind: 'Pool', name: 'a' }), unresolved('InvalidKind'))
  deepEqual(of({ name: 'a', namespace: 'far', port: 80 }, ...service('far/a')), unresolved('RefNotPermitted'))
  deepEqual(
    of({ name: 'a', namespace: 'far', port: 80 }),
    unresolved('RefNotPermitted'),
    'nobody learns what is there',
  )
  const udp = service('a', [{ name: 'main', port: 80, protocol: 'UDP' }])
  deepEqual(of({ name: 'a', port: 80 }, ...udp), unresolved('UnsupportedProtocol'))
  const granted = [...service('far/a'), grant('far/g', 'TCPRoute', 'default')]
  deepEqual(of({ name: 'a', namespace: 'far', port: 80 }, ...granted), [
    'Accepted: Accepted',
    'ResolvedRefs: ResolvedRefs',
  ])
})

test('two TCPRoutes on a listener are both accepted and attached', () => {
  const of = statuses([
    gateway('edge', [tcp(9000)]),
    service('a'),
    tcpRoute('x', EDGE, ['a']),
    tcpRoute('y', EDGE, ['a']),
  ])
  deepEqual(
    [parent(of('TCPRoute', 'x'))[0], parent(of('TCPRoute', 'y'))[0]],
    ['Accepted: Accepted', 'Accepted: Accepted'],
  )
  equal(of('Gateway').listeners[0].attachedRoutes, 2)
})

test('a route is counted once for a listener, and only if it is accepted there', () => {
  const of = statuses([
    gateway('edge', [tcp(9000), tcp(9001), tls(9443, 'a.test')]),
    service('a'),
    tcpRoute(
      'both',
      [
        { ...EDGE, sectionName: 'tcp-9000' },
        { ...EDGE, port: 9000 },
      ],
      ['a'],
    ),
    tlsRoute('none', EDGE, ['b.test'], ['a']),
  ])
  deepEqual(
    of('Gateway').listeners.map(each => each.attachedRoutes),
    [1, 0, 0],
  )
})
