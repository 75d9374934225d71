/** struct __kernel_timespec in the arena: seconds and nanoseconds, each 64 bits. */

import type { Arena } from '../arena.ts'

/** Writes `ms` milliseconds, 0 or more, at offset `at`. */
export function writeTimespec(arena: Arena, at: number, ms: number): void {
  const word = at / 4
  const seconds = Math.floor(ms / 1000)
  arena.u32[word] = seconds
  arena.u32[word + 1] = seconds / 2 ** 32
  arena.u32[word + 2] = (ms - seconds * 1000) * 1e6
  arena.u32[word + 3] = 0
}
