/**
 * Goal: the journal's records of a connection are what happened, while it lives and after. Method:
 * real connections through a real worker; every engine runs the same tests.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { formatAddress } from '../../src/address/address.ts'
import type { Order } from '../../src/engine/worker/protocol.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { Live } from '../../src/stats/connections.ts'
import { TABLES_KEPT } from '../../src/stats/generations.ts'
import type { Connection } from '../../src/stats/live-connections.ts'
import { REASON_NAMES, type ReasonName } from '../../src/stats/reasons.ts'
import { RecordReader, Wanted, want } from '../../src/stats/records.ts'
import type { Cluster, Listener, Plan, Rule } from '../../src/table/plan/plan.ts'
import { blackhole } from '../support/blackhole.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, echo, ending, freePort, listen, open, readBytes, stalled, until } from '../support/sockets.ts'

type Ended = {
  readonly id: number
  readonly reason: ReasonName
  readonly errno: number
  readonly client: string
  readonly destination: string
  readonly bytes: readonly number[]
  readonly attempts: number
  readonly lastedMs: number
}

/** A worker whose records are read, and all of them up to now. */
function planeOf(t: TestContext, ...parameters: ConstructorParameters<typeof TestEngine>) {
  const plane = new TestEngine(...parameters)
  t.after(() => plane[Symbol.asyncDispose]())
  const readers = plane.journals.map(({ records }) => new RecordReader(records))
  for (const { records } of plane.journals) want(records, Wanted.ends)
  const ended: Ended[] = []
  const records = async (count: number): Promise<readonly Ended[]> => {
    await until(() => {
      for (const reader of readers)
        reader.drain((words, numbers, at) => ended.push(decode(words, numbers, at)))
      return ended.length >= count
    })
    return ended
  }
  return { plane, records, only: () => onlyOf(plane) }
}

function decode(words: Int32Array, numbers: Float64Array, at: number): Ended {
  const address = (from: number): string =>
    words[at + from] === 0
      ? 'unknown'
      : `${formatAddress(words[at + from] as 4 | 6, words, at + from + 1)}:${words[at + from + 5]}`
  const number = (word: number): number => numbers[(at + word) / 2]
  return {
    id: number(Live.id),
    reason: REASON_NAMES[words[at + Live.reason]],
    errno: words[at + Live.errno],
    client: address(Live.clientFamily),
    destination: address(Live.destinationFamily),
    bytes: [Live.fromClient, Live.toUpstream, Live.fromUpstream, Live.toClient].map(number),
    attempts: words[at + Live.attempts],
    lastedMs: number(Live.endedMs) - number(Live.acceptedMs),
  }
}

/** The one connection that is open. */
function onlyOf({ observer }: TestEngine): Connection {
  const all = [...observer.live.list()]
  assert.equal(all.length, 1)
  return all[0]
}

const localOf = (socket: Socket): string => {
  const { address, port } = socket.address() as AddressInfo
  return `${address}:${port}`
}

const bytesOf = ({ fromClient, toUpstream, fromUpstream, toClient }: Connection): number[] => [
  fromClient,
  toUpstream,
  fromUpstream,
  toClient,
]

const rule = (port: number, route: number, file: string): Rule => ({
  origin: { virtualService: 'default/vs', block: 'tcp', route, match: 0, file, line: 7 },
  destinations: [],
  port,
  clients: [],
  route,
  never: null,
  source: { namespace: null, labels: {}, visibleTo: null },
})

const ruled = (port: number, rules: readonly Rule[]): Listener =>
  listenerOn(port, -1, { scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: -1 }] })

