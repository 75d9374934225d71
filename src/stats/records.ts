/**
 * Records of connections: a ring for each worker, in shared memory.
 *
 *   worker ─▶ head                    tail ◀─ the access log, if there is one
 *
 * A record is a live row (connections.ts) with its end, and its times are on the machine's clock:
 * the clock of its worker is gone once another takes its place. Every end is written, over the
 * oldest one, so the ring has the last connections that ended, for whoever asks
 * (ended-connections.ts). While the access log follows, nothing is written over that it has not
 * read: the worker never waits, so it drops and counts what finds no room.
 */

import { layout } from '../base/layout.ts'
import { Live, NAME_WORDS, type NamePlaces, namePlaces } from './connections.ts'
import { copyNames, namesOf } from './row-names.ts'

/** Records in one ring; at 30 000 connections a second half a second of them. */
export const RECORDS = 16_384

/** The event of a record. */
export const RecordKind = { end: 0, connected: 1, periodic: 2 } as const

/** What the access log wants; bits. */
export const Wanted = { ends: 1, connects: 2 } as const

const RingHead = layout(32, {
  head: [0, 1], //    records written, modulo 2^32
  written: [1, 1],
  dropped: [2, 2], // a number
  spare: [4, 12],
  tail: [16, 1], //   records read, modulo 2^32; on a cache line of its own
  wanted: [17, 1], // Wanted
  isFollowed: [18, 1], // 1: nothing before the tail is free
  rest: [19, 13],
})

export const createRecords = (): SharedArrayBuffer =>
  new SharedArrayBuffer((RingHead.WORDS + RECORDS * (Live.WORDS + NAME_WORDS)) * 4)

/** The first word of the record `count`. */
export const recordAt = (count: number): number => RingHead.WORDS + (count & (RECORDS - 1)) * Live.WORDS

/** The places for the names of the record at `at`. */
export const recordNames = (at: number): NamePlaces =>
  namePlaces(RingHead.WORDS + RECORDS * Live.WORDS, RECORDS, (at - RingHead.WORDS) / Live.WORDS)

/** A worker's end of its ring. */
export class RecordWriter {
  /** The ring as words and numbers; `claim` returns the position. */
  readonly words: Int32Array
  readonly numbers: Float64Array
  readonly #originMs: number
  #head: number
  #tail: number

  /** @param originMs  What turns the times of rows into the machine's (base/clock.ts). */
  constructor(buffer: SharedArrayBuffer, originMs: number) {
    this.words = new Int32Array(buffer)
    this.numbers = new Float64Array(buffer)
    this.#originMs = originMs
    this.#head = Atomics.load(this.words, RingHead.head) // a predecessor's records are read yet
    this.#tail = Atomics.load(this.words, RingHead.tail)
  }

  /** Whether the access log wants records of this kind. */
  wants(what: number): boolean {
    return (this.words[RingHead.wanted] & what) !== 0
  }

  /** The first word of the next record, to fill and commit; −1: it was dropped. */
  claim(): number {
    if (((this.#head - this.#tail) | 0) >= RECORDS && this.words[RingHead.isFollowed] !== 0) {
      this.#tail = Atomics.load(this.words, RingHead.tail)
      if (((this.#head - this.#tail) | 0) >= RECORDS) {
        this.numbers[RingHead.dropped / 2]++
        return -1
      }
    }
    return recordAt(this.#head)
  }

  /** Completes the record at `at`, which has the times of its row, and commits it. */
  end(at: number, kind: number, reason: number, nowMs: number): void {
    const { words, numbers } = this
    words[at + Live.kind] = kind
    words[at + Live.reason] = reason
    numbers[(at + Live.endedMs) / 2] = nowMs + this.#originMs
    numbers[(at + Live.acceptedMs) / 2] += this.#originMs
    numbers[(at + Live.connectedMs) / 2] += this.#originMs
    numbers[(at + Live.activeMs) / 2] += this.#originMs
    this.commit()
  }

  /** The connection whose end is the last record; 0: none. */
  lastEnded(): number {
    const at = recordAt(this.#head - 1)
    return this.words[at + Live.kind] === RecordKind.end ? this.numbers[(at + Live.id) / 2] : 0
  }

  commit(): void {
    this.#head = (this.#head + 1) | 0
    Atomics.store(this.words, RingHead.head, this.#head)
  }
}

/** The reader's end of one worker's ring. There is one reader for each. */
export class RecordReader {
  readonly words: Int32Array
  readonly numbers: Float64Array
  #tail: number

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer)
    this.numbers = new Float64Array(buffer)
    this.#tail = Atomics.load(this.words, RingHead.tail)
  }

  /** The writer's current position. */
  head(): number {
    return writtenRecords(this.words)
  }

  /**
   * Calls `onRecord` with the first word of each record before `head`, and returns how many there
   * were; see `release`.
   */
  drain(
    onRecord: (words: Int32Array, numbers: Float64Array, at: number) => void,
    head: number = this.head(),
  ): number {
    const count = (head - this.#tail) | 0
    for (let left = count; left > 0; left--) {
      onRecord(this.words, this.numbers, recordAt(this.#tail))
      this.#tail = (this.#tail + 1) | 0
    }
    return count
  }

  /** Frees the room of all records drained so far. Until then they count as waiting. */
  release(): void {
    Atomics.store(this.words, RingHead.tail, this.#tail)
  }
}

/**
 * From now on the access log wants these kinds, and follows what is written from here on; it goes
 * on to follow what it wanted before until `unfollow`.
 */
export function want(buffer: SharedArrayBuffer, what: number): void {
  const words = new Int32Array(buffer)
  if (what !== 0 && Atomics.load(words, RingHead.isFollowed) === 0) {
    Atomics.store(words, RingHead.tail, Atomics.load(words, RingHead.head))
    Atomics.store(words, RingHead.isFollowed, 1)
  }
  Atomics.store(words, RingHead.wanted, what)
}

/** The access log has read what it wanted, and reads no more. */
export const unfollow = (buffer: SharedArrayBuffer): void =>
  void Atomics.store(new Int32Array(buffer), RingHead.isFollowed, 0)

/** Records written, and not released by the access log that follows. */
export function waitingRecords(buffer: SharedArrayBuffer): number {
  const words = new Int32Array(buffer)
  if (Atomics.load(words, RingHead.isFollowed) === 0) return 0
  return (writtenRecords(words) - Atomics.load(words, RingHead.tail)) | 0
}

/** Records written since the start, modulo 2^32. */
export const writtenRecords = (words: Int32Array): number => Atomics.load(words, RingHead.head)

/** Records dropped because the ring was full, since the start. */
export const droppedRecords = (buffer: SharedArrayBuffer): number =>
  new Float64Array(buffer)[RingHead.dropped / 2]

/** Copies the row at `from` of `source` into the record at `to`, without its version. */
export function copyRow(source: Int32Array, from: number, target: Int32Array, to: number): void {
  for (let word = 1; word < Live.kind; word++) target[to + word] = source[from + word]
  copyNames(source, namesOf(source, from), target, to, recordNames(to))
}
