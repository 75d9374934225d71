/**
 * Counts by what connections were matched to, in shared memory: for each worker a table of rows,
 * each for one source, rule, destination and endpoint of one generation of the table. An endpoint
 * stands there by its address: its row in the table changes while the generation is served.
 *
 *   free ─worker─▶ in use ─worker: an older generation's, and nothing open─▶ done ─reader: summed up─▶ free
 *
 * Worker and reader share only that state word; the worker owns all others. It finds its row by a
 * private hash. If no row is free, it counts in row 0, which is shown as "other". The reader keeps
 * the counts of old generations by name (series-totals.ts), so counts survive reloads.
 */

import { layout } from '../base/layout.ts'

/** Rows of one worker, including row 0. */
export const SERIES_ROWS = 16_384
/** The row of everything that finds no row. */
export const OTHER_ROW = 0

/** Words of 32 bits; values of two words are numbers (f64). */
export const Series = layout(34, {
  state: [0, 1],
  generation: [1, 1],
  workload: [2, 1], // of the client, here and below rows of the table of that generation
  rule: [3, 1], //     −1: none, the destination's own default
  cluster: [4, 1], //  −1: an address that is no service
  family: [5, 1], //   of the endpoint; 0: the address that was asked for, INSTEAD: none; then no words below
  address: [6, 4],
  port: [10, 1], //    INSTEAD: the row of the cluster that gets what is given
  spare: [11, 1],
  opened: [12, 2],
  closed: [14, 2],
  moved: [16, 2], //   went on to another endpoint, and counts there: open is opened − closed − moved
  failed: [18, 2], //  failed dials
  received: [20, 2], // bytes from clients
  sent: [22, 2], //     bytes to clients
  lastWallMs: [24, 2], // time of the last opened one
  silent: [26, 2], //     closed ones that had connected, and got no byte from the endpoint
  given: [28, 2], //      INSTEAD: how many
  reset: [30, 2], //      closed ones that the endpoint reset, or was lost to
  brief: [32, 2], //      closed ones that had connected less than BRIEF_MS before
})

/** Connections that end so soon after they have connected may have met a server that fails. */
export const BRIEF_MS = 1_000

/** In place of a family: the row counts what a destination that is down gives to another one. */
export const INSTEAD = 1

export const RowState = { free: 0, inUse: 1, done: 2 } as const

const SeriesHead = layout(2, {
  used: [0, 1], // one above the highest row that was ever used
  spare: [1, 1],
})

export const seriesAt = (row: number): number => SeriesHead.WORDS + row * Series.WORDS

export const createSeries = (): SharedArrayBuffer => new SharedArrayBuffer(seriesAt(SERIES_ROWS) * 4)

/** Rows that were ever used. */
export const usedRows = (words: Int32Array): number => Atomics.load(words, SeriesHead.used)

const BUCKETS = 65_536
/** Stale entries beside those of the rows; beyond, the hash is rebuilt. */
const BUCKETS_USED_MAX = 49_152
/** Connections counted in row 0 before the next search for a free row. */
const FULL_PAUSE = 1024
const EMPTY = 0 // row 0 has no key

/** The destination of a connection. */
export type Dialed = {
  /** Negative: the address that the client dialed. */
  readonly endpoint: number
  readonly family: number
  /** Four words. */
  readonly address: Uint32Array
  readonly port: number
}

/** Where what is given goes: a cluster in place of the port. */
const givenTo = (cluster: number): Dialed => ({
  endpoint: 0,
  family: INSTEAD,
  address: NOWHERE,
  port: cluster,
})
const NOWHERE = new Uint32Array(4)

/** A worker's end. */
export class SeriesWriter {
  readonly words: Int32Array
  readonly numbers: Float64Array
  /** Open addressing: rows by key; an entry whose row now has another key is stale, and skipped. */
  readonly #rows = new Uint16Array(BUCKETS)
  #bucketsUsed = 0
  #generation = 0
  #cursor = 0
  #pause = 0

  /** Continues with the rows of a predecessor. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer)
    this.numbers = new Float64Array(buffer)
    const { words } = this
    if (usedRows(words) === 0) {
      Atomics.store(words, seriesAt(OTHER_ROW) + Series.state, RowState.inUse)
      Atomics.store(words, SeriesHead.used, 1)
    }
    this.#rebuild()
  }

  /** From now on connections are of this generation, except for further attempts of older ones. */
  adopt(generation: number): void {
    this.#generation = generation
    this.#rebuild()
  }

  /** Counts an opened connection, and returns its row. */
  open(
    generation: number,
    workload: number,
    rule: number,
    cluster: number,
    to: Dialed,
    wallMs: number,
  ): number {
    const row = this.#find(generation, workload, rule, cluster, to)
    const at = seriesAt(row) / 2
    this.numbers[at + Series.opened / 2]++
    this.numbers[at + Series.lastWallMs / 2] = wallMs
    return row
  }

  /** The connection of `row` was picked for another cluster, which is down; −1: for none. */
  gave(row: number, insteadOf: number): void {
    if (insteadOf < 0 || row === OTHER_ROW) return
    const [generation, workload, rule, cluster] = this.words.subarray(seriesAt(row) + Series.generation)
    const given = this.#find(generation, workload, rule, insteadOf, givenTo(cluster))
    this.numbers[(seriesAt(given) + Series.given) / 2]++
  }

  close(row: number): void {
    this.numbers[(seriesAt(row) + Series.closed) / 2]++
    this.#release(row)
  }

