// Goal: what a seed or a model has found stays found: a seed means another run after the next
// change of the simulator, so each find has its own short story here.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stages } from '../../src/engine/flow/admission.ts'
import type { Filter } from '../../src/engine/flow/filter.ts'
import { CLIENT } from '../../src/engine/flow/slots.ts'
import { TABLES_KEPT } from '../../src/stats/generations.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { Counter, closedAt } from '../../src/stats/stats.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_EJECTION } from '../../src/table/plan/policy.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { nameText } from './names.ts'
import { openScene, type Scene } from './scene.ts'
import type { Socket } from './sockets.ts'

const PORT = 80
const planTo = (server: string, port = PORT): Plan =>
  planOf([listenerOn(port, 0, { bind: '10.1.0.1' })], [clusterOf([{ address: server, port: 9000 }])])

test('a listener that left and came back serves by the newest table, whichever of its sockets accepts', () => {
  const { gateway, network, pass, passOutside, client } = openScene(planTo('10.2.0.1'))
  const dialed: string[] = []
  for (const server of ['10.2.0.1', '10.2.0.2'])
    network.servers.set(`${server}:9000`, (_: Socket) => void dialed.push(server))
  pass(1)
  client('10.1.0.1', PORT)
  passOutside() // accepted by the kernel; the worker has not looked yet
  gateway.publish(planTo('10.2.0.1', 81)) // without the listener
  gateway.publish(planTo('10.2.0.2')) // and with it again, to another endpoint
  pass(1)
  assert.deepEqual(dialed, ['10.2.0.2'])
})

for (const [what, leave] of [
  ['left again', gateway => gateway.publish(planTo('10.2.0.1', 81))],
  ['was drained', gateway => gateway.end({ kind: 'drain', timeoutMs: 1000 })],
] as readonly [string, (gateway: Scene['gateway']) => void][])
  test(`a listener that left, came back and ${what} at once serves by the newest table that has it`, () => {
    const { gateway, network, pass, passOutside, client } = openScene(planTo('10.2.0.1'))
    const dialed: string[] = []
    for (const server of ['10.2.0.1', '10.2.0.2'])
      network.servers.set(`${server}:9000`, (_: Socket) => void dialed.push(server))
    pass(1)
    client('10.1.0.1', PORT)
    passOutside()
    gateway.publish(planTo('10.2.0.1', 81))
    gateway.publish(planTo('10.2.0.2'))
    leave(gateway)
    pass(1)
    assert.deepEqual(dialed, ['10.2.0.2'])
  })

test('a reset that cuts a send short is no end for the other side', () => {
  const { network, pass, client } = openScene(planTo('10.2.0.1'))
  const servers: Socket[] = []
  network.servers.set('10.2.0.1:9000', socket => void servers.push(socket))
  pass(1)
  const one = client('10.1.0.1', PORT)
  for (let said = 0; said < 100; said++) {
    network.write(one, new Uint8Array(777))
    pass(10)
  }
  const [server] = servers
  assert.equal(server.incoming.room, 0, 'a send waits for room')
  network.write(server, new Uint8Array(256)) // a whole buffer: the next receive is asked for after it
  pass(10)
  network.abort(server)
  pass(1000)
  assert.ok(one.broken)
  assert.ok(!one.incoming.heardEnd)
})

test('a reset that a send is told of is no end, though the completions of both change places', () => {
  for (let seed = 1n; seed <= 12n; seed++) {
    const { network, pass, passOutside, client } = openScene(planTo('10.2.0.1'), {
      faults: ['reorder'],
      seed,
    })
    const servers: Socket[] = []
    network.servers.set('10.2.0.1:9000', socket => void servers.push(socket))
    pass(1)
    const one = client('10.1.0.1', PORT)
    pass(10)
    const [server] = servers
    for (let said = 0; said < 65; said++) {
      network.write(server, new Uint8Array(256))
      pass(10)
    }
    assert.equal(one.incoming.room, 0, 'a send waits, of which nothing has gone')
    network.write(one, new Uint8Array(256)) // a whole buffer: the next receive is asked for after the send
    pass(10)
    network.abort(one)
    passOutside() // to both, before the worker looks
    pass(1000)
    assert.ok(server.broken)
    assert.ok(!server.incoming.heardEnd, `in the order of ${seed}`)
  }
})

