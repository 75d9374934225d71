/**
 * Goal: weir reads the bytes before the decision in whatever pieces they come, the rest goes on
 * unchanged, and every outcome is counted once. Method: real sockets before a worker whose reader
 * takes a first line (test/support/hearing-worker.ts).
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { workingThreads } from '../../src/control/workers/threads.ts'
import type { Connection } from '../../src/stats/live-connections.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import type { Listener } from '../../src/table/plan/plan.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, echo, ending, freePort, listen, open, readAll, readBytes, until } from '../support/sockets.ts'

const LONG_MS = 60_000
const HEARING = {
  threads: workingThreads({
    least: 0,
    most: 64,
    lent: true,
    module: new URL('../support/hearing-worker.ts', import.meta.url).href,
  }),
  given: {},
}

type Scene = {
  readonly plane: TestEngine
  readonly port: number
  readonly upstream: { readonly address: string; readonly port: number }
}

const hears = (port: number, how: number | string): Listener =>
  listenerOn(port, 0, { gateway: `default/hears-${how}` })

/** A worker behind one listener that hears. */
async function sceneOf(t: TestContext, engine: (typeof ENGINES)[number]['engine']): Promise<Scene> {
  const upstream = await listen(echo)
  t.after(() => upstream[Symbol.asyncDispose]())
  const plane = new TestEngine(engine, 1, {}, HEARING)
  t.after(() => plane[Symbol.asyncDispose]())
  const port = await freePort()
  await plane.adopt(planOf([hears(port, LONG_MS)], [clusterOf([upstream])]))
  return { plane, port, upstream }
}

/** The connections that are open, once there are `count`, and all are `state`. */
async function live(plane: TestEngine, count: number, state: Connection['state']): Promise<Connection[]> {
  const all = () => [...plane.observer.live.list()]
  await until(() => all().length === count && all().every(each => each.state === state))
  return all()
}

