/**
 * Goal: what one side sends, the other gets, byte for byte, and ends and resets as it was ended or
 * reset. Method: real sockets through a real worker; every engine runs the same tests.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, EVERY_ENGINE, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import {
  begin,
  bytes,
  consume,
  digest,
  echo,
  ending,
  freePort,
  listen,
  open,
  readAll,
  readBytes,
  send,
  stalled,
  type TestServer,
} from '../support/sockets.ts'

/** WEIR_TEST_BYTES=1e9 sends a gigabyte each way. */
const TOTAL_BYTES = Number(process.env.WEIR_TEST_BYTES ?? sized(8, 64) * 2 ** 20)

/** A worker with one listener and one upstream, whose sockets `onSocket` gets. */
async function relay(engine: EngineKind, onSocket: (socket: Socket) => void) {
  const upstream = await listen(onSocket)
  const plane = new TestEngine(engine)
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

/** The upstream's side of the next connection. */
async function nextSocket(upstream: TestServer): Promise<Socket> {
  const [socket] = await once(upstream.server, 'connection')
  return socket
}

for (const { engine, test } of EVERY_ENGINE) {
  test(`${engine}: bytes arrive exactly, both ways at once, and so does each end`, async () => {
    const digests: Promise<string>[] = []
    await using gateway = await relay(engine, socket => {
      digests.push(send(socket, bytes(2, TOTAL_BYTES)), digest(socket))
    })
    const client = await open(gateway.port)
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

  test(`${engine}: many small connections at once are each answered with their own bytes`, async () => {
    await using gateway = await relay(engine, echo)
    const answers = Array.from({ length: 200 }, async (_, index) => {
      const client = await open(gateway.port)
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

  test(`${engine}: a server that speaks first is heard before the client says anything`, async () => {
    await using gateway = await relay(engine, socket => socket.write('220 ready\r\n'))
    const client = await open(gateway.port)
    assert.equal(await readBytes(client, 11), '220 ready\r\n')
    client.destroy()
  })

  test(`${engine}: a client that ended still gets all of the answer`, async () => {
    await using gateway = await relay(engine, socket => {
      socket.resume()
      socket.on('end', () => void send(socket, bytes(3, 2 ** 20)))
    })
    const client = await open(gateway.port)
    client.end('request')
    assert.equal((await digest(client)).length, 64)
    await gateway.plane.closed('client-closed')
    assert.equal(gateway.plane.counts.upstreamBytes, 2 ** 20)
  })

  test(`${engine}: a client can go on after its upstream ended`, async () => {
    await using gateway = await relay(engine, socket => socket.end('done'))
    const client = await open(gateway.port)
    const upstream = [...gateway.upstream.sockets][0] ?? (await nextSocket(gateway.upstream))
    assert.equal(await readAll(client), 'done')
    const [sent, got] = await Promise.all([send(client, bytes(4, 2 ** 20)), digest(upstream)])
    assert.equal(got, sent)
    await gateway.plane.closed('upstream-closed')
  })

  test(`${engine}: a request and an end sent before the upstream is there both arrive`, async () => {
    await using gateway = await relay(engine, echo)
    const client = begin(gateway.port)
    client.end('hello')
    assert.equal(await readAll(client), 'hello')
    await gateway.plane.closed('client-closed')
  })

  test(`${engine}: a connection that says nothing at all ends in order`, async () => {
    await using gateway = await relay(engine, echo)
    const client = begin(gateway.port)
    client.end()
    assert.equal(await readAll(client), '')
    await gateway.plane.closed('client-closed')
    assert.equal(gateway.plane.counts.clientBytes, 0)
  })

  test(`${engine}: a client's reset reaches the upstream as a reset`, async () => {
    await using gateway = await relay(engine, socket => socket.write('hi'))
    const client = await open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    const [upstream] = gateway.upstream.sockets
    const ended = ending(upstream)
    client.resetAndDestroy()
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('client-reset')
    await gateway.plane.settled()
  })

  test(`${engine}: an upstream's reset reaches the client as a reset`, async () => {
    await using gateway = await relay(engine, socket => socket.write('hi'))
    const client = await open(gateway.port)
    assert.equal(await readBytes(client, 2), 'hi')
    const ended = ending(client)
    for (const socket of gateway.upstream.sockets) socket.resetAndDestroy()
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('upstream-reset')
    await gateway.plane.settled()
  })

  test(`${engine}: a reset after one side ended is passed on too`, async () => {
    await using gateway = await relay(engine, socket => {
      socket.resume()
      socket.on('end', () => socket.resetAndDestroy())
    })
    const client = await open(gateway.port)
    const ended = ending(client)
    client.end('bye')
    assert.equal(await ended, 'ECONNRESET')
    await gateway.plane.closed('upstream-reset')
    await gateway.plane.settled()
  })

  test(`${engine}: a reader that stops makes the writer stop, and gets every byte in the end`, async () => {
    const total = sized(96, 256) * 2 ** 20
    await using gateway = await relay(engine, socket => void send(socket, bytes(5, total)))
    const client = await open(gateway.port)
    await readBytes(client, 1)
    const [before, rssBefore] = [gateway.plane.counts.upstreamBytes, process.memoryUsage.rss()]
    await stalled(() => gateway.plane.counts.upstreamBytes)
    // The capacity of the kernel's and Node's buffers, on any machine far below what the upstream
    // sends.
    assert.ok(gateway.plane.counts.upstreamBytes - before < 64 * 2 ** 20)
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
