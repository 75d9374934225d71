// Goal: the listeners that read a PROXY header are those that the Settings name, and other ways to
// ask for it are reported. Method: two Gateways and a mesh service beside entries of Settings.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../../src/address/address.ts'
import { loadConfig } from '../../src/config/load.ts'

const ANNOTATION = 'proxy.istio.io/config'

const gateway = (name: string, port: number, more: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'shop', ...more },
  spec: {
    selector: { app: name },
    servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
  },
})
const SERVICE = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'db', namespace: 'shop' },
  spec: {
    hosts: ['db.example'],
    addresses: ['10.0.0.1'],
    resolution: 'STATIC',
    ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
    endpoints: [{ address: '10.0.0.2' }],
  },
}
const settings = (...proxyProtocol: object[]) => ({
  apiVersion: 'gateway.weir/v1',
  kind: 'Settings',
  spec: { proxyProtocol },
})
const pod = (labels: object, annotations: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'edge-0', namespace: 'shop', labels, annotations },
  status: { podIP: '10.9.0.1' },
})

function load(...documents: object[]) {
  const { plan, diagnostics } = planOf(...documents)
  const reading = plan.listeners.map(
    ({ gateway: name, port, proxyProtocol }) =>
      `${name}:${port} ${proxyProtocol?.from.map(formatCidr).join() ?? '-'}`,
  )
  const found = diagnostics
    .filter(({ code }) => /^(CFG419|CFG42|IST0101)/.test(code))
    .map(({ code, resource, field }) => [code, resource, field].join(' '))
  return { reading, found }
}

function planOf(...documents: object[]) {
  const text = documents.map(each => JSON.stringify(each)).join('\n---\n')
  const file = { file: 'a.yaml', bytes: Buffer.from(text) }
  const { plan, diagnostics } = loadConfig([file], {
    names: new Map(),
    lint: { notes: true, openPortsFrom: 0 },
  })
  assert.ok(plan, diagnostics.map(each => each.message).join('; '))
  return { plan, diagnostics }
}

const edges = [gateway('edge', 9001), gateway('inner', 9002), SERVICE]

test('an entry without gateways and ports is for every listener, the mesh included', () => {
  const { reading, found } = load(...edges, settings({ from: ['10.1.0.0/16', '::1'] }))
  assert.deepEqual(
    reading,
    ['shop/edge:9001', 'shop/inner:9002', 'mesh:9000'].map(each => `${each} 10.1.0.0/16,::1/128`),
  )
  assert.deepEqual(found, [])
})

test('gateways and ports must both fit, and the first entry that fits holds', () => {
  const { reading, found } = load(
    ...edges,
    settings(
      { gateways: ['shop/edge'], ports: [9002], from: ['10.1.0.1'] },
      { gateways: ['mesh'], from: ['10.1.0.2'] },
      { ports: [9001, 9000], from: ['10.1.0.3'] },
    ),
  )
  assert.deepEqual(reading, ['shop/edge:9001 10.1.0.3/32', 'shop/inner:9002 -', 'mesh:9000 10.1.0.2/32'])
  assert.deepEqual(found, ['CFG419 Settings settings spec.proxyProtocol[0]'])
})

test('an entry behind others that take all its listeners, and a Gateway that is not there, are told', () => {
  const { found } = load(
    ...edges,
    settings(
      { from: ['10.1.0.1'] },
      { gateways: ['shop/edge'], from: ['10.1.0.2'] },
      { gateways: ['shop/egde', 'shop/inner'], from: ['10.1.0.3'] },
    ),
  )
  assert.deepEqual(found, [
    'CFG419 Settings settings spec.proxyProtocol[1]',
    'IST0101 Settings settings spec.proxyProtocol[2].gateways[0]',
  ])
})

test('senders at every address are noted', () => {
  const { found } = load(...edges, settings({ from: ['10.0.0.0/8', '0.0.0.0/0'] }))
  assert.deepEqual(found, ['CFG421 Settings settings spec.proxyProtocol[0].from[1]'])
})

