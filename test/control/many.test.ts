/**
 * Goal: however many connections are ended at once, each is reset and counted, and others go on
 * being served; also those that are ended by force. Method: hundreds of connections that say
 * nothing, behind real workers; some thousands are what a measurement is for, not a test.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Observer } from '../../src/control/observe/observer.ts'
import { SelectedDrain } from '../../src/control/workers/selected-drain.ts'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { missing } from '../../src/kernel/libc.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { openStats, totals } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { clusterOf, ENGINES, listenerOn, planOf } from '../support/engine.ts'
import { DIES_WITH, WAY } from '../support/mortal-worker.ts'
import { begin, echo, ending, freePort, listen, open, readBytes, until } from '../support/sockets.ts'

/** More than are reset in one turn of either engine's loop. */
const MANY = 400

/** Two workers, a listener for those that are ended, and one for those that are not. */
async function scene(t: TestContext, engine: EngineKind, hangs = false) {
  const upstream = await listen(echo, { backlog: 4096 })
  const clients: Socket[] = []
  const supervisor = new Supervisor({
    workers: hangs ? 1 : 2,
    engine,
    limits: { maxConnections: 10_000 },
    ...(hangs ? { filename: new URL('../support/mortal-worker.ts', import.meta.url).href } : {}),
    onEvent: () => {},
  })
  const observer = new Observer(supervisor.journals)
  t.after(async () => {
    for (const client of clients) client.destroy()
    observer.close()
    await supervisor.stop()
    await upstream[Symbol.asyncDispose]()
  })
  const [port, otherPort] = [await freePort(), await freePort()]
  const plan = planOf([listenerOn(port), listenerOn(otherPort)], [clusterOf([upstream])])
  const table = buildTable(plan, 1, new Slots(createSlots(), 1, NO_COUNTS).slotOf)
  observer.publishing(table)
  supervisor.publish(1, table)
  await until(() => supervisor.ready)
  const idle = async (count: number) => {
    while (clients.length < count)
      clients.push(...(await Promise.all(Array.from({ length: 20 }, () => answered(port)))))
    return clients.map(ending)
  }
  return { supervisor, observer, port, otherPort, clients, idle, stats: openStats(supervisor.stats) }
}

/** A connection that is through to its upstream. */
async function answered(port: number): Promise<Socket> {
  const client = await open(port)
  client.write('x')
  assert.equal(await readBytes(client, 1), 'x')
  return client
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: many that are ended at once are each reset and counted, and others are served meanwhile`, async t => {
    const { supervisor, observer, port, otherPort, idle, stats } = await scene(t, engine)
    const ends = await idle(MANY)
    const other = await answered(otherPort)
    t.after(() => other.destroy())
    const drain = new SelectedDrain(observer, { listener: `default/test 127.0.0.1:${port}` }, 0)
    assert.equal(drain.matched, MANY)
    supervisor.tell(drain.orders())
    do {
      other.write('y')
      assert.equal(await readBytes(other, 1), 'y')
    } while (totals(stats).open > 1)
    assert.deepEqual(new Set(await Promise.all(ends)), new Set(['ECONNRESET']))
    assert.equal(totals(stats).closed.drain, MANY)
  })

  test(`${engine}: those that are left when a drain's time is over are reset, and the drain says how many`, async t => {
    const { supervisor, idle, stats } = await scene(t, engine)
    const ends = await idle(MANY)
    assert.deepEqual(await supervisor.drain(1), { closed: 0, reset: MANY })
    assert.deepEqual(new Set(await Promise.all(ends)), new Set(['ECONNRESET']))
    assert.equal(totals(stats).closed.drain, MANY)
  })

  test(`${engine}: those of a worker that has to be ended by force are reset and counted, too`, async t => {
    process.env[WAY] = 'hang'
    t.after(() => delete process.env[WAY])
    const { supervisor, idle, stats, port } = await scene(t, engine, true)
    const ends = await idle(80)
    const late = Array.from({ length: 40 }, () => ending(begin(port))) // at one of these it hangs
    await until(() => totals(stats).open >= DIES_WITH)
    const had = totals(stats).open
    const { closed, reset } = await supervisor.drain(1)
    assert.equal(closed, 0)
    assert.ok(reset >= had)
    if (missing === '') assert.deepEqual(new Set(await Promise.all(ends)), new Set(['ECONNRESET']))
    assert.equal(totals(stats).closed['worker-lost'], reset)
    await Promise.all(late)
  })
}
