/**
 * The journal and the lines of the access log by themselves: a worker's calls for one connection,
 * without the worker.
 */

import { MessageChannel } from 'node:worker_threads'
import { Bytes } from '../../src/access-log/bytes.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX, type LineWriter } from '../../src/access-log/lines.ts'
import { TextLines } from '../../src/access-log/text.ts'
import { Arrivals } from '../../src/engine/decide/arrival.ts'
import { createInboxes } from '../../src/engine/worker/inboxes.ts'
import { FROM_CLIENT, FROM_UPSTREAM, Journal } from '../../src/engine/worker/journal.ts'
import { createHeld } from '../../src/kernel/held.ts'
import { machine } from '../../src/kernel/machine.ts'
import { Generations } from '../../src/stats/generations.ts'
import { createJournalMemory } from '../../src/stats/journal-memory.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { RECORDS, RecordReader, Wanted, want } from '../../src/stats/records.ts'
import { createStats } from '../../src/stats/stats.ts'
import { openTable } from '../../src/table/format/table.ts'
import type { Bench } from '../harness.ts'
import { mix } from '../rivals.ts'
import { benchTable } from './table.ts'

const ROWS = 64
const LOOPBACK = 0x7f000001
const DIALED = { family: 4, address: Uint32Array.of(LOOPBACK, 0, 0, 0), port: 8080, endpoint: 0 }

export function benchJournal(bench: Bench): void {
  const scene = new Scene()
  const count = bench.parameter(100, 100_000)
  bench.compare('the journal of one connection', count, [
    { name: 'no access log', run: n => scene.connections(n, 0, 0), goalNs: 300 },
    { name: 'with its record', run: n => scene.connections(n, Wanted.ends, 0), goalNs: 400 },
    { name: 'with a request more', run: n => scene.connections(n, 0, 1) },
  ])
  bench.compare('a line of the access log', Math.min(count, RECORDS), [
    {
      name: 'json',
      run: n => scene.lines(n, new JsonLines(scene.generations)),
      goalNs: 400,
      answersOwn: true,
    },
    {
      name: 'text',
      run: n => scene.lines(n, new TextLines(scene.generations)),
      goalNs: 300,
      answersOwn: true,
    },
  ])
}

class Scene {
  readonly memory = createJournalMemory(ROWS)
  readonly generations = new Generations(new LiveConnections([this.memory.connections]))
  readonly #arrivals = new Arrivals()
  readonly #table = openTable(benchTable(1))
  readonly #reader = new RecordReader(this.memory.records)
  readonly #journal: Journal
  readonly #out = new Bytes(1 << 18)

  constructor() {
    const { port1, port2 } = new MessageChannel()
    port2.close()
    this.#journal = new Journal({
      engine: 'uring',
      index: 0,
      workers: 1,
      epoch: new SharedArrayBuffer(4),
      port: port1,
      stats: createStats(1),
      inboxes: createInboxes(1),
      held: createHeld(64),
      journal: this.memory,
      limits: { maxConnections: ROWS },
      world: machine,
    })
    port1.close()
    this.generations.add(benchTable(1))
    this.#journal.adopt(1)
  }

  /**
   * So many connections, each with a request and `more` of them, with the calls that flows.ts
   * makes.
   */
  connections(count: number, wanted: number, more: number): number {
    want(this.memory.records, wanted)
    for (let done = 0; done < count; done++) {
      this.#connection(done & (ROWS - 1), more)
      if ((done & 8191) === 8191) this.#skipRecords()
    }
    this.#skipRecords()
    return 1
  }

  /** So many lines of one connection each. */
  lines(count: number, writer: LineWriter): number {
    this.#skipRecords()
    this.connections(1, Wanted.ends, 0)
    this.#connection(0, 0)
    let checksum = 0
    const head = this.#reader.head()
    this.#reader.drain((words, numbers, at) => {
      for (let line = 0; line < count; line++) {
        if (this.#out.room() < LINE_BYTES_MAX) this.#out.length = 0
        writer.put(this.#out, words, numbers, at)
      }
      checksum = mix(checksum, count)
    }, head)
    this.#reader.release()
    want(this.memory.records, 0)
    return checksum
  }

  #connection(row: number, more: number): void {
    const journal = this.#journal
    const arrival = this.#arrivals.take(this.#table, 0, 99)
    const { query, decision } = arrival
    Object.assign(decision, DIALED)
    query.clientFamily = query.destinationFamily = 4
    query.client[0] = query.destination[0] = LOOPBACK
    query.destinationPort = 9000
    query.scope = decision.route = decision.cluster = 0
    arrival.clientPort = 50_000
    journal.decided(arrival, 0.001)
    journal.opened(row, arrival)
    this.#arrivals.give(arrival)
    journal.connected(row, 0.1, 100)
    for (let request = 0; request <= more; request++) {
      journal.received(row, FROM_CLIENT, 64, 100)
      journal.delivered(row, FROM_CLIENT, 64, 100)
      journal.received(row, FROM_UPSTREAM, 64, 100)
      journal.delivered(row, FROM_UPSTREAM, 64, 100)
    }
    journal.ended(row, FROM_UPSTREAM, 100)
    journal.ended(row, FROM_CLIENT, 100)
    journal.closed(row, Reason['upstream-closed'], 101)
  }

  #skipRecords(): void {
    this.#reader.drain(() => {})
    this.#reader.release()
  }
}
