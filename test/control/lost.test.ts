/**
 * Goal: the connections of a worker that dies are accounted for like all others: each leaves a
 * record, none stays in the list, what they had of their source is given back, and counts add up.
 * Method: real connections through a worker that dies with them, or as one has just ended.
 */

import assert from 'node:assert/strict'
import { Observer } from '../../src/control/observe/observer.ts'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { Live } from '../../src/stats/connections.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { RecordReader, Wanted, want } from '../../src/stats/records.ts'
import { openStats, totals } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { clusterOf, ENGINES, listenerOn, planOf } from '../support/engine.ts'
import { DIES_WITH } from '../support/mortal-worker.ts'
import { begin, echo, ending, freePort, listen, open, readBytes, until } from '../support/sockets.ts'

for (const { engine, test } of ENGINES) {
  test(`${engine}: every connection of a worker that died leaves a record, and none is left in the books`, async t => {
    const upstream = await listen(echo)
    const events: SupervisorEvent[] = []
    const supervisor = new Supervisor({
      workers: 1,
      engine,
      limits: { maxConnections: 10_000 },
      filename: new URL('../support/mortal-worker.ts', import.meta.url).href,
      onEvent: event => events.push(event),
    })
    const observer = new Observer(supervisor.journals)
    t.after(async () => {
      observer.close()
      await supervisor.stop()
      await upstream[Symbol.asyncDispose]()
    })
    const port = await freePort()
    const slots = new Slots(createSlots(), 1, NO_COUNTS)
    const plan = {
      ...planOf([listenerOn(port, 0, { limits: [0] })], [clusterOf([upstream])]),
      // As many as there are before it dies: the one after it is served only if all are given back.
      limits: [{ gateway: '', connections: DIES_WITH - 1, rate: 0, burst: 0, prefix4: 32, prefix6: 64 }],
    }
    const table = buildTable(plan, 1, slots.slotOf)
    observer.publishing(table)
    supervisor.publish(1, table)
    const listening = () => events.filter(({ kind }) => kind === 'listening').length
    await until(() => listening() === 1)
    const reader = new RecordReader(supervisor.journals[0].records)
    want(supervisor.journals[0].records, Wanted.ends)
    for (let count = 1; count < DIES_WITH; count++) {
      const client = await open(port)
      client.write('x')
      await readBytes(client, 1)
    }
    assert.equal(observer.live.count(), DIES_WITH - 1)
    begin(port)
    await until(() => listening() === 2)
    assert.equal(observer.live.count(), 0)
    const ended: { reason: number; id: number; came: number; family: number }[] = []
    reader.drain((words, numbers, at) =>
      ended.push({
        reason: words[at + Live.reason],
        id: numbers[(at + Live.id) / 2],
        came: numbers[(at + Live.fromClient) / 2],
        family: words[at + Live.clientFamily],
      }),
    )
    assert.equal(ended.length, DIES_WITH)
    assert.ok(ended.every(({ reason }) => reason === Reason['worker-lost']))
    assert.equal(ended.filter(({ came, family }) => came === 1 && family === 4).length, DIES_WITH - 1)
    assert.equal(ended.filter(({ id }) => id === 0).length, 1, 'the one that was only just accepted')
    const total = observer.totals().find(({ name }) => name.endpoint !== null)
    assert.deepEqual([total?.opened, total?.closed], [DIES_WITH - 1, DIES_WITH - 1])
    const client = await open(port)
    client.write('y')
    assert.equal(await readBytes(client, 1), 'y')
    const [{ id }] = [...observer.live.list()]
    assert.ok(
      ended.every(each => each.id !== id),
      'ids go on',
    )
    client.destroy()
  })

  test(`${engine}: a refusal that its client knows of is on record, even if the worker dies of it`, async t => {
    const events: SupervisorEvent[] = []
    const supervisor = new Supervisor({
      workers: 1,
      engine,
      limits: { maxConnections: 10 },
      filename: new URL('../support/resetting-worker.ts', import.meta.url).href,
      onEvent: event => events.push(event),
    })
    const observer = new Observer(supervisor.journals)
    t.after(async () => {
      observer.close()
      await supervisor.stop()
    })
    const port = await freePort()
    const table = buildTable(
      planOf([listenerOn(port, -1)], []),
      1,
      new Slots(createSlots(), 1, NO_COUNTS).slotOf,
    )
    observer.publishing(table)
    supervisor.publish(1, table)
    const listening = () => events.filter(({ kind }) => kind === 'listening').length
    await until(() => listening() === 1)
    const client = begin(port)
    assert.equal(await ending(client), 'ECONNRESET')
    await until(() => listening() === 2)
    const ended = [...observer.ended.list()].map(each => [each.reason, each.client?.address])
    assert.deepEqual(ended, [['no-route', '127.0.0.1']])
    const { accepted, closed, open } = totals(openStats(supervisor.stats))
    assert.deepEqual([accepted, closed['no-route'], closed['worker-lost'], open], [1, 1, 0, 0])
  })
}
