/**
 * A ring at work: operations go in, completions come out (io_uring(7)).
 *
 *   ring.submitAndWait(-1)                       one system call for a whole batch
 *   while ((at = ring.reap()) >= 0) {            the words of one completion are ring.cqes[at…]
 *     … prepareSend(ring, …) …                   what follows from it joins the next batch
 *   }
 *
 * One thread makes the ring, fills it and waits on it (SINGLE_ISSUER); the kernel makes completions
 * only while that thread waits (DEFER_TASKRUN). So nothing in the queues changes during the loop
 * above, and one atomic load for each batch is enough.
 *
 * The submission queue cannot be full inside the loop: `reap` returns a completion only while there
 * is room for everything that handling one may prepare (`roomEach`). The completion queue may
 * overflow: the kernel then keeps the rest aside until the next wait, and ends multishot
 * operations.
 *
 * Making and ending a ring is in ring-setup.ts, filling entries in prepare.ts.
 */

import { assert } from '../../base/assert.ts'
import type { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { submits } from '../held.ts'
import * as libc from '../libc.ts'
import {
  Cqe,
  ENTER_EXT_ARG,
  ENTER_GETEVENTS,
  ENTER_NO_IOWAIT,
  FEAT_NO_IOWAIT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_LINK,
  Params,
  SQ_CQ_OVERFLOW,
  Sqe,
} from './io-uring.ts'
import { writeTimespec } from './timespec.ts'

/** The result of ring-setup.ts. */
type RingParts = {
  readonly fd: number
  readonly arena: Arena
  /** The kernel's answer, struct io_uring_params as words. */
  readonly params: Int32Array
  /** The mapping that holds both queues, as words. */
  readonly queues: Int32Array
  readonly sqes: Int32Array
  readonly roomEach: number
}

/** struct io_uring_getevents_arg, 24 bytes, and the timespec that it points to. */
const WAIT_BYTES = 24n
const WAIT_TIMESPEC = 32

export class Ring {
  readonly fd: number
  readonly arena: Arena
  /** The submission entries; prepare.ts fills the one that `take` returns. */
  readonly sqes: Int32Array
  /** The completions, with the words of `Cqe`. */
  readonly cqes: Int32Array
  readonly entries: number
  readonly completions: number

  readonly #queues: Int32Array
  readonly #roomEach: number
  // Positions of the shared words in #queues. Head is what the reader has taken, tail what the
  // writer has put.
  readonly #sqHead: number
  readonly #sqTail: number
  readonly #sqFlags: number
  readonly #cqHead: number
  readonly #cqTail: number
  readonly #cqOverflow: number
  // weir's own copies; all grow without limit, modulo 2^32.
  #head = 0
  #tail = 0
  #reaped = 0
  #posted = 0
  /** Flags of a call that waits. */
  readonly #waits: number
  readonly #wait: number
  readonly #waitPointer: bigint

  constructor({ fd, arena, params, queues, sqes, roomEach }: RingParts) {
    this.fd = fd
    this.arena = arena
    this.entries = params[Params.SQ_ENTRIES]
    this.completions = params[Params.CQ_ENTRIES]
    assert(roomEach >= 1 && roomEach <= this.entries, `room for ${roomEach} of ${this.entries} entries`)
    this.sqes = sqes
    const cqes = params[Params.CQ_CQES] / 4
    this.cqes = queues.subarray(cqes, cqes + this.completions * Cqe.WORDS)
    this.#queues = queues
    this.#roomEach = roomEach
    this.#sqHead = params[Params.SQ_HEAD] / 4
    this.#sqTail = params[Params.SQ_TAIL] / 4
    this.#sqFlags = params[Params.SQ_FLAGS] / 4
    this.#cqHead = params[Params.CQ_HEAD] / 4
    this.#cqTail = params[Params.CQ_TAIL] / 4
    this.#cqOverflow = params[Params.CQ_OVERFLOW] / 4
    const knowsIowait = (params[Params.FEATURES] & FEAT_NO_IOWAIT) !== 0
    this.#waits = knowsIowait ? ENTER_GETEVENTS | ENTER_NO_IOWAIT : ENTER_GETEVENTS
    this.#wait = arena.take(64)
    this.#waitPointer = arena.pointer(this.#wait)
    const timespec = arena.base + this.#wait + WAIT_TIMESPEC
    arena.u32.set([0, 0, 0, 0, timespec, timespec / 2 ** 32], this.#wait / 4) // no signal mask
  }

  /** How many more entries can be prepared before the next submission. */
  room(): number {
    return this.entries - ((this.#tail - this.#head) | 0)
  }

  /**
   * Takes the next submission entry: its first word in `sqes`, for prepare.ts to fill. There must
   * be room.
   */
  take(): number {
    assert(this.room() > 0, 'the submission queue is full: ask for room() first')
    return (this.#tail++ & (this.entries - 1)) * Sqe.WORDS
  }

  /**
   * The next entry starts only after the last one has succeeded in full; otherwise it ends with
   * −ECANCELED.
   */
  linkNext(): void {
    this.#mark(IOSQE_IO_LINK)
  }

  /** The last entry completes silently, unless it fails. */
  skipSuccess(): void {
    this.#mark(IOSQE_CQE_SKIP_SUCCESS)
  }

  /** Submits without waiting. 0, or −errno: see `submitAndWait`. */
  submit(): number {
    return this.#enter(0, 0, 0n, 0n)
  }

  /**
   * Submits, and waits until there is a completion, or for `waitMs` (−1: without limit; 0: not at
   * all, but the kernel makes the completions that are due).
   *
   * 0, also after a timeout or a signal. −EAGAIN, −EBUSY, −ENOMEM: the kernel is short of memory;
   * prepared entries stay, so go on reaping and retry. Anything else is a bug or a lost completion
   * (−EBADR), and the end of this ring.
   */
  submitAndWait(waitMs: number): number {
    if (waitMs <= 0) return this.#enter(waitMs < 0 ? 1 : 0, this.#waits, 0n, 0n)
    writeTimespec(this.arena, this.#wait + WAIT_TIMESPEC, waitMs)
    return this.#enter(1, this.#waits | ENTER_EXT_ARG, this.#waitPointer, WAIT_BYTES)
  }

  /**
   * Takes the next completion: its first word in `cqes`, valid until the next submission; −1 if
   * none is left, or there is no room for what handling it may prepare.
   */
  reap(): number {
    if (this.#reaped === this.#posted || this.room() < this.#roomEach) return -1
    const at = (this.#reaped & (this.completions - 1)) * Cqe.WORDS
    this.#reaped = (this.#reaped + 1) | 0
    this.#queues[this.#cqHead] = this.#reaped // for whoever closes what is left behind: ../held.ts
    return at
  }

  /** Whether completions wait outside the queue, which is full; the next wait brings them in. */
  overflowing(): boolean {
    return (Atomics.load(this.#queues, this.#sqFlags) & SQ_CQ_OVERFLOW) !== 0
  }

  /** Completions that the kernel had no memory to keep (modulo 2^32): above 0, connections hang. */
  lost(): number {
    return Atomics.load(this.#queues, this.#cqOverflow)
  }

  #mark(flag: number): void {
    assert(this.#tail !== this.#head, 'no entry has been prepared')
    this.sqes[((this.#tail - 1) & (this.entries - 1)) * Sqe.WORDS] |= flag << 8
  }

  #enter(complete: number, flags: number, argument: bigint, bytes: bigint): number {
    const queues = this.#queues
    Atomics.store(queues, this.#cqHead, this.#reaped)
    Atomics.store(queues, this.#sqTail, this.#tail)
    submits()
    const least = this.#reaped === this.#posted ? complete : 0
    const result = libc.ioUringEnter(this.fd, (this.#tail - this.#head) | 0, least, flags, argument, bytes)
    // Reads the kernel's own words to learn what it took and made: `result` cannot tell both.
    this.#head = Atomics.load(queues, this.#sqHead)
    this.#posted = Atomics.load(queues, this.#cqTail)
    return result >= 0 || result === -Errno.ETIME || result === -Errno.EINTR ? 0 : result
  }
}
