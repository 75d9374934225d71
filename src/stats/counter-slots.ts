/**
 * Slots: which word of the shared counts belongs to which endpoint, cluster or route.
 *
 * A slot is kept by identity ("endpoint 10.0.0.1 80"), so that a count survives a reload however
 * the table's rows move. The keys live in shared memory: whichever thread compiles next finds them.
 * Only one thread compiles at a time, so there is one writer.
 *
 *   row of a slot: 4 words of the identity's SHA-1 │ 1 word: the last generation that used it (0: free)
 */

import { hash } from 'node:crypto'

/** Slots over all kinds; slot 0 is the one shared by all that found no room. */
export const SLOTS_MAX = 65_536

const KEY_WORDS = 4
const ROW_WORDS = KEY_WORDS + 1

export const createSlots = (): SharedArrayBuffer => new SharedArrayBuffer(SLOTS_MAX * ROW_WORDS * 4)

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
  readonly #rows: Uint32Array
  readonly #generation: number
  readonly #counts: SlotCounts
  readonly #bySlot = new Map<string, number>()
  #next = 1
  /** Identities that found no room and share slot 0: their counts run together. */
  overflowed = 0

  /**
   * @param buffer      Made by `createSlots`.
   * @param generation  The table's being built.
   */
  constructor(buffer: SharedArrayBuffer, generation: number, counts: SlotCounts) {
    this.#rows = new Uint32Array(buffer)
    this.#generation = generation
    this.#counts = counts
    for (let slot = 1; slot < SLOTS_MAX; slot++) {
      if (this.#usedIn(slot) !== 0) this.#bySlot.set(this.#keyOf(slot), slot)
    }
  }

  /** The slot of `identity`: the one it had, or a free one, or 0. */
  readonly slotOf = (identity: string): number => {
    const digest = hash('sha1', identity, 'buffer')
    const key = digest.toString('hex', 0, KEY_WORDS * 4)
    const slot = this.#bySlot.get(key) ?? this.#take(key, digest)
    if (slot === 0) this.overflowed++
    else this.#rows[slot * ROW_WORDS + KEY_WORDS] = this.#generation
    return slot
  }

  #take(key: string, digest: Buffer): number {
    while (this.#next < SLOTS_MAX && !this.#free(this.#next)) this.#next++
    if (this.#next === SLOTS_MAX) return 0
    const slot = this.#next++
    for (let word = 0; word < KEY_WORDS; word++) {
      this.#rows[slot * ROW_WORDS + word] = digest.readUInt32BE(word * 4)
    }
    this.#bySlot.set(key, slot)
    this.#counts.reset(slot)
    return slot
  }

  /** Free is a slot that neither the last two tables nor a live connection knows. */
  #free(slot: number): boolean {
    const used = this.#usedIn(slot)
    if (used === 0) return true
    if (used + 1 >= this.#generation || this.#counts.inUse(slot)) return false
    this.#bySlot.delete(this.#keyOf(slot))
    return true
  }

  #usedIn(slot: number): number {
    return this.#rows[slot * ROW_WORDS + KEY_WORDS]
  }

  #keyOf(slot: number): string {
    let key = ''
    for (let word = 0; word < KEY_WORDS; word++) {
      key += this.#rows[slot * ROW_WORDS + word].toString(16).padStart(8, '0')
    }
    return key
  }
}
