// Goal: the decision is the table's, with the loop refused. Method: decisions without any socket.

import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { formatAddress, parseInto } from '../../src/address/address.ts'
import { createDecider, decide } from '../../src/engine/decide/decide.ts'
import { ADMITTED, createDecision, ORIGINAL } from '../../src/engine/decide/decision.ts'
import { createInboxes } from '../../src/engine/worker/inboxes.ts'
import { Mailbox } from '../../src/engine/worker/mailbox.ts'
import type { EngineTask } from '../../src/engine/worker/protocol.ts'
import { createHeld } from '../../src/kernel/held.ts'
import { machine } from '../../src/kernel/machine.ts'
import { localRoutes4, localRoutes6 } from '../../src/kernel/own-addresses.ts'
import { createJournalMemory } from '../../src/stats/journal-memory.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { createStats } from '../../src/stats/stats.ts'
import { PASSTHROUGH } from '../../src/table/format/outcome.ts'
import { ownListeners } from '../../src/table/match/own-listeners.ts'
import { createQuery } from '../../src/table/match/query.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { tableOf } from '../support/tables.ts'

const taskOf = (): EngineTask => ({
  engine: 'node',
  index: 0,
  workers: 1,
  epoch: new SharedArrayBuffer(4),
  stats: createStats(1),
  inboxes: createInboxes(1),
  held: createHeld(64),
  journal: createJournalMemory(10),
  limits: { maxConnections: 10 },
  world: machine,
  port: new MessageChannel().port1,
})

/** Its counts take megabytes, and nothing here is counted. */
const sharedTask = taskOf()
const shared = createDecider(sharedTask)
sharedTask.port.close()

/** The decision about a connection to `destination`. */
function decideFor(plan: Plan, destination: string, port: number) {
  const table = tableOf(plan)
  const query = createQuery()
  query.destinationFamily = parseInto(destination, query.destination, 0)
  query.destinationPort = port
  query.clientFamily = parseInto('10.9.9.9', query.client, 0)
  const decision = createDecision()
  const outcome = decide(
    Object.assign(shared, { own: ownListeners(table, machine.ownAddresses()) }),
    table,
    query,
    decision,
  )
  const address = formatAddress(decision.family === 4 ? 4 : 6, decision.address)
  return { outcome, decision, target: `${address} ${decision.port}` }
}

const passing = (bind: string): Plan =>
  planOf([listenerOn(15_001, -1, { bind, scopes: [], otherwise: 'passthrough' })], [])

test('an address that is no service gets what it asked for, with the default policy', () => {
  const { outcome, decision, target } = decideFor(passing(''), '2001:db8::5', 443)
  assert.deepEqual([outcome, target], [ADMITTED, '2001:db8::5 443'])
  assert.deepEqual([decision.endpoint, decision.clusterSlot, decision.endpointSlot], [ORIGINAL, 0, 0])
  assert.deepEqual([decision.connectTimeoutMs, decision.idleTimeoutMs], [10_000, 3_600_000])
})

test('an address that is no service takes nothing from the decision before', () => {
  const task = taskOf()
  const decider = createDecider(task)
  task.port.close()
  const keepalive = { timeS: 1, intervalS: 2, probes: 3 }
  const policy = { connectTimeoutMs: 1, idleTimeoutMs: 2, maxDurationMs: 3, keepalive }
  const services = tableOf(planOf([listenerOn(80)], [clusterOf([{ address: '10.0.0.1', port: 81 }], policy)]))
  const table = tableOf(passing(''))
  const query = createQuery()
  query.destinationFamily = parseInto('192.0.2.1', query.destination, 0)
  query.destinationPort = 443
  const decision = createDecision()
  assert.equal(decide(decider, services, query, decision), ADMITTED)
  assert.deepEqual([decision.cluster, decision.route, decision.maxDurationMs], [0, 0, 3])
  assert.equal(
    decide(
      Object.assign(decider, { own: ownListeners(table, machine.ownAddresses()) }),
      table,
      query,
      decision,
    ),
    ADMITTED,
  )
  const { address, ...rest } = decision
  const { address: _, ...fresh } = createDecision()
  const { family, port, route, keepaliveIntervalS, keepaliveProbes } = rest
  assert.deepEqual(rest, { ...fresh, family, port, route, keepaliveIntervalS, keepaliveProbes })
  assert.deepEqual([formatAddress(4, address), port, route], ['192.0.2.1', 443, PASSTHROUGH])
})

test('every address of this machine is a loop at the port of an open listener, and only there', () => {
  const own = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(each => each.address))
  for (const address of [...own, '127.0.0.1', '127.1.2.3', '0.0.0.0', '::', '::ffff:127.0.0.1']) {
    assert.equal(decideFor(passing(''), address, 15_001).outcome, Reason.loop, address)
    assert.equal(decideFor(passing(''), address, 15_002).outcome, ADMITTED, address)
  }
  assert.equal(decideFor(passing(''), '192.0.2.1', 15_001).outcome, ADMITTED)
})

test('a listener on one address is a loop at that address only', () => {
  assert.equal(decideFor(passing('127.0.0.9'), '127.0.0.9', 15_001).outcome, Reason.loop)
  assert.equal(decideFor(passing('127.0.0.9'), '127.0.0.8', 15_001).outcome, ADMITTED)
  assert.equal(decideFor(passing('0.0.0.0'), '127.0.0.8', 15_001).outcome, Reason.loop)
})

