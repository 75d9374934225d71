/** The status of ListenerSets, and of the Gateways and routes that they belong to. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { api, gateway, namespace, service, tcp, tcpRoute, tls } from '../support/gateway-api.ts'
import type { Written } from '../support/resources.ts'
import { EDGE, listeners, parent, said, statuses } from './gateway-api-kit.ts'

const set = (id: string, all: object[], metadata: object = {}): Written =>
  api('ListenerSet', id, { parentRef: { ...EDGE, namespace: 'default' }, listeners: all }, metadata)

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
  const at = (second: number) => ({ creationTimestamp: `2026-01-01T00:00:0${second}Z` })
  const of = statuses([
    gateway('edge', [tcp(9000)], { allowedListeners: { namespaces: { from: 'All' } } }),
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
  const at = (second: number) => ({ creationTimestamp: `2026-01-01T00:00:0${second}Z` })
  const of = statuses([
    gateway('edge', [tls(9000, 'a.test')], { allowedListeners: { namespaces: { from: 'Same' } } }),
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
    gateway('edge', [tcp(9000)], { allowedListeners: { namespaces: { from: 'Same' } } }),
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
