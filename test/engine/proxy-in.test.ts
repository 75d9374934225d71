/**
 * Goal: behind a load balancer the client is the one in its PROXY header, everywhere; a peer that
 * must send a header and does not is reset with its own reason; and no other byte is lost, delayed
 * or counted. Method: senders that cut, stall and lie, on every engine.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { formatAddress, formatEndpoint, parseCidr } from '../../src/address/address.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { Live } from '../../src/stats/connections.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { RecordReader, Wanted, want } from '../../src/stats/records.ts'
import type { Plan, ReadsProxy, Rule } from '../../src/table/plan/plan.ts'
import { createProxyHeader } from '../../src/wire/proxy-header.ts'
import { writeProxyHeader } from '../../src/wire/proxy-protocol.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import {
  begin,
  echo,
  ending,
  freePort,
  greet,
  listen,
  open,
  readAll,
  readBytes,
  type TestServer,
  until,
} from '../support/sockets.ts'

const CLIENT = '192.0.2.7:56324'
const LINE = 'PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'
const BINARY = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207cb007105dc0401bb', 'hex')
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')

const range = (text: string) => parseCidr(text) ?? assert.fail(text)

const READS: ReadsProxy = {
  from: [range('127.0.0.0/8'), range('::1')],
  require: true,
  versions: [1, 2],
  timeoutMs: 60_000,
}

/** A worker with one listener for `upstream`, which reads headers. */
async function gatewayTo(
  engine: EngineKind,
  upstream: TestServer,
  reads: Partial<ReadsProxy> = {},
  change: (plan: Plan) => Plan = plan => plan,
) {
  const plane = new TestEngine(engine)
  const port = await freePort()
  const listener = listenerOn(port, 0, { proxyProtocol: { ...READS, ...reads } })
  await plane.adopt(change(planOf([listener], [clusterOf([upstream])])))
  return { plane, port, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

/** The answer of an echo server to `text`. */
async function echoed(port: number, ...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const client = await open(port)
  for (const piece of pieces) {
    client.write(piece)
    await turn()
  }
  client.end()
  return await readAll(client)
}

const liveOf = (plane: TestEngine) => {
  const [live] = [...plane.observer.live.list()]
  return {
    client: live.client && formatEndpoint(live.client.address, live.client.port),
    destination: live.destination && formatEndpoint(live.destination.address, live.destination.port),
    peer: live.peer?.address ?? null,
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: whom the header names is the client, and the rest is payload`, async () => {
    await using upstream = await listen(greet('hello '))
    await using gateway = await gatewayTo(engine, upstream)
    for (const header of [LINE, BINARY]) {
      const client = await open(gateway.port)
      client.write(header)
      assert.equal(await readBytes(client, 6), 'hello ', 'a server that speaks first')
      assert.deepEqual(liveOf(gateway.plane), {
        client: CLIENT,
        destination: '203.0.113.5:443',
        peer: '127.0.0.1',
      })
      client.resetAndDestroy()
      await gateway.plane.settled()
    }
    assert.equal(gateway.plane.counts.clientBytes, 0)
  })

  test(`${engine}: a header in any pieces, with payload behind it or not`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream)
    const { port, plane } = gateway
    assert.equal(await echoed(port, LINE), '')
    assert.equal(await echoed(port, `${LINE}GET /`), 'GET /')
    assert.equal(await echoed(port, BINARY, 'GET /'), 'GET /')
    assert.equal(await echoed(port, ...[...BINARY].map(byte => Uint8Array.of(byte)), 'x'), 'x')
    assert.equal(await echoed(port, ...[...`${LINE}y`]), 'y')
    assert.equal(await echoed(port, BINARY, BINARY), BINARY.toString(), 'a second one is payload')
    const long = 'z'.repeat(300_000)
    assert.equal(
      await echoed(port, BINARY.subarray(0, 20), Buffer.concat([BINARY.subarray(20), Buffer.from(long)])),
      long,
    )
    await plane.settled()
    const payload = 5 + 5 + 1 + 1 + BINARY.length + long.length
    assert.deepEqual([plane.counts.clientBytes, plane.counts.closed['client-closed']], [payload, 7])
  })

  test(`${engine}: no header is told by its reason`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream, { versions: [2] })
    const { port, plane } = gateway
    const lies: readonly (string | Buffer)[] = [
      'GET / HTTP/1.1\r\n\r\n',
      LINE,
      Buffer.concat([BINARY.subarray(0, 12), Buffer.of(0x31)]),
    ]
    for (const lie of lies) {
      const client = begin(port)
      client.write(lie)
      assert.equal(await ending(client), 'ECONNRESET')
    }
    for (const beginning of [BINARY.subarray(0, 5), Buffer.alloc(0)]) {
      const client = begin(port)
      client.end(beginning)
      assert.equal(await ending(client), 'ECONNRESET', 'the end comes before the header is whole')
    }
    await plane.settled()
    assert.deepEqual(
      [plane.counts.closed['proxy-invalid'], plane.counts.dials, plane.counts.clientBytes, upstream.accepted],
      [5, 0, 0, 0],
    )
  })

  test(`${engine}: who says too little is cut at the deadline, from accept on`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream, { timeoutMs: 200 })
    const { port, plane } = gateway
    const silent = begin(port)
    const slow = begin(port)
    slow.write(LINE.slice(0, 7))
    const dripping = setInterval(() => slow.write('T'), 50)
    assert.deepEqual(await Promise.all([ending(silent), ending(slow)]), ['ECONNRESET', 'ECONNRESET'])
    clearInterval(dripping)
    await plane.settled()
    assert.deepEqual([plane.counts.closed['proxy-timeout'], upstream.accepted], [2, 0])
  })

  test(`${engine}: a client that resets while it is read from is just gone`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream)
    const client = await open(gateway.port)
    client.write('PROXY')
    await until(() => gateway.plane.counts.open === 1)
    client.resetAndDestroy()
    await gateway.plane.closed('client-reset')
    await gateway.plane.settled()
  })

  test(`${engine}: who is no load balancer is reset, or is served as a client`, async () => {
    await using upstream = await listen(echo)
    const from = [range('192.0.2.0/24')]
    await using strict = await gatewayTo(engine, upstream, { from })
    assert.equal(await ending(begin(strict.port)), 'ECONNRESET')
    await strict.plane.closed('proxy-untrusted')
    await strict.plane.settled()
    await using open_ = await gatewayTo(engine, upstream, { from, require: false })
    assert.equal(await echoed(open_.port, LINE), LINE, 'which only looks like a header')
    assert.equal(await echoed(open_.port, BINARY.subarray(0, 4)), '\r\n\r\n')
    await open_.plane.settled()
  })

  test(`${engine}: a header without addresses leaves those of the socket`, async () => {
    await using upstream = await listen(greet('hello'))
    await using gateway = await gatewayTo(engine, upstream)
    for (const header of ['PROXY UNKNOWN\r\n', LOCAL]) {
      const client = await open(gateway.port)
      client.write(header)
      assert.equal(await readBytes(client, 5), 'hello')
      const { client: seen, destination, peer } = liveOf(gateway.plane)
      assert.match(String(seen), /^127\.0\.0\.1:/)
      assert.deepEqual([destination, peer], [`127.0.0.1:${gateway.port}`, null])
      client.resetAndDestroy()
      await gateway.plane.settled()
    }
  })

  test(`${engine}: rules ask for the header's client and destination, and for the listener's port`, async () => {
    await using right = await listen(greet('right'))
    await using wrong = await listen(greet('wrong'))
    const port = await freePort()
    const rule = (route: number, asks: Partial<Rule>): Rule => ({
      origin: { virtualService: 'a/b', block: 'tcp', route, match: 0, file: 'a.yaml', line: 1 },
      destinations: [],
      port: 0,
      clients: [],
      route,
      never: null,
      source: { namespace: null, labels: {}, visibleTo: null },
      ...asks,
    })
    const web = { namespace: null, labels: { app: 'web' }, visibleTo: null }
    const rules = [
      rule(1, { clients: [range('127.0.0.0/8')] }),
      rule(1, { destinations: [range('127.0.0.0/8')] }),
      rule(1, { port: 443 }),
      rule(0, { clients: [range('192.0.2.0/24')], destinations: [range('203.0.113.5')], port, source: web }),
    ]
    const listener = listenerOn(port, -1, {
      proxyProtocol: READS,
      scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: 1 }],
    })
    await using plane = new TestEngine(engine)
    await plane.adopt({
      ...planOf([listener], [clusterOf([right]), clusterOf([wrong])]),
      sources: [{ cidr: range('192.0.2.7'), namespace: 'shop', labels: { app: 'web' } }],
    })
    const client = await open(port)
    client.write(BINARY)
    assert.equal(await readBytes(client, 5), 'right')
    client.resetAndDestroy()
    await plane.settled()
  })

  test(`${engine}: at a mesh listener the header's destination says which service is meant`, async () => {
    await using right = await listen(greet('right'))
    await using wrong = await listen(greet('wrong'))
    const port = await freePort()
    const scope = (host: string, at: number, addresses: string, defaultRoute: number) => ({
      host,
      port: at,
      addresses: [range(addresses)],
      rules: [],
      defaultRoute,
    })
    const scopes = [scope('wrong', port, '127.0.0.1', 1), scope('right', 443, '203.0.113.5', 0)]
    const listener = listenerOn(port, -1, { gateway: 'mesh', proxyProtocol: READS, scopes })
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listener], [clusterOf([right]), clusterOf([wrong])]))
    const client = await open(port)
    client.write(BINARY)
    assert.equal(await readBytes(client, 5), 'right')
    client.resetAndDestroy()
    await plane.settled()
  })

  test(`${engine}: what a load balancer brings back of weir's own is a loop`, async () => {
    await using upstream = await listen(greet('hello'))
    const port = await freePort()
    const listener = listenerOn(port, -1, {
      gateway: 'mesh',
      proxyProtocol: READS,
      scopes: [],
      otherwise: 'passthrough',
    })
    await using plane = new TestEngine(engine)
    await plane.adopt(planOf([listener], []))
    const line = (client: string) => `PROXY TCP4 ${client} 127.0.0.1 5001 ${upstream.port}\r\n`
    const client = await open(port)
    client.write(line('192.0.2.7'))
    assert.equal(await readBytes(client, 5), 'hello', 'an address that is no service, as asked')
    client.resetAndDestroy()
    const returned = begin(port)
    returned.write(line('127.0.0.1'))
    assert.equal(await ending(returned), 'ECONNRESET')
    await plane.closed('loop')
    await plane.settled()
  })

  test(`${engine}: who was read from goes on by the header: one hears what the other said`, async () => {
    const headers: Buffer[] = []
    await using upstream = await listen((socket: Socket) => {
      socket.on('data', (chunk: Buffer) => headers.push(chunk))
      socket.on('end', () => socket.end())
    })
    const outgoing = (plan: Plan): Plan => ({
      ...plan,
      clusters: [clusterOf([upstream], { proxyVersion: 2 })],
    })
    await using gateway = await gatewayTo(engine, upstream, {}, outgoing)
    assert.equal(await echoed(gateway.port, `${LINE}hello`), '')
    assert.deepEqual(Buffer.concat(headers), Buffer.concat([BINARY, Buffer.from('hello')]))
    await gateway.plane.settled()
  })

  test(`${engine}: an IPv6 client of an IPv4 load balancer`, async () => {
    const headers: Buffer[] = []
    await using upstream = await listen((socket: Socket) => {
      socket.on('data', (chunk: Buffer) => headers.push(chunk))
      socket.on('end', () => socket.end())
    })
    const outgoing = (plan: Plan): Plan => ({
      ...plan,
      clusters: [clusterOf([upstream], { proxyVersion: 1 })],
    })
    await using gateway = await gatewayTo(engine, upstream, {}, outgoing)
    const line = 'PROXY TCP6 2001:db8::7 2001:db8::5 56324 443\r\n'
    assert.equal(await echoed(gateway.port, line), '')
    assert.equal(Buffer.concat(headers).toString(), line)
    await gateway.plane.settled()
  })

  test(`${engine}: records have both addresses; of one that was refused the peer is the client`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream)
    const [{ records }] = gateway.plane.journals
    want(records, Wanted.ends)
    const reader = new RecordReader(records)
    await echoed(gateway.port, `${LINE}hello`)
    await gateway.plane.settled()
    const liar = begin(gateway.port)
    liar.write('hello')
    await ending(liar)
    await gateway.plane.settled()
    const seen: string[] = []
    reader.drain((words, _, at) => {
      const text = (family: number) =>
        words[at + family] === 0 ? '-' : formatAddress(4, Uint32Array.of(words[at + family + 1]), 0)
      const bytes = new Float64Array(words.buffer)[(at + Live.fromClient) / 2]
      const reason = REASON_NAMES[words[at + Live.reason]]
      seen.push(`${reason} ${text(Live.clientFamily)} ${text(Live.peerFamily)} ${bytes}`)
    })
    assert.deepEqual(seen, ['client-closed 192.0.2.7 127.0.0.1 5', 'proxy-invalid 127.0.0.1 - 0'])
  })

  test(`${engine}: a reload changes who must send a header, for new connections`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream)
    const { plane, port } = gateway
    const before = await open(port)
    await until(() => plane.counts.open === 1) // accepted by the table that is about to go
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    assert.equal(await echoed(port, LINE), LINE)
    before.end(`${LINE}old`)
    assert.equal(await readAll(before), 'old')
    await plane.settled()
  })

  test(`${engine}: random senders, each with bytes of its own`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream)
    const header = createProxyHeader()
    header.clientFamily = header.destinationFamily = 4
    header.client[0] = 0xc0000207
    header.destination[0] = 0xcb007105
    const clients = Array.from({ length: 60 }, async (_, index) => {
      header.clientPort = index
      const out = Buffer.alloc(320)
      const length = writeProxyHeader(out, 0, index % 2 === 0 ? 1 : 2, header)
      const payload = `connection ${index}`
      const bytes = Buffer.concat([out.subarray(0, length), Buffer.from(payload)])
      const cuts = [(index * 7) % bytes.length, (index * 13) % bytes.length].sort((a, b) => a - b)
      const pieces = [bytes.subarray(0, cuts[0]), bytes.subarray(cuts[0], cuts[1]), bytes.subarray(cuts[1])]
      assert.equal(await echoed(gateway.port, ...pieces.map(each => Buffer.from(each))), payload)
    })
    await Promise.all(clients)
    await gateway.plane.settled()
    assert.equal(gateway.plane.counts.closed['client-closed'], 60)
  })
}
