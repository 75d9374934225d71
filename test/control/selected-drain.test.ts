/**
 * Goal: exactly the selected connections end, spread over the given time, and all others continue.
 * Method: real connections through the whole gateway; every engine runs the same tests.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Gateway } from '../../src/control/gateway.ts'
import { parsePlace } from '../../src/control/health/endpoint-place.ts'
import { Observer } from '../../src/control/observe/observer.ts'
import type { DataPlane } from '../../src/control/workers/data-plane.ts'
import { SelectedDrain } from '../../src/control/workers/selected-drain.ts'
import {
  Live,
  LiveHead,
  liveAt,
  openConnections,
  publishRow,
  Stage,
  withdrawRow,
} from '../../src/stats/connections.ts'
import { createJournalMemory } from '../../src/stats/journal-memory.ts'
import { ENGINES } from '../support/engine.ts'
import { ending, freePort, open, readBytes, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { echo, folder, moveIn, routing, watchedLog } from './scene.ts'

async function scene(t: TestContext, engine: string) {
  const [backend, port] = [await echo(t, ''), await freePort()]
  const config = (name: string) =>
    routing(port, backend)
      .replace('{workers: 1,', `{workers: 2, engine: ${engine},`)
      .replace('name: all', `name: ${name}`)
  const root = folder(t, { 'a.yaml': config('first') })
  const { log, logged } = watchedLog()
  const gateway = await Gateway.load({ paths: [root], overrides: {}, log, threads: THREADS })
  assert.ok(gateway)
  const clients: Socket[] = []
  t.after(async () => {
    for (const client of clients) client.destroy()
    await gateway.stop()
  })
  await gateway.serve()
  await logged('every listener accepts')
  const plane = gateway.serving?.plane as DataPlane
  const { observer } = plane
  const openMany = async (count: number) => {
    const some = await Promise.all(Array.from({ length: count }, () => open(port)))
    clients.push(...some)
    await Promise.all(some.map(client => answers(client)))
    return some
  }
  const reload = async (name: string, generation: number) => {
    moveIn(root, 'a.yaml', config(name))
    await logged(`generation ${generation}:`)
  }
  return { gateway, plane, observer, port, openMany, reload }
}

/** Listens now, and resolves when every one has been reset. */
const allReset = async (clients: readonly Socket[]): Promise<void> =>
  assert.deepEqual(new Set(await Promise.all(clients.map(ending))), new Set(['ECONNRESET']))

async function answers(client: Socket): Promise<void> {
  client.write('x')
  assert.equal(await readBytes(client, 2), ' x')
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: the connections of a generation end, and those of others, and new ones, go on`, async t => {
    const { plane, observer, openMany, reload } = await scene(t, engine)
    const old = await openMany(30)
    await reload('second', 2)
    const young = await openMany(20)
    const reset = allReset(old)
    const drain = plane.drainSelected({ olderThan: 2 }, 50)
    assert.equal(drain.matched, 30)
    await reset
    await until(() => drain.left === 0)
    assert.deepEqual([observer.live.count(), plane.drainSelected({ generation: 1 }, 0).matched], [20, 0])
    for (const client of young) await answers(client)
    await openMany(1)
  })

  test(`${engine}: what is left in the last quarter of the gateway's drain is reset bit by bit`, async t => {
    const { plane, openMany } = await scene(t, engine)
    const clients = await openMany(40)
    const ends = clients.map(ending)
    const drained = plane.drain(4_000)
    assert.equal(await Promise.race(ends), 'ECONNRESET')
    assert.ok(
      plane.observer.live.count() >= 10,
      `${plane.observer.live.count()} of 40 open at the first reset`,
    )
    assert.deepEqual(await drained, { closed: 0, reset: 40 })
    assert.deepEqual(new Set(await Promise.all(ends)), new Set(['ECONNRESET']))
  })

  test(`${engine}: a rule that is gone can still be drained by its name, and a listener by its own`, async t => {
    const { plane, port, openMany, reload } = await scene(t, engine)
    const old = await openMany(5)
    await reload('second', 2)
    const young = await openMany(5)
    const oldReset = allReset(old)
    assert.equal(plane.drainSelected({ rule: { virtualService: 'default/third' } }, 0).matched, 0)
    assert.equal(plane.drainSelected({ rule: { virtualService: 'default/first', route: 1 } }, 0).matched, 0)
    assert.equal(plane.drainSelected({ rule: { virtualService: 'default/first', route: 0 } }, 0).matched, 5)
    await oldReset
    for (const client of young) await answers(client)
    const youngReset = allReset(young)
    assert.equal(plane.drainSelected({ listener: 'default/edge 127.0.0.1:1' }, 0).matched, 0)
    assert.equal(plane.drainSelected({ listener: `default/edge 127.0.0.1:${port}` }, 0).matched, 5)
    await youngReset
  })

  test(`${engine}: a connection that ended meanwhile takes nobody along who has its row by now`, async t => {
    const { plane, observer, openMany } = await scene(t, engine)
    const [first, last] = await openMany(2)
    const slow = plane.drainSelected({}, 3_600_000) // both within the hour
    first.destroy()
    last.destroy()
    await Promise.all([once(first, 'close'), once(last, 'close')])
    await until(() => slow.left === 0 && observer.live.count() === 0)
    const next = await openMany(2)
    const reset = allReset(next)
    const quick = plane.drainSelected({}, 0)
    assert.deepEqual([quick.matched, slow.left], [2, 0])
    await reset
    await openMany(1)
  })

  test(`${engine}: a gateway that ends does not wait for a drain that is under way`, async t => {
    const { gateway, plane, openMany } = await scene(t, engine)
    const [client] = await openMany(1)
    plane.drainSelected({}, 3_600_000)
    const ended = ending(client)
    client.end()
    await ended
    await gateway.drain()
  })
}

