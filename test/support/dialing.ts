/** Workers that dial, without sockets: the test controls the endpoints' answers and the clock. */

import assert from 'node:assert/strict'
import { MessageChannel } from 'node:worker_threads'
import { createRandom } from '../../src/base/random.ts'
import { ANOTHER, Attempts, TIMED_OUT } from '../../src/engine/decide/attempts.ts'
import { createDecider, decideEndpoint } from '../../src/engine/decide/decide.ts'
import { ADMITTED, createDecision, takePolicy } from '../../src/engine/decide/decision.ts'
import { createInboxes } from '../../src/engine/worker/inboxes.ts'
import { Journal } from '../../src/engine/worker/journal.ts'
import type { EngineTask } from '../../src/engine/worker/protocol.ts'
import { createHeld } from '../../src/kernel/held.ts'
import { machine } from '../../src/kernel/machine.ts'
import { createJournalMemory } from '../../src/stats/journal-memory.ts'
import { createStats, openStats } from '../../src/stats/stats.ts'
import { slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import type { Table } from '../../src/table/format/table.ts'
import type { Cluster } from '../../src/table/plan/plan.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, planOf } from './engine.ts'
import { tableOf } from './tables.ts'

export const ROWS = 8

/** How an endpoint answers a connect: '' accepts, else the code of its failure. */
export type Answer = (port: number) => string

const endpoints = (weights: readonly number[]) =>
  weights.map((weight, index) => ({ address: '127.0.0.1', port: 1000 + index, weight }))

export const clusterWith = (
  weights: readonly number[],
  policy: Partial<Policy> = {},
  host = 'test',
): Cluster => clusterOf(endpoints(weights), policy, host)

export class World {
  nowMs = 5_000
  table: Table
  /** How often each port was dialed. */
  dials = new Map<number, number>()
  readonly stats = createStats(2)
  readonly workers: { readonly decider: ReturnType<typeof createDecider>; readonly attempts: Attempts }[]

  constructor(table: Table) {
    this.table = table
    this.workers = [0, 1].map(index => this.#worker(index))
  }

  /** A connection that has drawn its first endpoint; `clientHash` where the cluster goes by it. */
  begin(row = 0, worker = 0, cluster = 0, clientHash = 0) {
    const { decider, attempts } = this.workers[worker]
    const decision = createDecision()
    takePolicy(this.table, cluster, decision)
    decision.clientHash = clientHash
    assert.equal(decideEndpoint(decider, this.table, [], decision), ADMITTED)
    attempts.begin(row, this.table, decision, this.nowMs)
    const fails = (code: string) => attempts.failed(row, { code, errno: 0 }, decision, this.nowMs)
    const connects = () => attempts.connected(row, 0, this.nowMs)
    return { decision, fails, connects, ends: () => attempts.ended(row) }
  }

  /** One connection from its draw to its end: ADMITTED, or the reason for which it failed. */
  connect(answer: Answer, worker = 0, cluster = 0, clientHash = 0): number {
    const { decision, fails, connects, ends } = this.begin(0, worker, cluster, clientHash)
    let outcome = ADMITTED
    for (;;) {
      this.dials.set(decision.port, (this.dials.get(decision.port) ?? 0) + 1)
      this.workers[worker].attempts.dialed()
      const code = answer(decision.port)
      if (code === '') connects()
      if (code === TIMED_OUT) this.nowMs += decision.connectTimeoutMs
      const next = code === '' ? ADMITTED : fails(code)
      if (code !== '' && next === ANOTHER) continue
      if (code !== '') outcome = next
      ends()
      return outcome
    }
  }

  dialsTo(...ports: readonly number[]): number {
    return ports.reduce((sum, port) => sum + (this.dials.get(port) ?? 0), 0)
  }

  words(): Int32Array {
    return openStats(this.stats).backoffs
  }

  slotOf(endpoint: number): number {
    return slotAt(this.table.endpoints, endpoint * Endpoint.WORDS)
  }

  #worker(index: number) {
    const { port1 } = new MessageChannel()
    const task: EngineTask = {
      engine: 'node',
      index,
      workers: 2,
      epoch: new SharedArrayBuffer(4),
      stats: this.stats,
      inboxes: createInboxes(2),
      held: createHeld(64),
      journal: createJournalMemory(ROWS),
      limits: { maxConnections: ROWS },
      port: port1,
      // Shares that are held against their probability: the same draws in each run.
      world: {
        ...machine,
        originMs: 0,
        monotonicMs: () => this.nowMs,
        random: () => createRandom(3, 1, index),
      },
    }
    const decider = createDecider(task)
    port1.close()
    return { decider, attempts: new Attempts(decider, new Journal(task), ROWS) }
  }
}

export const worldOf = (weights: readonly number[], policy: Partial<Policy> = {}): World =>
  new World(tableOf(planOf([], [clusterWith(weights, policy)])))

export const refusing =
  (...dead: readonly number[]): Answer =>
  port =>
    dead.includes(port) ? 'ECONNREFUSED' : ''
