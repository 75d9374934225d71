/**
 * Goal: bulk is as exact as everything else, whatever becomes of it in the middle: talk, a reader
 * that stops, an end, a reset, a deadline. Method: enough bytes that the `uring` engine splices
 * them, which its pipes show, through real workers; its limits with a splicer between sockets of
 * the test's own.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { CLIENT, Slots, UPSTREAM } from '../../src/engine/flow/slots.ts'
import { Next, Splicer } from '../../src/engine/flow/splice.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { Pipes } from '../../src/kernel/pipes.ts'
import { createSocketName } from '../../src/kernel/socket-address.ts'
import { closeSocket, Sockets, setNonBlocking, shutdownWrite } from '../../src/kernel/sockets.ts'
import { prepareRecv, prepareSend } from '../../src/kernel/uring/prepare.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { Congestion, usual } from '../support/congestion.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { bytes, echo, ending, freePort, readBytes, stalled, until } from '../support/sockets.ts'
import { connected, one, opened, skip, withRing } from '../support/uring.ts'
import { PLAIN, WAYS, type Way } from '../support/ways.ts'

const BULK_BYTES = 8 * 2 ** 20

async function relayBy(
  way: Way,
  engine: EngineKind,
  onSocket: (socket: Socket) => void,
  policy: Partial<Policy> = {},
) {
  const upstream = await way.listen(onSocket)
  const plane = way.engine(engine)
  const port = await freePort()
  await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], policy)]))
  return {
    port,
    plane,
    upstream,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
      await plane[Symbol.asyncDispose]()
    },
  }
}

/** Writes without end, as long as the socket takes it. */
function flood(socket: Socket): void {
  const block = Buffer.alloc(2 ** 20)
  const fill = () => {
    while (!socket.destroyed && socket.write(block));
  }
  socket.on('drain', fill)
  fill()
}

/** The SHA-256 of the next `total` bytes. */
function digestOf(socket: Socket, total: number): Promise<string> {
  const hash = createHash('sha256')
  let left = total
  return new Promise(resolve => {
    socket.on('data', function take(chunk: Buffer) {
      hash.update(chunk)
      left -= chunk.length
      if (left > 0) return
      assert.equal(left, 0)
      socket.off('data', take)
      resolve(hash.digest('hex'))
    })
  })
}

/** Ends of pipes that this process, and so each of its workers, has open. */
function openPipes(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:')
    } catch {
      return false // the descriptor of this very look
    }
  }).length
}

