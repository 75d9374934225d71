/**
 * The connections that ended last, read from the records of all workers (records.ts), by any thread
 * at any time.
 *
 * A record is written once, and written over RECORDS records later. So a copy is whole if the
 * worker was not yet that far after it was made.
 */

import { Live, type LiveViews, NAME_WORDS, ONLY_NAMES, openConnections } from './connections.ts'
import type { JournalMemory } from './journal-memory.ts'
import { type Row, rowOf } from './read-row.ts'
import { REASON_NAMES, type ReasonName } from './reasons.ts'
import { RECORDS, RecordKind, recordAt, recordNames, writtenRecords } from './records.ts'
import { copyNames } from './row-names.ts'

/** So many are kept, over all workers. */
export const ENDED_MAX = 10_000

/** A connection that has ended. */
export type Ended = Row & {
  readonly worker: number
  /** How many records its worker wrote before it, modulo 2^32. */
  readonly record: number
  readonly reason: ReasonName
  /** The kernel's last error for a socket that failed; 0: none. */
  readonly errno: number
  /** Of the policy's rule that denied it: 1 + its row, and the generation of that row; 0: none. */
  readonly policy: number
  readonly policyGeneration: number
  readonly endedWallMs: number
  /** From accept to the end. */
  readonly lastedMs: number
  /** From connect to the upstream's first byte; null: none came. */
  readonly firstByteUs: number | null
  /** When it ended, on the machine's clock. */
  readonly endedMs: number
}

/**
 * Whether `record` was written, and not yet over, when there were `written`; the one before the
 * first is taken for one that was lost at the turn of 2^32.
 */
const isKept = (record: number, written: number): boolean =>
  record !== -1 && ((written - record) | 0) > 0 && ((written - record) | 0) < RECORDS

export class EndedConnections {
  readonly #rings: readonly LiveViews[]
  readonly #copy = openConnections(new SharedArrayBuffer((Live.WORDS + NAME_WORDS) * 4))

  constructor(journals: readonly JournalMemory[]) {
    this.#rings = journals.map(({ records }) => openConnections(records))
  }

  /** By worker, how many records it has written: where a list begins. */
  written(): number[] {
    return this.#rings.map(({ words }) => writtenRecords(words))
  }

  /**
   * The latest first, of those before the records `before`; at most ENDED_MAX. It counts `before`
   * down, so another list can go on from there.
   */
  *list(before: number[] = this.written()): Generator<Ended> {
    const next = this.#rings.map((_, worker) => this.#of(worker, before[worker]))
    const heads = next.map(each => each.next())
    for (let listed = 0; listed < ENDED_MAX; listed++) {
      let latest: Ended | undefined
      for (const { value } of heads)
        if (value && (latest === undefined || value.endedMs > latest.endedMs)) latest = value
      if (latest === undefined) return
      before[latest.worker] = latest.record
      yield latest
      heads[latest.worker] = next[latest.worker].next()
    }
  }

  /**
   * Calls `visit` with the words of each that was matched by a table of before `generation`; they
   * are a copy that the next call overwrites.
   */
  visit(generation: number, visit: (words: Int32Array) => void): void {
    for (const [worker, { words }] of this.#rings.entries()) {
      const head = writtenRecords(words)
      for (let record = (head - 1) | 0; isKept(record, head); record = (record - 1) | 0) {
        if (words[recordAt(record) + Live.generation] >= generation) continue
        if (this.#read(worker, record)) visit(this.#copy.words)
      }
    }
  }

  *#of(worker: number, before: number): Generator<Ended, undefined> {
    const { words } = this.#rings[worker]
    for (let record = (before - 1) | 0; isKept(record, writtenRecords(words)); record = (record - 1) | 0)
      if (this.#read(worker, record)) yield this.#decode(worker, record)
  }

  /** Copies a record; false if it is no end, or is being written over. */
  #read(worker: number, record: number): boolean {
    const { words } = this.#rings[worker]
    const at = recordAt(record)
    const copy = this.#copy.words
    for (let word = 1; word < Live.WORDS; word++) copy[word] = Atomics.load(words, at + word)
    copyNames(words, recordNames(at), copy, 0, ONLY_NAMES)
    return isKept(record, writtenRecords(words)) && copy[Live.kind] === RecordKind.end
  }

  #decode(worker: number, record: number): Ended {
    const { words, numbers } = this.#copy
    const acceptedMs = numbers[Live.acceptedMs / 2]
    const lastedMs = Math.max(0, numbers[Live.endedMs / 2] - acceptedMs)
    const firstByteUs = words[Live.firstByteUs] >>> 0
    return {
      ...rowOf(words, numbers),
      worker,
      record,
      reason: REASON_NAMES[words[Live.reason]],
      errno: words[Live.errno],
      policy: words[Live.policy],
      policyGeneration: words[Live.policyGeneration] || words[Live.generation],
      endedWallMs: numbers[Live.acceptedWallMs / 2] + lastedMs,
      lastedMs,
      firstByteUs: firstByteUs === 0 ? null : firstByteUs,
      endedMs: numbers[Live.endedMs / 2],
    }
  }
}
