/**
 * Goal: a name that resolves anew changes endpoints, and nothing else. Method: a gateway whose
 * names a test resolves; what was compiled, published and remembered is counted.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EndpointChange, EndpointChanges } from '../../src/control/endpoint-changes.ts'
import { Gateway } from '../../src/control/gateway.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { runOf, slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import { openTable, type Table, withEndpoints } from '../../src/table/format/table.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { freePort, listen, say, until } from '../support/sockets.ts'
import { ask, folder, watchedLog } from './scene.ts'

const named = (port: number, backend: number): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - port: {number: ${port}, name: tcp, protocol: TCP}
      bind: 127.0.0.1
      hosts: ['*']
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, engine: node, mesh: {capture: none}, admin: null}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db}
spec:
  hosts: [db.test]
  ports: [{number: ${backend}, name: tcp, protocol: TCP}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp: [{route: [{destination: {host: db.test, port: {number: ${backend}}}}]}]
`

test('a name that resolves anew: other endpoints, but no generation, no history, no compilation', async t => {
  await using server = await listen(say('hi'), { host: '127.0.0.2' })
  const [port, dns] = [await freePort(), await nameServer(t)]
  dns.zone.set('db.test', { A: ['127.0.0.2'] })
  const { files } = nameFiles(t, `nameserver ${dns.server}`)
  const root = folder(t, { 'all.yaml': named(port, server.port) })
  const { log, logged, records } = watchedLog()
  const gateway = await Gateway.load({
    paths: [root],
    log,
    overrides: {},
    names: files,
  })
  assert.ok(gateway)
  t.after(() => gateway.stop())
  await gateway.serve()
  await logged('ready')
  assert.equal(await ask(port), 'hi')
  const before = gateway.serving
  assert.ok(before)
  const reloads = gateway.history.reloads.length
  const from = records.length

  dns.zone.set('db.test', { A: ['127.0.0.3'] })
  const told = await logged('endpoints revision', from)
  assert.equal(told.generation, before.generation)
  const after = gateway.serving
  assert.ok(after)
  assert.equal(after.generation, before.generation)
  assert.equal(after.table.endpointsRevision, before.table.endpointsRevision + 1)
  assert.equal(after.table.buffers.routing, before.table.buffers.routing, 'no rule was rebuilt')
  assert.equal(gateway.history.reloads.length, reloads)
  assert.equal(gateway.endpointChanges, 1)
  const [status] = after.plane.status()
  await until(() => after.plane.status()[0].adopted.endpointsRevision === after.table.endpointsRevision)
  assert.equal(await ask(port), '', 'nobody listens at the new address')

  dns.zone.set('db.test', { A: ['127.0.0.2', '127.0.0.3'] })
  await until(() => gateway.endpointChanges === 2)
  assert.equal(await ask(port), 'hi')
  assert.equal(gateway.serving?.compiled, before.compiled)
  assert.equal(status.generation, before.generation)
})

/** Of both clusters. */
const slotsOf = (table: Table): number[] =>
  [0, 1].flatMap(cluster => {
    const run = runOf(table, cluster)
    const [first, count] = table.endpoints.subarray(run)
    return Array.from({ length: count }, (_, index) =>
      slotAt(table.endpoints, (first + index) * Endpoint.WORDS),
    )
  })

/** One cluster with a name, one without, and the changes of their endpoints. */
function scene() {
  const slots = createSlots()
  const { slotOf } = new Slots(slots, 1, NO_COUNTS)
  const places = [
    { place: 'db.test', port: 80, weight: 2 },
    { place: '10.0.0.9', port: 80, weight: 1 },
  ]
  const clusters = [
    clusterOf([{ address: '10.0.0.9', port: 80 }]),
    clusterOf([{ address: '10.0.0.8', port: 80 }]),
  ]
  const table = openTable(buildTable(planOf([], clusters), 1, slotOf))
  const changes = new EndpointChanges([{ cluster: 0, title: 'db', places }], new Map(), slots, NO_COUNTS)
  let newest = table
  /** The endpoints' slots, after a change. */
  const change = (addresses: readonly string[], nowMs = 0): [EndpointChange | null, number[]] => {
    const made = changes.change(newest, new Map([['db.test', addresses]]), nowMs)
    if (made) newest = withEndpoints(newest, made.buffer)
    return [made, slotsOf(newest)]
  }
  return { change, first: slotsOf(table) }
}

test('an endpoint that stays, or comes back, has the count that it had', () => {
  const { change, first } = scene()
  const [, [one, fixed, other]] = change(['10.0.0.1'])
  assert.deepEqual([fixed, other], first)
  const [, [two, stays]] = change(['10.0.0.2', '10.0.0.1'])
  assert.equal(stays, one)
  assert.notEqual(two, one)
  const [, [back]] = change(['10.0.0.1'])
  assert.equal(back, one)
  const [same] = change(['10.0.0.1'])
  assert.equal(same, null, 'the same answer is no change')
})

test('names that go through any number of addresses in one generation take no more counts than they have', () => {
  const { change } = scene()
  const seen = new Set<number>()
  for (let round = 0; round < 200; round++) {
    const [made, slots] = change([`10.1.${round}.1`, `10.1.${round}.2`], round * 60_000)
    assert.equal(made?.uncounted, 0)
    for (const slot of slots) seen.add(slot)
  }
  assert.ok(seen.size < 40, `${seen.size} slots for 400 addresses`)
})

test('a destination whose only name resolves to nothing is told of as emptied', () => {
  const places = [{ place: 'db.test', port: 80, weight: 1 }]
  const table = openTable(
    buildTable(planOf([], [clusterOf([{ address: '10.0.0.1', port: 80 }])]), 1, () => 1),
  )
  const known = new Map([['db.test', ['10.0.0.1']]])
  const changes = new EndpointChanges([{ cluster: 0, title: 'db', places }], known, createSlots(), NO_COUNTS)
  const made = changes.change(table, new Map([['db.test', []]]), 0)
  assert.deepEqual(made?.emptied, ['db'])
  assert.deepEqual(made?.names, [{ name: 'db.test', before: ['10.0.0.1'], after: [] }])
})
