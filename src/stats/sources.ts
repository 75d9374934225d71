/**
 * Sources of connections, counted over all workers: one hash in shared memory, from (limit, prefix
 * of an address) to open connections and tokens.
 *
 * A key lives in its bucket of 32 entries and nowhere else, so nothing is moved and nothing marks
 * what was deleted. All words are changed by Atomics, and nobody waits for a lock:
 *
 *   take   find, add 1 by an exchange, look again whether the entry still is the key's
 *   claim  exchange a tag of 0 for the key's, look for others that have just done so, write the key
 *   reuse  exchange connections of 0 for REUSED, where the bucket is full
 *
 * Of two that claim for one key at once each sees the other, or one sees none and goes on: stores
 * and loads of Atomics have one order. The one at the higher place then gives way, and the one at
 * the lower waits until that has happened, which takes it nanoseconds.
 *
 * Whoever waits for a thread that the kernel has put off sleeps, so that it may go on.
 *
 * A worker can die at any step. Before it changes an entry it holds it, until what it has of it is
 * written in a live row; so whoever buries the worker knows what is in doubt (lost-sources.ts).
 *
 * A bucket without room limits nobody, and counts that: a full table must not keep out well-behaved
 * clients.
 */

import { hashPair } from '../table/format/pair-index.ts'
import { Live } from './connections.ts'
import {
  Entry,
  entryAt,
  FULL_AT,
  HOLDS,
  holdOf,
  PAUSE_AT,
  REUSED,
  release,
  type Sources,
} from './source-table.ts'
import { type AskedLimit, isIdle, takeToken } from './source-tokens.ts'

const BUCKET = 32
/** Another thread is writing a key. */
const SPINS = 10_000
/** Somebody else had the entry in the end; after the first ones it is given time: 1.3 s in all. */
const TRIES = 64
const TRIES_AT_ONCE = 8
const PAUSE_MOST_MS = 24

/** Nobody is limited: there was no room. */
export const NO_ROOM = -1
/** The limit is reached. */
export const REFUSED = -2

/** The key in question: family 4 or 6, host bits cleared. */
const key = { slot: 0, family: 0, address: new Int32Array(4), tag: 0, hash: 0 }

/** Sets the current source: the first `bits` bits of an address (4 words). */
export function setSource(slot: number, family: number, address: Uint32Array, bits: number): void {
  key.slot = slot
  key.family = family
  let hash = hashPair(slot, family)
  for (let word = 0; word < 4; word++) {
    const covered = bits - 32 * word
    const mask = covered <= 0 ? 0 : covered >= 32 ? -1 : -1 << (32 - covered)
    key.address[word] = address[word] & mask
    hash = hashPair(hash, key.address[word])
  }
  key.tag = hash === 0 ? 1 : hash
  key.hash = hashPair(hash, 0x9e3779b1)
}

/**
 * Counts one more connection of the source from `setSource`.
 *
 * @param hold  Of `holdOf`: holds the entry from now on, whatever the answer is.
 * @returns Its entry, to give back when the connection is over; REFUSED, or NO_ROOM.
 */
export function takeSource(sources: Sources, limit: AskedLimit, nowMs: number, hold: number): number {
  const { words } = sources
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried >= TRIES_AT_ONCE) Atomics.wait(words, PAUSE_AT, 0, Math.min(tried, PAUSE_MOST_MS))
    let entry = find(sources)
    if (entry < 0) entry = claim(sources, limit, nowMs, hold)
    if (entry === NO_ROOM) break
    if (entry < 0) continue
    const at = entryAt(sources, entry)
    Atomics.store(words, hold, entry + 1)
    const before = addConnection(words, at, limit.connections)
    if (before === REFUSED && isKey(sources, entry)) return REFUSED
    if (before < 0) continue
    if (!isKey(sources, entry)) {
      giveSource(sources, entry)
      continue
    }
    if (limit.rate === 0 || takeToken(words, at, limit, nowMs)) return entry
    giveSource(sources, entry)
    return REFUSED
  }
  Atomics.add(words, FULL_AT, 1)
  return NO_ROOM
}

/** The connection is over; its worker holds the entry. */
export function giveSource(sources: Sources, entry: number): void {
  const at = entryAt(sources, entry)
  Atomics.add(sources.words, at + Entry.changes, 1)
  Atomics.sub(sources.words, at + Entry.connections, 1)
}

/** It changes nothing any more: the connection's live row says what it has, or it has nothing. */
export function letGo({ words }: Sources, worker: number): void {
  for (let limit = 0; limit < HOLDS; limit++) Atomics.store(words, holdOf(worker, limit), 0)
}

/** Words of a live row that say what its connection has: 1 + an entry, for each limit. */
export const ROW_SOURCES = [Live.source, Live.gatewaySource] as const

