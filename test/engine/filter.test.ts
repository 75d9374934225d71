/**
 * Goal: a filter between a socket and the flows can change, answer, end and break; weir's own bytes
 * come first, complete, and are not counted. Method: real sockets through a worker whose
 * connections get a prefix, or filters (support/filter-worker.ts).
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseCidr } from '../../src/address/address.ts'
import { Threads } from '../../src/base/threads.ts'
import type { EngineKind, WorkerTask } from '../../src/engine/worker/protocol.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { getsockopt } from '../../src/kernel/libc.ts'
import type { ReadsProxy } from '../../src/table/plan/plan.ts'
import { blackhole } from '../support/blackhole.ts'
import {
  clusterOf,
  ENGINES,
  EVERY_ENGINE,
  listenerOn,
  planOf,
  type Target,
  TestEngine,
} from '../support/engine.ts'
import type { Between } from '../support/filter-worker.ts'
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
  until,
} from '../support/sockets.ts'
import { opened } from '../support/uring.ts'

const THREADS = new Threads<WorkerTask, void>({
  module: fileURLToPath(new URL('../support/filter-worker.ts', import.meta.url)),
  least: 0,
  most: 4,
  lent: true,
})
const TOTAL_BYTES = 8 * 2 ** 20

const invert = (chunk: Buffer): Buffer => chunk.map(each => each ^ 0xff) as Buffer

async function planeOn(
  engine: EngineKind,
  target: Target,
  given: Between,
  { isRead }: { isRead?: boolean } = {},
) {
  const gateway = new TestEngine(engine, 1, {}, { threads: THREADS, given })
  const port = await freePort()
  const listener = listenerOn(port, 0, isRead ? { proxyProtocol: READS } : {})
  await gateway.adopt(planOf([listener], [clusterOf([target])]))
  return Object.assign(gateway, { port })
}

/** Whoever connects has to send a PROXY header first. */
const READS: ReadsProxy = {
  from: [parseCidr('127.0.0.0/8') ?? assert.fail()],
  require: true,
  versions: [1, 2],
  timeoutMs: 60_000,
}
const HEADER = 'PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'

for (const { engine, test } of EVERY_ENGINE.filter(each => each.engine !== 'node')) {
  test(`${engine}: a prefix and what the client has said already are one segment`, async () => {
    const heard: [string, number][] = []
    await using upstream = await listen(socket => {
      socket.once('data', chunk => heard.push([`${chunk}`, segmentsOf(socket)]))
    })
    await using gateway = await planeOn(engine, upstream, { prefix: 'prefix ', onceSaid: true })
    const client = await open(gateway.port)
    client.write('said')
    await until(() => heard.length > 0)
    assert.deepEqual(heard, [['prefix said', 1]])
    client.destroy()
  })
}

