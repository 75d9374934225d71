/**
 * Operations of a ring that tests use and weir does not: they show how the ring orders, links and
 * counts, without a socket.
 */

import { Sqe } from '../../src/kernel/uring/io-uring.ts'
import type { Ring } from '../../src/kernel/uring/ring.ts'

/** Their codes: include/uapi/linux/io_uring.h. */
const Code = { NOP: 0, TIMEOUT: 11, LINK_TIMEOUT: 15, MSG_RING: 40 } as const

/** Does nothing; completes with 0. */
export function prepareNop(ring: Ring, word: number, generation: number): void {
  put(ring, { opcode: Code.NOP, word, generation })
}

/** Completes with −ETIME after the timespec at `at`. */
export function prepareTimeout(ring: Ring, at: number, word: number, generation: number): void {
  put(ring, { opcode: Code.TIMEOUT, address: ring.arena.base + at, length: 1, word, generation })
}

/** Cancels the operation before it, which was linked to this one, after the timespec at `at`. */
export function prepareLinkTimeout(ring: Ring, at: number, word: number, generation: number): void {
  put(ring, { opcode: Code.LINK_TIMEOUT, address: ring.arena.base + at, length: 1, word, generation })
}

/**
 * Posts a completion to another ring, of any thread: `result`, and there this word and generation.
 */
export function prepareMessage(
  ring: Ring,
  targetFd: number,
  result: number,
  targetWord: number,
  targetGeneration: number,
  word: number,
  generation: number,
): void {
  const entry = put(ring, { opcode: Code.MSG_RING, fd: targetFd, length: result, word, generation })
  ring.sqes[entry + Sqe.OFF] = targetWord
  ring.sqes[entry + Sqe.OFF + 1] = targetGeneration
}

type Entry = {
  readonly opcode: number
  readonly fd?: number
  /** The kernel's address. */
  readonly address?: number
  readonly length?: number
  readonly word: number
  readonly generation: number
}

/** Fills the next entry, and returns its place. */
function put(ring: Ring, { opcode, fd = -1, address = 0, length = 0, word, generation }: Entry): number {
  const at = ring.take()
  const { sqes } = ring
  sqes.fill(0, at, at + Sqe.FILE_INDEX + 1)
  sqes[at + Sqe.HEAD] = opcode
  sqes[at + Sqe.FD] = fd
  sqes[at + Sqe.ADDR] = address
  sqes[at + Sqe.ADDR + 1] = address / 2 ** 32
  sqes[at + Sqe.LEN] = length
  sqes[at + Sqe.USER_DATA] = word
  sqes[at + Sqe.USER_DATA + 1] = generation
  return at
}
