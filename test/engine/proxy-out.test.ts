/**
 * Goal: an upstream with `proxyProtocol` gets the header before anything else, whoever speaks first
 * and however it was reached, and no count includes it. Method: real upstreams that check their
 * first bytes.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { formatAddress, formatEndpoint } from '../../src/address/address.ts'
import { createProxyHeader } from '../../src/wire/proxy-header.ts'
import { readProxyHeader } from '../../src/wire/proxy-protocol.ts'
import { blackhole } from '../support/blackhole.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { echo, ending, freePort, listen, open, readAll, until } from '../support/sockets.ts'

/** Length and addresses of the header at the front of `bytes`; 0: it is not whole. */
function headerOf(bytes: Buffer): { length: number; client: string; destination: string } {
  const header = createProxyHeader()
  const length = readProxyHeader(bytes, 0, bytes.length, 3, header)
  assert.ok(length === -1 || length > 0, `no header: ${bytes.toString('hex')}`)
  const text = (family: number, words: Uint32Array, port: number): string =>
    formatEndpoint(formatAddress(family === 4 ? 4 : 6, words), port)
  return {
    length: Math.max(length, 0),
    client: text(header.clientFamily, header.client, header.clientPort),
    destination: text(header.destinationFamily, header.destination, header.destinationPort),
  }
}

const own = (socket: Socket): string => {
  const { address, port } = socket.address() as AddressInfo
  return formatEndpoint(address, port)
}

/** Calls `then` once a header has come, with what came behind it. */
const introduced =
  (then: (socket: Socket, header: ReturnType<typeof headerOf>, rest: Buffer) => void) => (socket: Socket) => {
    let seen = Buffer.alloc(0)
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk])
      const header = headerOf(seen)
      if (header.length === 0) return
      socket.off('data', onData)
      then(socket, header, seen.subarray(header.length))
    }
    socket.on('data', onData)
  }

for (const { engine, test } of ENGINES) {
  for (const proxyVersion of [1, 2] as const) {
    test(`${engine}: version ${proxyVersion} goes before what the client says`, async () => {
      const port = await freePort()
      let found: ReturnType<typeof headerOf> | undefined
      await using upstream = await listen(
        introduced((socket, header, rest) => {
          found = header
          socket.write(rest)
          echo(socket)
        }),
      )
      await using plane = new TestEngine(engine)
      await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { proxyVersion })]))
      const client = await open(port)
      const address = own(client)
      client.end('hello')
      assert.equal(await readAll(client), 'hello')
      assert.deepEqual([found?.client, found?.destination], [address, `127.0.0.1:${port}`])
      await plane.settled()
      const { clientBytes, upstreamBytes, closed } = plane.counts
      assert.deepEqual([clientBytes, upstreamBytes, closed['client-closed']], [5, 5, 1])
    })
  }

  test(`${engine}: a server that speaks first hears at once who its client is`, async () => {
    const port = await freePort()
    await using upstream = await listen(
      introduced((socket, header) => socket.write(`hello ${header.client}`)),
    )
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { proxyVersion: 2 })]))
    const client = await open(port)
    const [banner] = await once(client, 'data')
    assert.equal(String(banner), `hello ${own(client)}`)
    const [live] = [...plane.observer.live.list()]
    assert.deepEqual([live.fromClient, live.toUpstream], [0, 0])
    client.resetAndDestroy()
    await plane.settled()
  })

  test(`${engine}: after a failed attempt the next endpoint gets it, in one segment with what was said`, async () => {
    const port = await freePort()
    await using dead = await blackhole()
    const segments: Buffer[] = []
    await using upstream = await listen(socket => {
      socket.on('data', (chunk: Buffer) => segments.push(chunk))
      socket.on('end', () => socket.end())
    })
    await using plane = new TestEngine(engine)
    const policy = { proxyVersion: 1, connectTimeoutMs: 1000, balance: 'ROUND_ROBIN' } as const
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([dead, upstream], policy)]))
    // Whichever is drawn first: one of two connections meets the dead endpoint first.
    for (let connection = 0; connection < 2; connection++) {
      const client = await open(port)
      client.write('hello')
      await until(() => plane.counts.clientBytes === 5 * (connection + 1))
      client.end()
      await readAll(client)
    }
    await plane.settled()
    const all = Buffer.concat(segments).toString()
    assert.match(all, /^(PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello){2}$/)
    assert.ok(plane.counts.dialFailures >= 1)
    assert.ok(
      segments.some(each => /^PROXY .*\r\nhello$/.test(each.toString())),
      'in one segment',
    )
  })

  test(`${engine}: a client that says nothing and ends is introduced all the same`, async () => {
    const port = await freePort()
    const upstreamSaw: Buffer[] = []
    await using upstream = await listen(socket => {
      socket.on('data', (chunk: Buffer) => upstreamSaw.push(chunk))
      socket.on('end', () => socket.end('bye'))
    })
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { proxyVersion: 2 })]))
    const client = await open(port)
    client.end()
    assert.equal(await readAll(client), 'bye')
    const seen = Buffer.concat(upstreamSaw)
    assert.equal(headerOf(seen).length, seen.length)
    await plane.settled()
    assert.deepEqual([plane.counts.clientBytes, plane.counts.closed['client-closed']], [0, 1])
  })

  test(`${engine}: what follows the header is whole and in order, however much it is`, async () => {
    const port = await freePort()
    await using upstream = await listen(
      introduced((socket, _, rest) => {
        socket.write(rest)
        echo(socket)
      }),
    )
    await using plane = new TestEngine(engine)
    await plane.adopt(
      planOf([listenerOn(port, 0, { bind: '::1' })], [clusterOf([upstream], { proxyVersion: 1 })]),
    )
    const client = await open(port, '::1')
    const sent = Buffer.alloc(sized(4, 64) * 2 ** 20, Buffer.from('0123456789abcdefg'))
    let [received, same] = [0, true]
    client.on('data', (chunk: Buffer) => {
      same &&= chunk.equals(sent.subarray(received, received + chunk.length))
      received += chunk.length
    })
    client.end(sent)
    await once(client, 'end')
    assert.deepEqual([received, same], [sent.length, true])
    await plane.settled()
    assert.equal(plane.counts.clientBytes, sent.length)
  })

  test(`${engine}: an upstream that resets instead of reading is the upstream's end`, async () => {
    const port = await freePort()
    await using upstream = await listen(socket => socket.resetAndDestroy())
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { proxyVersion: 2 })]))
    const client = await open(port)
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.closed('upstream-reset')
    await plane.settled()
  })
}
