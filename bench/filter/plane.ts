/**
 * A process that is one worker and nothing else: `plane.ts LISTEN SERVER FILTERS`. If FILTERS is 1,
 * a filter that passes everything through is on both sides of each connection.
 */

import assert from 'node:assert/strict'
import { MessageChannel } from 'node:worker_threads'
import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import { runFlowEngine } from '../../src/engine/flow/engine.ts'
import type { Filter } from '../../src/engine/flow/filter.ts'
import { CLIENT, UPSTREAM } from '../../src/engine/flow/slots.ts'
import { createInboxes } from '../../src/engine/worker/inboxes.ts'
import type { Order } from '../../src/engine/worker/protocol.ts'
import { createHeld } from '../../src/kernel/held.ts'
import { machine } from '../../src/kernel/machine.ts'
import { UringKernel } from '../../src/kernel/uring/kernel.ts'
import { openWake } from '../../src/kernel/wake.ts'
import { createJournalMemory } from '../../src/stats/journal-memory.ts'
import { createStats } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { PassThrough } from './pass-through.ts'

const CONNECTIONS = 1000
const [listen, server, filters] = process.argv.slice(2).map(Number)

const plan: Plan = {
  listeners: [
    {
      gateway: 'bench',
      bind: '127.0.0.1',
      port: listen,
      opens: true,
      destination: 'local',
      otherwise: 'close',
      scopes: [{ host: '', port: 0, addresses: [], rules: [], defaultRoute: 0 }],
    },
  ],
  routes: [{ identity: 'all', destinations: [{ cluster: 0, weight: 1 }], split: 'random' }],
  clusters: [
    {
      host: 'server',
      subset: null,
      port: server,
      kind: 'static',
      names: [],
      labels: {},
      endpoints: [{ address: '127.0.0.1', port: server, weight: 1 }],
      policy: DEFAULT_POLICY,
    },
  ],
  sources: [],
}

const epoch = new SharedArrayBuffer(4)
const { port1, port2 } = new MessageChannel()
const order: Order = { kind: 'table', epoch: 1, generation: 1, table: buildTable(plan, 1, () => 0) }
port1.postMessage(order)
Atomics.store(new Int32Array(epoch), 0, 1)

let filter: Filter | null = null
const between: OnAdmitted = (slot, stages) => {
  filter ??= new PassThrough(stages)
  stages.ports.setFilter(2 * slot + CLIENT, filter)
  stages.ports.setFilter(2 * slot + UPSTREAM, filter)
}

const kernel = UringKernel.open(openWake())
assert.ok(typeof kernel !== 'number', 'no io_uring')
const task = {
  ...({ engine: 'uring', index: 0, workers: 1, epoch, port: port2, world: machine } as const),
  stats: createStats(1),
  inboxes: createInboxes(1),
  held: createHeld(CONNECTIONS),
  limits: { maxConnections: CONNECTIONS },
  journal: createJournalMemory(CONNECTIONS),
}
runFlowEngine(task, kernel, filters === 1 ? between : undefined)
