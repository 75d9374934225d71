/** A thread that draws from a shared table as a worker does, and counts what it got. */

import { workerData } from 'node:worker_threads'
import { createRandom } from '../../src/base/random.ts'
import { openTable } from '../../src/table/format/table.ts'
import { pickDestination } from '../../src/table/match/pick.ts'

const table = openTable(workerData.buffers)
const counts = new Int32Array(workerData.counts)
const shared = { tickets: new Int32Array(workerData.tickets), clients: new Int32Array(0) }
const random = createRandom(1, 2, 3)
const client = new Uint32Array(4)
for (let i = 0; i < workerData.draws; i++) {
  Atomics.add(counts, pickDestination(table, 0, client, random, shared), 1)
}
