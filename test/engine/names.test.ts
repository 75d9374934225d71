/**
 * Goal: a TLS client reaches the server that it asks for, in whatever pieces its hello comes, with
 * every byte unchanged; any other client is reset with its own reason. Method: hellos that are cut,
 * stalled and broken, on every engine; one socket has the servers of two Gateways and one of plain
 * TCP.
 */

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { parseCidr } from '../../src/address/address.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { Listener, Rule } from '../../src/table/plan/plan.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { extension, hello, hex, host, record, records, serverName } from '../support/hello.ts'
import {
  begin,
  consume,
  echo,
  ending,
  freePort,
  greet,
  listen,
  open,
  readBytes,
  say,
  type TestServer,
  until,
} from '../support/sockets.ts'

const named = (name: string): Buffer => hello([extension(0x1a1a, hex('00')), serverName(host(name))])
const asking = (name: string): Buffer => record(named(name))
const NAMELESS = record(hello([]))

const rule = (route: number, names: readonly string[], more: Partial<Rule> = {}): Rule => ({
  origin: { virtualService: 'a/b', block: 'tls', route, match: 0, file: 'a.yaml', line: 1 },
  destinations: [],
  port: 0,
  names,
  clients: [],
  route,
  never: null,
  source: { namespace: null, labels: {}, visibleTo: null },
  ...more,
})

const scope = (names: readonly string[], rules: readonly Rule[], plain = false) => ({
  host: '',
  port: 0,
  addresses: [],
  takes: { names, plain },
  rules,
  defaultRoute: -1,
})

/**
 * Gateway a has *.test, and x.test goes to the first upstream, all others to the second; Gateway b
 * has b.test, for the second.
 */
function listenersOn(port: number, more: Partial<Listener> = {}): Listener[] {
  const a = scope(['*.test'], [rule(0, ['x.test']), rule(1, ['*.test'])])
  const b = scope(['b.test'], [rule(1, ['b.test'])])
  const common = { reads: 'tls', ...more } as const
  return [
    listenerOn(port, -1, { gateway: 'default/a', scopes: [a], ...common }),
    listenerOn(port, -1, { gateway: 'default/b', scopes: [b], opens: false, shares: 0, ...common }),
  ]
}

