/**
 * The hunt for torn reads: one writer that swaps tables as fast as it can, four readers that route
 * by them, all by the very code that the gateway publishes and the workers adopt with.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { openTable, type Table, withClients, withEndpoints } from '../../src/table/format/table.ts'
import { sized } from '../support/full.ts'
import { clientsAfter, endpointsAfter, GENERATIONS_MAX, generationTable } from '../support/generations.ts'

const READERS = 4
const GENERATIONS = sized(400, 1500)
/** Of these generations both parts are replaced, twice. */
const REVISED_EVERY = 10
/** Tables between two looks at what the readers say. */
const TABLES_A_TURN = 50

test('a reader sees whole generations only, each of them, in order', async t => {
  assert.ok(GENERATIONS <= GENERATIONS_MAX)
  const adopted = Array.from({ length: READERS }, (): number[] => [])
  const revised = adopted.map(() => 0)
  const deaths: Error[] = []
  const { promise: allRead, resolve, reject } = Promise.withResolvers<void>()
  const onEvent = (event: SupervisorEvent): void => {
    if (event.kind === 'died') {
      deaths.push(event.error)
      reject(event.error)
    } else if (event.kind === 'listening') adopted[event.worker].push(event.generation)
    else if (event.endpointsRevision === 2 && event.clientsRevision === 2) revised[event.worker]++
    if (adopted.every(list => list.length > 0)) resolve()
  }
  const supervisor = new Supervisor({
    workers: READERS,
    engine: 'node',
    limits: { maxConnections: 1 },
    onEvent,
    filename: new URL('../support/reading-worker.ts', import.meta.url).href,
  })
  t.after(() => supervisor.stop())
  supervisor.publish(1, generationTable(1))
  await allRead
  for (let generation = 2; generation <= GENERATIONS && deaths.length === 0; generation++) {
    const table = generationTable(generation)
    supervisor.publish(generation, table)
    if (generation % REVISED_EVERY === 0) revise(supervisor, openTable(table))
    if (generation % TABLES_A_TURN === 0) await turn()
  }
  const { closed: routed, reset: used } = await supervisor.drain(10_000)
  assert.deepEqual(deaths, [])
  const all = Array.from({ length: GENERATIONS }, (_, index) => index + 1)
  for (const list of adopted) assert.deepEqual(list, all)
  for (const count of revised) assert.equal(count, GENERATIONS / REVISED_EVERY)
  t.diagnostic(
    `${routed} connections routed, under ${(used / READERS).toFixed(0)} of ${GENERATIONS} generations on average`,
  )
  assert.ok(used > GENERATIONS / 10, 'the readers must read while the writer writes')
})

/** Endpoints and clients in turn, so that a reader may see any pair of revisions. */
function revise(supervisor: Supervisor, first: Table): void {
  let table = first
  for (let round = 0; round < 2; round++) {
    const endpoints = endpointsAfter(table)
    supervisor.revise('endpoints', endpoints)
    table = withEndpoints(table, endpoints)
    const clients = clientsAfter(table)
    supervisor.revise('clients', clients)
    table = withClients(table, clients)
  }
}
