/**
 * A thread that rewrites live rows and records as fast as it can, each word of a version derived
 * from one number, so that a reader who mixes two versions can be caught. It ends after so many, or
 * when it is told to.
 */

import { workerData } from 'node:worker_threads'
import {
  Live,
  LiveHead,
  liveAt,
  openConnections,
  publishRow,
  withdrawRow,
} from '../../src/stats/connections.ts'
import { RecordKind, RecordWriter } from '../../src/stats/records.ts'

const { connections, records, stop, rows, rounds } = workerData as {
  stop: Int32Array
  connections: SharedArrayBuffer
  records: SharedArrayBuffer
  rows: number
  rounds: number
}
const { words } = openConnections(connections)
const ring = new RecordWriter(records, 0)
Atomics.store(words, LiveHead.used, rows)
for (let round = 1; round <= rounds && Atomics.load(stop, 0) === 0; round++) {
  const at = liveAt(round % rows)
  if (round > rows) {
    withdrawRow(words, at)
    words[at + Live.state] = 0
  }
  for (let word = Live.id; word < Live.kind; word++) words[at + word] = round
  words[at + Live.state] = 1
  publishRow(words, at)
  const to = ring.claim()
  if (to < 0) continue
  for (let word = 1; word < Live.WORDS; word++) ring.words[to + word] = round
  ring.words[to + Live.kind] = RecordKind.end
  ring.commit()
}
