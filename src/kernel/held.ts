/**
 * What this thread has open in its process: descriptors, mappings and a ring outlive the thread
 * that made them, so it registers them in shared memory. If the thread dies, the main thread closes
 * them.
 *
 *   head (f64)     thread │ quiet │ ring │ its completions │ mappings
 *   closing (i32)  count │ descriptors whose close stands in the ring and has not been submitted
 *   bits (u32)     one for each descriptor that is open
 *
 * The calls in libc.ts register what they open and close; the ring's accepts and closes, and
 * hand-overs between threads, are registered where they happen. Only this thread writes; others
 * read after it has ended. A descriptor is removed before it is closed or given away. So for a few
 * instructions a descriptor may be registered nowhere, but a reused one is never closed. A thread
 * without a register (`hold`) registers nothing.
 */

import { threadId } from 'node:worker_threads'

/** Words of the head. */
const THREAD = 0
const QUIET = 1
const RING = 2 // its descriptor + 1
const QUEUES = 3 // the mapping with the completions: address, length, and the position in it, in words
const QUEUES_BYTES = 4
const CQ_HEAD = 5
const CQ_TAIL = 6
const CQES = 7
const CQ_ENTRIES = 8
const MAPPINGS = 16 // address and length
const HEAD_WORDS = 32

/** Closes that wait to be submitted: at most as many as a worker's ring has entries. */
const CLOSING_MAX = 4096
const CLOSING_BYTES = 4 * (CLOSING_MAX + 4)

/** The kernel hands out the lowest free number: a process can hardly have more than this. */
const DESCRIPTORS_MAX = 2 ** 22

export type HeldRing = {
  readonly fd: number
  readonly queues: bigint
  readonly queuesBytes: number
  readonly cqHead: number
  readonly cqTail: number
  readonly cqes: number
  readonly entries: number
}

/** A register for one thread at a time. @param openFiles  The limit of open files. */
export const createHeld = (openFiles: number): SharedArrayBuffer =>
  new SharedArrayBuffer(
    HEAD_WORDS * 8 + CLOSING_BYTES + 4 * Math.ceil(Math.min(openFiles, DESCRIPTORS_MAX) / 32),
  )

type Views = { readonly head: Float64Array; readonly closing: Int32Array; readonly bits: Uint32Array }

const viewsOf = (buffer: SharedArrayBuffer): Views => ({
  head: new Float64Array(buffer, 0, HEAD_WORDS),
  closing: new Int32Array(buffer, HEAD_WORDS * 8, CLOSING_MAX + 1),
  bits: new Uint32Array(buffer, HEAD_WORDS * 8 + CLOSING_BYTES),
})

const nobody: Views = {
  head: new Float64Array(HEAD_WORDS),
  closing: new Int32Array(CLOSING_MAX + 1),
  bits: new Uint32Array(0),
}

/** The register of this thread. */
let own = nobody
let { closing, bits } = own

/** From now on this thread registers what it opens. */
export function hold(buffer: SharedArrayBuffer): void {
  own = viewsOf(buffer)
  closing = own.closing
  bits = own.bits
  own.head.fill(0)
  own.head[THREAD] = threadId
}

/** `fd` is open; −errno is not registered. */
export function keep(fd: number): number {
  // A typed array ignores indexes below 0 and beyond its end.
  bits[fd >> 5] |= 1 << (fd & 31)
  return fd
}

/** `fd` is about to be closed or given away. */
export function letGo(fd: number): void {
  bits[fd >> 5] &= ~(1 << (fd & 31))
}

/** The close of `fd` is in the ring. */
export function closes(fd: number): void {
  letGo(fd)
  if (closing[0] < CLOSING_MAX) closing[++closing[0]] = fd
}

/** The ring is about to be submitted. */
export function submits(): void {
  closing[0] = 0
}

/** `bytes` bytes are mapped at `address`; −errno is passed on. */
export function maps(address: bigint, bytes: number): bigint {
  const { head } = own
  if (address > 0n)
    for (let at = MAPPINGS; at < HEAD_WORDS; at += 2) {
      if (head[at] !== 0) continue
      head[at + 1] = bytes
      head[at] = Number(address)
      break
    }
  return address
}

/** The mapping is about to be unmapped. */
export function unmaps(address: bigint): void {
  const at = own.head.indexOf(Number(address), MAPPINGS)
  if (at >= 0) own.head[at] = 0
}

export function holdsRing(ring: HeldRing | null): void {
  const { head } = own
  head[RING] = 0
  if (ring === null) return
  head[QUEUES] = Number(ring.queues)
  head[QUEUES_BYTES] = ring.queuesBytes
  head[CQ_HEAD] = ring.cqHead
  head[CQ_TAIL] = ring.cqTail
  head[CQES] = ring.cqes
  head[CQ_ENTRIES] = ring.entries
  head[RING] = ring.fd + 1
}

/**
 * The kernel has no more operations of this thread: another thread may close what it has open,
 * although it still lives.
 */
export function isQuiet(): void {
  own.head[QUIET] = 1
}

/** The open descriptors and mappings of a dead thread, for another thread to close. */
export class Held {
  readonly #views: Views

  constructor(buffer: SharedArrayBuffer) {
    this.#views = viewsOf(buffer)
  }

  /** The thread that had the register last; 0: none. */
  get thread(): number {
    return this.#views.head[THREAD]
  }

  get quiet(): boolean {
    return this.#views.head[QUIET] === 1
  }

  get ring(): HeldRing | null {
    const { head } = this.#views
    if (head[RING] === 0) return null
    return {
      fd: head[RING] - 1,
      queues: BigInt(head[QUEUES]),
      queuesBytes: head[QUEUES_BYTES],
      cqHead: head[CQ_HEAD],
      cqTail: head[CQ_TAIL],
      cqes: head[CQES],
      entries: head[CQ_ENTRIES],
    }
  }

  /** Descriptors that were about to be closed, in order. */
  get closing(): number[] {
    const { closing } = this.#views
    return [...closing.subarray(1, 1 + closing[0])]
  }

  /** All other descriptors. */
  get descriptors(): number[] {
    const { bits } = this.#views
    const found: number[] = []
    for (let word = 0; word < bits.length; word++)
      for (let left = bits[word]; left !== 0; left &= left - 1)
        found.push(word * 32 + 31 - Math.clz32(left & -left))
    return found
  }

  get mappings(): { readonly address: bigint; readonly bytes: number }[] {
    const { head } = this.#views
    const found = []
    for (let at = MAPPINGS; at < HEAD_WORDS; at += 2)
      if (head[at] !== 0) found.push({ address: BigInt(head[at]), bytes: head[at + 1] })
    return found
  }

  /** Everything is closed. */
  clear(): void {
    const { head, closing, bits } = this.#views
    head.fill(0)
    closing[0] = 0
    bits.fill(0)
  }
}