async function gatewayTo(
  engine: EngineKind,
  upstreams: readonly TestServer[],
  listeners: (port: number) => Listener[] = listenersOn,
  policy: object = {},
) {
  const plane = new TestEngine(engine)
  const port = await freePort()
  await plane.adopt(
    planOf(
      listeners(port),
      upstreams.map(each => clusterOf([each], policy)),
    ),
  )
  return { plane, port, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

/** The answer to a client that sends these pieces. */
async function said(port: number, ...pieces: readonly Uint8Array[]): Promise<Buffer> {
  const client = await open(port)
  const chunks: Buffer[] = []
  const over = consume(client, chunk => chunks.push(chunk))
  for (const piece of pieces) {
    client.write(piece)
    await turn()
  }
  client.end()
  await over
  return Buffer.concat(chunks)
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => [...bytes].map(byte => Uint8Array.of(byte))

const SSL_REQUEST = hex('00000008 04d2162f')
const GSS_REQUEST = hex('00000008 04d21630')
const CANCEL = hex('00000010 04d2162e 00000001 00000002')

/** A PostgreSQL that answers SSLRequest with these bytes, and is an echo from then on. */
const postgres =
  (answer: string) =>
  (socket: Parameters<typeof echo>[0]): void => {
    let before: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      if (before.length >= 8) {
        socket.write(chunk)
        return
      }
      before = Buffer.concat([before, chunk])
      if (before.length < 8) return
      assert.deepEqual(before, SSL_REQUEST, 'nothing else comes before the answer')
      if (answer === '') socket.end()
      else socket.write(answer)
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  }

for (const { engine, test } of ENGINES) {
  test(`${engine}: a hello in any pieces goes to the server of its name, unchanged`, async () => {
    await using first = await listen(echo)
    await using second = await listen(say('second'))
    await using gateway = await gatewayTo(engine, [first, second])
    const { port, plane } = gateway
    const x = asking('X.test.')
    const behind = Buffer.from('and more')
    assert.deepEqual(await said(port, x), x)
    assert.deepEqual(await said(port, Buffer.concat([x, behind])), Buffer.concat([x, behind]))
    assert.deepEqual(await said(port, ...bytewise(x)), x)
    for (let cut = 1; cut < x.length; cut += 7)
      assert.deepEqual(
        await said(port, x.subarray(0, cut), x.subarray(cut), behind),
        Buffer.concat([x, behind]),
      )
    const small = records(named('x.test'), 5)
    assert.deepEqual(await said(port, ...bytewise(small)), small, 'records of five bytes')
    const large = record(hello([extension(51, Buffer.alloc(1800)), serverName(host('x.test'))]))
    assert.deepEqual(await said(port, large.subarray(0, 1400), large.subarray(1400)), large, 'post-quantum')
    const long = Buffer.alloc(400_000, 'z')
    assert.deepEqual(await said(port, Buffer.concat([x, long])), Buffer.concat([x, long]))
    for (const name of ['a.x.test', 'b.test', 'other.test'])
      assert.equal(`${await said(port, asking(name))}`, 'second', name)
    await plane.settled()
    assert.equal(
      plane.counts.closed['client-closed'] + plane.counts.closed['upstream-closed'],
      plane.counts.accepted,
    )
  })

  test(`${engine}: nobody for a client is told by its reason`, async () => {
    await using first = await listen(echo)
    await using gateway = await gatewayTo(engine, [first, first])
    const { port, plane } = gateway
    const broken = asking('x.test')
    broken[5] = 2 // no ClientHello
    const huge = records(hello([extension(21, Buffer.alloc(17_000)), serverName(host('x.test'))]), 16_000)
    const ssl2 = hex('802e 01 0301 0015 0000 0010')
    const reasons: readonly (readonly [string, Buffer])[] = [
      ['no-route', asking('example.com')],
      ['no-route', asking('test')],
      ['no-sni', NAMELESS],
      ['no-sni', ssl2],
      ['not-tls', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
      ['not-tls', broken],
      ['hello-too-large', huge],
    ]
    for (const [reason, bytes] of reasons) {
      const before = plane.counts.closed[reason as 'no-sni']
      const client = begin(port)
      client.write(bytes)
      assert.equal(await ending(client), 'ECONNRESET', reason)
      await until(() => plane.counts.closed[reason as 'no-sni'] === before + 1)
    }
    for (const beginning of [Buffer.alloc(0), asking('x.test').subarray(0, 30)]) {
      const client = begin(port)
      client.end(beginning)
      assert.equal(await ending(client), 'ECONNRESET', 'the end comes before the hello is whole')
    }
    await plane.settled()
    assert.deepEqual([plane.counts.closed['not-tls'], plane.counts.dials, first.accepted], [4, 0, 0])
  })

  test(`${engine}: who says too little is cut at the deadline, from accept on`, async () => {
    await using first = await listen(echo)
    const soon = (port: number) => listenersOn(port, { readTimeoutMs: 200 })
    await using gateway = await gatewayTo(engine, [first, first], soon)
    const { port, plane } = gateway
    const silent = begin(port)
    const slow = begin(port)
    const x = asking('x.test')
    slow.write(x.subarray(0, 20))
    let at = 20
    const dripping = setInterval(() => slow.write(x.subarray(at, ++at)), 50)
    assert.deepEqual(await Promise.all([ending(silent), ending(slow)]), ['ECONNRESET', 'ECONNRESET'])
    clearInterval(dripping)
    await plane.settled()
    assert.deepEqual([plane.counts.closed['hello-timeout'], first.accepted], [2, 0])
  })

  test(`${engine}: a server of plain TCP beside them takes what is not TLS, and who waits for it`, async () => {
    await using first = await listen(greet('hello'))
    await using second = await listen(echo)
    const withPlain =
      (readTimeoutMs: number) =>
      (port: number): Listener[] => {
        const [a, b] = listenersOn(port, { readTimeoutMs })
        const plain = { ...scope([], [], true), defaultRoute: 0 }
        return [a, { ...b, scopes: [...b.scopes, plain] }]
      }
    for (const [words, timeoutMs] of [
      ['GET /', 60_000],
      ['', 100],
    ] as const) {
      await using gateway = await gatewayTo(engine, [first, second], withPlain(timeoutMs))
      const { port, plane } = gateway
      const client = await open(port)
      client.write(words)
      assert.equal(await readBytes(client, 5), 'hello', words || 'after the deadline')
      const [live] = [...plane.observer.live.list()]
      assert.deepEqual([live.listener, live.serverName], [1, ''])
      client.resetAndDestroy()
      await plane.settled()
      if (words === '') continue
      assert.deepEqual(await said(port, asking('other.test')), asking('other.test'))
      await plane.settled()
    }
  })

  test(`${engine}: the Gateway whose server took it, and the name, are told of a connection`, async () => {
    await using first = await listen(echo)
    await using gateway = await gatewayTo(engine, [first, first])
    const { port, plane } = gateway
    const seen: unknown[] = []
    for (const name of ['b.test', `${'long.'.repeat(49)}x.test`]) {
      const client = await open(port)
      client.write(asking(name))
      await readBytes(client, 5)
      const [live] = [...plane.observer.live.list()]
      seen.push([live.listener, live.serverName])
      client.resetAndDestroy()
      await plane.settled()
    }
    assert.deepEqual(seen, [
      [1, 'b.test'],
      [0, `${'long.'.repeat(49)}x.test`],
    ])
  })

  test(`${engine}: behind a load balancer the header comes first, and upstream the name goes with it`, async () => {
    await using first = await listen(echo)
    const from = [parseCidr('127.0.0.0/8') ?? assert.fail()]
    const proxyProtocol = { from, require: true, versions: [1, 2], timeoutMs: 10_000 } as const
    const behind = (port: number) => listenersOn(port, { proxyProtocol })
    await using gateway = await gatewayTo(engine, [first, first], behind, { proxyVersion: 2 })
    const { port, plane } = gateway
    const line = Buffer.from('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n')
    const x = asking('x.test')
    const header = Buffer.concat([
      hex('0d0a0d0a000d0a515549540a 2111 0015 c0000207 cb007105 dc04 01bb 02 0006'),
      Buffer.from('x.test'),
    ])
    for (const pieces of [[Buffer.concat([line, x])], bytewise(Buffer.concat([line, x]))])
      assert.deepEqual(await said(port, ...pieces), Buffer.concat([header, x]))
    await plane.settled()
  })

  test(`${engine}: PostgreSQL: TLS is asked for first, of weir and by it`, async () => {
    await using first = await listen(postgres('S'))
    const asked = (port: number) => listenersOn(port, { reads: 'postgres' })
    await using gateway = await gatewayTo(engine, [first, first], asked)
    const { port, plane } = gateway
    const x = asking('x.test')
    for (const pieces of [[x], bytewise(x), [x.subarray(0, 9), x.subarray(9), Buffer.alloc(300_000, 'z')]]) {
      const client = await open(port)
      client.write(GSS_REQUEST.subarray(0, 3))
      await turn()
      client.write(GSS_REQUEST.subarray(3))
      assert.equal(await readBytes(client, 1), 'N')
      client.write(SSL_REQUEST)
      assert.equal(await readBytes(client, 1), 'S')
      for (const piece of pieces) {
        client.write(piece)
        await turn()
      }
      client.end()
      const chunks: Buffer[] = []
      await consume(client, chunk => chunks.push(chunk))
      assert.deepEqual(Buffer.concat(chunks), Buffer.concat(pieces))
    }
    await plane.settled()
    assert.equal(plane.counts.clientBytes, 3 * x.length + 300_000, 'words of our own are in no count')
  })

  test(`${engine}: PostgreSQL: direct TLS, and what is refused`, async () => {
    const asked = (port: number) => listenersOn(port, { reads: 'postgres' })
    await using direct = await listen(echo)
    await using gateway = await gatewayTo(engine, [direct, direct], asked)
    assert.deepEqual(await said(gateway.port, asking('x.test')), asking('x.test'))
    const startup = hex('0000000d 00030000 7573657200')
    const early = Buffer.concat([SSL_REQUEST, asking('x.test')])
    const all = [CANCEL, startup, early, Buffer.concat([GSS_REQUEST, SSL_REQUEST])]
    for (const bytes of all) {
      const client = begin(gateway.port)
      client.write(bytes)
      assert.equal(await ending(client), 'ECONNRESET')
    }
    await gateway.plane.settled()
    assert.equal(gateway.plane.counts.closed['not-tls'], all.length)
    for (const answer of ['N', 'Sx', 'E', '']) {
      await using upstream = await listen(postgres(answer))
      await using refused = await gatewayTo(engine, [upstream, upstream], asked)
      const client = await open(refused.port)
      client.write(SSL_REQUEST)
      assert.equal(await readBytes(client, 1), 'S')
      client.write(asking('x.test'))
      assert.equal(await ending(client), 'ECONNRESET', `the server says "${answer}"`)
      await refused.plane.closed('starttls-refused')
      await refused.plane.settled()
    }
  })

  test(`${engine}: PostgreSQL: a server that does not answer has the connect timeout to do so`, async () => {
    await using agrees = await listen(postgres('S'))
    await using silent = await listen(() => {})
    const asked = (port: number) => listenersOn(port, { reads: 'postgres' })
    await using gateway = await gatewayTo(engine, [agrees, silent], asked, { connectTimeoutMs: 1000 })
    const { port, plane } = gateway
    const ask = async (name: string) => {
      const client = begin(port)
      client.write(SSL_REQUEST)
      assert.equal(await readBytes(client, 1), 'S')
      client.write(asking(name))
      return client
    }
    const first = await ask('x.test')
    await readBytes(first, 5)
    const second = await ask('other.test')
    assert.equal(await ending(second), 'ECONNRESET')
    await plane.closed('starttls-timeout')
    first.write('later')
    assert.match(await readBytes(first, asking('x.test').length), /later$/, 'who has agreed has no deadline')
    first.resetAndDestroy()
    await plane.settled()
  })
}
