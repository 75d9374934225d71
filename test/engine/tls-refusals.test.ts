/**
 * Goal: whoever is slow, cuts a stream off, or has the wrong certificate in a TLS connection is
 * refused with the reason for it. Method: node:tls and bare sockets at both ends.
 */

import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ConnectionOptions, connect, TLSSocket as Secure, type TLSSocket } from 'node:tls'
import type { Ask } from '../../src/engine/flow/ask.ts'
import { HandshakeSends } from '../../src/engine/flow/handshake-sends.ts'
import type { Queues } from '../../src/engine/flow/queues.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { ClientChecks, TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import type { TlsSecrets } from '../../src/tls/material.ts'
import {
  clusterOf,
  ENGINES,
  EVERY_ENGINE,
  listenerOn,
  planOf,
  type Target,
  TestEngine,
} from '../support/engine.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { begin, echo, ending, freePort, listen, open, readBytes, until } from '../support/sockets.ts'
import {
  AUTHORITY,
  CLIENT,
  CLIENT_URI,
  materialOf,
  OTHER_AUTHORITY,
  SECRETS,
  SERVER,
  SERVER_NAME,
  secretsOf,
  serverOf,
  tlsListenerOn,
  upstreamOf,
} from '../support/tls.ts'

type Wanted = {
  readonly upstream?: TlsUpstream
  readonly secrets?: TlsSecrets
  readonly readTimeoutMs?: number
  readonly connectTimeoutMs?: number
}

async function plane(
  engine: EngineKind,
  to: Target,
  server: Partial<TlsServer> | null,
  { upstream, secrets = SECRETS, readTimeoutMs, connectTimeoutMs = 60_000 }: Wanted = {},
) {
  const gateway = new TestEngine(engine)
  const port = await freePort()
  gateway.order({ kind: 'secrets', epoch: 0, secrets })
  const plain = server === null ? listenerOn(port) : tlsListenerOn(port, serverOf(server))
  const listener = { ...plain, ...(readTimeoutMs && { readTimeoutMs }) }
  const cluster = clusterOf([to], { connectTimeoutMs, connectAttempts: 1 })
  await gateway.adopt(planOf([listener], [{ ...cluster, ...(upstream && { tls: upstream }) }]))
  return Object.assign(gateway, { port })
}

function tlsBegin(port: number, options: ConnectionOptions = {}): TLSSocket {
  const trusted = { servername: SERVER_NAME, ca: AUTHORITY.cert }
  const socket = connect({ port, host: '127.0.0.1', ...trusted, ...options } as ConnectionOptions)
  socket.on('error', () => {})
  return socket
}

const pairOf = ({ cert, key }: { cert: string; key: string }) => ({ cert, key })
const checksOf = (more: Partial<ClientChecks>): ClientChecks => ({
  insecureSkipVerify: false,
  subjectAltNames: [],
  spki: [],
  hashes: [],
  ...more,
})

const { publicKey, raw } = new X509Certificate(CLIENT.cert)
const SPKI = createHash('sha256')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('base64')
const HASH = createHash('sha256').update(raw).digest('hex')

