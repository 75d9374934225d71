/** Listeners of Gateway API in the Plan: which are served, for whose routes, at which addresses. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  api,
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
import { core, istio, type Written } from '../support/resources.ts'
import { at, codes, EDGE, of, open, set } from './gateway-api-kit.ts'

test('a listener takes routes of the namespaces and kinds that it allows', () => {
  const base = [
    WEIR,
    namespace('blue', { team: 'blue', stage: 'test' }),
    namespace('red', { team: 'red' }),
    ...['default', 'blue', 'red', 'bare'].flatMap(each => service(`${each}/a`)),
  ]
  const taken = (allowedRoutes: object): string[] =>
    ['default', 'blue', 'red', 'bare'].filter(each => {
      const parent = { name: 'edge', namespace: 'default' }
      const { plan } = planned([
        ...base,
        gateway('edge', [tcp(9000, { allowedRoutes })]),
        tcpRoute(`${each}/route`, parent, ['a']),
      ])
      return goes(plan, 'default/edge', 9000) === `${each}/a 1`
    })
  const selected = (selector: object) => taken({ namespaces: { from: 'Selector', selector } })
  const asks = (operator: string, values?: string[]) =>
    selected({ matchExpressions: [{ key: 'team', operator, values }] })
  deepEqual(taken({}), ['default'])
  deepEqual(taken({ namespaces: { from: 'Same' } }), ['default'])
  deepEqual(taken({ namespaces: { from: 'All' } }), ['default', 'blue', 'red', 'bare'])
  deepEqual(taken({ namespaces: { from: 'None' } }), [])
  deepEqual(selected({ matchLabels: { team: 'blue' } }), ['blue'])
  deepEqual(selected({ matchLabels: { team: 'blue', stage: 'live' } }), [])
  deepEqual(selected({ matchLabels: { 'kubernetes.io/metadata.name': 'bare' } }), ['bare'])
  deepEqual(selected({}), ['default', 'blue', 'red', 'bare'])
  deepEqual(asks('In', ['red', 'blue']), ['blue', 'red'])
  deepEqual(asks('NotIn', ['red']), ['default', 'blue', 'bare'])
  deepEqual(asks('Exists'), ['blue', 'red'])
  deepEqual(asks('DoesNotExist'), ['default', 'bare'])
  deepEqual(taken({ kinds: [{ kind: 'TCPRoute' }] }), ['default'])
  deepEqual(taken({ kinds: [{ kind: 'TLSRoute' }] }), [])
  deepEqual(taken({ kinds: [{ group: 'example.com', kind: 'TCPRoute' }] }), [])
})

test('both modes of TLS share a port, told apart by name', () => {
  const { plan } = of(
    gateway('edge', [terminated(9443, 'ends.test', { name: 'cert' }), tls(9443, 'passes.test')]),
    certificate('cert'),
    ...['a', 'b'].map(each => service(each)),
    tlsRoute('ends', EDGE, ['ends.test'], ['a']),
    tlsRoute('passes', EDGE, ['passes.test'], ['b']),
  )
  deepEqual(
    plan.listeners[0].scopes.map(each => [each.takes?.names, each.tls !== undefined]),
    [
      [['ends.test'], true],
      [['passes.test'], false],
    ],
  )
  equal(goes(plan, 'default/edge', 9443, 'ends.test'), 'default/a 1')
  equal(goes(plan, 'default/edge', 9443, 'passes.test'), 'default/b 1')
})

test('a Secret is asked for while it is missing or malformed, and never without a grant', () => {
  const secret = (...more: Written[]) => {
    const found = of(
      gateway('edge', [terminated(9443, 'a.test', { name: 'cert', namespace: 'certs' })]),
      service('a'),
      tlsRoute('r', EDGE, ['a.test'], ['a']),
      ...more,
    )
    return [found.plan.listeners[0].scopes[0].tls?.material ?? '', codes(found).map(each => each.slice(0, 6))]
  }
  const may = grant('certs/g', 'Gateway', 'default', { group: '', kind: 'Secret' })
  const asked = '[[{"secret":"certs/cert"}],null]'
  deepEqual(secret(certificate('certs/cert'), may), [asked, []])
  deepEqual(secret(certificate('certs/cert')), ['', ['CFG523']])
  deepEqual(secret(may), [asked, ['CFG523']])
  deepEqual(
    secret(core('Secret', 'certs/cert', { stringData: { 'tls.crt': 'hello', 'tls.key': 'world' } }), may),
    [asked, ['CFG523']],
  )
})

test('listeners that cannot be told apart are not served, none of them', () => {
  const open = (...listeners: object[]) => {
    const found = of(gateway('edge', listeners))
    return found.plan.listeners.filter(each => each.opens).map(each => `${each.port} ${each.scopes.length}`)
  }
  deepEqual(open(tcp(9000), tcp(9001)), ['9000 1', '9001 1'])
  deepEqual(open(tcp(9000), tls(9000, 'a.test'), tcp(9001)), ['9001 1'])
  deepEqual(open(tls(9000, 'a.test'), tls(9000, 'b.test')), ['9000 2'])
  deepEqual(open(tls(9000, 'a.test'), tls(9000, 'A.test', { name: 'again' }), tcp(9001)), ['9001 1'])
  deepEqual(open(tcp(9000), { name: 'u', port: 9000, protocol: 'UDP' }), ['9000 1'], 'UDP has its own ports')
})

test('a port belongs to the first Gateway: Istio’s, then the oldest', () => {
  const own = istio('Gateway', 'istio', {
    servers: [{ port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
  })
  const found = of(
    own,
    gateway('edge', [tcp(9000), tcp(9001), tls(9002, 'a.test')]),
    gateway('later', [tcp(9001), tls(9002, 'a.test'), tls(9002, 'b.test')]),
  )
  deepEqual(
    found.plan.listeners.map(
      each => `${each.gateway} ${each.port} ${each.scopes.map(scope => scope.takes?.names ?? 'all')}`,
    ),
    [
      'default/istio 9000 all',
      'default/edge 9001 all',
      'default/edge 9002 a.test',
      'default/later 9002 b.test',
    ],
  )
  deepEqual(codes(found), [
    'CFG522 Gateway default/edge spec.listeners[0].port',
    'CFG522 Gateway default/later spec.listeners[0].port',
    'CFG522 Gateway default/later spec.listeners[1].port',
  ])
})

test('Gateways of other classes, and of none, are not served', () => {
  const other = {
    ...api('GatewayClass', 'theirs', { controllerName: 'example.com/gateways' }),
    metadata: { name: 'theirs', namespace: '' },
  }
  const found = of(
    other,
    gateway('a', [tcp(9000)], { gatewayClassName: 'theirs' }),
    gateway('b', [tcp(9001)], { gatewayClassName: 'wier' }),
    service('x'),
    tcpRoute('r', [{ name: 'a' }, { name: 'nobody' }], ['x', 'gone']),
  )
  deepEqual(found.plan.listeners, [])
  deepEqual(codes(found), [
    'CFG521 Gateway default/a spec.gatewayClassName',
    'CFG520 Gateway default/b spec.gatewayClassName',
    'CFG524 TCPRoute default/r spec.parentRefs[1].name',
  ])
})

test('a Gateway listens at the addresses that it asks for', () => {
  const binds = (...addresses: object[]) =>
    of(gateway('edge', [tcp(9000)], { addresses })).plan.listeners.map(each => each.bind)
  deepEqual(binds(), [''])
  deepEqual(binds({ value: '127.0.0.2' }, { type: 'IPAddress', value: '0:0::1' }), ['127.0.0.2', '::1'])
  deepEqual(binds({ type: 'IPAddress' }), [''], 'any address will do')
  deepEqual(binds({ type: 'Hostname', value: 'a.test' }), [])
})

test('ListenerSets add listeners where the Gateway allows them, after its own and by age', () => {
  const written = (from?: string) => [
    WEIR,
    gateway('edge', [tcp(9000)], from === undefined ? {} : open(from)),
    set('blue/more', [tcp(9001), tcp(9000, { name: 'taken' })]),
    set('default/last', [tcp(9001), tcp(9002)], at(0)),
    ...service('blue/a'),
    ...service('a'),
    tcpRoute('blue/r', { kind: 'ListenerSet', name: 'more', sectionName: 'tcp-9001' }, ['a']),
    tcpRoute('by-gateway', { ...EDGE, sectionName: 'tcp-9002' }, ['a']),
  ]
  const listening = (from?: string) => {
    const { plan } = planned(written(from))
    return plan.listeners.map(each => `${each.gateway} ${each.port} ${goes(plan, each.gateway, each.port)}`)
  }
  const own = 'default/edge 9000 nowhere'
  deepEqual(listening(), [own])
  deepEqual(listening('None'), [own])
  deepEqual(listening('Same'), [own, 'default/edge 9001 nowhere', 'default/edge 9002 nowhere'])
  deepEqual(listening('All'), [own, 'default/edge 9001 blue/a 1', 'default/edge 9002 nowhere'])
})
