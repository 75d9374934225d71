/**
 * Hands accepted connections from one worker to another: an inbox for each worker, in shared
 * memory.
 *
 *   giver   places the descriptor ─▶ looks whether the inbox is open ─▶ rouses the worker
 *                                       └─ no ─▶ takes it back, if it is still there
 *   taker   closes the inbox ─▶ takes what is there            (before a new table, a drain, an end)
 *
 * Each side stores, then loads (Dekker), with Atomics, which are sequentially consistent. So at
 * least one of them sees the other, and the winner of the exchange owns the descriptor. An inbox is
 * open for one generation of the table, so a row means the same listener to both. A giver of
 * another generation takes its entry back; the taker ignores it. A model checks every order of
 * steps (test/models/inboxes.pml).
 *
 * IORING_OP_MSG_RING would lose messages with their ring, and a closed ring's descriptor may be
 * reused for another file. An inbox outlives its worker, and so does its eventfd. A hand-over costs
 * one more write to it, but hand-overs are rare.
 */

import { wake } from '../../kernel/wake.ts'

/** Capacity of an inbox; a full one gets nothing. */
const ENTRIES = 256

/** The words of an inbox, before its entries; together a cache line. */
const GENERATION = 0 // the generation that it is open for; 0: closed
const WAITING = 1
const ROUSED = 2
const TICKET = 3
const WAKE = 4 // the eventfd + 1; 0: none yet
const HEAD_WORDS = 16

/** The words of an entry. */
const STATE = 0 // FREE, CLAIMED, or the ticket of its content
const DESCRIPTOR = 1
const ROW = 2
const ROW_GENERATION = 3 // the generation of the table that has the row
const ENTRY_WORDS = 4
const INBOX_WORDS = HEAD_WORDS + ENTRIES * ENTRY_WORDS

const FREE = 0
const CLAIMED = -1
/**
 * Tickets tell two uses of an entry apart, even with the same descriptor number: 1 up to here, then
 * again.
 */
const TICKETS = 0x4000_0000

/** For `take`: entries of any table. */
export const ANY = -1

export const createInboxes = (workers: number): SharedArrayBuffer =>
  new SharedArrayBuffer(workers * INBOX_WORDS * 4)

/** A thread's view of all inboxes. */
export class Inboxes {
  readonly #words: Int32Array
  readonly #rouse: (wakeFd: number) => void
  #cursor = 0

  /** @param rouse  Wakes the worker that has this eventfd. */
  constructor(buffer: SharedArrayBuffer, rouse: (wakeFd: number) => void = wake) {
    this.#words = new Int32Array(buffer)
    this.#rouse = rouse
  }

  /** The eventfd of the worker's inbox, or −1; the worker's successor inherits it. */
  wakeFd(worker: number): number {
    return Atomics.load(this.#words, worker * INBOX_WORDS + WAKE) - 1
  }

  setWakeFd(worker: number, fd: number): void {
    Atomics.store(this.#words, worker * INBOX_WORDS + WAKE, fd + 1)
  }

  /** From now on connections may come, for listeners of the table of this generation. */
  open(worker: number, generation: number): void {
    Atomics.store(this.#words, worker * INBOX_WORDS + GENERATION, generation)
  }

  /** Closes the inbox: nothing comes after what is there; take it next. */
  close(worker: number): void {
    Atomics.store(this.#words, worker * INBOX_WORDS + GENERATION, 0)
  }

  isOpen(worker: number, generation: number): boolean {
    return Atomics.load(this.#words, worker * INBOX_WORDS + GENERATION) === generation
  }

  /** How many are on their way to the worker. */
  waiting(worker: number): number {
    return Atomics.load(this.#words, worker * INBOX_WORDS + WAITING)
  }

  /**
   * Gives `fd`, of the listener at `row` of the table of `generation`. False: the caller keeps it.
   */
  give(worker: number, generation: number, fd: number, row: number): boolean {
    const words = this.#words
    const head = worker * INBOX_WORDS
    const entry = this.#claim(head)
    if (entry < 0) return false
    const ticket = 1 + (Atomics.add(words, head + TICKET, 1) & (TICKETS - 1))
    words[entry + DESCRIPTOR] = fd
    words[entry + ROW] = row
    words[entry + ROW_GENERATION] = generation
    Atomics.add(words, head + WAITING, 1)
    Atomics.store(words, entry + STATE, ticket)
    if (!this.isOpen(worker, generation)) return !this.#remove(head, entry, ticket)
    if (Atomics.exchange(words, head + ROUSED, 1) === 0) this.#rouse(this.wakeFd(worker))
    return true
  }

  /** Takes the entries for the table of `generation`, or ANY; the caller owns each from then on. */
  take(worker: number, generation: number, onTaken: (fd: number, row: number) => void): void {
    const words = this.#words
    const head = worker * INBOX_WORDS
    Atomics.store(words, head + ROUSED, 0) // before the check: what comes after it wakes again
    for (let entry = head + HEAD_WORDS; entry < head + INBOX_WORDS; entry += ENTRY_WORDS) {
      const ticket = Atomics.load(words, entry + STATE)
      if (ticket === FREE || ticket === CLAIMED) continue
      const fd = words[entry + DESCRIPTOR]
      const row = words[entry + ROW]
      if (generation !== ANY && words[entry + ROW_GENERATION] !== generation) continue
      if (this.#remove(head, entry, ticket)) onTaken(fd, row)
    }
  }

  #claim(head: number): number {
    for (let tried = 0; tried < ENTRIES; tried++) {
      this.#cursor = (this.#cursor + 1) % ENTRIES
      const entry = head + HEAD_WORDS + this.#cursor * ENTRY_WORDS
      if (Atomics.compareExchange(this.#words, entry + STATE, FREE, CLAIMED) === FREE) return entry
    }
    return -1
  }

  /** Whether the caller now owns it. */
  #remove(head: number, entry: number, ticket: number): boolean {
    if (Atomics.compareExchange(this.#words, entry + STATE, ticket, FREE) !== ticket) return false
    Atomics.sub(this.#words, head + WAITING, 1)
    return true
  }
}
