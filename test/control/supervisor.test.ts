import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { Counter, openStats, totals } from '../../src/stats/stats.ts'
import { type Material, type Pair, TICKET_KEY_BYTES, type TicketKeys } from '../../src/tls/material.ts'

type Scene = {
  readonly supervisor: Supervisor
  readonly events: SupervisorEvent[]
  /** Resolves once `count` events fulfil `condition`. */
  readonly until: (condition: (event: SupervisorEvent) => boolean, count?: number) => Promise<void>
}

function scene(t: TestContext, workers: number, module = './dying-worker.ts'): Scene {
  const events: SupervisorEvent[] = []
  let grown = Promise.withResolvers<void>()
  const supervisor = new Supervisor({
    workers,
    engine: 'node',
    limits: { maxConnections: 100 },
    filename: new URL(module, import.meta.url).href,
    onEvent: event => {
      events.push(event)
      grown.resolve()
      grown = Promise.withResolvers()
    },
  })
  t.after(() => supervisor.stop())
  const until = async (condition: (event: SupervisorEvent) => boolean, count = 1) => {
    while (events.filter(condition).length < count) await grown.promise
  }
  return { supervisor, events, until }
}

const none = new SharedArrayBuffer(4)
const table = { routing: none, endpoints: none, clients: none }
const listening = (generation: number) => (event: SupervisorEvent) =>
  event.kind === 'listening' && event.generation === generation

test('it is ready once every worker listens without failures, and a later failure takes nothing back', async t => {
  const { supervisor, until } = scene(t, 2)
  assert.equal(supervisor.ready, false)
  supervisor.publish(1, table)
  await until(listening(1), 2)
  assert.equal(supervisor.ready, true)
  supervisor.publish(2, table)
  await until(listening(2), 2)
  assert.equal(supervisor.ready, true)
  assert.deepEqual(
    supervisor.status().map(each => each.failures.length),
    [1, 1],
  )
})

test('listeners that fail from the start keep it from being ready', async t => {
  const { supervisor, until } = scene(t, 1)
  supervisor.publish(2, table)
  await until(listening(2))
  assert.equal(supervisor.ready, false)
  supervisor.publish(3, table)
  await until(listening(3))
  assert.equal(supervisor.ready, true)
})

test('a worker that dies is replaced, ever later, with the newest table, and its connections no longer count', async t => {
  const { supervisor, events, until } = scene(t, 2)
  supervisor.publish(1, table)
  await until(listening(1), 2)
  supervisor.publish(13, table)
  await until(event => event.kind === 'died')
  assert.equal(supervisor.ready, false)
  await until(listening(13), 2)
  assert.equal(supervisor.ready, true)
  const died = events.filter(event => event.kind === 'died')
  assert.deepEqual(
    died.map(({ worker, error, restartMs }) => ({ worker, message: error.message, restartMs })),
    [
      { worker: 0, message: 'unlucky', restartMs: 100 },
      { worker: 0, message: 'unlucky', restartMs: 200 },
    ],
  )
  const stats = openStats(supervisor.stats)
  assert.equal(stats.counters[0][Counter.open], 0)
  assert.equal(totals(stats).closed['worker-lost'], 14)
})

test('a drain sums up what the workers did, and none is started any more', async t => {
  const { supervisor, until } = scene(t, 2)
  supervisor.publish(1, table)
  await until(listening(1), 2)
  const drained = await supervisor.drain(1_000)
  assert.deepEqual(drained, { closed: 2, reset: 4 })
  assert.deepEqual(
    supervisor.status().map(each => each.state),
    ['ended', 'ended'],
  )
})

test('a stop in the pause before a restart ends at once', async t => {
  const { supervisor, until } = scene(t, 1)
  supervisor.publish(13, table)
  await until(event => event.kind === 'died')
  await supervisor.stop()
  assert.equal(supervisor.status()[0].state, 'ended')
})

test('a worker that cannot be loaded is told of, each time, and a stop ends at once', async t => {
  const { supervisor, events, until } = scene(t, 2, './there-is-none.ts')
  supervisor.publish(1, table)
  await until(event => event.kind === 'died' && event.restartMs > 100, 2)
  for (const event of events)
    assert.match(event.kind === 'died' ? event.error.message : 'listening', /there-is-none/)
  await supervisor.stop()
  assert.deepEqual(
    supervisor.status().map(each => each.state),
    ['ended', 'ended'],
  )
})

const tickets: TicketKeys = { current: new Uint8Array(TICKET_KEY_BYTES), previous: null }
const pair: Pair = { chain: new Uint8Array(1), key: new Uint8Array(1), ocsp: null }
const materialOf = (digest: string): Material => ({
  id: 'cert',
  pairs: [pair],
  authorities: null,
  crl: null,
  digest,
})
const secretsOf = (digest: string) => ({ material: [materialOf(digest)], tickets })
const holds = (generation: number, digest: string) => (event: SupervisorEvent) =>
  event.kind === 'listening' && event.generation === generation && event.failures[0]?.code === digest

test('certificates come with their table, alone once they change, and to a worker that starts later', async t => {
  const { supervisor, until } = scene(t, 2)
  supervisor.publish(1, table, secretsOf('first'))
  await until(holds(1, 'first'), 2)
  supervisor.furnish(secretsOf('second'))
  await until(holds(0, 'second'), 2)
  supervisor.publish(13, table)
  await until(event => event.kind === 'died')
  await until(holds(13, 'second'))
})