/** Gives back what a live row has, `at` in the rows of its worker (connections.ts). */
export function giveRow(sources: Sources, worker: number, rows: Int32Array, at: number): void {
  if (rows[at + Live.source] + rows[at + Live.gatewaySource] === 0) return
  for (const [limit, place] of ROW_SOURCES.entries()) {
    const has = rows[at + place]
    if (has === 0) continue
    Atomics.store(sources.words, holdOf(worker, limit), has)
    giveSource(sources, has - 1)
    rows[at + place] = 0
  }
  letGo(sources, worker)
}

/** The first entry of the key's bucket. */
const bucketOf = ({ capacity }: Sources): number => (key.hash & (capacity / BUCKET - 1)) * BUCKET

/** The key's entry, or −2. */
function find(sources: Sources): number {
  const { words, tagsAt } = sources
  const bucket = bucketOf(sources)
  for (let entry = bucket; entry < bucket + BUCKET; entry++)
    if (Atomics.load(words, tagsAt + entry) === key.tag && isKey(sources, entry)) return entry
  return -2
}

/** Whether an entry is complete, and the key's. */
function isKey(sources: Sources, entry: number): boolean {
  const { words, tagsAt } = sources
  const at = entryAt(sources, entry)
  if (Atomics.load(words, at + Entry.ready) === 0 || Atomics.load(words, tagsAt + entry) !== key.tag)
    return false
  if (words[at + Entry.slot] !== key.slot || words[at + Entry.family] !== key.family) return false
  for (let word = 0; word < 4; word++)
    if (words[at + Entry.address + word] !== key.address[word]) return false
  return Atomics.load(words, at + Entry.ready) === 1
}

/**
 * Adds 1, below `most` (0: no limit): how many there were; REFUSED, or REUSED where it is nobody's.
 */
function addConnection(words: Int32Array, at: number, most: number): number {
  for (;;) {
    const before = Atomics.load(words, at + Entry.connections)
    if (before < 0) return REUSED
    if (most > 0 && before >= most) return REFUSED
    Atomics.add(words, at + Entry.changes, 1)
    if (Atomics.compareExchange(words, at + Entry.connections, before, before + 1) === before) return before
  }
}

/** An entry for a key that has none; NO_ROOM, or −2: somebody else has made one meanwhile. */
function claim(sources: Sources, limit: AskedLimit, nowMs: number, hold: number): number {
  const { words, tagsAt } = sources
  const entry = freeEntry(sources, nowMs, hold)
  if (entry < 0) return NO_ROOM
  const at = entryAt(sources, entry)
  const bucket = bucketOf(sources)
  for (let other = bucket; other < bucket + BUCKET; other++) {
    if (other === entry || Atomics.load(words, tagsAt + other) !== key.tag) continue
    const givesWay = other < entry && !isReady(sources, other)
    if (!givesWay && !hasKey(sources, other)) continue
    release(sources, entry)
    if (givesWay) hasKey(sources, other) // waits
    return -2
  }
  words[at + Entry.slot] = key.slot
  words[at + Entry.family] = key.family
  for (let word = 0; word < 4; word++) words[at + Entry.address + word] = key.address[word]
  Atomics.store(words, at + Entry.tokens, limit.burst * 1000)
  Atomics.store(words, at + Entry.refilledMs, nowMs | 0)
  words[at + Entry.rate] = limit.rate
  words[at + Entry.burst] = limit.burst
  Atomics.store(words, at + Entry.connections, 0)
  Atomics.store(words, at + Entry.ready, 1) // last: whoever finds it ready may count
  return entry
}

const isReady = (sources: Sources, entry: number): boolean =>
  Atomics.load(sources.words, entryAt(sources, entry) + Entry.ready) === 1

/** Whether another entry with the key's tag turns out to have the key. */
function hasKey(sources: Sources, other: number): boolean {
  const { words, tagsAt } = sources
  for (let spin = 0; spin < SPINS && !isReady(sources, other); spin++)
    if (Atomics.load(words, tagsAt + other) !== key.tag) return false
  return isKey(sources, other)
}

/** An entry of the bucket that has the key's tag from now on, and is nobody else's; −1: none. */
function freeEntry(sources: Sources, nowMs: number, hold: number): number {
  const { words, tagsAt } = sources
  const bucket = bucketOf(sources)
  for (let entry = bucket; entry < bucket + BUCKET; entry++) {
    if (Atomics.load(words, tagsAt + entry) !== 0) continue
    Atomics.store(words, hold, entry + 1)
    if (Atomics.compareExchange(words, tagsAt + entry, 0, key.tag) !== 0) continue
    Atomics.store(words, entryAt(sources, entry) + Entry.connections, REUSED)
    return entry
  }
  for (let entry = bucket; entry < bucket + BUCKET; entry++) {
    const at = entryAt(sources, entry)
    if (!isIdle(words, at, nowMs)) continue
    Atomics.store(words, hold, entry + 1)
    if (Atomics.compareExchange(words, at + Entry.connections, 0, REUSED) !== 0) continue
    Atomics.store(words, at + Entry.ready, 0)
    Atomics.store(words, tagsAt + entry, key.tag)
    return entry
  }
  return -1
}
