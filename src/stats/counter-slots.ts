/**
 * Slots: the word of the shared counts that belongs to an endpoint, cluster or route.
 *
 * A slot is kept by identity ("endpoint 10.0.0.1 80"), so that a count survives a reload however
 * the table's rows move. Keys, and the hash that finds them, live in shared memory. The compiling
 * thread gives out the slots of a table, the main thread those of endpoints that change while the
 * table is served; a lock lets in one of them at a time.
 *
 *   head: the lock │ buckets that are not empty
 *   row of a slot: 4 words of the identity's SHA-1 │ 1 word: the last generation that used it (0: free)
 *   buckets: slots by the first word of their key (u16; 0: empty)
 */

import { hash } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { layout } from '../base/layout.ts'

/** Slots over all kinds; slot 0 is shared by everything without a slot. */
export const SLOTS_MAX = 65_536

const KEY_WORDS = 4

const Head = layout(2, {
  lock: [0, 1],
  buckets: [1, 1],
})
const Row = layout(KEY_WORDS + 1, {
  key: [0, KEY_WORDS],
  used: [KEY_WORDS, 1],
})

/** At most half of them are used slots; the others are stale or empty. */
const BUCKETS = 2 * SLOTS_MAX
/** Beyond this many entries, the hash is rebuilt. */
const BUCKETS_USED_MAX = (BUCKETS / 4) * 3

/** Another thread holds the lock for microseconds, or milliseconds if it rebuilds the hash. */
const SPINS = 200
const WAIT_MS = 1

const ROWS = Head.WORDS
const END = ROWS + SLOTS_MAX * Row.WORDS

export const createSlots = (): SharedArrayBuffer => new SharedArrayBuffer(END * 4 + BUCKETS * 2)

/** Words of a used slot in a list of them: the slot, then its key. */
const USED_WORDS = 1 + KEY_WORDS

/** The slots that a generation uses, for another process (`giveSlots`). */
export function usedSlots(buffer: SharedArrayBuffer, generation: number): Int32Array {
  const words = new Int32Array(buffer, 0, END)
  const used: number[] = []
  for (let slot = 1; slot < SLOTS_MAX; slot++) {
    const row = rowOf(slot)
    if (words[row + Row.used] === generation) used.push(slot, ...words.subarray(row, row + KEY_WORDS))
  }
  return Int32Array.from(used)
}

/** Gives the slots of `usedSlots` to a generation again; false if any slot is used already. */
export function giveSlots(buffer: SharedArrayBuffer, generation: number, used: Int32Array): boolean {
  return new Slots(buffer, generation, NO_COUNTS).give(used)
}

/** The counts that slots are for. */
export type SlotCounts = {
  /** Whether a slot still counts something; such a slot is never given to another. */
  inUse(slot: number): boolean
  /** Called when a slot is given to an identity that had none. */
  reset(slot: number): void
}

/** Before anything counts. */
export const NO_COUNTS: SlotCounts = { inUse: () => false, reset: () => {} }

/** Hands out the slots of one generation. */
export class Slots {
  readonly #words: Int32Array
  readonly #buckets: Uint16Array
  readonly #generation: number
  readonly #counts: SlotCounts
  readonly #max: number
  #next = 1
  /** Identities without a slot, which share slot 0: their counts are added together. */
  overflowed = 0

  /**
   * @param buffer      Made by `createSlots`.
   * @param generation  That of the table being built, or whose endpoints change.
   * @param max         Slots that there are, with slot 0.
   */
  constructor(buffer: SharedArrayBuffer, generation: number, counts: SlotCounts, max = SLOTS_MAX) {
    this.#words = new Int32Array(buffer, 0, END)
    this.#buckets = new Uint16Array(buffer, END * 4)
    this.#generation = generation
    this.#counts = counts
    this.#max = max
  }

