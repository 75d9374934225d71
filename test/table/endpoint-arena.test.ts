/**
 * The cost of a change of endpoints, and the state of the arena: the test counts written words, and
 * asserts no times.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildTable } from '../../src/table/build/builder.ts'
import { buildEndpoints, changeEndpoints, makeRoom, wordsWritten } from '../../src/table/build/endpoints.ts'
import { countEndpoints, type EndpointViews, runOf, viewEndpoints } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { Sections } from '../../src/table/format/sections.ts'
import { openTable, type Table, withEndpoints } from '../../src/table/format/table.ts'
import { clusterOf, planOf } from '../support/engine.ts'

const PORT = 80

/** So many destinations with an endpoint each, whose port says which one it is. */
const clustersOf = (destinations: number) =>
  Array.from({ length: destinations }, (_, cluster) =>
    clusterOf([{ address: '10.0.0.1', port: portOf(cluster) }]),
  )

const tableOf = (destinations: number): Table =>
  openTable(buildTable(planOf([], clustersOf(destinations)), 1, () => 1))

function newestOf(buffer: SharedArrayBuffer): EndpointViews {
  const sections = new Sections(buffer, 'endpoints')
  return viewEndpoints(sections.header, sections.words('endpoints'))
}

/** Their endpoints part, without a table around it. */
function partOf(destinations: number) {
  const endpoints = buildEndpoints(clustersOf(destinations), 1, () => 1)
  const buffers = { endpoints, routing: endpoints, clients: endpoints }
  return { ...newestOf(endpoints), generation: 1, buffers }
}

const portOf = (cluster: number): number => 1000 + (cluster % 50_000)

/** One destination has other endpoints: as many as there are ports. */
function changed(table: Table, cluster: number, ports: readonly number[]): Table {
  const endpoints = ports.map(port => ({ address: '10.0.0.2', port, weight: 1 }))
  return withEndpoints(
    table,
    changeEndpoints(table, new Map([[cluster, endpoints]]), () => 1),
  )
}

function portsOf(table: EndpointViews, cluster: number): number[] {
  const run = runOf(table, cluster)
  const [first, count] = table.endpoints.subarray(run, run + EndpointRun.WORDS)
  return Array.from(
    { length: count },
    (_, index) => table.endpoints[(first + index) * Endpoint.WORDS + Endpoint.port],
  )
}

test('what a change writes does not depend on how many destinations there are', () => {
  const written = [1_000, 100_000].map(destinations => {
    const before = partOf(destinations)
    const endpoints = [{ address: '10.0.0.2', port: PORT, weight: 1 }]
    const buffer = changeEndpoints(before, new Map([[destinations - 1, endpoints]]), () => 1)
    assert.equal(buffer, before.buffers.endpoints)
    const after = { ...before, ...newestOf(buffer) }
    assert.deepEqual(portsOf(after, destinations - 1), [PORT])
    assert.deepEqual(portsOf(after, 0), [portOf(0)])
    return wordsWritten(after) * 4
  })
  const [few, many] = written
  assert.ok(few > 0 && many <= few + 64 * 4, `${few} bytes, then ${many}`) // one more node
  assert.ok(many < 2048, `${many} bytes of a part of ${100_000 * 32}`)
})

test('who holds a table sees it as it was, however often endpoints change', () => {
  const first = tableOf(200)
  let newest = first
  const held: Table[] = []
  for (let round = 1; round <= 300; round++) {
    newest = changed(
      newest,
      round % 200,
      Array.from({ length: round % 7 }, (_, index) => round + index),
    )
    if (round % 50 === 0) held.push(newest)
  }
  assert.equal(newest.endpointsRevision, 300)
  for (let cluster = 0; cluster < 200; cluster++) assert.deepEqual(portsOf(first, cluster), [portOf(cluster)])
  for (const table of held) {
    const round = table.endpointsRevision
    const ports = Array.from({ length: round % 7 }, (_, index) => round + index)
    assert.deepEqual(portsOf(table, round % 200), ports)
  }
})

test('memory stays within bounds, and room is made before it is wanted', () => {
  let newest = tableOf(5_000)
  const bytes = newest.buffers.endpoints.byteLength
  let [renewed, unforeseen] = [0, 0]
  for (let round = 1; round <= 3_000; round++) {
    const before = newest.buffers.endpoints
    newest = changed(newest, round % 5_000, [round])
    if (newest.buffers.endpoints !== before) unforeseen++
    const roomy = makeRoom(newest)
    if (roomy) {
      const { endpointsRevision } = newest
      newest = withEndpoints(newest, roomy)
      assert.equal(newest.endpointsRevision, endpointsRevision, 'the same revision in another part')
      assert.equal(makeRoom(newest), null)
      renewed++
    }
    assert.ok(newest.buffers.endpoints.byteLength <= bytes * 1.1, 'as large as at first')
    assert.deepEqual(portsOf(newest, round % 5_000), [round])
  }
  assert.ok(renewed > 0, 'the arena was full at some time')
  assert.equal(unforeseen, 0, 'no change had to copy it')
  assert.equal(countEndpoints(newest), 5_000)
})

test('a change that fails leaves what was there', () => {
  const table = tableOf(100)
  const bad = [{ address: 'no address', port: 1, weight: 1 }]
  assert.throws(() => changeEndpoints(table, new Map([[3, bad]]), () => 1), /bug in weir/)
  const again = withEndpoints(table, table.buffers.endpoints)
  assert.equal(again.endpointsRevision, 0)
  assert.deepEqual(portsOf(again, 3), [portOf(3)])
})

test('two changes of one table do not write over each other', () => {
  const table = tableOf(100)
  const one = changed(table, 5, [1])
  const other = changed(table, 6, [2])
  assert.notEqual(other.buffers.endpoints, table.buffers.endpoints, 'a part of its own')
  assert.deepEqual([portsOf(one, 5), portsOf(one, 6)], [[1], [portOf(6)]])
  assert.deepEqual([portsOf(other, 5), portsOf(other, 6)], [[portOf(5)], [2]])
})

test('damaged endpoints are refused', () => {
  const table = changed(tableOf(100), 5, [1])
  table.endpoints[table.endpointRoot + 2] ^= 1
  assert.throws(() => withEndpoints(table, table.buffers.endpoints), /checksum does not match/)
})
