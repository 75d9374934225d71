/**
 * Goal: what one side sends, the other gets, byte for byte, and ends and resets as it was ended or
 * reset. Method: real sockets through a real worker; every engine runs the same tests, in the clear
 * and with TLS on either side or both (support/ways.ts).
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import {
  bytes,
  consume,
  digest,
  echo,
  ending,
  freePort,
  readAll,
  readBytes,
  send,
  stalled,
  type TestServer,
  until,
} from '../support/sockets.ts'
import { EVERY_WAY, type Way } from '../support/ways.ts'

/** WEIR_TEST_BYTES=1e9 sends a gigabyte each way. */
const TOTAL_BYTES = Number(process.env.WEIR_TEST_BYTES ?? sized(8, 64) * 2 ** 20)

/** A worker with one listener and one upstream, whose sockets `onSocket` gets. */
async function relayBy(way: Way, engine: EngineKind, onSocket: (socket: Socket) => void) {
  const upstream = await way.listen(onSocket)
  const plane = way.engine(engine)
  const port = await freePort()
  await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
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

/** The upstream's side of the only connection. */
async function onlySocket({ sockets }: TestServer): Promise<Socket> {
  await until(() => sockets.size === 1)
  return [...sockets][0]
}

for (const { engine, way, test } of EVERY_WAY) {
  const relay = (onSocket: (socket: Socket) => void) => relayBy(way, engine, onSocket)

  test(`${engine}${way.name}: bytes arrive exactly, both ways at once, and so does each end`, async () => {
    const digests: Promise<string>[] = []
    await using gateway = await relay(socket => {
      digests.push(send(socket, bytes(2, TOTAL_BYTES)), digest(socket))
    })
    const client = await way.open(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(1, TOTAL_BYTES)), digest(client)])
    assert.deepEqual([got, sent], await Promise.all(digests))
    await gateway.plane.settled()
    const { counts } = gateway.plane
    assert.deepEqual(
      [counts.accepted, counts.clientBytes, counts.upstreamBytes],
      [1, TOTAL_BYTES, TOTAL_BYTES],
    )
    assert.equal(counts.closed['client-closed'] + counts.closed['upstream-closed'], 1)
  })

  test(`${engine}${way.name}: many small connections at once are each answered with their own bytes`, async () => {
    await using gateway = await relay(echo)
    const answers = Array.from({ length: 200 }, async (_, index) => {
      const client = await way.open(gateway.port)
      client.end(`connection ${index}`)
      return readAll(client)
    })
    assert.deepEqual(
      await Promise.all(answers),
      answers.map((_, index) => `connection ${index}`),
    )
    await gateway.plane.settled()
    assert.equal(gateway.plane.counts.accepted, 200)
    assert.equal(gateway.plane.counts.closed['client-closed'], 200)
  })

  test(`${engine}${way.name}: a server that speaks first is heard before the client says anything`, async () => {
    await using gateway = await relay(socket => socket.write('220 ready\r\n'))
    const client = await way.open(gateway.port)
    assert.equal(await readBytes(client, 11), '220 ready\r\n')
    client.destroy()
  })

  test(`${engine}${way.name}: a client that ended still gets all of the answer`, async () => {
    await using gateway = await relay(socket => {
      socket.resume()
      socket.on('end', () => void send(socket, bytes(3, 2 ** 20)))
    })
    const client = await way.open(gateway.port)
    client.end('request')
    assert.equal((await digest(client)).length, 64)
    await gateway.plane.closed('client-closed')
    assert.equal(gateway.plane.counts.upstreamBytes, 2 ** 20)
  })

  test(`${engine}${way.name}: a client can go on after its upstream ended`, async () => {
    await using gateway = await relay(socket => socket.end('done'))
    const client = await way.open(gateway.port)
    const upstream = await onlySocket(gateway.upstream)
    assert.equal(await readAll(client), 'done')
    const [sent, got] = await Promise.all([send(client, bytes(4, 2 ** 20)), digest(upstream)])
    assert.equal(got, sent)
    await gateway.plane.closed('upstream-closed')
  })

  test(`${engine}${way.name}: a request and an end sent before the upstream is there both arrive`, async () => {
    await using gateway = await relay(echo)
    const client = way.begin(gateway.port)
    client.end('hello')
    assert.equal(await readAll(client), 'hello')
    await gateway.plane.closed('client-closed')
  })

  test(`${engine}${way.name}: a connection that says nothing at all ends in order`, async () => {
    await using gateway = await relay(echo)
    // What ends in the middle of a handshake has not ended in order.
    const client = way.isIn ? await way.open(gateway.port) : way.begin(gateway.port)
    client.end()
    assert.equal(await readAll(client), '')
    await gateway.plane.closed('client-closed')
    assert.equal(gateway.plane.counts.clientBytes, 0)
  })

  test(`${engine}${way.name}: a client's reset reaches the upstream as a reset`, async () => {
    await using gateway = await relay(socket => socket.write('hi'))
    const client = await way.open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    const [upstream] = gateway.upstream.sockets
    const ended = ending(upstream)
    client.resetAndDestroy()
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('client-reset')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: an upstream's reset reaches the client as a reset`, async () => {
    await using gateway = await relay(socket => socket.write('hi'))
    const client = await way.open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    const ended = ending(client)
    for (const socket of gateway.upstream.sockets) socket.resetAndDestroy()
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('upstream-reset')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: a reset after one side ended is passed on too`, async () => {
    await using gateway = await relay(socket => {
      socket.resume()
      socket.on('end', () => socket.resetAndDestroy())
    })
    const client = await way.open(gateway.port)
    const ended = ending(client)
    client.end('bye')
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('upstream-reset')
    await gateway.plane.settled()
  })

  test(`${engine}${way.name}: a reader that stops makes the writer stop, and gets every byte in the end`, async () => {
    const total = (way.isIn || way.isOut ? sized(48, 96) : sized(96, 256)) * 2 ** 20
    await using gateway = await relay(socket => void send(socket, bytes(5, total)))
    const client = await way.open(gateway.port)
    await readBytes(client, 1)
    const [before, rssBefore] = [gateway.plane.counts.upstreamBytes, process.memoryUsage.rss()]
    await stalled(() => gateway.plane.counts.upstreamBytes)
    // The capacity of the kernel's and Node's buffers, on any machine far below what the upstream
    // sends.
    assert.ok(gateway.plane.counts.upstreamBytes - before < (total * 2) / 3)
    assert.ok(process.memoryUsage.rss() - rssBefore < 128 * 2 ** 20)
    let got = 1
    await consume(client, chunk => {
      got += chunk.length
    })
    assert.equal(got, total)
    client.end()
    await gateway.plane.settled()
  })
}
