// Goal: servers of TLS share a socket by the names that they take, and each reads the routes that
// are for it. Method: small configurations, built into tables; each is asked by a server name who
// takes it and where it goes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain } from '../../src/table/explain/explain.ts'
import { istio, type Planned, planOf, type Written } from '../support/resources.ts'
import { tableOf } from '../support/tables.ts'

const server = (protocol: string, hosts: string[], mode?: string, more: object = {}) => ({
  port: {
    number: 443,
    name: `${protocol}-${hosts[0]}`.toLowerCase().replaceAll(/[^a-z0-9]/g, '-'),
    protocol,
  },
  hosts,
  ...(mode && { tls: { mode } }),
  ...more,
})
const passthrough = (...hosts: string[]) => server('TLS', hosts, 'PASSTHROUGH')
const gateway = (id: string, servers: object[], metadata: Partial<Written['metadata']> = {}) =>
  istio('Gateway', id, { servers }, metadata)
const to = (host: string) => ({ route: [{ destination: { host, port: { number: 1 } } }] })
const named = (host: string, ...sniHosts: string[]) => ({ match: [{ sniHosts }], ...to(host) })
const virtualService = (id: string, hosts: string[], tls: object[], gateways = ['gw'], more: object = {}) =>
  istio('VirtualService', id, { hosts, gateways, ...(tls.length > 0 && { tls }), ...more })

/** The server and destination for the name; or the reason for a reset. */
function asked({ plan }: Planned, sni?: string, gateway = 'default/gw'): string {
  const table = tableOf(plan)
  const said = explain(table, {
    gateway,
    source: {},
    destination: { port: 443 },
    ...(sni !== undefined && { sni }),
  })
  const [destination] = said.destinations
  const where = destination ? destination.host.split('.')[0] : said.ends
  return `${said.listener?.split(' ')[0]} ${where}`
}

const found = ({ findings }: Planned): unknown[] =>
  findings.list
    .filter(each => each.code.startsWith('CFG4') || each.code === 'IST0145')
    .map(each => `${each.code} ${each.resource} ${each.field}`)

const of = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` })

test('the most specific server takes a name, and inside it the first rule in the list', () => {
  const planned = planOf([
    gateway('gw', [passthrough('*.example.com'), passthrough('*.b.example.com', 'A.example.com')]),
    virtualService('wide', ['*.example.com'], [named('wide', '*.example.com')]),
    virtualService('later', ['*.example.com'], [named('exact', 'x.example.com')]),
  ])
  assert.deepEqual(
    ['x.example.com', 'X.EXAMPLE.COM.', 'a.example.com', 'x.b.example.com', 'example.com', ''].map(each =>
      asked(planned, each),
    ),
    [
      'default/gw exact',
      'default/gw exact',
      'default/gw wide',
      'default/gw wide',
      'default/gw no-route',
      'default/gw no-sni',
    ],
  )
})

test('servers of several Gateways share a socket; a name and what is not TLS have one owner', () => {
  const planned = planOf([
    gateway('gw', [passthrough('a.test', 'shared.test')], of(2020)),
    gateway('two', [passthrough('b.test', 'shared.test'), server('TCP', ['*'])], of(2021)),
    gateway('three', [server('TCP', ['*']), passthrough('a.test')], of(2022)),
    virtualService('a', ['a.test', 'shared.test'], [named('a', 'a.test', 'shared.test')]),
    virtualService('b', ['b.test', 'shared.test'], [named('b', 'b.test', 'shared.test')], ['two']),
    virtualService('c', ['c.test'], [], ['two'], { tcp: [to('c')] }),
  ])
  assert.deepEqual(
    ['a.test', 'b.test', 'shared.test', 'c.test', undefined].map(each => asked(planned, each)),
    ['default/gw a', 'default/two b', 'default/gw a', 'default/gw no-route', 'default/two c'],
  )
  assert.equal(asked(planned, 'a.test', 'default/two'), 'default/gw a', 'whoever is asked')
  assert.deepEqual(
    planned.plan.listeners.map(each => [each.gateway, each.opens, each.shares]),
    [
      ['default/gw', true, undefined],
      ['default/two', false, 0],
    ],
  )
  assert.deepEqual(
    found(planned).filter(each => String(each).startsWith('IST0145')),
    [
      'IST0145 Gateway default/two spec.servers[0]',
      'IST0145 Gateway default/three spec.servers[0]',
      'IST0145 Gateway default/three spec.servers[1]',
      'IST0145 Gateway default/gw spec.servers[0]',
      'IST0145 Gateway default/two spec.servers[1]',
    ],
  )
})

test('a server that ends TLS keeps its names, and has rules for bytes', () => {
  const ends = server('TLS', ['in.test'], 'SIMPLE', { tls: { mode: 'SIMPLE', credentialName: 'c' } })
  const http = server('HTTPS', ['web.test'], 'SIMPLE', { tls: { mode: 'SIMPLE', credentialName: 'c' } })
  const planned = planOf([
    gateway('gw', [passthrough('*'), ends, http]),
    virtualService('all', ['*.test'], [named('out', '*.test')], ['gw'], { tcp: [to('inside')] }),
  ])
  assert.deepEqual(
    ['x.test', 'in.test', 'web.test'].map(each => asked(planned, each)),
    ['default/gw out', 'default/gw inside', 'default/gw inside'],
  )
  assert.deepEqual(found(planned), [])
  assert.equal(planOf([gateway('gw', [ends])]).plan.listeners[0].opens, true)
})

test('what is not TLS goes to a server for any name, unless there is one of plain TCP', () => {
  const routes = virtualService('v', ['*'], [named('tls', '*')], ['gw'], { tcp: [to('tcp')] })
  const alone = planOf([gateway('gw', [passthrough('*')]), routes])
  const beside = planOf([gateway('gw', [passthrough('*'), server('TCP', ['*'])]), routes])
  assert.deepEqual([asked(alone), asked(alone, '')], ['default/gw tls', 'default/gw tls'])
  assert.deepEqual([asked(beside), asked(beside, '')], ['default/gw tcp', 'default/gw tls'])
  assert.equal(asked(planOf([gateway('gw', [passthrough('a.test')]), routes])), 'default/gw not-tls')
})

test('only listeners whose servers take names are read, and starttls is for the ports that are named', () => {
  const annotated = (text: string) =>
    gateway(
      'gw',
      [passthrough('a.test'), { ...server('TCP', ['*']), port: { number: 1, name: 't', protocol: 'TCP' } }],
      {
        annotations: { 'gateway.weir/starttls': text },
      },
    )
  const reads = (...written: Written[]) => planOf(written).plan.listeners.map(each => each.reads)
  assert.deepEqual(reads(gateway('gw', [passthrough('a.test')])), ['tls'])
  assert.deepEqual(reads(annotated('postgres')), ['postgres', undefined])
  assert.deepEqual(reads(annotated('5432=postgres; 443=postgres')), ['postgres', undefined])
  assert.deepEqual(reads(annotated('5432=postgres')), ['tls', undefined])
})