test('an endpoint is held against our own listeners as a destination that was asked for is', () => {
  const decideTo = (bind: string, address: string, port = 80) =>
    decideFor(planOf([listenerOn(80, 0, { bind })], [clusterOf([{ address, port }])]), '10.0.0.9', 80).outcome
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    ...machine.ownAddresses(),
  ]) {
    if (address.includes('/')) continue
    for (const bind of ['', '::']) assert.equal(decideTo(bind, address), Reason.loop, `${bind} ${address}`)
    const isFour = !address.includes(':') || address.startsWith('::ffff:')
    assert.equal(decideTo('0.0.0.0', address), isFour ? Reason.loop : ADMITTED, address)
    assert.equal(decideTo('', address, 81), ADMITTED, address)
  }
  assert.equal(decideTo('127.0.0.1', '0.0.0.0'), Reason.loop, 'the kernel takes 0.0.0.0 for 127.0.0.1')
  assert.equal(decideTo('127.0.0.2', '0.0.0.0'), ADMITTED)
  assert.equal(decideTo('::1', '::'), Reason.loop)
  assert.equal(decideTo('::1', '::1'), Reason.loop)
  assert.equal(decideTo('::1', '127.0.0.1'), ADMITTED)
  assert.equal(decideTo('', '192.0.2.77'), ADMITTED)
})

test('what leads to this machine is read from the kernel’s local routes', () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/8 2 0 2
        |-- 10.1.0.0
           /16 host LOCAL
           /24 link UNICAST
        |-- 172.17.0.1
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
`
  assert.deepEqual(localRoutes4(trie), ['10.1.0.0/16', '172.17.0.1/32'])
  const zero = '0'.repeat(32)
  const route = (destination: string, bits: string, flags: string) =>
    `${destination} ${bits} ${zero} 00 ${zero} 00000000 00000003 00000000 ${flags}       lo\n`
  const routes =
    route(`${'0'.repeat(31)}1`, '80', '80200001') +
    route(`20010db8${'0'.repeat(24)}`, '20', '80000001') +
    route(`fd00${'0'.repeat(28)}`, '40', '00000001')
  assert.deepEqual(localRoutes6(routes), ['::1/128', '2001:db8::/32'])
  assert.deepEqual([localRoutes4(''), localRoutes6('')], [[], []])
})

test('a destination without endpoints of its own keeps its policy on the way to the asked address', () => {
  const cluster = { ...clusterOf([], { connectTimeoutMs: 7 }), kind: 'original' as const }
  const { outcome, decision, target } = decideFor(planOf([listenerOn(80)], [cluster]), '192.0.2.7', 80)
  assert.deepEqual([outcome, target, decision.connectTimeoutMs], [ADMITTED, '192.0.2.7 80', 7])
  assert.notEqual(decision.clusterSlot, 0)
})

test('an endpoint brings its address, its slot and the policy of its destination', () => {
  const keepalive = { timeS: 1, intervalS: 2, probes: 3 }
  const policy = { connectTimeoutMs: 1, idleTimeoutMs: 2, maxDurationMs: 3, keepalive }
  const cluster = clusterOf([{ address: '10.0.0.1', port: 81 }], policy)
  const { outcome, decision, target } = decideFor(planOf([listenerOn(80)], [cluster]), '10.0.0.9', 80)
  assert.deepEqual([outcome, target], [ADMITTED, '10.0.0.1 81'])
  const { connectTimeoutMs, idleTimeoutMs, maxDurationMs } = decision
  assert.deepEqual([connectTimeoutMs, idleTimeoutMs, maxDurationMs], [1, 2, 3])
  const { keepaliveTimeS, keepaliveIntervalS, keepaliveProbes } = decision
  assert.deepEqual([keepaliveTimeS, keepaliveIntervalS, keepaliveProbes], [1, 2, 3])
  assert.ok(decision.endpointSlot > 0)
})

test('an order is read as soon as the epoch has been raised, without waiting for the event loop', () => {
  const { port1, port2 } = new MessageChannel()
  const task = { ...taskOf(), port: port1 }
  const orders: string[] = []
  const mailbox = new Mailbox(task, {
    adopt: table => orders.push(`table ${table.generation}`),
    revise: table => orders.push(`endpoints ${table.endpointsRevision}`),
    drain: () => orders.push('drain'),
    close: () => orders.push('close'),
    stop: () => orders.push('stop'),
  })
  port2.postMessage({ kind: 'table', epoch: 1, generation: 7, table: tableOf(planOf([], []), 7).buffers })
  mailbox.refresh()
  assert.deepEqual(orders, [])
  Atomics.store(new Int32Array(task.epoch), 0, 1)
  mailbox.refresh()
  assert.deepEqual(orders, ['table 7'])
  port2.postMessage({ kind: 'stop' })
  mailbox.refresh()
  assert.deepEqual(orders, ['table 7'], 'the epoch says nothing of a newer one')
  mailbox.receive()
  assert.deepEqual(orders, ['table 7', 'stop'])
  port1.close()
})