for (const { engine, test } of ENGINES) {
  test(`${engine}: an upstream that ends without close_notify has cut its stream off`, async () => {
    await using upstream = await listen((raw: Socket) => {
      const secured = new Secure(raw, { isServer: true, ...pairOf(SERVER) })
      secured.on('error', () => {})
      secured.on('secure', () => {
        secured.write('half of it')
        secured.once('data', () => raw.end())
      })
    })
    await using gateway = await plane(engine, upstream, null, { upstream: upstreamOf() })
    const client = begin(gateway.port)
    assert.equal(await readBytes(client, 10), 'half of it')
    client.write('x')
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.closed('tls-truncated')
  })

  test(`${engine}: clients that reset as their hello is refused end once each`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, upstream, {})
    const CLIENTS = 200
    // Without a version or a cipher that anybody has.
    const refused = record(hello([serverName(host(SERVER_NAME))]))
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      const client = await open(gateway.port)
      client.on('error', () => {})
      client.write(refused)
      for (let turn = 0; turn < index % 20; turn++) await nextTurn()
      client.resetAndDestroy()
    })
    await Promise.all(clients)
    await until(() => gateway.counts.accepted === CLIENTS)
    await gateway.settled()
    const whole = tlsBegin(gateway.port)
    whole.write('on')
    assert.equal(await readBytes(whole, 2), 'on')
    whole.destroy()
  })

  test(`${engine}: a client that says no more after its hello is late`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, upstream, {}, { readTimeoutMs: 1_000 })
    const earlier = tlsBegin(gateway.port)
    earlier.write('in')
    assert.equal(await readBytes(earlier, 2), 'in')
    const client = deaf(gateway.port)
    client.resume()
    assert.match(await ending(client), /ECONNRESET/)
    await gateway.closed('tls-timeout')
    assert.equal(gateway.counts.dials, 1)
    // Whose handshake was in time has no deadline any more.
    earlier.write('on')
    assert.equal(await readBytes(earlier, 2), 'on')
    earlier.destroy()
  })

  test(`${engine}: an upstream that says nothing in the handshake is late`, async () => {
    await using upstream = await listen(() => {})
    const wanted = { upstream: upstreamOf(), connectTimeoutMs: 500 }
    await using gateway = await plane(engine, upstream, null, wanted)
    const client = begin(gateway.port)
    assert.equal(await ending(client), 'ECONNRESET')
    await gateway.closed('tls-timeout')
    await gateway.settled()
    assert.equal(gateway.counts.dialFailures, 1)
  })

  test(`${engine}: a certificate is pinned by its key, or by itself`, async () => {
    await using upstream = await listen(echo)
    const other = AUTHORITY.issue({ names: [CLIENT_URI] })
    for (const pins of [{ spki: [SPKI] }, { hashes: [HASH] }, { spki: ['x'], hashes: [HASH] }]) {
      await using gateway = await plane(engine, upstream, { clients: 'required', verify: checksOf(pins) })
      const pinned = tlsBegin(gateway.port, pairOf(CLIENT))
      pinned.write('in')
      assert.equal(await readBytes(pinned, 2), 'in')
      pinned.destroy()
      const stranger = tlsBegin(gateway.port, pairOf(other))
      await new Promise(resolve => stranger.once('close', resolve))
      await gateway.closed('tls-client-certificate')
    }
  })

  test(`${engine}: a certificate that nobody verifies gives no identity`, async () => {
    await using upstream = await listen(echo)
    const stranger = OTHER_AUTHORITY.issue({ names: [CLIENT_URI] })
    for (const [insecureSkipVerify, pair, identity] of [
      [true, stranger, ''],
      [false, CLIENT, CLIENT_URI],
    ] as const) {
      const verify = checksOf({ insecureSkipVerify })
      await using gateway = await plane(engine, upstream, { clients: 'required', verify })
      const client = tlsBegin(gateway.port, pairOf(pair))
      client.write('in')
      assert.equal(await readBytes(client, 2), 'in')
      assert.deepEqual(
        [...gateway.observer.live.list()].map(each => each.identity),
        [identity],
      )
      client.destroy()
    }
  })
}

for (const { engine, test } of EVERY_ENGINE) {
  test(`${engine}: an answer of OCSP goes to whoever asks for it`, async () => {
    await using upstream = await listen(echo)
    const answer = Buffer.from('an answer of OCSP')
    const own = materialOf('server', [SERVER])
    const secrets = secretsOf({ ...own, pairs: [{ ...own.pairs[0], ocsp: answer }] })
    await using gateway = await plane(engine, upstream, {}, { secrets })
    const client = tlsBegin(gateway.port, { requestOCSP: true })
    const [heard] = await once(client, 'OCSPResponse')
    assert.deepEqual(heard, answer)
    client.write('in')
    assert.equal(await readBytes(client, 2), 'in')
    client.destroy()
  })

  test(`${engine}: an identity that is too long to be judged again is refused`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, upstream, { clients: 'required' })
    const [long, longer] = [768, 769].map(bytes => {
      const prefix = 'spiffe://cluster.local/ns/shop/sa/'
      return AUTHORITY.issue({ names: ['https://a.test/', prefix.padEnd(bytes, 'x')] })
    })
    const client = tlsBegin(gateway.port, pairOf(long))
    client.write('in')
    assert.equal(await readBytes(client, 2), 'in')
    const [{ identity }] = [...gateway.observer.live.list()]
    assert.match(identity, /^spiffe:.{761}$/)
    client.destroy()
    const refused = tlsBegin(gateway.port, pairOf(longer))
    await new Promise(resolve => refused.once('close', resolve))
    await gateway.closed('tls-client-certificate')
  })
}

/** A client whose hello goes out, and that never hears an answer. */
function deaf(port: number): Socket {
  const raw = begin(port)
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => void raw.write(chunk, done),
  })
  connect({ socket: stream, servername: SERVER_NAME }).on('error', () => {})
  return raw
}

test('of a handshake that is given up, a send in the kernel keeps its buffer, and none follows it', () => {
  const sent: number[] = []
  const given: number[] = []
  const ask = { send: (_slot: number, _side: number, at: number) => sent.push(at) }
  const queues = { placeOf: (buffer: number) => buffer, give: (buffer: number) => given.push(buffer) }
  const sends = new HandshakeSends(ask as unknown as Ask, queues as unknown as Queues)
  sends.pieces.push({ buffer: 100, bytes: 10 }, { buffer: 200, bytes: 10 })
  sends.next(0)
  sends.giveUp()
  assert.deepEqual([sent, given], [[100], [200]])
  assert.ok(sends.sent(0, 4) < 0)
  sends.giveUp()
  sends.next(0)
  assert.deepEqual([sent, given], [[100], [200, 100]])
})