test('a port waits for bytes by one poll, also while what it has said waits to be sent', () => {
  const { machine, network, pass, client } = openScene(planTo('10.2.0.1'))
  machine.faults.strikes = fault => fault === 'again' // as of sockets that do not block
  const servers: Socket[] = []
  network.servers.set('10.2.0.1:9000', socket => void servers.push(socket))
  pass(1)
  const one = client('10.1.0.1', PORT)
  pass(10)
  const [server] = servers
  for (let said = 0; said < 82; said++) {
    network.write(one, new Uint8Array(200))
    pass(10)
  }
  assert.equal(server.incoming.room, 0, 'a send waits')
  network.write(server, new Uint8Array(10))
  pass(10)
  network.read(one, new Uint8Array(10), 10) // its port looks again, and finds nothing
  pass(10)
  network.read(server, new Uint8Array(20_000), 20_000)
  pass(10)
  const polls = Array.from(
    machine.process.files,
    file => [...(file?.operations ?? [])].filter(({ kind }) => kind === 'ready').length,
  )
  assert.equal(Math.max(...polls), 1)
})

/** Passes what a client says, and keeps its end until it may go on. */
function keepsEnds({ passage, flows }: Stages, ends: (() => void)[]): Filter {
  return {
    isTransparent: false,
    said: (...what) => passage.pass(...what),
    saidEnd: (slot, side) => void ends.push(() => passage.passEnd(slot, side)),
    tell: (slot, side, buffer, bytes, more) => flows.put(slot, side, buffer, bytes, bytes, more),
    tellEnd: (slot, side) => flows.putEnd(slot, side),
    closed: () => {},
  }
}

test('an end that a filter keeps comes once, though what was said before it is still being sent', () => {
  const ends: (() => void)[] = []
  const { network, pass, client } = openScene(planTo('10.2.0.1'), {
    onAdmitted: (slot, stages) => stages.ports.setFilter(2 * slot + CLIENT, keepsEnds(stages, ends)),
  })
  const servers: Socket[] = []
  network.servers.set('10.2.0.1:9000', socket => void servers.push(socket))
  pass(1)
  const one = client('10.1.0.1', PORT)
  network.write(one, new Uint8Array(300))
  network.end(one)
  pass(100)
  assert.equal(ends.length, 1)
  assert.ok(!servers[0].incoming.heardEnd)
  ends[0]()
  pass(100)
  assert.ok(servers[0].incoming.heardEnd)
})

test('tables that arrive with a connection leave room to dial, whatever they open and close', () => {
  const to = [clusterOf([{ address: '10.2.0.1', port: 9000 }])]
  const plan = (...ports: number[]) =>
    planOf(
      ports.map((port, row) => listenerOn(port, row, { bind: '10.1.0.1' })),
      to,
    )
  const { gateway, machine, network, pass, client } = openScene(plan(80, 81), { faults: ['smallBatch'] })
  let dialed = 0
  network.servers.set('10.2.0.1:9000', () => void dialed++)
  machine.faults.on = false
  pass(1)
  machine.process.hasRoom = () => false
  client('10.1.0.1', 81) // out of descriptors: accepting is paused
  pass(1)
  Reflect.deleteProperty(machine.process, 'hasRoom')
  client('10.1.0.1', 80)
  gateway.publish(plan(80, 82, 83)) // empties the queue of 81 first, which finds the next table
  gateway.publish(plan(80, 82, 83, 84, 85, 86))
  pass(10)
  assert.equal(dialed, 2)
})