  /** The slot of `identity`: its previous one, or a free one, or 0. */
  readonly slotOf = (identity: string): number => {
    const digest = hash('sha1', identity, 'buffer')
    const key = Int32Array.from({ length: KEY_WORDS }, (_, word) => digest.readInt32BE(word * 4))
    const slot = this.#locked(() => this.#find(key) || this.#take(key))
    if (slot === 0) this.overflowed++
    return slot
  }

  /**
   * Gives back slots that no part of this generation uses any more, except those that still count,
   * or that a newer table has.
   */
  release(slots: Iterable<number>): void {
    this.#locked(() => {
      for (const slot of slots) {
        const used = rowOf(slot) + Row.used
        if (this.#words[used] === this.#generation && !this.#counts.inUse(slot)) this.#words[used] = 0
      }
    })
  }

  /** For slots of which none is used: gives them to the keys that had them in another process. */
  give(used: Int32Array): boolean {
    for (let at = 0; at < used.length; at += USED_WORDS)
      assert(used[at] > 0 && used[at] < this.#max, `there is no slot ${used[at]}`)
    return this.#locked(() => {
      if (this.#words[Head.buckets] > 0) return false
      for (let at = 0; at < used.length; at += USED_WORDS) {
        this.#words.set(used.subarray(at + 1, at + USED_WORDS), rowOf(used[at]))
        this.#words[rowOf(used[at]) + Row.used] = this.#generation
        this.#insert(used[at])
      }
      return true
    })
  }

  /** Nothing in here may throw or block: the lock would never be released. */
  #locked<Result>(work: () => Result): Result {
    const words = this.#words
    for (let tried = 0; Atomics.compareExchange(words, Head.lock, 0, 1) !== 0; tried++) {
      if (tried > SPINS) Atomics.wait(words, Head.lock, 1, WAIT_MS)
    }
    const result = work()
    Atomics.store(words, Head.lock, 0)
    return result
  }

  /** The slot with this key, used by this generation from now on; or 0. */
  #find(key: Int32Array): number {
    const buckets = this.#buckets
    for (let bucket = bucketOf(key[0]); buckets[bucket] !== 0; bucket = (bucket + 1) % BUCKETS) {
      const slot = buckets[bucket]
      if (!this.#hasKey(slot, key)) continue
      const used = rowOf(slot) + Row.used
      if (this.#words[used] < this.#generation) this.#words[used] = this.#generation
      return slot
    }
    return 0
  }

  /** A free slot for a new key; or 0. */
  #take(key: Int32Array): number {
    while (this.#next < this.#max && !this.#isFree(this.#next)) this.#next++
    if (this.#next === this.#max) return 0
    const slot = this.#next++
    this.#words.set(key, rowOf(slot))
    this.#words[rowOf(slot) + Row.used] = this.#generation
    if (this.#words[Head.buckets] >= BUCKETS_USED_MAX) this.#rebuild()
    else this.#insert(slot)
    this.#counts.reset(slot)
    return slot
  }

  /** A slot is free if neither the last two tables nor a live connection use it. */
  #isFree(slot: number): boolean {
    const used = this.#words[rowOf(slot) + Row.used]
    return used === 0 || (used + 1 < this.#generation && !this.#counts.inUse(slot))
  }

  #hasKey(slot: number, key: Int32Array): boolean {
    const row = rowOf(slot)
    for (let word = 0; word < KEY_WORDS; word++) if (this.#words[row + word] !== key[word]) return false
    return true
  }

  #insert(slot: number): void {
    let bucket = bucketOf(this.#words[rowOf(slot)])
    while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) % BUCKETS
    this.#buckets[bucket] = slot
    this.#words[Head.buckets]++
  }

  /** Without the entries of slots that now have another key. */
  #rebuild(): void {
    this.#buckets.fill(0)
    this.#words[Head.buckets] = 0
    for (let slot = 1; slot < SLOTS_MAX; slot++)
      if (this.#words[rowOf(slot) + Row.used] !== 0) this.#insert(slot)
  }
}

const rowOf = (slot: number): number => ROWS + slot * Row.WORDS

const bucketOf = (word: number): number => word & (BUCKETS - 1)
