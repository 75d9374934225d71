/**
 * Goal: a reader of live connections and of records sees whole ones only, and misses no record that
 * was not counted as dropped. Method: another thread rewrites them all the time.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  createConnections,
  LIVE_ROWS_MAX,
  Live,
  LiveHead,
  liveAt,
  liveRows,
  NAME_WORDS,
  openConnections,
  Stage,
} from '../../src/stats/connections.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import {
  createRecords,
  droppedRecords,
  RECORDS,
  RecordReader,
  RecordWriter,
  unfollow,
  Wanted,
  waitingRecords,
  want,
} from '../../src/stats/records.ts'
import { sized } from '../support/full.ts'
import { turn } from '../support/turn.ts'

const ROWS = 8

/** The number that all of `words` from `first` on are, up to `end`; it fails where they differ. */
function numberOf(words: Int32Array, first: number, end: number): number {
  for (let word = first; word < end; word++) assert.equal(words[word], words[first], `word ${word - first}`)
  return words[first]
}

function start(rounds: number, isFollowed = false) {
  const [connections, records] = [createConnections(ROWS), createRecords()]
  if (isFollowed) want(records, Wanted.ends)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('../support/row-worker.ts', import.meta.url), {
    workerData: { connections, records, stop, rows: ROWS, rounds },
  })
  const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  let over = false
  void ended.finally(() => {
    over = true
  })
  return { connections, records, ended, isOver: () => over, stop: () => Atomics.store(stop, 0, 1) }
}

test('a live row that is rewritten all the time is read whole or not at all', async t => {
  const { connections, ended, stop } = start(2 ** 31 - 1)
  t.after(() => {
    stop()
    return ended
  })
  const live = new LiveConnections([connections])
  const seen = new Set<number>()
  while (seen.size < sized(2_500, 10_000)) {
    for (let look = 0; look < 1000; look++) {
      live.visit(words => {
        // Two words say where the name and the identity are copied to.
        const round = numberOf(words, Live.id, Live.serverName)
        assert.equal(numberOf(words, Live.serverName + 1, Live.identity), round)
        assert.equal(numberOf(words, Live.identityBytes, Live.kind), round)
        seen.add(round)
        return true
      })
    }
    await turn()
  }
})

test('a row whose writer is held up is waited for', t => {
  const connections = createConnections(ROWS)
  const { words, numbers } = openConnections(connections)
  const at = liveAt(0)
  words[LiveHead.used] = 1
  words[at + Live.state] = Stage.relaying
  words[at + Live.version] = 2 // being written
  numbers[(at + Live.id) / 2] = 7
  // The writer has lost its CPU in the middle, and gets it back while the reader sleeps.
  let sleeps = 0
  t.mock.method(Atomics, 'wait', (on: Int32Array, word: number, value: number) => {
    assert.deepEqual([on.buffer, word, value], [connections, at + Live.version, 2])
    if (++sleeps === 3) words[at + Live.version]++
    return 'timed-out'
  })
  const live = new LiveConnections([connections])
  assert.ok(live.has(0, 0, 7))
  assert.equal(sleeps, 3)
  words[at + Live.version] = 2 // and its thread dies
  sleeps = 3
  assert.ok(!live.has(0, 0, 7))
  assert.ok(sleeps > 3)
})

test('records come whole and in order, and those that are missing were counted', async () => {
  const rounds = 400_000
  const { records, isOver } = start(rounds, true)
  const reader = new RecordReader(records)
  let [last, count] = [0, 0]
  const look = () => {
    reader.drain((words, _, at) => {
      const round = numberOf(words, at + 1, at + Live.kind)
      assert.equal(numberOf(words, at + Live.kind + 1, at + Live.WORDS), round)
      assert.ok(round > last, `${round} after ${last}`)
      last = round
      count++
    })
    reader.release()
  }
  while (!isOver()) {
    look()
    await turn()
  }
  look()
  assert.equal(count + droppedRecords(records), rounds)
  assert.ok(count > RECORDS)
})

test('a full ring drops what comes next while it is followed, and goes on when there is room', () => {
  const buffer = createRecords()
  want(buffer, Wanted.ends)
  const writer = new RecordWriter(buffer, 0)
  const write = (number: number): boolean => {
    const at = writer.claim()
    if (at < 0) return false
    writer.words[at + Live.scope] = number
    writer.commit()
    return true
  }
  for (let number = 0; number < RECORDS; number++) assert.equal(write(number), true)
  assert.equal(write(-1), false)
  assert.equal(droppedRecords(buffer), 1)
  const reader = new RecordReader(buffer)
  const got: number[] = []
  assert.equal(
    reader.drain((words, _, at) => got.push(words[at + Live.scope])),
    RECORDS,
  )
  assert.deepEqual([got[0], got.at(-1)], [0, RECORDS - 1])
  assert.equal(write(-1), false, 'what is read is not yet done with')
  assert.equal(waitingRecords(buffer), RECORDS)
  reader.release()
  assert.equal(waitingRecords(buffer), 0)
  assert.equal(write(RECORDS), true)
  const successor = new RecordWriter(buffer, 0)
  const at = successor.claim()
  successor.words[at + Live.scope] = RECORDS + 1
  successor.commit()
  got.length = 0
  reader.drain((words, _, at) => got.push(words[at + Live.scope]))
  assert.deepEqual(got, [RECORDS, RECORDS + 1])
})

test('a ring that nobody follows is written over, and who follows later begins there', () => {
  const buffer = createRecords()
  const writer = new RecordWriter(buffer, 0)
  const write = (number: number): void => {
    const at = writer.claim()
    assert.ok(at >= 0)
    writer.words[at + Live.scope] = number
    writer.commit()
  }
  const readAll = (): number[] => {
    const got: number[] = []
    const reader = new RecordReader(buffer)
    reader.drain((words, _, at) => got.push(words[at + Live.scope]))
    reader.release()
    return got
  }
  for (let number = 0; number < RECORDS + 3; number++) write(number)
  assert.deepEqual([droppedRecords(buffer), waitingRecords(buffer)], [0, 0])
  want(buffer, Wanted.ends)
  write(-5)
  assert.equal(waitingRecords(buffer), 1)
  want(buffer, 0) // it has not read all yet
  write(-6)
  assert.deepEqual(readAll(), [-5, -6])
  unfollow(buffer)
  for (let number = 0; number < RECORDS + 3; number++) write(number)
  assert.deepEqual([droppedRecords(buffer), waitingRecords(buffer)], [0, 0])
})

test('nobody who reads is nobody who wants', () => {
  const buffer = createRecords()
  const writer = new RecordWriter(buffer, 0)
  assert.deepEqual([writer.wants(Wanted.ends), writer.wants(Wanted.connects)], [false, false])
  want(buffer, Wanted.ends)
  assert.deepEqual([writer.wants(Wanted.ends), writer.wants(Wanted.connects)], [true, false])
})

test('the rows of a worker have a limit', () => {
  assert.deepEqual([liveRows(10), liveRows(2 ** 29)], [11, LIVE_ROWS_MAX + 1])
  assert.equal(createConnections(3).byteLength, (LiveHead.WORDS + 3 * (Live.WORDS + NAME_WORDS)) * 4)
})