for (const { engine, test } of ENGINES) {
  test(`${engine}: a live connection shows who, where to, by what, and how far it is`, async t => {
    const upstream = await listen(echo)
    t.after(() => upstream[Symbol.asyncDispose]())
    const { plane, records, only } = planeOf(t, engine)
    const port = await freePort()
    const plan = planOf([ruled(port, [rule(0, 0, 'a.yaml')])], [clusterOf([upstream], {}, 'shop.example')])
    await plane.adopt(plan)
    const client = await open(port)
    const from = localOf(client)
    client.write('hello')
    assert.equal(await readBytes(client, 5), 'hello')
    await until(() => bytesOf(only()).every(bytes => bytes === 5))
    const live = only()
    assert.deepEqual(
      [`${live.client?.address}:${live.client?.port}`, live.destination, live.upstream],
      [from, { address: '127.0.0.1', port }, { address: '127.0.0.1', port: upstream.port }],
    )
    assert.deepEqual([live.state, live.generation, live.attempts], ['relaying', 1, 1])
    assert.ok(
      live.decideNs > 0 && live.ageMs >= live.idleMs && Math.abs(live.acceptedWallMs - Date.now()) < 60_000,
    )
    const names = plane.observer.generations.names(live)
    assert.deepEqual(
      [names.outcome, names.listener, names.rule?.file, names.split, names.destination],
      [
        'rule',
        `default/test 127.0.0.1:${port}`,
        'a.yaml',
        'random',
        { host: 'shop.example', subset: null, port: 80 },
      ],
    )
    const [total] = plane.observer.totals().filter(({ name }) => name.rule !== null)
    assert.deepEqual(
      [total.opened, total.closed, total.received, total.sent, total.name.endpoint],
      [1, 0, 5, 5, `127.0.0.1:${upstream.port}`],
    )
    client.end()
    const [record] = await records(1)
    assert.deepEqual([record.id, record.reason, record.errno], [live.id, 'client-closed', 0])
    assert.deepEqual([record.bytes, record.client], [[5, 5, 5, 5], from])
    // By the worker's clock, which stands still within a turn: it lasted at least until its last
    // byte.
    assert.ok(record.lastedMs > live.ageMs - live.idleMs - 0.001)
    await plane.settled()
    assert.deepEqual([plane.observer.live.count(), plane.observer.totals().at(-1)?.closed], [0, 1])
    const { count, sum } = plane.observer.histogram('connect')
    assert.deepEqual([count, sum > 0, plane.observer.histogram('decide').count], [1, true, 1])
  })

  test(`${engine}: one side's end shows while the other goes on`, async t => {
    await using upstream = await listen(socket => socket.resume())
    const { plane, records, only } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await open(port)
    client.end('x')
    await until(() => plane.observer.live.count() === 1 && only().state === 'half-closed')
    assert.deepEqual([only().clientEnded, only().upstreamEnded], [true, false])
    await until(() => upstream.sockets.size === 1)
    for (const socket of upstream.sockets) socket.resetAndDestroy()
    const [record] = await records(1)
    assert.deepEqual([record.reason, record.errno], ['upstream-reset', Errno.ECONNRESET])
    client.destroy()
  })

  test(`${engine}: what came from a client and never reached the upstream is told`, async t => {
    await using upstream = await listen(socket => socket.pause())
    const { plane, records, only } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await open(port)
    client.write(Buffer.alloc(64 * 2 ** 20))
    await until(() => plane.observer.live.count() === 1)
    const isKept = ({ fromClient, toUpstream }: Connection) => toUpstream > 0 && fromClient > toUpstream
    await stalled(
      () => plane.counts.clientBytes,
      () => isKept(only()),
    )
    const { fromClient, toUpstream } = only()
    assert.ok(toUpstream > 0 && fromClient > toUpstream, `${fromClient} came, ${toUpstream} went`)
    for (const socket of upstream.sockets) socket.resetAndDestroy()
    const [record] = await records(1)
    const [came, went] = record.bytes
    assert.equal(record.reason, 'upstream-reset')
    // The kernel may have taken a little more after the row was read.
    assert.ok(went >= toUpstream && came >= fromClient && came > went, `${came} came, ${went} went`)
    client.destroy()
  })

  test(`${engine}: a connection that is refused leaves a record, and no row`, async t => {
    const { plane, records } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port, -1)], []))
    const localPort = await freePort()
    const from = `127.0.0.1:${localPort}`
    assert.equal(await ending(begin(port, '127.0.0.1', { localPort })), 'ECONNRESET')
    const [{ reason, client: seen, destination, attempts, bytes }] = await records(1)
    assert.deepEqual([reason, seen, destination, attempts], ['no-route', from, `127.0.0.1:${port}`, 0])
    assert.deepEqual(bytes, [0, 0, 0, 0])
    await plane.settled()
    assert.equal(plane.observer.live.count(), 0)
  })

  test(`${engine}: each endpoint that was tried counts, and the record has the last failure`, async t => {
    const dead = [await freePort(), await freePort()].map(port => ({ address: '127.0.0.1', port }))
    const { plane, records } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf(dead, { connectAttempts: 2 })]))
    assert.equal(await ending(begin(port)), 'ECONNRESET')
    const [{ reason, errno, attempts }] = await records(1)
    assert.deepEqual([reason, errno, attempts], ['connect-refused', Errno.ECONNREFUSED, 2])
    await plane.settled() // the record comes first
    const totals = plane.observer.totals().filter(({ name }) => name.endpoint !== null)
    assert.equal(totals.length, 2)
    const sum = (what: 'opened' | 'closed' | 'moved' | 'failed') =>
      totals.reduce((all, each) => all + each[what], 0)
    assert.deepEqual([sum('opened'), sum('moved'), sum('closed'), sum('failed')], [2, 1, 1, 2])
  })

  test(`${engine}: an errno is that of the end, not our own deadline's, nor an earlier endpoint's`, async t => {
    await using hole = await blackhole()
    const dead = { address: '127.0.0.1', port: await freePort() }
    const { plane, records } = planeOf(t, engine)
    const [late, stopped] = [await freePort(), await freePort()]
    const clusters = [
      clusterOf([hole], { connectTimeoutMs: 50 }),
      clusterOf([dead, hole], { balance: 'ROUND_ROBIN', connectAttempts: 2 }),
    ]
    await plane.adopt(planOf([listenerOn(late, 0), listenerOn(stopped, 1)], clusters))
    assert.equal(await ending(begin(late)), 'ECONNRESET')
    const client = await open(stopped)
    await until(() => plane.counts.dials === 3)
    plane.order({ kind: 'stop' })
    assert.equal(await ending(client), 'ECONNRESET')
    assert.deepEqual(
      (await records(2)).map(({ reason, errno, attempts }) => [reason, errno, attempts]),
      [
        ['connect-timeout', 0, 1],
        ['stop', 0, 2],
      ],
    )
  })

  test(`${engine}: counts outlive reloads, and a long connection keeps its names beyond the tables`, async t => {
    const upstream = await listen(echo)
    t.after(() => upstream[Symbol.asyncDispose]())
    const { plane, records, only } = planeOf(t, engine)
    const port = await freePort()
    const plan = (clusters: readonly Cluster[], file: string): Plan =>
      planOf([ruled(port, [rule(0, 0, file)])], clusters)
    await plane.adopt(plan([clusterOf([upstream], {}, 'first.example')], 'first.yaml'))
    const long = await open(port)
    long.write('a')
    assert.equal(await readBytes(long, 1), 'a')
    const other = clusterOf([upstream], {}, 'later.example')
    for (let more = 0; more < TABLES_KEPT + 1; more++) await plane.adopt(plan([other], 'later.yaml'))
    assert.equal(plane.observer.generations.table(1), null)
    long.write('b')
    assert.equal(await readBytes(long, 1), 'b')
    const live = only()
    const names = plane.observer.generations.names(live)
    assert.deepEqual(
      [live.generation, names.destination?.host, names.rule?.file],
      [1, 'first.example', 'first.yaml'],
    )
    const short = await open(port)
    short.end('c')
    await records(1)
    long.end()
    await records(2)
    await plane.settled()
    const byHost = Object.fromEntries(
      plane.observer
        .totals()
        .map(({ name, opened, closed, received }) => [name.destination?.host, [opened, closed, received]]),
    )
    assert.deepEqual(
      [byHost['first.example'], byHost['later.example']],
      [
        [1, 1, 2],
        [1, 1, 1],
      ],
    )
  })

  test(`${engine}: an order to close a connection means that one, and not who has its row by now`, async t => {
    await using upstream = await listen(echo)
    const { plane, records, only } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await open(port)
    client.write('x')
    await readBytes(client, 1)
    const { row, id } = only()
    const order = (of: number): Order => ({
      kind: 'close',
      rows: Int32Array.of(row, row + 1),
      ids: Float64Array.of(of, of),
      afterMs: Float64Array.of(0, 0),
    })
    plane.order(order(id - 1024))
    client.write('y')
    assert.equal(await readBytes(client, 1), 'y')
    const ended = ending(client)
    plane.order(order(id))
    assert.equal(await ended, 'ECONNRESET')
    assert.equal((await records(1))[0].reason, 'drain')
  })

  test(`${engine}: the row of one that went is the row of one that comes, with another id`, async t => {
    await using upstream = await listen(echo)
    const { plane, only } = planeOf(t, engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const seen: Connection[] = []
    for (let count = 0; count < 3; count++) {
      const client = await open(port)
      client.write('x')
      await readBytes(client, 1)
      seen.push(only())
      client.resetAndDestroy()
      await once(client, 'close')
      await plane.settled()
    }
    assert.equal(new Set(seen.map(({ id }) => id)).size, 3)
    assert.deepEqual(
      seen.map(({ row, fromClient }) => [row, fromClient]),
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    )
  })
}
