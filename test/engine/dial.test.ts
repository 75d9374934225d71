/**
 * Goal: a connection that can't go where it should ends at once, with one counted reason, and never
 * anywhere else. Method: refused, silent and missing endpoints behind a real worker.
 */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { EngineLimits } from '../../src/engine/decide/decide.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { missing } from '../../src/kernel/libc.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import type { Cluster, Listener } from '../../src/table/plan/plan.ts'
import { blackhole } from '../support/blackhole.ts'
import { clusterOf, EVERY_ENGINE, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import {
  begin,
  bytes,
  digest,
  echo,
  ending,
  freePort,
  greet,
  listen,
  open,
  readAll,
  readBytes,
  send,
  stalled,
  until,
} from '../support/sockets.ts'
import { keepaliveDue } from '../support/tcp-timers.ts'

/** In which an endpoint that is there accepts, also on a machine that is busy with other things. */
const ENOUGH_MS = 500

/** A worker with one listener for `clusters`. */
async function gatewayTo(
  engine: EngineKind,
  clusters: readonly Cluster[],
  limits: Partial<EngineLimits> = {},
  listener: Partial<Listener> = {},
) {
  const plane = new TestEngine(engine, 1, limits)
  const port = listener.port ?? (await freePort())
  await plane.adopt(planOf([listenerOn(port, 0, listener)], clusters))
  return { plane, port, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

type Gateway = Awaited<ReturnType<typeof gatewayTo>>

/** A new client is reset, and the reason is counted. */
async function isReset({ plane, port }: Gateway, reason: ReasonName): Promise<void> {
  const before = plane.counts.closed[reason]
  assert.equal(await ending(begin(port)), 'ECONNRESET')
  await plane.closed(reason, before + 1)
  await plane.settled()
}

const nobody = async () => ({ address: '127.0.0.1', port: await freePort() })

for (const { engine, test } of EVERY_ENGINE) {
  test(`${engine}: a refused connection resets the client`, async () => {
    await using gateway = await gatewayTo(engine, [clusterOf([await nobody()])])
    await isReset(gateway, 'connect-refused')
    assert.deepEqual([gateway.plane.counts.dials, gateway.plane.counts.dialFailures], [1, 1])
  })

  test(`${engine}: a silent endpoint is given up at the connect timeout`, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo(engine, [clusterOf([hole], { connectTimeoutMs: 50 })])
    await isReset(gateway, 'connect-timeout')
  })

  test(`${engine}: further endpoints are tried, and what the client sent is not lost`, async () => {
    await using hole = await blackhole()
    await using upstream = await listen(echo)
    const targets = [await nobody(), hole, upstream]
    for (const balance of ['ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST'] as const) {
      const cluster = clusterOf(targets, { balance, connectTimeoutMs: ENOUGH_MS })
      await using gateway = await gatewayTo(engine, [cluster])
      for (let each = 0; each < 6; each++) {
        const client = begin(gateway.port)
        client.end(`hello ${each}`)
        assert.equal(await readAll(client), `hello ${each}`)
      }
      await gateway.plane.settled()
      assert.equal(gateway.plane.counts.closed['client-closed'], 6)
      assert.equal(gateway.plane.counts.dials, gateway.plane.counts.dialFailures + 6)
    }
  })

  test(`${engine}: no more endpoints are tried than the limit allows, and none twice`, async () => {
    const targets = [await nobody(), await nobody(), await nobody()]
    await using two = await gatewayTo(engine, [clusterOf(targets, { connectAttempts: 2 })])
    await isReset(two, 'connect-refused')
    assert.equal(two.plane.counts.dials, 2)
    await using nine = await gatewayTo(engine, [clusterOf(targets, { connectAttempts: 9 })])
    await isReset(nine, 'connect-refused')
    assert.equal(nine.plane.counts.dials, 3)
  })

  test(`${engine}: a client that resets while its upstream is dialed ends the dial`, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo(engine, [clusterOf([hole])])
    const client = await open(gateway.port)
    client.write('early')
    await until(() => gateway.plane.counts.dials === 1 && gateway.plane.counts.clientBytes === 5)
    client.resetAndDestroy()
    await gateway.plane.closed('client-reset')
    await gateway.plane.settled()
  })

  const noEvents = missing !== '' && 'node:net cannot see it'
  test(`${engine}: so does one that said more than is kept`, { skip: noEvents }, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo(engine, [clusterOf([hole])])
    const client = await open(gateway.port)
    client.write(Buffer.alloc(2 ** 20))
    await until(() => gateway.plane.counts.clientBytes > 0)
    await stalled(() => gateway.plane.counts.clientBytes)
    client.resetAndDestroy()
    await gateway.plane.settled()
    assert.equal(gateway.plane.counts.closed['client-reset'], 1)
  })

  test(`${engine}: a client that sends much before its upstream is there has to wait, and loses nothing`, async () => {
    const total = 16 * 2 ** 20
    await using hole = await blackhole()
    await using silent = await gatewayTo(engine, [clusterOf([hole])])
    const waiting = await open(silent.port)
    waiting.write(Buffer.alloc(total))
    await until(() => silent.plane.counts.clientBytes > 0)
    await stalled(() => silent.plane.counts.clientBytes)
    assert.ok(silent.plane.counts.clientBytes <= 2 ** 18)
    waiting.destroy()

    await using upstream = await listen(echo)
    const cluster = clusterOf([hole, upstream], { balance: 'ROUND_ROBIN', connectTimeoutMs: ENOUGH_MS })
    await using gateway = await gatewayTo(engine, [cluster])
    const client = await open(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(6, total)), digest(client)])
    assert.equal(got, sent)
    await gateway.plane.settled()
  })

  test(`${engine}: every way to nowhere is a reset with its own reason`, async () => {
    const nowhere: [ReasonName, Cluster, Partial<Listener>][] = [
      ['no-route', clusterOf([]), { scopes: [] }],
      ['denied', clusterOf([]), { scopes: [], otherwise: 'deny' }],
      ['loop', clusterOf([]), { scopes: [], otherwise: 'passthrough' }],
      ['loop', { ...clusterOf([]), kind: 'original' }, {}],
      ['loop', { ...clusterOf([]), kind: 'original' }, { destination: 'original' }],
      ['unknown-destination', { ...clusterOf([]), kind: 'unknown' }, {}],
      ['no-endpoint', clusterOf([]), {}],
    ]
    for (const [reason, cluster, listener] of nowhere) {
      await using gateway = await gatewayTo(engine, [cluster], {}, listener)
      await isReset(gateway, reason)
      const { counts } = gateway.plane
      assert.deepEqual([counts.accepted, counts.dials, counts.closed[reason]], [1, 0, 1], reason)
    }
  })

  test(`${engine}: an upstream that accepts and resets at once has not refused`, async () => {
    const clients = 100
    await using upstream = await listen(socket => socket.resetAndDestroy())
    await using gateway = await gatewayTo(engine, [clusterOf([upstream])])
    await Promise.all(Array.from({ length: clients }, () => ending(begin(gateway.port))))
    await gateway.plane.settled()
    const { dials, closed } = gateway.plane.counts
    assert.deepEqual([dials, closed['upstream-reset']], [clients, clients])
  })

  test(`${engine}: an endpoint that is our own listener is not dialed, whatever its address is spelled like`, async () => {
    const everywhere = ['127.0.0.1', '127.7.7.7', '0.0.0.0', '::ffff:127.0.0.1', '::1', '::']
    const pairs = [
      ...['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1'].map(address => ({ bind: '127.0.0.1', address })),
      ...everywhere.map(address => ({ bind: '', address })),
    ]
    const places = await Promise.all(pairs.map(async each => ({ ...each, port: await freePort() })))
    await using plane = new TestEngine(engine)
    const listeners = places.map(({ bind, port }, route) => listenerOn(port, route, { bind }))
    await plane.adopt(
      planOf(
        listeners,
        places.map(place => clusterOf([place])),
      ),
    )
    for (const { port } of places) assert.equal(await ending(begin(port)), 'ECONNRESET')
    await plane.settled()
    const { accepted, dials, closed } = plane.counts
    assert.deepEqual([accepted, dials, closed.loop], [places.length, 0, places.length])
  })

  test(`${engine}: a further attempt is not made at our own listener`, async () => {
    const port = await freePort()
    const dead = { address: '127.0.0.1', port: await freePort() }
    const endpoints = [dead, { address: '127.0.0.1', port }]
    const cluster = clusterOf(endpoints, { balance: 'ROUND_ROBIN', remembersFailures: false })
    await using gateway = await gatewayTo(engine, [cluster], {}, { port })
    for (let turn = 0; turn < 4; turn++) assert.equal(await ending(begin(gateway.port)), 'ECONNRESET')
    await gateway.plane.settled()
    const { accepted, dials, closed } = gateway.plane.counts
    assert.deepEqual([accepted, dials, closed.loop, closed['connect-refused']], [4, 2, 2, 2])
  })

  test(`${engine}: a connection without bytes ends at the idle timeout, on both sides`, async () => {
    const behind: Promise<string>[] = []
    await using upstream = await listen(socket => void behind.push(ending(socket)))
    await using gateway = await gatewayTo(engine, [clusterOf([upstream], { idleTimeoutMs: 50 })])
    assert.equal(await ending(begin(gateway.port)), 'ECONNRESET')
    await until(() => behind.length > 0)
    assert.deepEqual(await Promise.all(behind), ['ECONNRESET'])
    await gateway.plane.closed('idle-timeout')
  })

  test(`${engine}: a half-closed connection ends at the idle timeout too`, async () => {
    await using upstream = await listen(socket => socket.resume())
    await using gateway = await gatewayTo(engine, [clusterOf([upstream], { idleTimeoutMs: 50 })])
    const client = begin(gateway.port)
    client.end('request')
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.plane.closed('idle-timeout')
    await gateway.plane.settled()
  })

  test(`${engine}: a busy connection ends at the longest duration`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, [clusterOf([upstream], { maxDurationMs: 100 })])
    const client = await open(gateway.port)
    client.on('data', chunk => client.write(chunk))
    client.write('ping')
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.plane.closed('max-duration')
  })

  test(`${engine}: above the limit of connections a client is reset, below it served again`, async () => {
    await using upstream = await listen(greet('hi'))
    await using gateway = await gatewayTo(engine, [clusterOf([upstream])], { maxConnections: 2 })
    const clients = [await open(gateway.port), await open(gateway.port)]
    for (const client of clients) assert.equal(await readBytes(client, 2), 'hi')
    assert.equal(await ending(begin(gateway.port)), 'ECONNRESET')
    await gateway.plane.closed('max-connections')
    clients[0].destroy()
    await until(() => gateway.plane.counts.open === 1)
    const next = await open(gateway.port)
    assert.equal(await readBytes(next, 2), 'hi')
    for (const client of [next, clients[1]]) client.destroy()
  })

  test(`${engine}: a destination's own limit holds for it alone`, async () => {
    await using upstream = await listen(greet('hi'))
    const plane = new TestEngine(engine)
    const [narrow, wide] = [await freePort(), await freePort()]
    const clusters = [clusterOf([upstream], { maxConnections: 1 }, 'a'), clusterOf([upstream], {}, 'b')]
    await plane.adopt(planOf([listenerOn(narrow, 0), listenerOn(wide, 1)], clusters))
    const clients = [await open(narrow), await open(wide), await open(wide)]
    for (const client of clients) assert.equal(await readBytes(client, 2), 'hi')
    assert.equal(await ending(begin(narrow)), 'ECONNRESET')
    await plane.closed('cluster-max-connections')
    clients[0].destroy()
    await until(() => plane.counts.open === 2)
    const next = await open(narrow)
    assert.equal(await readBytes(next, 2), 'hi')
    for (const client of [next, ...clients]) client.destroy()
    await plane[Symbol.asyncDispose]()
  })

  test(`${engine}: keepalive runs on the upstream's socket as the policy says`, async (t: TestContext) => {
    if (process.platform !== 'linux') return t.skip('reads /proc/net/tcp')
    await using upstream = await listen(greet('hi'))
    const keepalive = { timeS: 30, intervalS: 5, probes: 2 }
    await using gateway = await gatewayTo(engine, [clusterOf([upstream], { keepalive })])
    const client = await open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    const due = () => keepaliveDue({ remote: upstream.port })
    await until(() => due() !== null)
    assert.ok(Number(due()) <= 3000)
    client.destroy()
  })

  test(`${engine}: a further dial has its own destination's keepalive, whoever was dialed meanwhile`, async (t: TestContext) => {
    if (process.platform !== 'linux') return t.skip('reads /proc/net/tcp')
    await using hole = await blackhole()
    await using upstream = await listen(greet('hi'))
    await using other = await listen(greet('ho'))
    const keepalive = { timeS: 30, intervalS: 5, probes: 2 }
    const policy = { keepalive, balance: 'ROUND_ROBIN', connectTimeoutMs: ENOUGH_MS } as const
    const slow = clusterOf([hole, upstream], policy)
    const ports = [await freePort(), await freePort()]
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listenerOn(ports[0], 0), listenerOn(ports[1], 1)], [slow, clusterOf([other])]))
    const client = await open(ports[0])
    await until(() => plane.counts.dials >= 1)
    assert.equal(await readBytes(await open(ports[1]), 2), 'ho')
    assert.equal(await readBytes(client, 2), 'hi')
    const due = () => keepaliveDue({ remote: upstream.port })
    await until(() => due() !== null)
    assert.ok(Number(due()) <= 3000)
  })
}
