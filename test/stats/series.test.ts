/**
 * Goal: no count is lost or doubled, however generations come and go and whoever reads meanwhile.
 * Method: writers and readers on one buffer, in one thread step by step and in two at full speed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  createSeries,
  type Dialed,
  OTHER_ROW,
  RowState,
  SERIES_ROWS,
  Series,
  SeriesWriter,
  seriesAt,
} from '../../src/stats/series.ts'
import { NAMES_MAX, type SeriesRow, SeriesTotals } from '../../src/stats/series-totals.ts'
import { turn } from '../support/turn.ts'

type Name = { readonly key: string }

/** Rules mean the same in every generation. */
const totalsOf = (...buffers: SharedArrayBuffer[]) =>
  new SeriesTotals<Name>(buffers, ({ rule }: SeriesRow) => ({ key: `rule ${rule}` }), { key: 'other' })

const byKey = (totals: SeriesTotals<Name>) =>
  Object.fromEntries(
    totals.totals().map(({ name, opened, closed, moved }) => [name.key, [opened, closed, moved]]),
  )

/** An endpoint by its number. */
const to = (endpoint: number): Dialed => ({
  endpoint,
  family: 4,
  port: 80,
  address: Uint32Array.of(0x0a000000 + endpoint, 0, 0, 0),
})

const stateOf = (writer: SeriesWriter, row: number): number => writer.words[seriesAt(row) + Series.state]

test('a row stays while its generation is the newest, and goes once it is not and nothing is open', () => {
  const buffer = createSeries()
  const [writer, totals] = [new SeriesWriter(buffer), totalsOf(buffer)]
  writer.adopt(1)
  const first = writer.open(1, 0, 4, 0, to(0), 1)
  assert.equal(writer.open(1, 0, 4, 0, to(0), 1), first)
  assert.notEqual(writer.open(1, 0, 4, 0, to(1), 1), first)
  writer.close(first)
  writer.close(first)
  totals.fold()
  assert.equal(stateOf(writer, first), RowState.inUse)
  const second = writer.open(1, 0, 5, 0, to(0), 1)
  writer.adopt(2)
  assert.equal(stateOf(writer, first), RowState.done)
  assert.equal(stateOf(writer, second), RowState.inUse)
  assert.deepEqual(byKey(totals), { other: [0, 0, 0], 'rule 4': [3, 2, 0], 'rule 5': [1, 0, 0] })
  assert.equal(stateOf(writer, first), RowState.free)
  writer.close(second)
  assert.deepEqual(byKey(totals)['rule 5'], [1, 1, 0])
  assert.equal(stateOf(writer, second), RowState.free)
  assert.deepEqual(byKey(totals)['rule 4'], [3, 2, 0], 'counts outlive their row')
})

test('a connection of an old generation that goes on to another endpoint is counted on', () => {
  const buffer = createSeries()
  const [writer, totals] = [new SeriesWriter(buffer), totalsOf(buffer)]
  writer.adopt(1)
  const first = writer.open(1, 0, 4, 0, to(0), 1)
  writer.adopt(2)
  const next = writer.open(1, 0, 4, 0, to(1), 1)
  writer.fail(first)
  writer.move(first)
  assert.deepEqual([stateOf(writer, first), stateOf(writer, next)], [RowState.done, RowState.inUse])
  writer.close(next)
  assert.equal(stateOf(writer, next), RowState.done)
  assert.deepEqual(byKey(totals)['rule 4'], [2, 1, 1])
})

test('what finds no row counts as other, and rows that are freed are used again', () => {
  const buffer = createSeries()
  const [writer, totals] = [new SeriesWriter(buffer), totalsOf(buffer)]
  writer.adopt(1)
  for (let rule = 0; rule < SERIES_ROWS - 1; rule++) writer.close(writer.open(1, 0, rule, 0, to(0), 1))
  assert.equal(writer.open(1, 0, SERIES_ROWS, 0, to(0), 1), OTHER_ROW)
  writer.close(OTHER_ROW)
  assert.notEqual(writer.open(1, 0, 7, 0, to(0), 1), OTHER_ROW, 'who has a row keeps it')
  assert.deepEqual(byKey(totals).other, [1, 1, 0])
  writer.adopt(2)
  totals.fold()
  let row = OTHER_ROW
  for (let tried = 0; row === OTHER_ROW && tried < 2000; tried++) row = writer.open(2, 0, 1, 0, to(0), 1)
  assert.notEqual(row, OTHER_ROW)
})

test('a worker that follows goes on with the rows of the one before', () => {
  const buffer = createSeries()
  const totals = totalsOf(buffer)
  const before = new SeriesWriter(buffer)
  before.adopt(3)
  const row = before.open(3, 0, 4, 0, to(0), 1)
  const after = new SeriesWriter(buffer)
  after.adopt(3)
  assert.equal(after.open(3, 0, 4, 0, to(0), 1), row)
  assert.deepEqual(byKey(totals)['rule 4'], [2, 0, 0])
})

test('names that were not used for longest run together, and no count is lost by it', () => {
  const buffer = createSeries()
  const [writer, totals] = [new SeriesWriter(buffer), totalsOf(buffer)]
  const each = 8_000 // what is done is freed by the next fold only
  let opened = 0
  for (let generation = 1; opened <= NAMES_MAX; generation++) {
    writer.adopt(generation)
    for (let count = 0; count < each; count++)
      writer.close(writer.open(generation, 0, opened++, 0, to(0), generation))
    totals.fold()
  }
  writer.adopt(1_000_000)
  const all = totals.totals()
  assert.ok(all.length <= NAMES_MAX && totals.givenUp > 0)
  assert.equal(
    all.reduce((sum, each) => sum + each.opened, 0),
    opened,
  )
  const [rule0, last] = ['rule 0', `rule ${opened - 1}`].map(key => all.some(({ name }) => name.key === key))
  assert.deepEqual([rule0, last], [false, true])
})

test('a reader that folds all the time loses nothing, and never sees a count go back', async () => {
  const buffers = [createSeries(), createSeries()]
  const [generations, keys, each] = [300, 50, 500]
  const totals = totalsOf(...buffers)
  const running = buffers.map(
    buffer =>
      new Worker(new URL('../support/series-worker.ts', import.meta.url), {
        workerData: { buffer, generations, keys, each },
      }),
  )
  let ended = 0
  for (const worker of running) {
    worker.on('exit', () => ended++)
    worker.on('error', error => assert.fail(String(error)))
  }
  let [seen, looks] = [new Map<string, number>(), 0]
  while (ended < running.length) {
    const now = new Map(totals.totals().map(({ name, opened }) => [name.key, opened]))
    for (const [key, opened] of seen) assert.ok((now.get(key) ?? 0) >= opened, key)
    seen = now
    looks++
    await turn()
  }
  assert.ok(looks > 10)
  const all = totals.totals()
  const sum = (what: 'opened' | 'closed' | 'received') => all.reduce((total, one) => total + one[what], 0)
  const count = buffers.length * generations * each
  assert.deepEqual([sum('opened'), sum('closed'), sum('received')], [count, count, 7 * count])
})
