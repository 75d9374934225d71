/**
 * The memory of sources (sources.ts): what stands where, shared by all workers.
 *
 *   head │ holds: the entries that each worker is about to change │ tags │ entries
 */

import { layout } from '../base/layout.ts'

/** Sources that are known at a time: 9 MiB, of which only what is used takes memory. */
const SOURCES_MAX = 131_072

const HEAD = 16
export const FULL_AT = 0
const CAPACITY_AT = 1
/** Never anything but 0: to sleep at. */
export const PAUSE_AT = 2
/** Of a worker: one for each limit of a connection. */
export const HOLDS = 2

export const Entry = layout(16, {
  ready: [0, 1], //       1: the key is written
  slot: [1, 1], //        of the limit (counter-slots.ts)
  family: [2, 1],
  address: [3, 4],
  connections: [7, 1], // open; REUSED: it is being given to another key
  tokens: [8, 1], //      thousandths
  refilledMs: [9, 1], //  modulo 2^32
  rate: [10, 1], //       as the limit last said
  burst: [11, 1],
  changes: [12, 1], //    counts those of `connections`, before each
  rest: [13, 3],
})
/** Stands for `connections` of an entry that is being given to another key. */
export const REUSED = -(2 ** 31)

export type Sources = {
  readonly words: Int32Array
  /** A power of two. */
  readonly capacity: number
  readonly tagsAt: number
  readonly entriesAt: number
}

/** @param capacity  Entries, for tests. */
export function createSources(workers: number, capacity = SOURCES_MAX): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer((HEAD + workers * HOLDS + capacity * (1 + Entry.WORDS)) * 4)
  new Int32Array(buffer)[CAPACITY_AT] = capacity
  return buffer
}

export function openSources(buffer: SharedArrayBuffer): Sources {
  const words = new Int32Array(buffer)
  const capacity = words[CAPACITY_AT]
  const entriesAt = words.length - capacity * Entry.WORDS
  return { words, capacity, tagsAt: entriesAt - capacity, entriesAt }
}

/** How often a source found no room. */
export const sourceTableFull = ({ words }: Sources): number => Atomics.load(words, FULL_AT) >>> 0

/** Sources that have an entry. */
export function countSources({ words, tagsAt, capacity }: Sources): number {
  let count = 0
  for (let entry = 0; entry < capacity; entry++) if (words[tagsAt + entry] !== 0) count++
  return count
}

export const entryAt = ({ entriesAt }: Sources, entry: number): number => entriesAt + entry * Entry.WORDS

/** The word where a worker holds an entry: 1 + its number, 0 for none. */
export const holdOf = (worker: number, limit: number): number => HEAD + worker * HOLDS + limit

/** Open connections of an entry, for people and tests. */
export const connectionsOf = (sources: Sources, entry: number): number =>
  Math.max(0, Atomics.load(sources.words, entryAt(sources, entry) + Entry.connections))

/** An entry that is being claimed is nobody's again. */
export function release({ words, tagsAt, entriesAt }: Sources, entry: number): void {
  Atomics.store(words, entriesAt + entry * Entry.WORDS + Entry.ready, 0)
  Atomics.store(words, tagsAt + entry, 0)
}
