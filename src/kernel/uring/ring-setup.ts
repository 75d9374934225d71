/**
 * Sets up and tears down a ring: asks the kernel for one, maps it, and closes it so that the kernel
 * writes to no freed memory. ring.ts has the rest.
 */

import { assert } from '../../base/assert.ts'
import type { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { holdsRing, isQuiet } from '../held.ts'
import * as libc from '../libc.ts'
import {
  ASYNC_CANCEL_ALL,
  ASYNC_CANCEL_ANY,
  Cqe,
  FEAT_EXT_ARG,
  FEAT_NODROP,
  FEAT_SINGLE_MMAP,
  OFF_SQ_RING,
  OFF_SQES,
  Params,
  REGISTER_SYNC_CANCEL,
  SETUP_CQSIZE,
  SETUP_DEFER_TASKRUN,
  SETUP_NO_SQARRAY,
  SETUP_SINGLE_ISSUER,
  SETUP_SUBMIT_ALL,
  Sqe,
} from './io-uring.ts'
import { Ring } from './ring.ts'

export type RingOptions = {
  /** Submission entries: a power of two, at most 32 768. */
  readonly entries: number
  /** Completion entries: a power of two, at least `entries`, at most 65 536. */
  readonly completions: number
  /** The maximum of entries that handling one completion prepares. */
  readonly roomEach: number
}

/** All known since kernel 6.1; the last is omitted before 6.6. */
const FLAGS = SETUP_CQSIZE | SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN
const FEATURES = FEAT_SINGLE_MMAP | FEAT_NODROP | FEAT_EXT_ARG

/** MAP_SHARED | MAP_POPULATE: mmap(2). */
const MAP_FLAGS = 0x01 | 0x8000

type Mapping = { readonly address: bigint; readonly buffer: ArrayBuffer }

/** What teardown needs: the ring's mappings, and 64 bytes of its arena for the last call. */
const endings = new WeakMap<Ring, { readonly parts: readonly Mapping[]; readonly at: number }>()

/**
 * A new ring for this thread, or −errno: what each means is in probe.ts. Its operations live in
 * `arena`.
 */
export function openRing(arena: Arena, options: RingOptions): Ring | number {
  const { entries, completions } = options
  assert(isPowerOfTwo(entries) && entries <= 32_768, `${entries} submission entries`)
  assert(
    isPowerOfTwo(completions) && completions >= entries && completions <= 65_536,
    `${completions} completion entries`,
  )
  const at = arena.take(Params.BYTES, 8)
  let fd = setup(arena, at, options, FLAGS | SETUP_NO_SQARRAY)
  if (fd === -Errno.EINVAL) fd = setup(arena, at, options, FLAGS)
  if (fd < 0) return fd
  assert(
    (arena.i32[at / 4 + Params.FEATURES] & FEATURES) === FEATURES,
    'a kernel with DEFER_TASKRUN has all of these',
  )
  return map(fd, arena, at, options.roomEach)
}

/** Ends every operation of `ring`, whose memory and descriptors another thread closes. */
export function stopRing(ring: Ring): void {
  const ending = endings.get(ring)
  assert(ending !== undefined, 'this ring has been closed before')
  cancelAll(ring, ending.at)
  isQuiet()
}

/**
 * Ends `ring`: first every operation, so that no buffer of the arena is written from now on, then
 * its memory. Completions that were not reaped are lost, including accepted descriptors in them.
 */
export function closeRing(ring: Ring): void {
  const ending = endings.get(ring)
  assert(ending !== undefined, 'this ring has been closed before')
  endings.delete(ring)
  cancelAll(ring, ending.at)
  holdsRing(null)
  libc.close(ring.fd)
  for (const { address, buffer } of ending.parts) {
    const bytes = buffer.byteLength
    buffer.transfer(0) // a closed ring used in spite of this reads undefined, not freed memory
    libc.munmap(address, bytes)
  }
}

function setup(arena: Arena, at: number, { entries, completions }: RingOptions, flags: number): number {
  const params = arena.i32.subarray(at / 4, (at + Params.BYTES) / 4).fill(0)
  params[Params.CQ_ENTRIES] = completions
  params[Params.FLAGS] = flags
  return libc.ioUringSetup(entries, arena.pointer(at))
}

function map(fd: number, arena: Arena, at: number, roomEach: number): Ring | number {
  const params = arena.i32.subarray(at / 4, (at + Params.BYTES) / 4)
  const indexed = (params[Params.FLAGS] & SETUP_NO_SQARRAY) === 0
  const entries = params[Params.SQ_ENTRIES]
  const cqesEnd = params[Params.CQ_CQES] + params[Params.CQ_ENTRIES] * Cqe.WORDS * 4
  const queues = mapPart(
    fd,
    indexed ? Math.max(cqesEnd, params[Params.SQ_ARRAY] + entries * 4) : cqesEnd,
    OFF_SQ_RING,
  )
  const sqes = mapPart(fd, entries * Sqe.WORDS * 4, OFF_SQES)
  if (typeof queues === 'number' || typeof sqes === 'number') {
    libc.close(fd) // this ends the worker; a mapping that did succeed ends with the process
    return typeof queues === 'number' ? queues : (sqes as number)
  }
  const words = new Int32Array(queues.buffer)
  // Entries are taken in order, so the table of their numbers never changes.
  if (indexed) for (let i = 0; i < entries; i++) words[params[Params.SQ_ARRAY] / 4 + i] = i
  const ring = new Ring({ fd, arena, params, queues: words, sqes: new Int32Array(sqes.buffer), roomEach })
  endings.set(ring, { parts: [queues, sqes], at })
  holdsRing({
    fd,
    queues: queues.address,
    queuesBytes: queues.buffer.byteLength,
    cqHead: params[Params.CQ_HEAD] / 4,
    cqTail: params[Params.CQ_TAIL] / 4,
    cqes: params[Params.CQ_CQES] / 4,
    entries: params[Params.CQ_ENTRIES],
  })
  return ring
}

function mapPart(fd: number, bytes: number, offset: number): Mapping | number {
  const address = libc.mmap(bytes, MAP_FLAGS, fd, offset)
  return address < 0n ? Number(address) : { address, buffer: libc.memory(address, bytes) }
}

/**
 * struct io_uring_sync_cancel_reg, 64 bytes: cancel everything, and wait for it without limit
 * (io_uring_register_sync_cancel(3)).
 */
function cancelAll(ring: Ring, at: number): void {
  ring.arena.i32.fill(0, at / 4, at / 4 + 16)
  ring.arena.i32.set([0, 0, -1, ASYNC_CANCEL_ANY | ASYNC_CANCEL_ALL, -1, -1, -1, -1], at / 4)
  libc.ioUringRegister(ring.fd, REGISTER_SYNC_CANCEL, ring.arena.pointer(at), 1)
}

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))