test('an ejection holds, though its endpoint was missing while marks were looked through', () => {
  const [dead, living] = ['10.2.0.1', '10.2.0.2'].map(address => ({ address, port: 9000 }))
  const ejection = { ...DEFAULT_EJECTION, failures: 1, maxPercent: 100, baseMs: 60_000 }
  const policy = { balance: 'ROUND_ROBIN', remembersFailures: false, ejection, connectAttempts: 2 } as const
  // The other destination has the endpoint in rotation, so that its mark is found to be stale.
  const plan = (...targets: { address: string; port: number }[]) =>
    planOf(
      [listenerOn(PORT, 0, { bind: '10.1.0.1' })],
      [clusterOf(targets, policy, 'one'), clusterOf([dead, living], policy, 'other')],
    )
  const { gateway, machine, network, pass, client } = openScene(plan(dead, living), { hasHealth: true })
  network.servers.set('10.2.0.2:9000', () => {})
  const failures = (): number => gateway.stats.counters[0][Counter.dialFailures]
  const connects = (count: number): void => {
    for (let each = 0; each < count; each++) {
      client('10.1.0.1', PORT)
      pass(10)
    }
  }
  pass(1)
  connects(10)
  assert.equal(failures(), 1)
  gateway.publish(plan(living))
  pass(5_000)
  gateway.publish(plan(dead, living))
  connects(10)
  assert.equal(failures(), 1)
  gateway.health?.close()
  assert.ok(machine.clock.nowMs < 60_000, 'its time is not up')
})

test('policies that come while a hello is read count, though no server has its name any more', () => {
  const [listener] = planTo('10.2.0.1').listeners
  const plan = (name: string, isDenied: boolean): Plan => {
    const scopes = listener.scopes.map(each => ({ ...each, takes: { names: [name], plain: false } }))
    const anybody = { never: null, from: [], to: [], when: [] }
    const deny = { name: 'test/deny', action: 'DENY', dryRun: false, rules: [anybody] } as const
    return {
      ...planTo('10.2.0.1'),
      listeners: [{ ...listener, reads: 'tls', scopes, policies: isDenied ? [0] : [] }],
      policies: [{ ...deny, file: 'a.yaml', line: 1 }],
    }
  }
  const { gateway, network, pass, client } = openScene(plan('a.test', false))
  let dialed = 0
  network.servers.set('10.2.0.1:9000', () => void dialed++)
  pass(1)
  const one = client('10.1.0.1', PORT)
  const bytes = record(hello([serverName(host('a.test'))]))
  network.write(one, bytes.subarray(0, 20))
  pass(10)
  gateway.publish(plan('b.test', true))
  pass(10)
  network.write(one, bytes.subarray(20))
  pass(10)
  assert.equal(dialed, 0)
  assert.equal(gateway.stats.counters[0][closedAt(Reason['denied-by-policy'])], 1)
})

test('an upstream is young until it has been connected for a second, whatever is looked at before', () => {
  const servers = ['10.2.0.1', '10.2.0.2']
  const endpoints = servers.map(address => ({ address, port: 9000 }))
  // The connect takes two thirds of its time; its deadline is what looks at it first.
  const cluster = clusterOf(endpoints, { connectTimeoutMs: 120 })
  const plan = planOf([listenerOn(PORT, 0, { bind: '10.1.0.1' })], [cluster])
  const { network, pass, client } = openScene(plan, { latencyMs: 40 })
  const there: Socket[] = []
  for (const server of servers) network.servers.set(`${server}:9000`, socket => void there.push(socket))
  pass(1)
  const one = client('10.1.0.1', PORT)
  while (there.length === 0) pass(10)
  pass(300)
  network.abort(there[0])
  pass(300)
  assert.equal(there.length, 2)
  assert.notEqual(nameText(there[0].local), nameText(there[1].local))
  assert.ok(!one.broken)
})

test('what weir says to a client goes once, though its upstream is replaced meanwhile', () => {
  const endpoints = ['10.2.0.1', '10.2.0.2'].map(address => ({ address, port: 9000 }))
  const plan = planOf([listenerOn(PORT, 0, { bind: '10.1.0.1' })], [clusterOf(endpoints)])
  const pieces = [4096, 4096, 4096, ...Array.from({ length: 17 }, () => 256)] // more than a socket takes
  const { network, pass, client } = openScene(plan, {
    onAdmitted: (slot, { flows, queues, memory }) => {
      for (const [piece, bytes] of pieces.entries()) {
        const buffer = queues.borrow(bytes > 256)
        const place = queues.placeOf(buffer)
        memory.u8.fill(piece, place, place + bytes)
        flows.put(slot, CLIENT, buffer, bytes, 0, false)
      }
    },
  })
  const there: Socket[] = []
  for (const { address } of endpoints)
    network.servers.set(`${address}:9000`, socket => void there.push(socket))
  pass(1)
  const one = client('10.1.0.1', PORT)
  pass(10)
  assert.equal(one.incoming.room, 0, 'a send waits')
  network.abort(there[0])
  pass(10)
  network.write(there[1], Uint8Array.of(200))
  const heard: number[] = []
  for (let turn = 0; turn < 10; turn++) {
    pass(10)
    const bytes = new Uint8Array(4096)
    heard.push(...bytes.subarray(0, Math.max(0, network.read(one, bytes, bytes.length))))
  }
  const said = pieces.flatMap((bytes, piece) => new Array<number>(bytes).fill(piece))
  assert.deepEqual(heard, [...said, 200])
})

