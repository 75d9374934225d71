/** ListenerSets: their status, that of their Gateways and routes, and what they serve. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  certificate,
  gateway,
  goes,
  grant,
  namespace,
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
import { at, EDGE, listeners, open, parent, type Status, said, set, statuses } from './gateway-api-kit.ts'

const attached = (status: Status): string[] =>
  status.listeners.map(each => `${each.name} ${each.attachedRoutes}`)

test('ListenerSets: allowed by namespace, and counted by their Gateway', () => {
  const of = (namespaces?: object) => {
    const status = statuses([
      namespace('blue', { team: 'blue' }),
      gateway('edge', [tcp(9000)], namespaces && { allowedListeners: { namespaces } }),
      set('own', [tcp(9001)]),
      set('blue/more', [tcp(9002)]),
    ])
    return [
      status('Gateway').attachedListenerSets,
      ...['own', 'blue/more'].map(id => said(status('ListenerSet', id).conditions).join(', ')),
    ]
  }
  const fine = 'Accepted: Accepted, Programmed: Programmed'
  const not = 'not Accepted: NotAllowed, not Programmed: NotAllowed'
  deepEqual(of(), [0, not, not])
  deepEqual(of({ from: 'None' }), [0, not, not])
  deepEqual(of({ from: 'Same' }), [1, fine, not])
  deepEqual(of({ from: 'All' }), [2, fine, fine])
  deepEqual(of({ from: 'Selector', selector: { matchLabels: { team: 'blue' } } }), [1, not, fine])
})

test('ListenerSets: the Gateway’s listeners come first, then the older set’s', () => {
  const of = statuses([
    gateway('edge', [tcp(9000)], open('All')),
    set('newer', [tls(9001, 'b.test', { name: 'b' }), tls(9002, 'c.test', { name: 'c' })], at(2)),
    set('older', [tcp(9001), tls(9000, 'a.test', { name: 'a' })], at(1)),
    set('lost', [tls(9001, 'd.test', { name: 'd' })], at(3)),
  ])
  const fine = ['Accepted: Accepted', 'Programmed: Programmed', 'not Conflicted: NoConflicts']
  const conflict = [
    'not Accepted: ProtocolConflict',
    'not Programmed: ProtocolConflict',
    'Conflicted: ProtocolConflict',
  ]
  const types = ['Accepted', 'Programmed', 'Conflicted']
  deepEqual(listeners(of('Gateway'), ...types), [['tcp-9000', ...fine]])
  deepEqual(listeners(of('ListenerSet', 'older'), ...types), [
    ['tcp-9001', ...fine],
    ['a', ...conflict],
  ])
  deepEqual(listeners(of('ListenerSet', 'newer'), ...types), [
    ['b', ...conflict],
    ['c', ...fine],
  ])
  deepEqual(said(of('ListenerSet', 'newer').conditions), [
    'Accepted: ListenersNotValid',
    'Programmed: Programmed',
  ])
  deepEqual(said(of('ListenerSet', 'lost').conditions), [
    'not Accepted: ListenersNotValid',
    'not Programmed: ListenersNotValid',
  ])
  equal(of('Gateway').attachedListenerSets, 2)
})

test('what lost a port to another is in nobody’s way', () => {
  const of = statuses([
    gateway('edge', [tls(9000, 'a.test')], open('Same')),
    set('first', [tcp(9000)], at(1)),
    set('second', [tls(9000, 'b.test', { name: 'b' })], at(2)),
  ])
  deepEqual(listeners(of('ListenerSet', 'first'), 'Accepted'), [
    ['tcp-9000', 'not Accepted: ProtocolConflict'],
  ])
  deepEqual(listeners(of('ListenerSet', 'second'), 'Accepted'), [['b', 'Accepted: Accepted']])
})

test('a route finds a ListenerSet’s listener by the ListenerSet, not by the Gateway', () => {
  const of = statuses([
    gateway('edge', [tcp(9000)], open('Same')),
    set('more', [tcp(9001)]),
    service('a'),
    tcpRoute('by-gateway', { ...EDGE, sectionName: 'tcp-9001' }, ['a']),
    tcpRoute('by-set', { kind: 'ListenerSet', name: 'more', sectionName: 'tcp-9001' }, ['a']),
  ])
  equal(parent(of('TCPRoute', 'by-gateway'))[0], 'not Accepted: NoMatchingParent')
  equal(parent(of('TCPRoute', 'by-set'))[0], 'Accepted: Accepted')
  deepEqual(
    [of('Gateway').listeners[0].attachedRoutes, of('ListenerSet', 'more').listeners[0].attachedRoutes],
    [0, 1],
  )
})

test('ListenerSets: what lost to the Gateway is in the way of nobody, its own siblings included', () => {
  const of = statuses([
    gateway('edge', [tls(9000, 'a.test'), tls(9000, 'b.test')], open('Same')),
    set('first', [tls(9000, 'c.test'), tcp(9000), tls(9000, 'd.test')], at(1)),
    set('second', [tcp(9000)], at(2)),
    set('third', [tls(9000, 'e.test'), tls(9000, 'C.test', { name: 'same' })], at(3)),
    set('fourth', [tls(9000, 'f.test'), tls(9000, 'F.test', { name: 'twice' })], at(4)),
  ])
  const accepted = (id: string) =>
    listeners(of('ListenerSet', id), 'Accepted').map(([name, said]) => `${name} ${said}`)
  deepEqual(accepted('first'), [
    'c.test Accepted: Accepted',
    'tcp-9000 not Accepted: ProtocolConflict',
    'd.test Accepted: Accepted',
  ])
  deepEqual(accepted('third'), ['e.test Accepted: Accepted', 'same not Accepted: HostnameConflict'])
  deepEqual(accepted('fourth'), [
    'f.test not Accepted: HostnameConflict',
    'twice not Accepted: HostnameConflict',
  ])
  const sets = ['first', 'second', 'third', 'fourth'].map(id => said(of('ListenerSet', id).conditions).join())
  deepEqual(sets, [
    'Accepted: ListenersNotValid,Programmed: Programmed',
    'not Accepted: ListenersNotValid,not Programmed: ListenersNotValid',
    'Accepted: ListenersNotValid,Programmed: Programmed',
    'not Accepted: ListenersNotValid,not Programmed: ListenersNotValid',
  ])
  equal(of('Gateway').attachedListenerSets, 2)
})

test('ListenerSets: a route has a verdict for each parent that it names, and for no other', () => {
  const both = [
    { ...EDGE, sectionName: 'more.test' },
    { kind: 'ListenerSet', name: 'more', sectionName: 'more.test' },
  ]
  const of = statuses([
    gateway('edge', [tls(9443, 'own.test')], open('Same')),
    set('more', [tls(9443, 'more.test')]),
    ...service('a'),
    tlsRoute('gateways', EDGE, ['own.test'], ['a']),
    tlsRoute('sets', { kind: 'ListenerSet', name: 'more' }, ['more.test'], ['a']),
    tlsRoute('one', both, ['*.test'], ['a']),
    tlsRoute('both', [EDGE, { kind: 'ListenerSet', name: 'more' }], ['*.test'], ['a']),
  ])
  const verdicts = (id: string) =>
    of('TLSRoute', id).parents.map(({ parentRef, conditions }) => {
      const { kind = 'Gateway' } = parentRef as { kind?: string }
      return `${kind} ${said(conditions, 'Accepted')[0]}`
    })
  deepEqual(verdicts('gateways'), ['Gateway Accepted: Accepted'])
  deepEqual(verdicts('sets'), ['ListenerSet Accepted: Accepted'])
  deepEqual(verdicts('one'), ['Gateway not Accepted: NoMatchingParent', 'ListenerSet Accepted: Accepted'])
  deepEqual(verdicts('both'), ['Gateway Accepted: Accepted', 'ListenerSet Accepted: Accepted'])
  deepEqual(attached(of('Gateway')), ['own.test 2'])
  deepEqual(attached(of('ListenerSet', 'more')), ['more.test 3'])
})

test('ListenerSets: routes attach to all listeners of a parent, or to one by name, and are served there', () => {
  const { plan } = planned([
    WEIR,
    gateway('edge', [tcp(9000), tcp(9001)], open('Same')),
    set('more', [tcp(9002), tcp(9003)]),
    ...['a', 'b', 'c'].flatMap(each => service(each)),
    tcpRoute('gateways', EDGE, ['a'], at(2)),
    tcpRoute('sets', { kind: 'ListenerSet', name: 'more' }, ['b'], at(2)),
    tcpRoute('one', { kind: 'ListenerSet', name: 'more', sectionName: 'tcp-9003' }, ['c'], at(1)),
  ])
  const to = [9000, 9001, 9002, 9003].map(port => goes(plan, 'default/edge', port))
  deepEqual(to, ['default/a 1', 'default/a 1', 'default/b 1', 'default/c 1'])
})

test('ListenerSets: allowedRoutes counts from the namespace of the ListenerSet', () => {
  const from = (of: object) => ({ allowedRoutes: { namespaces: of } })
  const parentOf = (sectionName?: string) => ({
    kind: 'ListenerSet',
    namespace: 'blue',
    name: 'more',
    ...(sectionName && { sectionName }),
  })
  const blue = { selector: { matchLabels: { team: 'red' } } }
  const routes = ['blue', 'red', 'default'].map(each => tcpRoute(`${each}/r`, parentOf(), ['a']))
  const of = statuses([
    namespace('blue', { team: 'blue' }),
    namespace('red', { team: 'red' }),
    gateway('edge', [tcp(9000)], open('All')),
    set('blue/more', [
      tcp(9001),
      tcp(9002, from({ from: 'All' })),
      tcp(9003, from({ from: 'Selector', ...blue })),
      tcp(9004, from({ from: 'None' })),
    ]),
    ...routes,
    tcpRoute('red/shut', parentOf('tcp-9001'), ['a']),
  ])
  deepEqual(attached(of('ListenerSet', 'blue/more')), [
    'tcp-9001 1',
    'tcp-9002 3',
    'tcp-9003 1',
    'tcp-9004 0',
  ])
  deepEqual(attached(of('Gateway')), ['tcp-9000 0'])
  equal(parent(of('TCPRoute', 'red/shut'))[0], 'not Accepted: NotAllowedByListeners')
})

test('ListenerSets: a Secret of another namespace needs a grant for ListenerSets', () => {
  const of = (...more: Written[]) => {
    const status = statuses([
      gateway('edge', [tcp(9000)], open('All')),
      set('blue/more', [terminated(9443, 'a.test', { name: 'cert', namespace: 'certs' })]),
      certificate('certs/cert'),
      ...more,
    ])('ListenerSet', 'blue/more')
    return said(status.listeners[0].conditions, 'ResolvedRefs', 'Programmed')
  }
  const refused = ['not Programmed: Invalid', 'not ResolvedRefs: RefNotPermitted']
  const to = { group: '', kind: 'Secret', name: 'cert' }
  deepEqual(of(), refused)
  deepEqual(of(grant('certs/g', 'Gateway', 'default', to)), refused)
  deepEqual(of(grant('certs/g', 'Gateway', 'blue', to)), refused)
  const fine = ['Programmed: Programmed', 'ResolvedRefs: ResolvedRefs']
  deepEqual(of(grant('certs/g', 'ListenerSet', 'blue', to)), fine)
})
