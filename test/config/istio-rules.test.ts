// Goal: what Istio's own cases ask for is held by this repository alone. Method: each rule that a
// clone without those cases (routing-cases.test.ts, validate-cases.test.ts) once left untried has a
// case of its own here; found by comparing the branches that are covered with and without them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import { istio, type Planned, planOf, type Written } from '../support/resources.ts'

const gateway = (id: string, number: number, ...hosts: readonly string[]): Written =>
  istio('Gateway', id, {
    servers: [{ port: { number, name: 'tcp', protocol: 'TCP' }, hosts }],
  })

const toBackend = (id: string, gateways: readonly string[], host = 'orders.example'): Written =>
  istio('VirtualService', id, {
    hosts: [host],
    gateways,
    tcp: [{ route: [{ destination: { host: 'backend.example', port: { number: 80 } } }] }],
  })

/** Ports of the listeners that have a rule. */
const routed = ({ plan }: Planned): number[] =>
  plan.listeners.filter(each => each.scopes.some(({ rules }) => rules.length > 0)).map(each => each.port)

const NO_MESH = { mesh: { ...DEFAULT_SETTINGS.mesh, capture: 'none' } } as const

test('a gateway is named alone, with ./, with its namespace, or with the old dots', () => {
  const gateways = [gateway('shop/near', 1001, '*'), gateway('other/far', 1002, '*')]
  const portsFor = (name: string): number[] =>
    routed(planOf([...gateways, toBackend('shop/vs', [name])], NO_MESH))
  for (const name of ['near', './near', 'shop/near', 'near.shop', 'near.shop.svc.cluster.local'])
    assert.deepEqual(portsFor(name), [1001], name)
  for (const name of ['other/far', 'far.other', 'far.other.svc.cluster.local'])
    assert.deepEqual(portsFor(name), [1002], name)
  for (const name of ['far', './far', 'shop/far', 'far.shop']) assert.deepEqual(portsFor(name), [], name)
})

test('a server takes a host from the namespaces that stand before it', () => {
  const portsOf = (...hosts: readonly string[]): number[] =>
    routed(planOf([gateway('edge/gw', 1001, ...hosts), toBackend('shop/vs', ['edge/gw'])], NO_MESH))
  for (const host of ['orders.example', '*/orders.example', 'shop/orders.example', 'shop/*', '*/*.example'])
    assert.deepEqual(portsOf(host), [1001], host)
  for (const host of ['./orders.example', 'edge/orders.example', 'other/*', 'shop/payments.example'])
    assert.deepEqual(portsOf(host), [], host)
  assert.deepEqual(portsOf('other/*', 'shop/orders.example'), [1001], 'one of several is enough')
})

test('a dot before a host is the Gateway’s own namespace', () => {
  const portsFrom = (id: string): number[] =>
    routed(planOf([gateway('edge/gw', 1001, './*.example'), toBackend(id, ['edge/gw'])], NO_MESH))
  assert.deepEqual(portsFrom('edge/vs'), [1001])
  assert.deepEqual(portsFrom('shop/vs'), [])
})

test('behind a redirect there is a mesh listener though nothing is routed', () => {
  const { plan } = planOf([], { mesh: { ...DEFAULT_SETTINGS.mesh, capture: 'redirect' } })
  assert.deepEqual(
    plan.listeners.map(({ gateway, port, destination }) => [gateway, port, destination]),
    [['mesh', 15001, 'original']],
  )
})

test('of two services with one host, each namespace that sees only one has that one', () => {
  const entry = (id: string, exportTo: readonly string[], address: string): Written =>
    istio('ServiceEntry', id, {
      hosts: ['db.example'],
      exportTo,
      ports: [{ number: 5432, name: 'tcp', protocol: 'TCP' }],
      resolution: 'STATIC',
      endpoints: [{ address }],
    })
  const hidden = (...written: readonly Written[]): string[] =>
    planOf(written)
      .findings.list.filter(({ code }) => code === 'CFG401')
      .map(({ message }) => message)
  const endpoints = (...written: readonly Written[]): string[] =>
    planOf(written)
      .plan.clusters.flatMap(each => each.endpoints.map(({ address }) => address))
      .sort()
  const [one, two] = ['10.0.0.1', '10.0.0.2']
  const [own, another, everybody] = [
    entry('a/db', ['.'], one),
    entry('b/db', ['.'], two),
    entry('b/db', ['*'], two),
  ]
  assert.deepEqual(endpoints(own, another), [one, two], 'nobody sees both')
  assert.deepEqual(hidden(own, another), [])
  for (const written of [
    [own, everybody],
    [everybody, own],
  ]) {
    assert.deepEqual(endpoints(...written), [one, two])
    assert.equal(hidden(...written).length, 1, 'whoever sees both has one of them, which is told')
  }
})