test('the deadline of a header lies within that of all reading, and one that does not is told', () => {
  const from = ['10.1.0.1']
  const of = (...[reading, timeout]: readonly (string | undefined)[]) => {
    const spec = { proxyProtocol: [{ from, timeout }], ...(reading && { reading: { timeout: reading } }) }
    const settings = { apiVersion: 'gateway.weir/v1', kind: 'Settings', spec }
    const { plan, diagnostics } = planOf(gateway('edge', 9001), settings)
    const [{ readTimeoutMs, proxyProtocol }] = plan.listeners
    const told = diagnostics.filter(({ code }) => code === 'CFG422').map(({ field }) => field)
    return [readTimeoutMs, proxyProtocol?.timeoutMs, ...told]
  }
  const told = 'spec.proxyProtocol[0].timeout'
  assert.deepEqual(of(), [15_000, 5_000])
  assert.deepEqual(of('3s'), [3_000, 3_000])
  assert.deepEqual(of('3s', '4s'), [3_000, 3_000, told])
  assert.deepEqual(of('20s', '20s'), [20_000, 20_000])
  assert.deepEqual(of(undefined, '15001ms'), [15_000, 15_000, told])
})

const asking = { [ANNOTATION]: 'gatewayTopology:\n  proxyProtocol: {}\n' }
const askingInJson = { [ANNOTATION]: '{"gatewayTopology":{"proxyProtocol":{}}}' }
const other = { [ANNOTATION]: '{"gatewayTopology":{"numTrustedProxies":1}}' }

test("Istio's annotation without trusted senders is told: on a Gateway, and on a Pod of one", () => {
  const annotated = gateway('edge', 9001, { annotations: asking })
  const field = `metadata.annotations["${ANNOTATION}"]`
  assert.deepEqual(load(annotated).found, [`CFG420 Gateway shop/edge ${field}`])
  assert.deepEqual(load(gateway('edge', 9001), pod({ app: 'edge' }, askingInJson)).found, [
    `CFG420 Pod shop/edge-0 ${field}`,
  ])
  const elsewhere = settings({ gateways: ['shop/inner'], from: ['10.1.0.1'] })
  assert.deepEqual(load(annotated, gateway('inner', 9002), elsewhere).found, [
    `CFG420 Gateway shop/edge ${field}`,
  ])
})

test("Istio's annotation is told of each listener that nobody is trusted with", () => {
  const annotated = {
    ...gateway('edge', 9001, { annotations: asking }),
    spec: {
      selector: { app: 'edge' },
      servers: [9001, 9002, 9003].map(number => ({
        port: { number, name: `tcp-${number}`, protocol: 'TCP' },
        hosts: ['*'],
      })),
    },
  }
  const message = (...documents: object[]) =>
    planOf(annotated, ...documents).diagnostics.find(({ code }) => code === 'CFG420')?.message
  const all = 'proxy.istio.io/config has no effect: no proxyProtocol of the Settings applies to shop/edge'
  assert.equal(message(), all)
  assert.equal(message(settings({ ports: [9001], from: ['10.1.0.1'] })), `${all} on port 9002, 9003`)
  assert.equal(message(settings({ from: ['10.1.0.1'] })), undefined)
  const elsewhere = { apiVersion: 'gateway.weir/v1', kind: 'Settings', spec: { workload: { labels: {} } } }
  assert.equal(message(elsewhere), undefined, 'a Gateway that is not served here')
})

test("Istio's annotation says nothing where the Settings do, or where it asks for something else", () => {
  const annotated = gateway('edge', 9001, { annotations: asking })
  assert.deepEqual(load(annotated, settings({ gateways: ['shop/edge'], from: ['10.1.0.1'] })).found, [])
  assert.deepEqual(load(gateway('edge', 9001, { annotations: other })).found, [])
  assert.deepEqual(load(gateway('edge', 9001), pod({ app: 'web' }, askingInJson)).found, [])
})
