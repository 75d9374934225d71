/**
 * Waking a worker that waits in its kernel: an eventfd that the kernel watches (eventfd(2)).
 *
 * Any thread of the process can wake it by the eventfd's number, without node:ffi. Several wakes
 * before the worker reads them are one; none is lost, since the kernel counts them until they are
 * read.
 */

import { closeSync, writeSync } from 'node:fs'
import * as libc from './libc.ts'

const EFD_CLOEXEC = 0x80000

/** One, as the u64 that an eventfd adds to its count. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer)

/** A worker's eventfd, or −errno. Blocking, as a ring needs it. */
export const openWake = (): number => libc.eventfd(0, EFD_CLOEXEC)

/** Wakes the worker that waits for `fd`; from any thread. */
export function wake(fd: number): void {
  writeSync(fd, ONE)
}

/** Closes it; called by the thread that wakes, once the worker has ended. */
export function closeWake(fd: number): void {
  closeSync(fd)
}