  /** The connection was opened again in another row. */
  move(row: number): void {
    this.numbers[(seriesAt(row) + Series.moved) / 2]++
    this.#release(row)
  }

  /** One that ended without a byte from its endpoint. */
  wasSilent(row: number): void {
    this.numbers[(seriesAt(row) + Series.silent) / 2]++
  }

  /** One that its endpoint has reset. */
  wasReset(row: number): void {
    this.numbers[(seriesAt(row) + Series.reset) / 2]++
  }

  /** One that ended soon after it had connected. */
  wasBrief(row: number): void {
    this.numbers[(seriesAt(row) + Series.brief) / 2]++
  }

  fail(row: number): void {
    this.numbers[(seriesAt(row) + Series.failed) / 2]++
  }

  #find(generation: number, workload: number, rule: number, cluster: number, to: Dialed): number {
    const { words } = this
    const { address, port } = to
    const family = to.endpoint < 0 ? 0 : to.family
    const where = family === 0 ? 0 : address[0] ^ address[1] ^ address[2] ^ address[3] ^ (port << 16)
    let bucket = hash(generation, workload, rule, cluster, where) & (BUCKETS - 1)
    for (let row = this.#rows[bucket]; row !== EMPTY; row = this.#rows[bucket]) {
      const at = seriesAt(row)
      if (
        words[at + Series.family] === family &&
        (family === 0 || isAt(words, at, address, port)) &&
        words[at + Series.cluster] === cluster &&
        words[at + Series.rule] === rule &&
        words[at + Series.workload] === workload &&
        words[at + Series.generation] === generation &&
        words[at + Series.state] === RowState.inUse
      )
        return row
      bucket = (bucket + 1) & (BUCKETS - 1)
    }
    const row = this.#take()
    if (row === OTHER_ROW) return row
    const at = seriesAt(row)
    words.fill(0, at + 1, at + Series.WORDS)
    words[at + Series.generation] = generation
    words[at + Series.workload] = workload
    words[at + Series.rule] = rule
    words[at + Series.cluster] = cluster
    words[at + Series.family] = family
    if (family !== 0) {
      for (let word = 0; word < 4; word++) words[at + Series.address + word] = address[word]
      words[at + Series.port] = port
    }
    Atomics.store(words, at + Series.state, RowState.inUse)
    this.#insert(bucket, row)
    return row
  }

  #insert(bucket: number, row: number): void {
    this.#rows[bucket] = row
    this.#bucketsUsed++
    if (this.#bucketsUsed > BUCKETS_USED_MAX) this.#rebuild()
  }

  #take(): number {
    if (this.#pause > 0) {
      this.#pause--
      return OTHER_ROW
    }
    for (let tried = 1; tried < SERIES_ROWS; tried++) {
      this.#cursor = this.#cursor + 1 < SERIES_ROWS ? this.#cursor + 1 : 1
      if (Atomics.load(this.words, seriesAt(this.#cursor) + Series.state) !== RowState.free) continue
      if (this.#cursor >= this.words[SeriesHead.used])
        Atomics.store(this.words, SeriesHead.used, this.#cursor + 1)
      return this.#cursor
    }
    this.#pause = FULL_PAUSE
    return OTHER_ROW
  }

  /** A row is done if it has no connection and gets no new one. */
  #release(row: number): void {
    const { words, numbers } = this
    const at = seriesAt(row)
    if (row === OTHER_ROW || words[at + Series.generation] === this.#generation) return
    const opened = numbers[(at + Series.opened) / 2]
    const left = opened - numbers[(at + Series.closed) / 2] - numbers[(at + Series.moved) / 2]
    if (left === 0) Atomics.store(words, at + Series.state, RowState.done)
  }

  #rebuild(): void {
    const { words } = this
    this.#rows.fill(EMPTY)
    this.#bucketsUsed = 0
    for (let row = 1; row < words[SeriesHead.used]; row++) {
      const at = seriesAt(row)
      if (words[at + Series.state] === RowState.inUse) this.#release(row)
      if (words[at + Series.state] !== RowState.inUse) continue
      let bucket =
        hash(
          words[at + Series.generation],
          words[at + Series.workload],
          words[at + Series.rule],
          words[at + Series.cluster],
          words[at + Series.address] ^
            words[at + Series.address + 1] ^
            words[at + Series.address + 2] ^
            words[at + Series.address + 3] ^
            (words[at + Series.port] << 16),
        ) &
        (BUCKETS - 1)
      while (this.#rows[bucket] !== EMPTY) bucket = (bucket + 1) & (BUCKETS - 1)
      this.#rows[bucket] = row
      this.#bucketsUsed++
    }
  }
}

/** Whether the row's endpoint has this address and port. */
const isAt = (words: Int32Array, at: number, address: Uint32Array, port: number): boolean =>
  words[at + Series.port] === port &&
  words[at + Series.address] === (address[0] | 0) &&
  words[at + Series.address + 1] === (address[1] | 0) &&
  words[at + Series.address + 2] === (address[2] | 0) &&
  words[at + Series.address + 3] === (address[3] | 0)

/**
 * Mixed as Murmur3 mixes blocks (Appleby, 2008): rows of tables are small numbers that differ
 * little.
 */
function hash(a: number, b: number, c: number, d: number, e: number): number {
  let mixed = Math.imul(a, 0xcc9e2d51) ^ b
  mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ c
  mixed = Math.imul((mixed << 13) | (mixed >>> 19), 0xcc9e2d51) ^ d
  mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ e
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