/** Writes each piece once the one before is on its way by itself. */
async function writeEach(socket: Socket, pieces: Iterable<Buffer | string>): Promise<void> {
  socket.setNoDelay(true)
  for (const piece of pieces) {
    await new Promise<void>(resolve => socket.write(piece, () => resolve()))
    await new Promise(resolve => setImmediate(resolve))
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: a line is heard in any pieces, and all that is not the reader's goes on`, async t => {
    const { plane, port } = await sceneOf(t, engine)
    const long = 'x'.repeat(5_000)
    const cases: readonly [pieces: readonly string[], expected: string][] = [
      [['take me\nhello'], 'hello'],
      [['take me\n', 'hello'], 'hello'],
      [['take', ' me', '\nhel', 'lo'], 'hello'],
      [[...'take me\nhello'], 'hello'],
      [['keep me\nhello'], 'keep me\nhello'],
      [[...'keep me\n', 'hello'], 'keep me\nhello'],
      [[`take ${long}`, `${long}\n${long}`], long],
      [[`keep ${long}`, `${long}\n${long}`], `keep ${long}${long}\n${long}`],
      [['take me\n'], ''],
    ]
    let bytes = 0
    for (const [pieces, expected] of cases) {
      const client = await open(port)
      await writeEach(client, pieces)
      client.end()
      assert.equal(await readAll(client), expected)
      bytes += expected.length
    }
    await plane.settled()
    assert.deepEqual([plane.counts.closed['client-closed'], plane.counts.clientBytes], [cases.length, bytes])
    assert.equal(plane.observer.histogram('decide').count, cases.length)
  })

  test(`${engine}: while it is read from a connection is seen, and decided as it says itself`, async t => {
    const { plane, port } = await sceneOf(t, engine)
    const client = await open(port)
    client.write('from 192.0.2')
    const [{ id, generation, attempts, upstream }] = await live(plane, 1, 'reading')
    assert.deepEqual([generation, attempts, upstream], [1, 0, null])
    client.write('.77\nhello')
    assert.equal(await readBytes(client, 5), 'hello')
    const [after] = await live(plane, 1, 'relaying')
    assert.deepEqual([after.id, after.client?.address, after.attempts], [id, '192.0.2.77', 1])
    await until(() => [...plane.observer.live.list()][0].toUpstream === 5)
    assert.equal([...plane.observer.live.list()][0].fromClient, 5)
    const totals = plane.observer.totals().filter(({ opened }) => opened > 0)
    assert.deepEqual(
      totals.map(({ opened, received }) => [opened, received]),
      [[1, 5]],
    )
    client.end()
    await plane.closed('client-closed')
    assert.equal(plane.observer.live.count(), 0)
  })

  test(`${engine}: who is refused, ends, resets or is late while it is read from is counted by its reason`, async t => {
    const { plane, port, upstream } = await sceneOf(t, engine)
    const hasty = await freePort()
    await plane.adopt(planOf([hears(port, LONG_MS), hears(hasty, '100-strictly')], [clusterOf([upstream])]))
    const ends = async (
      reason: ReasonName,
      act: (client: Socket) => unknown,
      end: string | null,
      at = port,
    ) => {
      const before = plane.counts.closed[reason]
      const client = await open(at)
      const ended = ending(client)
      await act(client)
      if (end !== null) assert.equal(await ended, end)
      await plane.closed(reason, before + 1)
    }
    await ends('denied', client => client.write('refuse\nrest'), 'ECONNRESET')
    await ends('client-closed', client => client.end('tak'), 'ECONNRESET')
    await ends('idle-timeout', client => client.write('tak'), 'ECONNRESET', hasty)
    const reset = async (client: Socket) => {
      client.write('tak')
      await live(plane, 1, 'reading')
      client.resetAndDestroy()
    }
    await ends('client-reset', reset, null)
    await plane.settled()
    assert.deepEqual([plane.counts.dials, plane.counts.clientBytes], [0, 0])
    assert.equal(plane.observer.live.count(), 0)
    for (const { opened, closed, received } of plane.observer.totals())
      assert.deepEqual([opened, closed, received], [0, 0, 0])
  })

  test(`${engine}: who says nothing in time is what its reader makes of it`, async t => {
    await using upstream = await listen(socket => void socket.end('server first'))
    const plane = new TestEngine(engine, 1, {}, HEARING)
    t.after(() => plane[Symbol.asyncDispose]())
    const port = await freePort()
    await plane.adopt(planOf([hears(port, 150)], [clusterOf([upstream])]))
    const client = begin(port)
    assert.equal(await readAll(client), 'server first')
    client.end()
    await plane.settled()
  })

  test(`${engine}: the generation that accepted a connection decides about it`, async t => {
    const { plane, port, upstream } = await sceneOf(t, engine)
    await using other = await listen(echo)
    const early = await open(port)
    early.write('ta')
    await live(plane, 1, 'reading')
    await plane.adopt(planOf([hears(port, LONG_MS)], [clusterOf([other])]))
    const late = await open(port)
    late.write('take\nlate')
    assert.equal(await readBytes(late, 4), 'late')
    await plane.adopt(planOf([], [])) // the listener is gone, and nothing left to route to
    early.write('ke\nearly')
    assert.equal(await readBytes(early, 5), 'early')
    const seen = [...plane.observer.live.list()].map(each => [each.generation, each.upstream?.port])
    assert.deepEqual(seen.sort(), [
      [1, upstream.port],
      [2, other.port],
    ])
    for (const client of [early, late]) client.end()
    await plane.settled()
  })

  test(`${engine}: orders to close, to drain and to stop reach those that are read from`, async t => {
    const { plane, port } = await sceneOf(t, engine)
    const clients = [await open(port), await open(port)]
    const ends = clients.map(ending)
    const [first] = await live(plane, 2, 'reading')
    plane.order({
      kind: 'close',
      rows: Int32Array.of(first.row),
      ids: Float64Array.of(first.id),
      afterMs: Float64Array.of(0),
    })
    assert.equal(await Promise.race(ends), 'ECONNRESET')
    await live(plane, 1, 'reading')
    plane.order({ kind: 'drain', timeoutMs: 20 })
    assert.deepEqual(await Promise.all(ends), ['ECONNRESET', 'ECONNRESET'])
    await plane.finished()
    assert.equal(plane.counts.closed.drain, 2)
    assert.deepEqual([plane.counts.open, plane.observer.live.count()], [0, 0])

    const stopped = await sceneOf(t, engine)
    const client = await open(stopped.port)
    const end = ending(client)
    client.write('ta')
    await live(stopped.plane, 1, 'reading')
    stopped.plane.order({ kind: 'stop' })
    assert.equal(await end, 'ECONNRESET')
    await stopped.plane.finished()
    assert.equal(stopped.plane.counts.closed.stop, 1)
  })

  test(`${engine}: connections that are read from count against the limit, and who is over it is reset at once`, async t => {
    await using upstream = await listen(echo)
    const plane = new TestEngine(engine, 1, { maxConnections: 3 }, HEARING)
    t.after(() => plane[Symbol.asyncDispose]())
    const port = await freePort()
    await plane.adopt(planOf([hears(port, LONG_MS)], [clusterOf([upstream])]))
    const clients = [await open(port), await open(port), await open(port)]
    await live(plane, 3, 'reading')
    assert.equal(await ending(begin(port)), 'ECONNRESET')
    await plane.closed('max-connections')
    for (const client of clients) client.write('take\nx')
    for (const client of clients) assert.equal(await readBytes(client, 1), 'x')
    for (const client of clients) client.resetAndDestroy()
    await Promise.all(clients.map(client => once(client, 'close')))
    await plane.settled()
  })
}