for (const { engine, test } of ENGINES.filter(each => each.engine !== 'node')) {
  const plane = (target: Target, given: Between, listener?: { isRead?: boolean }) =>
    planeOn(engine, target, given, listener)

  test(`${engine}: a prefix comes first and whole, and is no payload of anyone's`, async () => {
    const prefix = 'p'.repeat(5000)
    await using upstream = await listen(echo)
    await using gateway = await plane(upstream, { prefix })
    const client = await open(gateway.port)
    client.write('said')
    assert.equal(await readBytes(client, 5004), `${prefix}said`)
    const [row] = [...gateway.observer.live.list()]
    assert.deepEqual([row.fromClient, row.toUpstream, row.fromUpstream], [4, 4, 5004])
    client.end()
    assert.equal(await readAll(client), '')
    await gateway.settled()
    assert.deepEqual([gateway.counts.clientBytes, gateway.counts.upstreamBytes], [4, 5004])
  })

  test(`${engine}: a filter changes all that passes, both ways, and its last words come before the end`, async () => {
    const upstreams: Promise<unknown>[] = []
    await using upstream = await listen(socket => {
      upstreams.push(send(socket, bytes(2, TOTAL_BYTES)), withLastWords(socket))
    })
    await using gateway = await plane(upstream, { filters: ['inverting', 'inverting'] })
    const client = await open(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(1, TOTAL_BYTES)), withLastWords(client)])
    const [answered, heard] = await Promise.all(upstreams)
    assert.deepEqual(got, [answered, 'bye'])
    assert.deepEqual(heard, [sent, 'bye'])
    await gateway.settled()
    assert.deepEqual([gateway.counts.clientBytes, gateway.counts.upstreamBytes], [TOTAL_BYTES, TOTAL_BYTES])
  })

  test(`${engine}: a filter of one side changes what the other side gets`, async () => {
    await using upstream = await listen(socket => {
      socket.once('data', chunk => socket.end(invert(Buffer.from(`${chunk}`.toUpperCase()))))
    })
    await using gateway = await plane(upstream, { filters: ['inverting', null] })
    const client = await open(gateway.port)
    client.write(invert(Buffer.from('turned')))
    assert.equal(await readAll(client), 'TURNEDbye')
    client.end()
    await gateway.settled()
  })

  test(`${engine}: a filter answers the side that spoke, while there is no other side yet`, async () => {
    await using nowhere = await blackhole()
    await using gateway = await plane(nowhere, { filters: ['handshake', null] })
    const client = await open(gateway.port)
    client.write('hel')
    client.write('lo\n')
    assert.equal(await readBytes(client, 8), 'welcome\n')
    const [row] = [...gateway.observer.live.list()]
    assert.deepEqual([row.state, row.fromClient, row.toClient], ['dialing', 0, 0])
    client.resetAndDestroy()
    await gateway.closed('client-reset')
  })

  test(`${engine}: what follows a handshake goes on, and a wrong one ends the connection`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(upstream, { filters: ['handshake', null] })
    const client = await open(gateway.port)
    client.write('hello\n')
    assert.equal(await readBytes(client, 8), 'welcome\n')
    client.end('payload')
    assert.equal(await readAll(client), 'payload')
    const stranger = await open(gateway.port)
    stranger.write('good day\n')
    assert.equal(await ending(stranger), 'ECONNRESET')
    await gateway.closed('client-reset')
    await gateway.settled()
  })

  test(`${engine}: what was heard before the decision passes the filters, and so does the end of it`, async () => {
    const heard: Promise<string>[] = []
    await using upstream = await listen(socket => {
      heard.push(readAll(socket).finally(() => socket.end()))
    })
    for (const filters of [
      ['inverting', null],
      [null, 'inverting'],
    ] as const) {
      await using gateway = await plane(upstream, { filters }, { isRead: true })
      const before = heard.length
      const client = await open(gateway.port)
      client.end(Buffer.concat([Buffer.from(HEADER), invert(Buffer.from('said'))]))
      await until(() => heard.length > before)
      assert.equal(await heard[before], filters[0] ? 'said' : 'saidbye')
      client.resume()
      await gateway.settled()
      assert.equal(gateway.counts.clientBytes, 4)
    }
  })

  test(`${engine}: a handshake may begin with what was heard before the decision`, async () => {
    const heard: string[] = []
    await using upstream = await listen(socket => {
      socket.on('data', chunk => heard.push(`${chunk}`)).on('end', () => socket.end())
    })
    await using gateway = await plane(
      upstream,
      { prefix: 'prefix ', filters: ['handshake', null] },
      { isRead: true },
    )
    const client = await open(gateway.port)
    client.write(`${HEADER}hel`)
    client.write('lo\n')
    assert.equal(await readBytes(client, 8), 'welcome\n')
    client.write('payload')
    await until(() => heard.join('').length >= 14)
    assert.equal(heard.join(''), 'prefix payload')
    client.end()
    const stranger = begin(gateway.port)
    stranger.write(`${HEADER}good day\n`)
    assert.equal(await ending(stranger), 'ECONNRESET')
    await gateway.closed('client-reset')
    await gateway.settled()
  })

  test(`${engine}: a filter that changes nothing leaves bulk to be spliced`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await plane(upstream, { filters: ['passThrough', 'passThrough'] })
    const client = await open(gateway.port)
    const [sent, got] = await Promise.all([send(client, bytes(3, TOTAL_BYTES)), digest(client)])
    assert.equal(got, sent)
    await gateway.settled()
    assert.deepEqual([gateway.counts.clientBytes, gateway.counts.upstreamBytes], [TOTAL_BYTES, TOTAL_BYTES])
  })
}

/** The digest of what comes before the last three bytes, and these. */
async function withLastWords(socket: Socket): Promise<[string, string]> {
  const chunks: Buffer[] = []
  await consume(socket, chunk => chunks.push(chunk))
  const all = Buffer.concat(chunks)
  return [createHash('sha256').update(all.subarray(0, -3)).digest('hex'), `${all.subarray(-3)}`]
}

/**
 * Segments with data that a socket has received: tcpi_data_segs_in of struct tcp_info
 * (linux/tcp.h).
 */
function segmentsOf(socket: Socket): number {
  const arena = opened(Arena.map(4096))
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  arena.i32[128] = 256
  assert.equal(getsockopt(fd, 6, 11, arena.pointer(0), arena.pointer(512)), 0)
  const segments = arena.u32[152 / 4]
  arena.unmap()
  return segments
}
