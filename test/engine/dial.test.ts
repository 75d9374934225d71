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
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import {
  bytes,
  digest,
  echo,
  ending,
  freePort,
  greet,
  listen,
  readAll,
  readBytes,
  send,
  stalled,
  until,
} from '../support/sockets.ts'
import { keepaliveIs } from '../support/tcp-options.ts'
import { EVERY_WAY, type Way } from '../support/ways.ts'

/** In which an endpoint that is there accepts, also on a machine that is busy with other things. */
const ENOUGH_MS = 500

/** A worker with one listener for `clusters`. */
async function gatewayBy(
  way: Way,
  engine: EngineKind,
  clusters: readonly Cluster[],
  limits: Partial<EngineLimits> = {},
  listener: Partial<Listener> = {},
) {
  const plane = way.engine(engine, 1, limits)
  const port = listener.port ?? (await freePort())
  await plane.adopt(planOf([listenerOn(port, 0, listener)], clusters))
  return { way, plane, port, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

type Gateway = Awaited<ReturnType<typeof gatewayBy>>

/** A new client is reset, and the reason is counted. */
async function isReset({ way, plane, port }: Gateway, reason: ReasonName): Promise<void> {
  const before = plane.counts.closed[reason]
  assert.equal(await ending(way.begin(port)), 'ECONNRESET')
  await plane.closed(reason, before + 1)
  await plane.settled()
}

/** What `gatewayBy` is given beside a way and an engine. */
type Given = Parameters<typeof gatewayBy> extends [Way, EngineKind, ...infer Rest] ? Rest : never

const nobody = async () => ({ address: '127.0.0.1', port: await freePort() })

for (const { engine, way, test } of EVERY_WAY) {
  const gatewayTo = (...rest: Given) => gatewayBy(way, engine, ...rest)

  test(`${engine}${way.name}: a refused connection resets the client`, async () => {
    await using gateway = await gatewayTo([clusterOf([await nobody()])])
    await isReset(gateway, 'connect-refused')
    assert.deepEqual([gateway.plane.counts.dials, gateway.plane.counts.dialFailures], [1, 1])
  })

  test(`${engine}${way.name}: a silent endpoint is given up at the connect timeout`, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo([clusterOf([hole], { connectTimeoutMs: 50 })])
    await isReset(gateway, 'connect-timeout')
  })

  test(`${engine}${way.name}: further endpoints are tried, and what the client sent is not lost`, async () => {
    await using hole = await blackhole()
    await using upstream = await way.listen(echo)
    const targets = [await nobody(), hole, upstream]
    for (const balance of ['ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST'] as const) {
      const cluster = clusterOf(targets, { balance, connectTimeoutMs: ENOUGH_MS })
      await using gateway = await gatewayTo([cluster])
      for (let each = 0; each < 6; each++) {
        const client = way.begin(gateway.port)
        client.end(`hello ${each}`)
        assert.equal(await readAll(client), `hello ${each}`)
      }
      await gateway.plane.settled()
      assert.equal(gateway.plane.counts.closed['client-closed'], 6)
      assert.equal(gateway.plane.counts.dials, gateway.plane.counts.dialFailures + 6)
    }
  })

  test(`${engine}${way.name}: no more endpoints are tried than the limit allows, and none twice`, async () => {
    const targets = [await nobody(), await nobody(), await nobody()]
    await using two = await gatewayTo([clusterOf(targets, { connectAttempts: 2 })])
    await isReset(two, 'connect-refused')
    assert.equal(two.plane.counts.dials, 2)
    await using nine = await gatewayTo([clusterOf(targets, { connectAttempts: 9 })])
    await isReset(nine, 'connect-refused')
    assert.equal(nine.plane.counts.dials, 3)
  })

  test(`${engine}${way.name}: a client that resets while its upstream is dialed ends the dial`, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo([clusterOf([hole])])
    const client = await way.open(gateway.port)
    client.write('early')
    await until(() => gateway.plane.counts.dials === 1 && gateway.plane.counts.clientBytes === 5)
    client.resetAndDestroy()
    await gateway.plane.closed('client-reset')
    await gateway.plane.settled()
  })

  const noEvents = missing !== '' && 'node:net cannot see it'
  test(`${engine}${way.name}: so does one that said more than is kept`, { skip: noEvents }, async () => {
    await using hole = await blackhole()
    await using gateway = await gatewayTo([clusterOf([hole])])
    const client = await way.open(gateway.port)
    client.write(Buffer.alloc(2 ** 20))
    await until(() => gateway.plane.counts.clientBytes > 0)
    await stalled(() => gateway.plane.counts.clientBytes)
    client.resetAndDestroy()
    await gateway.plane.settled()
    assert.equal(gateway.plane.counts.closed['client-reset'], 1)
  })

  test(`${engine}${way.name}: a client that sends much before its upstream is there has to wait, and loses nothing`, async () => {
    const total = 16 * 2 ** 20
    await using hole = await blackhole()
    await using silent = await gatewayTo([clusterOf([hole])])
    const waiting = await way.open(silent.port)
    waiting.write(Buffer.alloc(total))
    await until(() => silent.plane.counts.clientBytes > 0)
    await stalled(() => silent.plane.counts.clientBytes)
    assert.ok(silent.plane.counts.clientBytes <= 2 ** 18)
    waiting.destroy()

    await using upstream = await way.listen(echo)
    const cluster = clusterOf([hole, upstream], { balance: 'ROUND_ROBIN', connectTimeoutMs: ENOUGH_MS })
    await using gateway = await gatewayTo([cluster])
    const client = await way.open(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(6, total)), digest(client)])
    assert.equal(got, sent)
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: every way to nowhere is a reset with its own reason`, async () => {
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
      await using gateway = await gatewayTo([cluster], {}, listener)
      await isReset(gateway, reason)
      const { counts } = gateway.plane
      assert.deepEqual([counts.accepted, counts.dials, counts.closed[reason]], [1, 0, 1], reason)
    }
  })

  test(`${engine}${way.name}: an upstream that accepts and resets at once has not refused`, async () => {
    const clients = 100
    await using upstream = await listen(socket => socket.resetAndDestroy())
    await using gateway = await gatewayTo([clusterOf([upstream])])
    await Promise.all(Array.from({ length: clients }, () => ending(way.begin(gateway.port))))
    await gateway.plane.settled()
    // With TLS there is no upstream before its handshake.
    const reason = way.isOut ? 'tls-handshake' : 'upstream-reset'
    const { dials, closed } = gateway.plane.counts
    assert.deepEqual([dials, closed[reason]], [clients, clients])
  })

  test(`${engine}${way.name}: an endpoint that is our own listener is not dialed, whatever its address is spelled like`, async () => {
    const everywhere = ['127.0.0.1', '127.7.7.7', '0.0.0.0', '::ffff:127.0.0.1', '::1', '::']
    const pairs = [
      ...['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1'].map(address => ({ bind: '127.0.0.1', address })),
      ...everywhere.map(address => ({ bind: '', address })),
    ]
    const places = await Promise.all(pairs.map(async each => ({ ...each, port: await freePort() })))
    await using plane = way.engine(engine)
    const listeners = places.map(({ bind, port }, route) => listenerOn(port, route, { bind }))
    await plane.adopt(
      planOf(
        listeners,
        places.map(place => clusterOf([place])),
      ),
    )
    for (const { port } of places) assert.equal(await ending(way.begin(port)), 'ECONNRESET')
    await plane.settled()
    const { accepted, dials, closed } = plane.counts
    assert.deepEqual([accepted, dials, closed.loop], [places.length, 0, places.length])
  })

  test(`${engine}${way.name}: a further attempt is not made at our own listener`, async () => {
    const port = await freePort()
    const dead = { address: '127.0.0.1', port: await freePort() }
    const endpoints = [dead, { address: '127.0.0.1', port }]
    const cluster = clusterOf(endpoints, { balance: 'ROUND_ROBIN', remembersFailures: false })
    await using gateway = await gatewayTo([cluster], {}, { port })
    for (let turn = 0; turn < 4; turn++) assert.equal(await ending(way.begin(gateway.port)), 'ECONNRESET')
    await gateway.plane.settled()
    const { accepted, dials, closed } = gateway.plane.counts
    assert.deepEqual([accepted, dials, closed.loop, closed['connect-refused']], [4, 2, 2, 2])
  })

  test(`${engine}${way.name}: a connection without bytes ends at the idle timeout, on both sides`, async () => {
    const behind: Promise<string>[] = []
    await using upstream = await way.listen(socket => void behind.push(ending(socket)))
    await using gateway = await gatewayTo([clusterOf([upstream], { idleTimeoutMs: 50 })])
    assert.equal(await ending(way.begin(gateway.port)), 'ECONNRESET')
    await until(() => behind.length > 0)
    assert.deepEqual(await Promise.all(behind), ['ECONNRESET'])
    await gateway.plane.closed('idle-timeout')
  })

  test(`${engine}${way.name}: a half-closed connection ends at the idle timeout too`, async () => {
    await using upstream = await way.listen(socket => socket.resume())
    await using gateway = await gatewayTo([clusterOf([upstream], { idleTimeoutMs: 50 })])
    const client = way.begin(gateway.port)
    client.end('request')
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.plane.closed('idle-timeout')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: a busy connection ends at the longest duration`, async () => {
    await using upstream = await way.listen(echo)
    await using gateway = await gatewayTo([clusterOf([upstream], { maxDurationMs: 100 })])
    const client = way.begin(gateway.port)
    client.on('data', chunk => client.write(chunk))
    client.write('ping')
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.plane.closed('max-duration')
  })

  test(`${engine}${way.name}: above the limit of connections a client is reset, below it served again`, async () => {
    await using upstream = await way.listen(greet('hi'))
    await using gateway = await gatewayTo([clusterOf([upstream])], { maxConnections: 2 })
    const clients = [await way.open(gateway.port), await way.open(gateway.port)]
    for (const client of clients) assert.equal(await readBytes(client, 2), 'hi')
    assert.equal(await ending(way.begin(gateway.port)), 'ECONNRESET')
    await gateway.plane.closed('max-connections')
    clients[0].destroy()
    await until(() => gateway.plane.counts.open === 1)
    const next = await way.open(gateway.port)
    assert.equal(await readBytes(next, 2), 'hi')
    for (const client of [next, clients[1]]) client.destroy()
  })

  test(`${engine}${way.name}: a destination's own limit holds for it alone`, async () => {
    await using upstream = await way.listen(greet('hi'))
    const plane = way.engine(engine)
    const [narrow, wide] = [await freePort(), await freePort()]
    const clusters = [clusterOf([upstream], { maxConnections: 1 }, 'a'), clusterOf([upstream], {}, 'b')]
    await plane.adopt(planOf([listenerOn(narrow, 0), listenerOn(wide, 1)], clusters))
    const clients = [await way.open(narrow), await way.open(wide), await way.open(wide)]
    for (const client of clients) assert.equal(await readBytes(client, 2), 'hi')
    assert.equal(await ending(way.begin(narrow)), 'ECONNRESET')
    await plane.closed('cluster-max-connections')
    clients[0].destroy()
    await until(() => plane.counts.open === 2)
    const next = await way.open(narrow)
    assert.equal(await readBytes(next, 2), 'hi')
    for (const client of [next, ...clients]) client.destroy()
    await plane[Symbol.asyncDispose]()
  })

  test(`${engine}${way.name}: keepalive runs on the upstream's socket as the policy says`, async (t: TestContext) => {
    if (process.platform !== 'linux') return t.skip('reads /proc/self/fd')
    await using upstream = await way.listen(greet('hi'))
    const keepalive = { timeS: 30, intervalS: 5, probes: 2 }
    await using gateway = await gatewayTo([clusterOf([upstream], { keepalive })])
    const client = await way.open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    await keepaliveIs(upstream.port, keepalive)
    client.destroy()
  })

  test(`${engine}${way.name}: a further dial has its own destination's keepalive, whoever was dialed meanwhile`, async (t: TestContext) => {
    if (process.platform !== 'linux') return t.skip('reads /proc/self/fd')
    await using hole = await blackhole()
    await using upstream = await way.listen(greet('hi'))
    await using other = await way.listen(greet('ho'))
    const keepalive = { timeS: 30, intervalS: 5, probes: 2 }
    const policy = { keepalive, balance: 'ROUND_ROBIN', connectTimeoutMs: ENOUGH_MS } as const
    const slow = clusterOf([hole, upstream], policy)
    const ports = [await freePort(), await freePort()]
    await using plane = way.engine(engine)
    await plane.adopt(planOf([listenerOn(ports[0], 0), listenerOn(ports[1], 1)], [slow, clusterOf([other])]))
    const client = await way.open(ports[0])
    await until(() => plane.counts.dials >= 1)
    assert.equal(await readBytes(await way.open(ports[1]), 2), 'ho')
    assert.equal(await readBytes(client, 2), 'hi')
    await keepaliveIs(upstream.port, keepalive)
  })
}