const ends = ({ gateway }: Scene, reason: keyof typeof Reason): number =>
  gateway.stats.counters[0][closedAt(Reason[reason])]

test('a connection that goes on to a removed endpoint after a reset ends with it', () => {
  const servers = ['10.2.0.1', '10.2.0.2'].map(address => ({ address, port: 9000 }))
  const plan = (endpoints: typeof servers): Plan =>
    planOf(
      [listenerOn(PORT, 0, { bind: '10.1.0.1' })],
      [{ ...clusterOf(endpoints, { balance: 'ROUND_ROBIN' }), onRemoveMs: 0 }],
    )
  const scene = openScene(plan(servers), { removes: true })
  const { gateway, network, pass, client } = scene
  const there: Socket[] = []
  for (const { address } of servers) network.servers.set(`${address}:9000`, socket => void there.push(socket))
  pass(1)
  client('10.1.0.1', PORT)
  pass(1)
  const first = nameText(there[0].local)
  gateway.publish(plan(servers.filter(({ address }) => first.startsWith(`${address}:`))))
  pass(150)
  assert.equal(ends(scene, 'endpoint-removed'), 0)
  network.abort(there[0])
  pass(10)
  assert.notEqual(nameText(there[1].local), first)
  pass(300)
  assert.equal(ends(scene, 'endpoint-removed'), 1)
  gateway.removals?.close()
})

test('a connection that is read from keeps the names of its table, however many come meanwhile', () => {
  const [listener] = planTo('10.2.0.1').listeners
  const scopes = listener.scopes.map(each => ({ ...each, takes: { names: ['a.test'], plain: false } }))
  const plan = (server: string): Plan =>
    planOf(
      [{ ...listener, reads: 'tls', readTimeoutMs: 5_000, scopes }],
      [{ ...clusterOf([{ address: server, port: 9000 }]), onRemoveMs: 0 }],
    )
  const scene = openScene(plan('10.2.0.1'), { removes: true })
  const { gateway, network, pass, client } = scene
  network.servers.set('10.2.0.1:9000', () => {})
  pass(1)
  const one = client('10.1.0.1', PORT)
  const bytes = record(hello([serverName(host('a.test'))]))
  network.write(one, bytes.subarray(0, 20))
  pass(10)
  for (let more = 0; more <= TABLES_KEPT; more++) {
    gateway.publish(plan('10.2.0.2'))
    pass(10)
  }
  network.write(one, bytes.subarray(20))
  pass(300)
  assert.equal(ends(scene, 'endpoint-removed'), 1)
  gateway.removals?.close()
})

test('a worker that stands still keeps the names of the table by which it decides', () => {
  const plan = (server: string, port: number): Plan =>
    planOf(
      [listenerOn(port, 0, { bind: '10.1.0.1' })],
      [{ ...clusterOf([{ address: server, port: 9000 }]), onRemoveMs: 0 }],
    )
  const scene = openScene(plan('10.2.0.1', PORT), { removes: true })
  const { gateway, network, pass, passOutside, client } = scene
  network.servers.set('10.2.0.1:9000', () => {})
  pass(1)
  client('10.1.0.1', PORT)
  passOutside() // accepted by the kernel, for a listener that no later table has
  for (let more = 0; more <= TABLES_KEPT; more++) gateway.publish(plan('10.2.0.2', 81))
  pass(300)
  assert.equal(ends(scene, 'endpoint-removed'), 1)
  gateway.removals?.close()
})
