/**
 * Goal: weir speaks TLS itself, to its clients and to its upstreams, and refuses what is wrong with
 * the reason for it. Method: node:tls at both ends, real sockets, a worker's own certificates.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import { clusterOf, ENGINES, listenerOn, planOf, type Target, TestEngine } from '../support/engine.ts'
import {
  begin,
  bytes,
  digest,
  echo,
  ending,
  freePort,
  listen,
  readAll,
  readBytes,
  send,
  until,
} from '../support/sockets.ts'
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

const TOTAL = 4 * 2 ** 20
const PEER = { cert: SERVER.cert, key: SERVER.key, allowHalfOpen: true }
const EXPIRED = AUTHORITY.issue({ names: [SERVER_NAME], from: -30, until: -1 })
const STRANGER = OTHER_AUTHORITY.issue({ names: [SERVER_NAME] })
const OTHERS = AUTHORITY.issue({ names: ['other.example.com'] })
const REVOKED = AUTHORITY.issue({ names: ['spiffe://cluster.local/ns/shop/sa/gone'] })

type Wanted = {
  readonly to: readonly Target[]
  /** How weir speaks TLS to its clients; null: it does not. */
  readonly server?: Partial<TlsServer> | null
  /** How weir speaks TLS to the upstream. */
  readonly upstream?: Partial<TlsUpstream>
  readonly secrets?: typeof SECRETS
  readonly attempts?: number
  readonly workers?: number
  readonly proxy?: 1 | 2
}

async function plane(engine: EngineKind, wanted: Wanted) {
  const { to, server = {}, upstream, secrets = SECRETS, attempts = 1, workers = 1, proxy } = wanted
  const gateway = new TestEngine(engine, workers)
  const port = await freePort()
  gateway.order({ kind: 'secrets', epoch: 0, secrets })
  const listener = server === null ? listenerOn(port) : tlsListenerOn(port, serverOf(server))
  const policy = {
    balance: 'ROUND_ROBIN',
    connectAttempts: attempts,
    ...(proxy && { proxyVersion: proxy }),
  } as const
  const cluster = { ...clusterOf(to, policy), ...(upstream && { tls: upstreamOf(upstream) }) }
  await gateway.adopt(planOf([listener], [cluster]))
  return Object.assign(gateway, { port })
}

/** A client whose handshake is made; it trusts the authority, and ends as it is told. */
async function tlsOpen(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tlsBegin(port, options)
  await once(socket, 'secureConnect')
  return socket
}

function tlsBegin(port: number, options: ConnectionOptions = {}): TLSSocket {
  const trusted = { servername: SERVER_NAME, ca: AUTHORITY.cert, allowHalfOpen: true }
  const socket = connect({ port, host: '127.0.0.1', ...trusted, ...options } as ConnectionOptions)
  socket.on('error', () => {})
  return socket
}

/** Why a client was refused: its own word for the alert, or for the reset. */
async function refused(socket: TLSSocket): Promise<string> {
  const [error] = (await once(socket, 'error').catch(failure => [failure])) as [NodeJS.ErrnoException]
  return error.code ?? error.message
}