/** Two workers' rows, as if they had so many connections. */
function pretend(counts: readonly number[]): Observer {
  const journals = counts.map(count => createJournalMemory(count))
  for (const [worker, count] of counts.entries()) {
    const { words, numbers } = openConnections(journals[worker].connections)
    words[LiveHead.used] = count
    for (let row = 0; row < count; row++) {
      words[liveAt(row) + Live.state] = 1
      numbers[(liveAt(row) + Live.id) / 2] = 1 + row * counts.length + worker
      publishRow(words, liveAt(row))
    }
  }
  return new Observer(journals)
}

test('times are spread evenly over all workers, each within its own part, and in no order', t => {
  const observer = pretend([300, 100])
  t.after(() => observer.close())
  const orders = [...new SelectedDrain(observer, {}, 60_000).orders().entries()]
  const closes = orders.flatMap(([worker, order]) => {
    assert.ok(order.kind === 'close')
    assert.deepEqual(
      [...order.afterMs],
      [...order.afterMs].sort((a, b) => a - b),
      'a worker takes them in turn',
    )
    return [...order.afterMs].map((afterMs, index) => ({ worker, afterMs, id: order.ids[index] }))
  })
  assert.deepEqual(orders.map(([, order]) => order.kind === 'close' && order.rows.length).sort(), [100, 300])
  const byTime = closes.sort((a, b) => a.afterMs - b.afterMs)
  for (const [index, { afterMs }] of byTime.entries()) assert.equal(Math.floor(afterMs / 150), index)
  assert.equal(new Set(byTime.map(({ id }) => id)).size, 400)
  assert.notDeepEqual(
    byTime.map(({ id }) => id),
    byTime.map(({ id }) => id).sort((a, b) => a - b),
  )
})

test('of an endpoint, what is read from or dialed for is judged once it is connected', t => {
  const journal = createJournalMemory(4)
  const { words } = openConnections(journal.connections)
  words[LiveHead.used] = 4
  const write = (row: number, state: number, port: number): void => {
    const at = liveAt(row)
    if ((words[at] & 1) === 1) withdrawRow(words, at)
    words[at + Live.state] = state
    words[at + Live.endpointFamily] = 4
    words[at + Live.endpointPort] = port
    publishRow(words, at)
  }
  write(0, Stage.reading, 0)
  write(1, Stage.dialing, 80)
  write(2, Stage.dialing, 81)
  write(3, Stage.relaying, 80)
  const observer = new Observer([journal])
  t.after(() => observer.close())
  const endpoint = parsePlace('0.0.0.0:80')
  assert.ok(endpoint)
  const drain = new SelectedDrain(observer, { endpoint }, 0)
  const rows = (orders: ReturnType<typeof drain.orders>): number[] =>
    [...orders.values()].flatMap(order => (order.kind === 'close' ? [...order.rows] : []))
  assert.deepEqual([rows(drain.orders()), drain.undecided], [[3], 3])
  write(0, Stage.dialing, 80)
  write(1, Stage.relaying, 81)
  write(2, Stage.relaying, 80)
  assert.deepEqual([rows(drain.laterOrders()), drain.undecided], [[2], 1])
  write(0, Stage.relaying, 80)
  assert.deepEqual([rows(drain.laterOrders()), drain.undecided], [[0], 0])
})