for (const { engine, way, test } of WAYS) {
  const relay = (onSocket: (socket: Socket) => void, policy?: Partial<Policy>) =>
    relayBy(way, engine, onSocket, policy)

  test(`${engine}${way.name}: a connection can go from bulk to talk and back`, async () => {
    await using gateway = await relay(echo)
    const client = await way.open(gateway.port)
    for (let seed = 1; seed <= 3; seed++) {
      const block = Buffer.concat([...bytes(seed, BULK_BYTES)])
      const got = digestOf(client, BULK_BYTES)
      client.write(block)
      assert.equal(await got, createHash('sha256').update(block).digest('hex'))
      const answer = digestOf(client, 4)
      client.write('ping')
      assert.equal(await answer, createHash('sha256').update('ping').digest('hex'))
    }
    client.end()
    await gateway.plane.closed('client-closed')
    const { clientBytes, upstreamBytes } = gateway.plane.counts
    assert.deepEqual([clientBytes, upstreamBytes], [3 * (BULK_BYTES + 4), 3 * (BULK_BYTES + 4)])
  })

  test(`${engine}${way.name}: a client that resets while bulk waits for it is passed on`, async () => {
    await using gateway = await relay(flood)
    const client = await way.open(gateway.port)
    await readBytes(client, 1)
    const ended = [...gateway.upstream.sockets].map(ending)
    await stalled(() => gateway.plane.counts.upstreamBytes)
    client.resetAndDestroy()
    await gateway.plane.closed('client-reset')
    await Promise.all(ended)
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: an upstream that resets in the middle of bulk is passed on`, async () => {
    await using gateway = await relay(flood)
    const client = await way.open(gateway.port)
    const ended = ending(client)
    await until(() => gateway.plane.counts.upstreamBytes > BULK_BYTES)
    for (const socket of gateway.upstream.sockets) socket.resetAndDestroy()
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('upstream-reset')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: a reader of bulk that stops for the idle timeout is given up`, async () => {
    await using gateway = await relay(flood, { idleTimeoutMs: 300 })
    const client = await way.open(gateway.port)
    await readBytes(client, 1)
    await gateway.plane.closed('idle-timeout')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: a drain ends bulk that nobody reads`, async () => {
    await using gateway = await relay(flood)
    const client = await way.open(gateway.port)
    await readBytes(client, 1)
    await stalled(() => gateway.plane.counts.upstreamBytes)
    gateway.plane.order({ kind: 'drain', timeoutMs: 1 })
    await gateway.plane.finished()
    assert.equal(gateway.plane.counts.closed.drain, 1)
  })
}

test('bulk lies in a pipe while it waits, and every pipe is closed with its worker', { skip }, async () => {
  const before = openPipes()
  {
    await using gateway = await relayBy(PLAIN, 'uring', flood)
    const client = await PLAIN.open(gateway.port)
    await readBytes(client, 1)
    await until(() => openPipes() > before)
  }
  assert.equal(openPipes(), before)
})

for (const engine of ['uring', 'epoll'] as const)
  test(`${engine}: bulk to a client of this host is not paced, talk is as the host says`, {
    skip: skip || (usual() !== 'bbr' && 'only BBR paces, and this host has another one'),
  }, async () => {
    const arena = opened(Arena.map(65_536))
    await using upstream = await PLAIN.listen(socket => socket.on('data', () => flood(socket)))
    await using plane = PLAIN.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port, 0, { bind: '' })], [clusterOf([upstream])]))
    const client = await PLAIN.open(port)
    const [sockets, congestion] = [new Sockets(arena), new Congestion(arena)]
    const ofClient = () => acceptedAt(sockets, port, client.localPort ?? 0)
    await until(() => ofClient() >= 0)
    const fd = ofClient()
    assert.equal(congestion.of(fd), 'bbr')
    client.write('a flood')
    client.resume()
    await until(() => congestion.of(fd) === 'reno')
    client.resetAndDestroy()
    await plane.closed('client-reset')
    arena.unmap()
  })

/** The descriptor of the socket at `port` whose peer has port `from`; −1: none. */
function acceptedAt(sockets: Sockets, port: number, from: number): number {
  const [own, peer] = [createSocketName(), createSocketName()]
  const found = readdirSync('/proc/self/fd').find(
    fd =>
      sockets.localName(Number(fd), own) === 0 &&
      sockets.peerName(Number(fd), peer) === 0 &&
      own.port === port &&
      peer.port === from,
  )
  return Number(found ?? -1)
}

test('a direction that is quiet, has ended, or gets no pipe is to be copied', { skip }, () => {
  withRing({}, (ring, arena) => {
    const [left, right] = [connected(ring), connected(ring)]
    for (const fd of [left.server, right.server]) setNonBlocking(fd)
    const at = arena.take(100)
    const send = () => {
      prepareSend(ring, left.client, at, 100, 1, 0)
      assert.equal(one(ring).result, 100)
    }
    const slots = new Slots(1)
    const before = openPipes()
    const none = new Splicer(new Pipes(arena), slots, 0)
    assert.equal(none.pump(CLIENT, left.server, right.server), Next.copy)
    assert.equal(openPipes(), before)

    const splicer = new Splicer(new Pipes(arena), slots, Number.POSITIVE_INFINITY)
    send()
    assert.deepEqual([splicer.pump(CLIENT, left.server, right.server), splicer.taken], [Next.copy, 100])
    assert.deepEqual([splicer.pump(CLIENT, left.server, right.server), splicer.taken], [Next.copy, 0])
    prepareRecv(ring, right.client, at, 100, 2, 0)
    assert.equal(one(ring).result, 100)
    shutdownWrite(left.client)
    assert.deepEqual([splicer.pump(CLIENT, left.server, right.server), splicer.taken], [Next.copy, 0])
    assert.equal(openPipes(), before + 2)
    splicer.end()
    assert.equal(openPipes(), before)
    left.close()
    right.close()
  })
})

test('a broken socket is told from a broken target, and its pipe is closed', { skip }, () => {
  withRing({}, (ring, arena) => {
    const [left, right] = [connected(ring), connected(ring)]
    for (const fd of [left.server, right.server]) setNonBlocking(fd)
    const at = arena.take(100)
    const before = openPipes()
    const splicer = new Splicer(new Pipes(arena), new Slots(1), Number.POSITIVE_INFINITY)
    prepareSend(ring, left.client, at, 100, 1, 0)
    assert.equal(one(ring).result, 100)
    shutdownWrite(right.server)
    assert.equal(splicer.pump(CLIENT, left.server, right.server), Next.brokenTarget)
    assert.equal(splicer.error, -Errno.EPIPE)
    assert.equal(openPipes(), before + 2)
    splicer.drop(CLIENT)
    assert.equal(openPipes(), before)
    new Sockets(arena).resetClose(left.client)
    assert.equal(splicer.pump(UPSTREAM, left.server, right.server), Next.brokenSource)
    assert.equal(splicer.error, -Errno.ECONNRESET)
    splicer.end()
    assert.equal(openPipes(), before)
    for (const fd of [left.server, right.server, right.client]) closeSocket(fd)
  })
})