/** A server that speaks TLS. */
async function tlsListen(onSocket: (socket: TLSSocket) => void, options: TlsOptions = {}) {
  const heard: string[] = []
  const server = createServer({ ...PEER, ...options }, socket => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.on('tlsClientError', error => heard.push((error as NodeJS.ErrnoException).code ?? error.message))
  const sockets = new Set<Socket>()
  server.on('connection', socket => void sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    address: '127.0.0.1',
    port,
    heard,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: TLS of a client ends at weir, and bulk passes both ways`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, { to: [upstream] })
    const client = await tlsOpen(gateway.port)
    assert.equal(client.authorized, true)
    assert.equal(client.getProtocol(), 'TLSv1.3')
    assert.equal(client.alpnProtocol, false)
    const [sent, got] = await Promise.all([send(client, bytes(1, TOTAL)), digest(client)])
    assert.equal(got, sent)
    await gateway.settled()
    assert.deepEqual([gateway.counts.clientBytes, gateway.counts.upstreamBytes], [TOTAL, TOTAL])
    assert.equal(gateway.counts.closed['client-closed'], 1)
  })

  test(`${engine}: weir speaks TLS to an upstream, and bulk passes both ways`, async () => {
    const names: unknown[] = []
    await using upstream = await tlsListen(socket => {
      names.push(socket.servername)
      echo(socket)
    })
    await using gateway = await plane(engine, { to: [upstream], server: null, upstream: {} })
    const client = begin(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(1, TOTAL)), digest(client)])
    assert.equal(got, sent)
    await gateway.settled()
    assert.deepEqual(names, [SERVER_NAME])
    assert.deepEqual([gateway.counts.clientBytes, gateway.counts.upstreamBytes], [TOTAL, TOTAL])
  })

  test(`${engine}: TLS on both sides, TLS 1.2 on one of them`, async () => {
    await using upstream = await tlsListen(echo, { maxVersion: 'TLSv1.2' })
    await using gateway = await plane(engine, { to: [upstream], upstream: {} })
    const client = await tlsOpen(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(1, TOTAL)), digest(client)])
    assert.equal(got, sent)
    await gateway.settled()
    assert.equal(gateway.counts.closed['client-closed'], 1)
  })

  test(`${engine}: the upstream's end passes TLS, and the client may go on`, async () => {
    await using upstream = await tlsListen(async socket => {
      socket.end('bye')
      socket.end(await readAll(socket))
    })
    await using gateway = await plane(engine, { to: [upstream], upstream: {} })
    const client = await tlsOpen(gateway.port)
    assert.equal(await readAll(client), 'bye')
    client.end('more')
    await gateway.settled()
    assert.equal(gateway.counts.closed['upstream-closed'], 1)
    assert.equal(gateway.counts.clientBytes, 4)
  })

  test(`${engine}: an end without close_notify is no end: both sides are reset`, async () => {
    const ends: Promise<string>[] = []
    await using upstream = await listen(socket => void ends.push(ending(socket)))
    await using gateway = await plane(engine, { to: [upstream] })
    const raw = connectPlain({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    const client = await tlsOpen(gateway.port, { socket: raw })
    client.write('half of it')
    await until(() => gateway.counts.clientBytes === 10 && ends.length > 0)
    raw.on('error', () => {})
    raw.end()
    await gateway.closed('tls-truncated')
    assert.match(await ends[0], /reset|ECONNRESET/i)
  })
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: clients' certificates are asked for and checked`, async () => {
    await using upstream = await listen(echo)
    const crl = AUTHORITY.revoke(REVOKED)
    const secrets = secretsOf(materialOf('server', [SERVER], { authorities: AUTHORITY.cert, crl }))
    const verify = { insecureSkipVerify: false, subjectAltNames: [CLIENT_URI], spki: [], hashes: [] }
    await using gateway = await plane(engine, {
      to: [upstream],
      server: { clients: 'required', verify },
      secrets,
    })
    const good = await tlsOpen(gateway.port, CLIENT)
    good.write('in')
    assert.equal(await readBytes(good, 2), 'in')
    good.end()
    await readAll(good)
    const wrong: [ConnectionOptions, RegExp][] = [
      [{}, /CERTIFICATE_REQUIRED/],
      [OTHER_AUTHORITY.issue({ names: [CLIENT_URI] }), /UNKNOWN_CA/],
      [AUTHORITY.issue({ names: [CLIENT_URI], from: -9, until: -1 }), /CERTIFICATE_EXPIRED/],
      [REVOKED, /CERTIFICATE_REVOKED/],
      [OTHERS, /ECONNRESET/],
    ]
    for (const [pair, expected] of wrong) {
      const client = tlsBegin(gateway.port, pair)
      assert.match(await refused(client), engine === 'node' ? /ECONNRESET|REQUIRED/ : expected)
    }
    await gateway.closed('tls-client-certificate', wrong.length)
    await gateway.settled()
    assert.equal(gateway.counts.dials, 1)
  })

  test(`${engine}: an optional certificate may be missing, and must not be wrong`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, { to: [upstream], server: { clients: 'optional' } })
    for (const pair of [{}, CLIENT]) {
      const client = await tlsOpen(gateway.port, pair)
      client.end('in')
      assert.equal(await readAll(client), 'in')
    }
    const expected = engine === 'node' ? /ECONNRESET/ : /UNKNOWN_CA/ // node:tls judges after the handshake
    assert.match(await refused(tlsBegin(gateway.port, STRANGER)), expected)
    await gateway.closed('tls-client-certificate')
  })

  test(`${engine}: an upstream with a wrong certificate is a failed attempt, and gets nothing`, async () => {
    let heard = 0
    const count = (socket: TLSSocket): void => void socket.on('data', () => heard++)
    const wrong: [TlsOptions, Partial<TlsUpstream>, ReasonName][] = [
      [EXPIRED, {}, 'tls-upstream-certificate'],
      [STRANGER, {}, 'tls-upstream-certificate'],
      [OTHERS, {}, 'tls-upstream-certificate'],
      [SERVER, { names: ['spiffe://a/b'] }, 'tls-upstream-certificate'],
      [SERVER, { trust: 'system' }, 'tls-upstream-certificate'],
      [SERVER, { minVersion: 'TLSV1_3', serverName: '' }, 'tls-handshake'],
      [SERVER, { material: 'lost' }, 'tls-handshake'],
    ]
    for (const [pair, upstream, reason] of wrong) {
      const only12: TlsOptions = reason === 'tls-handshake' ? { maxVersion: 'TLSv1.2' } : {}
      await using server = await tlsListen(count, { ...pair, ...only12 })
      await using gateway = await plane(engine, { to: [server], server: null, upstream })
      const client = begin(gateway.port)
      client.on('error', () => {})
      client.write('secret')
      await gateway.closed(reason)
      await gateway.settled()
      assert.equal(gateway.counts.dialFailures, 1)
    }
    await using good = await tlsListen(echo)
    await using bad = await tlsListen(count, EXPIRED)
    await using gateway = await plane(engine, {
      to: [bad, good],
      server: null,
      upstream: {},
      attempts: 2,
    })
    for (let round = 0; round < 8; round++) {
      const client = begin(gateway.port)
      client.end('over there')
      assert.equal(await readAll(client), 'over there')
    }
    assert.ok(gateway.counts.dialFailures > 0)
    assert.equal(heard, 0)
  })

  test(`${engine}: an upstream that is none of TLS is a failed attempt`, async () => {
    for (const say of [
      (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.resetAndDestroy(),
    ]) {
      await using server = await listen(socket => void say(socket))
      await using gateway = await plane(engine, { to: [server], server: null, upstream: {} })
      const client = begin(gateway.port)
      client.on('error', () => {})
      await gateway.closed('tls-handshake')
      await gateway.settled()
    }
  })

  test(`${engine}: what is no TLS, or no TLS of the server's, is refused`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, { to: [upstream], server: { minVersion: 'TLSV1_3' } })
    const plain = begin(gateway.port)
    plain.write('GET / HTTP/1.1\r\n\r\n')
    await gateway.closed('not-tls')
    assert.match(await refused(tlsBegin(gateway.port, { maxVersion: 'TLSv1.2' })), /PROTOCOL_VERSION/)
    await gateway.closed('tls-handshake')
    await using nobody = await plane(engine, { to: [upstream], server: { material: 'lost' } })
    assert.match(await refused(tlsBegin(nobody.port)), /RESET/)
    await nobody.closed('tls-handshake')
    assert.equal(nobody.counts.dials, 0)
  })

  test(`${engine}: weir shows its certificate to an upstream, after a PROXY header in the clear`, async () => {
    const heads: string[] = []
    const subjects: string[] = []
    await using inner = await tlsListen(
      socket => {
        subjects.push(String(socket.getPeerX509Certificate()?.subject))
        echo(socket)
      },
      { requestCert: true, ca: AUTHORITY.cert },
    )
    await using upstream = await listen(socket => {
      socket.once('data', (chunk: Buffer) => {
        const end = chunk.indexOf('\r\n') + 2
        heads.push(chunk.subarray(0, end).toString())
        const on = connectPlain(inner.port, '127.0.0.1')
        on.write(chunk.subarray(end))
        socket.pipe(on).pipe(socket)
      })
    })
    await using gateway = await plane(engine, { to: [upstream], upstream: { material: 'client' }, proxy: 1 })
    const client = await tlsOpen(gateway.port)
    client.write('in')
    assert.equal(await readBytes(client, 2), 'in')
    assert.match(heads[0], /^PROXY TCP4 127\.0\.0\.1 /)
    assert.deepEqual(subjects, ['CN=web'])
    client.end()
    await readAll(client)
    await gateway.settled()
  })

  test(`${engine}: protocols of ALPN are chosen by the server's list, or none is`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, { to: [upstream], server: { alpn: ['h2', 'http/1.1'] } })
    for (const [offered, chosen] of [
      [['http/1.1', 'h2'], 'h2'],
      [['x', 'http/1.1'], 'http/1.1'],
      [['x'], false],
    ] as const) {
      const client = await tlsOpen(gateway.port, { ALPNProtocols: [...offered] })
      assert.equal(client.alpnProtocol, chosen)
      client.destroy()
    }
  })

  test(`${engine}: new certificates are for new connections, and open ones go on`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(engine, { to: [upstream] })
    const old = await tlsOpen(gateway.port)
    const renewed = AUTHORITY.issue({ names: [SERVER_NAME], kind: 'rsa' })
    gateway.order({ kind: 'secrets', epoch: 0, secrets: secretsOf(materialOf('server', [renewed])) })
    const serial = `${renewed.serial.toString('hex')}`.toUpperCase()
    for (;;) {
      const client = await tlsOpen(gateway.port)
      const isNew = client.getPeerX509Certificate()?.serialNumber === serial
      client.destroy()
      if (isNew) break
    }
    old.write('still')
    assert.equal(await readBytes(old, 5), 'still')
    old.destroy()
  })

  test(`${engine}: a session resumes at any worker, until authorities or lists change`, async () => {
    await using upstream = await listen(echo)
    const listed = (crl?: string) =>
      secretsOf(materialOf('server', [SERVER], { authorities: AUTHORITY.cert, ...(crl && { crl }) }))
    await using gateway = await plane(engine, {
      to: [upstream],
      server: { clients: 'optional' },
      secrets: listed(),
      workers: 2,
    })
    const first = tlsBegin(gateway.port, REVOKED)
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    for (let round = 0; round < 6; round++) {
      const client = await tlsOpen(gateway.port, { ...REVOKED, session })
      assert.equal(client.isSessionReused(), true)
      client.destroy()
    }
    gateway.order({ kind: 'secrets', epoch: 0, secrets: listed(AUTHORITY.revoke(REVOKED)) })
    await gateway.adopt(
      planOf([tlsListenerOn(gateway.port, serverOf({ clients: 'optional' }))], [clusterOf([upstream])]),
    )
    const expected = engine === 'node' ? /ECONNRESET/ : /REVOKED/
    assert.match(await refused(tlsBegin(gateway.port, { ...REVOKED, session })), expected)
    await gateway.closed('tls-client-certificate')
  })

  test(`${engine}: tickets of the key before resume, and are renewed; older ones do not`, async () => {
    await using upstream = await listen(echo)
    const material = SECRETS.material
    const [first, second, third] = [1, 2, 3].map(each => Buffer.alloc(80, each))
    await using gateway = await plane(engine, {
      to: [upstream],
      secrets: { material, tickets: { current: first, previous: null } },
    })
    const turn = async (current: Uint8Array, previous: Uint8Array): Promise<void> => {
      gateway.order({ kind: 'secrets', epoch: 0, secrets: { material, tickets: { current, previous } } })
      await gateway.adopt(planOf([tlsListenerOn(gateway.port, serverOf())], [clusterOf([upstream])]))
    }
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      await turn(first, third)
      const [, old] = await ticketOf(gateway.port, { maxVersion })
      await turn(second, first)
      const [isOldGood, renewed] = await ticketOf(gateway.port, { maxVersion, session: old })
      await turn(third, second)
      const isOldStillGood = await resumes(gateway.port, { maxVersion, session: old })
      const isRenewedGood = await resumes(gateway.port, { maxVersion, session: renewed })
      assert.deepEqual([isOldGood, isOldStillGood, isRenewedGood], [true, false, true], maxVersion)
    }
  })
}

/** Whether the session has resumed, and the one that the server gives for the next time. */
async function ticketOf(port: number, options: ConnectionOptions): Promise<readonly [boolean, Buffer]> {
  const client = tlsBegin(port, options)
  const isOld = options.maxVersion === 'TLSv1.2' // where Node tells of no ticket that is renewed
  const [given] = await once(client, isOld ? 'secureConnect' : 'session')
  const session: Buffer | undefined = isOld ? client.getSession() : given
  const isReused = client.isSessionReused()
  client.destroy()
  assert.ok(session)
  return [isReused, session]
}

async function resumes(port: number, options: ConnectionOptions): Promise<boolean> {
  const client = await tlsOpen(port, options)
  const isReused = client.isSessionReused()
  client.destroy()
  return isReused
}
