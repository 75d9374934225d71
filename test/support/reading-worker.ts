/**
 * A worker of the torn-read hunt: looks for a newer table before each connection, as the engines
 * do, then routes the connection and holds everything that it reads against the table's generation.
 *
 * What is wrong is thrown, which the supervisor reports as a death. When told to drain it says how
 * many connections it routed (`closed`), and under how many generations (`reset`).
 */

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { createRandom } from '../../src/base/random.ts'
import { Mailbox } from '../../src/engine/worker/mailbox.ts'
import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import { runOf } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { NO_ROUTE } from '../../src/table/format/outcome.ts'
import { Cluster } from '../../src/table/format/routing-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import { match } from '../../src/table/match/match.ts'
import { pickDestination } from '../../src/table/match/pick.ts'
import { createQuery } from '../../src/table/match/query.ts'
import { fill, portOf, routeOf, timeoutOf, weightOf, workloadOf } from './generations.ts'

/**
 * Connections between two turns of the event loop; in between only the epoch word tells of a new
 * table.
 */
const CONNECTIONS_A_TURN = 10_000

export default async function readUntilDrained(task: WorkerTask): Promise<void> {
  const reader = new Reader(task)
  while (!reader.ended) {
    for (let left = CONNECTIONS_A_TURN; left > 0 && !reader.ended; left--) reader.accept()
    await turn()
  }
  task.port.postMessage({ kind: 'drained', closed: reader.routed, reset: reader.generations })
  task.port.close()
}

class Reader {
  routed = 0
  generations = 0
  revisions = 0
  ended = false
  readonly #task: WorkerTask
  readonly #mailbox: Mailbox
  readonly #query = createQuery()
  readonly #random
  readonly #shared = { tickets: new Int32Array(2), clients: new Int32Array(0) }
  #table: Table | null = null
  #lastUsed = 0

  constructor(task: WorkerTask) {
    this.#task = task
    this.#random = createRandom(task.index, 2, 3)
    this.#mailbox = new Mailbox(task, {
      adopt: table => this.#adopt(table), // it throws before that where the table is not whole
      revise: table => this.#revise(table),
      drain: () => this.#end(),
      close: () => {},
      stop: () => this.#end(),
    })
    task.port.on('message', this.#mailbox.obey)
  }

  accept(): void {
    this.#mailbox.refresh()
    if (this.#table === null || this.ended) return
    this.#route(this.#table)
    this.routed++
    if (this.#table.generation !== this.#lastUsed) this.generations++
    this.#lastUsed = this.#table.generation
  }

  #adopt(table: Table): void {
    this.#table = table
    this.#task.port.postMessage({ kind: 'listening', generation: table.generation, failures: [] })
  }

  #revise(table: Table): void {
    this.#table = table
    this.revisions++
  }

  #end(): void {
    this.ended = true
  }

  #route(table: Table): void {
    const { generation, clusters, endpoints } = table
    const query = this.#query
    fill(query, generation, this.routed)
    const route = match(table, query)
    assert.equal(route, routeOf(generation, query.rule))
    const cluster = pickDestination(table, route, query.client, this.#random, this.#shared)
    assert.equal(clusters[cluster * Cluster.WORDS + Cluster.connectTimeoutMs], timeoutOf(generation))
    const endpoint = endpoints[runOf(table, cluster) + EndpointRun.first] * Endpoint.WORDS
    assert.equal(endpoints[endpoint + Endpoint.port], portOf(generation))
    assert.equal(endpoints[endpoint + Endpoint.weight], weightOf(table.endpointsRevision))
    assert.equal(query.workload, workloadOf(table.clientsRevision))
    fill(query, generation + 1, this.routed)
    assert.equal(match(table, query), NO_ROUTE, 'what the next generation routes')
  }
}
