/**
 * Reads the live connections of all workers (connections.ts), from any thread at any time.
 *
 * It copies a row word by word with Atomics.load, which keeps the reads in order, and accepts the
 * copy if the version shows that the row was valid throughout. Numbers of 64 bits are loaded
 * plainly, which an ARM may reorder after the version check: an atomic store keeps them before it
 * (test/models/live-rows.pml).
 */

import { clockOriginMs, monotonicMs } from '../base/clock.ts'
import {
  LIVE_STATES,
  Live,
  LiveHead,
  type LiveState,
  type LiveViews,
  liveAt,
  liveNames,
  NAME_WORDS,
  ONLY_NAMES,
  openConnections,
  Stage,
} from './connections.ts'
import { type Row, rowOf } from './read-row.ts'
import { copyNames } from './row-names.ts'

/** A connection at one moment. */
export type Connection = Row & {
  readonly worker: number
  readonly row: number
  readonly state: LiveState
  readonly ageMs: number
  /** Since a byte last moved. */
  readonly idleMs: number
}

/** How often to retry a row that is being written, which takes nanoseconds. */
const TRIES = 1000
/**
 * Then its writer has lost its CPU in the middle, and gets it back while this thread sleeps so many
 * times for a millisecond: a row that is passed over could be one that has to be closed.
 */
const SLEEPS = 20

export class LiveConnections {
  /** Also readable by other threads. */
  readonly buffers: readonly SharedArrayBuffer[]
  readonly #workers: readonly LiveViews[]
  readonly #copy: LiveViews = openConnections(new SharedArrayBuffer((Live.WORDS + NAME_WORDS) * 4))

  /** @param buffers  Made by `createConnections`, one for each worker. */
  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.buffers = buffers
    this.#workers = buffers.map(openConnections)
  }

  /** The sum of the workers' last ids: it grows by one with each connection. */
  lastIds(): number {
    return this.#workers.reduce((sum, { numbers }) => sum + numbers[LiveHead.lastId / 2], 0)
  }

  /**
   * Calls `visit` with each connection's words, by worker and row, from `worker` and `row` on,
   * until it returns false. The words are a copy that the next call overwrites.
   */
  visit(
    visit: (words: Int32Array, numbers: Float64Array, worker: number, row: number) => boolean | undefined,
    from: { readonly worker: number; readonly row: number } = { worker: 0, row: 0 },
  ): void {
    const { words, numbers } = this.#copy
    for (let worker = from.worker; worker < this.#workers.length; worker++) {
      const used = Atomics.load(this.#workers[worker].words, LiveHead.used)
      for (let row = worker === from.worker ? from.row : 0; row < used; row++) {
        if (this.#read(worker, row) && visit(words, numbers, worker, row) === false) return
      }
    }
  }

  /** The open connections, by worker and row; a connection keeps its position in this order. */
  *list(from = { worker: 0, row: 0 }): Generator<Connection> {
    for (let worker = from.worker; worker < this.#workers.length; worker++) {
      const used = Atomics.load(this.#workers[worker].words, LiveHead.used)
      for (let row = worker === from.worker ? from.row : 0; row < used; row++) {
        if (this.#read(worker, row)) yield this.#decode(worker, row)
      }
    }
  }

  /** Whether the connection `id`, whose row this is, is open. */
  has(worker: number, row: number, id: number): boolean {
    const { words, numbers } = this.#workers[worker]
    const at = liveAt(row)
    for (let tried = 0; tried < TRIES; tried++) {
      const version = versionAt(words, at)
      if (version === 0) return false
      const found = numbers[(at + Live.id) / 2]
      this.#keepLoads()
      if (Atomics.load(words, at + Live.version) === version) return found === id
    }
    return false
  }

  /** The number in each state; reads only that word of each row. */
  states(): Record<Exclude<LiveState, 'free'>, number> {
    const counts = LIVE_STATES.map(() => 0)
    for (const { words } of this.#workers) {
      const used = Atomics.load(words, LiveHead.used)
      for (let row = 0; row < used; row++) counts[words[liveAt(row) + Live.state]]++
    }
    return { reading: counts[1], dialing: counts[2], relaying: counts[3], 'half-closed': counts[4] }
  }

  /** The oldest generation that a worker decides by; 0: none has adopted any. */
  leastAdopted(): number {
    const adopted = this.#workers.map(({ words }) => Atomics.load(words, LiveHead.generation))
    const known = adopted.filter(each => each > 0)
    return known.length === 0 ? 0 : Math.min(...known)
  }

  /** Generations of connections that are still read from, which these are to decide about. */
  deciding(): ReadonlySet<number> {
    const generations = new Set<number>()
    for (const { words } of this.#workers) {
      const end = liveAt(Atomics.load(words, LiveHead.used))
      for (let at = liveAt(0); at < end; at += Live.WORDS)
        if (words[at + Live.state] === Stage.reading) generations.add(words[at + Live.generation])
    }
    return generations
  }

  /** What turns a worker's clock into the machine's. */
  originMs(worker: number): number {
    return this.#workers[worker].numbers[LiveHead.originMs / 2]
  }

  /** How many are open now. */
  count(): number {
    let count = 0
    this.visit(() => {
      count++
      return true
    })
    return count
  }

  #read(worker: number, row: number): boolean {
    const { words, numbers } = this.#workers[worker]
    const at = liveAt(row)
    for (let tried = 0; tried < TRIES; tried++) {
      const version = versionAt(words, at)
      if (version === 0) return false
      // Numbers that change meanwhile, each as a whole; then the rest, in order.
      for (let word = Live.fromClient; word < Live.id; word += 2)
        this.#copy.numbers[word / 2] = numbers[(at + word) / 2]
      for (let word = Live.state; word < Live.fromClient; word++)
        this.#copy.words[word] = Atomics.load(words, at + word)
      for (let word = Live.id; word < Live.kind; word++)
        this.#copy.words[word] = Atomics.load(words, at + word)
      copyNames(words, liveNames(words, row), this.#copy.words, 0, ONLY_NAMES)
      this.#keepLoads()
      if (Atomics.load(words, at + Live.version) === version) return true
    }
    return false
  }

  /** Earlier plain loads happen before this, and later atomic loads after it. */
  #keepLoads(): void {
    Atomics.store(this.#copy.words, Live.version, 0)
  }

  #decode(worker: number, row: number): Connection {
    const { words, numbers } = this.#copy
    const nowMs = monotonicMs() + clockOriginMs - this.originMs(worker) // on the worker's clock
    return {
      ...rowOf(words, numbers),
      worker,
      row,
      state: LIVE_STATES[words[Live.state]],
      ageMs: Math.max(0, nowMs - numbers[Live.acceptedMs / 2]),
      idleMs: Math.max(0, nowMs - numbers[Live.activeMs / 2]),
    }
  }
}

/** The version of a row, once it is a valid one; 0: the row is free, or its writer is gone. */
function versionAt(words: Int32Array, at: number): number {
  for (let tried = 0; tried < TRIES + SLEEPS; tried++) {
    const version = Atomics.load(words, at + Live.version)
    if ((version & 1) !== 0) return version
    if (Atomics.load(words, at + Live.state) === 0) return 0
    if (tried >= TRIES) Atomics.wait(words, at + Live.version, version, 1)
  }
  return 0
}
