/**
 * Closes what a worker has left open (held.ts) when it died by a bug, ran out of memory or was
 * terminated, while the process continues. The kernel would still give clients to a listener that
 * stays open.
 *
 * First the ring, whose operations hold the sockets; then each socket with a reset, so that no peer
 * takes a broken stream for a complete one, and each listener, whose queue the kernel resets; the
 * memory last. By then the kernel must have none of the worker's operations: they ended with the
 * thread, or the worker ended them.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { Arena } from './arena.ts'
import { Held, type HeldRing } from './held.ts'
import * as libc from './libc.ts'
import { Sockets } from './sockets.ts'
import { Cqe } from './uring/io-uring.ts'
import { operationOf } from './user-data.ts'

/** Serves other work after this many. */
const AT_ONCE = 256

/**
 * The number of accepted connections that the worker never handled; `accept` is the code of the
 * accept operation in user_data.
 */
export async function closeLeftBehind(register: SharedArrayBuffer, accept: number): Promise<number> {
  const held = new Held(register)
  const { ring, closing, descriptors, mappings } = held
  if (libc.missing !== '') return 0
  const accepted = ring ? acceptedBy(ring, accept) : []
  if (ring) libc.close(ring.fd)
  for (const fd of closing) libc.close(fd)
  await closeDescriptors([...descriptors, ...accepted])
  for (const { address, bytes } of mappings) libc.munmap(address, bytes)
  held.clear()
  return accepted.length
}

/** Descriptors in completions that were not reaped. */
function acceptedBy(ring: HeldRing, accept: number): number[] {
  const { queues, queuesBytes, cqHead, cqTail, cqes, entries } = ring
  const memory = libc.memory(queues, queuesBytes)
  const words = new Int32Array(memory)
  const found: number[] = []
  for (let at = words[cqHead]; at !== Atomics.load(words, cqTail); at = (at + 1) | 0) {
    const cqe = cqes + (at & (entries - 1)) * Cqe.WORDS
    const isAccept = operationOf(words[cqe + Cqe.USER_DATA]) === accept
    if (isAccept && words[cqe + Cqe.RES] >= 0) found.push(words[cqe + Cqe.RES])
  }
  memory.transfer(0) // it is about to be unmapped
  return found
}

/** Resets connections without a worker. */
export async function closeDescriptors(fds: readonly number[]): Promise<void> {
  const arena = Arena.map(4096)
  const sockets = typeof arena === 'number' ? null : new Sockets(arena)
  for (const [index, fd] of fds.entries()) {
    sockets?.abort(fd)
    libc.close(fd)
    if (index % AT_ONCE === AT_ONCE - 1) await turn()
  }
  if (typeof arena !== 'number') arena.unmap()
}
