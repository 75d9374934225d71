/**
 * Pipes, through which splice(2) moves bytes between sockets without copying them.
 *
 * Direct calls: IORING_OP_SPLICE always runs on a kernel thread. Both sockets have to be non-blocking
 * (sockets.ts), so a flow that is spliced waits in the ring by poll, not by receive.
 */

import type { Arena } from './arena.ts'
import * as libc from './libc.ts'

/** pipe(2): O_NONBLOCK | O_CLOEXEC. */
const PIPE_FLAGS = 0x800 | 0x80000
/** fcntl(2). */
const F_SETPIPE_SZ = 1031
/** splice(2): SPLICE_F_MOVE | SPLICE_F_NONBLOCK. */
const SPLICE_FLAGS = 1 | 2

export type Pipe = { readonly readFd: number; readonly writeFd: number }

/** A pipe that holds `bytes` bytes, where the user's limit (pipe(7)) allows, or −errno. `at`: 8 bytes of the arena. */
export function openPipe(arena: Arena, at: number, bytes: number): Pipe | number {
  const result = libc.pipe2(arena.pointer(at), PIPE_FLAGS)
  if (result < 0) return result
  const pipe = { readFd: arena.i32[at / 4], writeFd: arena.i32[at / 4 + 1] }
  libc.fcntl(pipe.writeFd, F_SETPIPE_SZ, bytes) // on -EPERM it keeps its 64 KiB
  return pipe
}

export function closePipe({ readFd, writeFd }: Pipe): void {
  libc.close(readFd)
  libc.close(writeFd)
}

/** Moves at most `bytes` bytes; how many, 0 at the end of the stream, −EAGAIN where it would wait. */
export const splice = (from: number, to: number, bytes: number): number =>
  libc.splice(from, to, bytes, SPLICE_FLAGS)
