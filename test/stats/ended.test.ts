/** The connections that ended last, read from the records of all workers while these write on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  createConnections,
  Live,
  LiveHead,
  liveAt,
  openConnections,
  publishRow,
  Stage,
} from '../../src/stats/connections.ts'
import { ENDED_MAX, EndedConnections } from '../../src/stats/ended-connections.ts'
import { createHistograms } from '../../src/stats/histogram.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { endLost } from '../../src/stats/lost.ts'
import { Reason } from '../../src/stats/reasons.ts'
import {
  copyRow,
  createRecords,
  RECORDS,
  RecordKind,
  RecordWriter,
  recordNames,
} from '../../src/stats/records.ts'
import { writeName } from '../../src/stats/row-names.ts'
import { createSeries } from '../../src/stats/series.ts'
import { sized } from '../support/full.ts'
import { turn } from '../support/turn.ts'

const memory = (rows = 1): JournalMemory => ({
  series: createSeries(),
  connections: createConnections(rows),
  records: createRecords(),
  histograms: createHistograms(),
})

/** A worker's records, whose clock began at `originMs`. */
function writerOf({ records }: JournalMemory, originMs: number) {
  const writer = new RecordWriter(records, originMs)
  return (id: number, endedMs: number, kind: number = RecordKind.end, name = ''): void => {
    const at = writer.claim()
    writer.words.fill(0, at, at + Live.WORDS)
    writer.numbers[(at + Live.id) / 2] = id
    writer.numbers[(at + Live.acceptedMs) / 2] = endedMs - 5
    writer.numbers[(at + Live.acceptedWallMs) / 2] = 1_000
    writeName(writer.words, at, recordNames(at).name, name)
    writer.end(at, kind, Reason['client-closed'], endedMs)
  }
}

test('the ends of all workers are listed, the latest first, whatever their clocks', () => {
  const [a, b] = [memory(), memory()]
  const ended = new EndedConnections([a, b])
  assert.deepEqual([...ended.list()], [])
  const [first, second] = [writerOf(a, 0), writerOf(b, 100)]
  first(1, 110, RecordKind.end, 'db.example')
  second(2, 5) // at 105
  first(3, 111)
  first(9, 112, RecordKind.connected)
  second(4, 20) // at 120
  const all = [...ended.list()]
  assert.deepEqual(
    all.map(each => [each.id, each.worker]),
    [
      [4, 1],
      [3, 0],
      [1, 0],
      [2, 1],
    ],
  )
  const { reason, lastedMs, endedWallMs, firstByteUs, serverName, client } = all[2]
  assert.deepEqual(
    [reason, lastedMs, endedWallMs, firstByteUs, serverName, client],
    ['client-closed', 5, 1_005, null, 'db.example', null],
  )
})

test('and whatever the clock of the worker that has taken the place of theirs', () => {
  const [a, b] = [memory(), memory()]
  writerOf(a, 0)(1, 110)
  writerOf(b, 100)(2, 50) // at 150
  writerOf(a, 140)(3, 5) // at 145
  const all = [...new EndedConnections([a, b]).list()]
  assert.deepEqual(
    all.map(each => [each.id, each.lastedMs]),
    [
      [2, 5],
      [3, 5],
      [1, 5],
    ],
  )
})

test('an end that was recorded before its worker died is not recorded again', () => {
  const one = memory(2)
  const { words, numbers } = openConnections(one.connections)
  words[LiveHead.used] = 2
  for (const [row, id] of [7, 8].entries()) {
    numbers[(liveAt(row) + Live.id) / 2] = id
    words[liveAt(row) + Live.state] = Stage.relaying
    publishRow(words, liveAt(row))
  }
  const writer = new RecordWriter(one.records, 0)
  const at = writer.claim()
  copyRow(words, liveAt(1), writer.words, at)
  writer.end(at, RecordKind.end, Reason['client-closed'], 1)
  endLost(one, 2)
  assert.deepEqual(
    [...new EndedConnections([one]).list()].map(({ id, reason }) => [id, reason]),
    [
      [7, 'worker-lost'],
      [8, 'client-closed'],
    ],
  )
})

test('a list goes on where another ended, and says nothing twice as more connections end', () => {
  const [a, b] = [memory(), memory()]
  const ended = new EndedConnections([a, b])
  const write = [writerOf(a, 0), writerOf(b, 0)]
  for (let id = 1; id <= 20; id++) write[id % 2](id, Math.floor(id / 4)) // four end at the same time
  const before = ended.written()
  const ids: number[] = []
  for (let page = 0; page < 10; page++) {
    let left = 3
    for (const each of ended.list(before)) {
      ids.push(each.id)
      if (--left === 0) break
    }
    write[0](100 + page, 50)
  }
  assert.deepEqual(
    ids.toSorted((x, y) => x - y),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

test('only the last are kept', () => {
  const one = memory()
  const write = writerOf(one, 0)
  for (let id = 1; id <= RECORDS + 10; id++) write(id, id)
  const ids = [...new EndedConnections([one]).list()].map(each => each.id)
  assert.deepEqual([ids.length, ids[0], ids.at(-1)], [ENDED_MAX, RECORDS + 10, RECORDS + 11 - ENDED_MAX])
})

test('what is written over while it is read is left out', async t => {
  const one = memory()
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('../support/row-worker.ts', import.meta.url), {
    workerData: {
      connections: createConnections(8),
      records: one.records,
      stop,
      rows: 8,
      rounds: 2 ** 31 - 1,
    },
  })
  t.after(async () => {
    Atomics.store(stop, 0, 1)
    await worker.terminate()
  })
  const ended = new EndedConnections([one])
  let seen = 0
  while (seen < sized(5_000, 50_000)) {
    ended.visit(2 ** 31 - 1, words => {
      for (let word = Live.state; word < Live.serverName; word++) assert.equal(words[word], words[Live.id])
      seen++
    })
    await turn()
  }
})
