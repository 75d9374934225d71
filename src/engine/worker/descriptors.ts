/**
 * File descriptors running out, seen before the kernel says so.
 *
 * At EMFILE, libuv gives up a spare descriptor to accept and close whatever waits
 * (`uv__emfile_trick`, libuv src/unix/stream.c): no crash and no spin, but nobody counts those
 * clients, and with several threads the trick can lose its spare. So a few descriptors are kept
 * free: the kernel always hands out the lowest number, so a connection whose number is near the
 * limit says that nearly all are taken. It is reset and counted, and the dial of an admitted
 * connection finds a descriptor. Where the limit is lowered meanwhile (prlimit(1)), or somebody
 * else takes them all at once, libuv's trick remains, and whom it closes is not counted.
 */

import { readFileSync } from 'node:fs'
import { monotonicMs } from '../../base/clock.ts'

/** Kept for dials, files and other threads; an eighth of a small limit. */
const RESERVED = 64

/** The limit is read again when it is older than this: it costs some 20 µs. */
const FRESH_MS = 100

/** The ceiling of now, for who cannot wait until the kernel refuses. */
export class DescriptorCeiling {
  #value: number
  #readMs = monotonicMs()

  constructor() {
    this.#value = descriptorCeiling()
  }

  /** Whether a descriptor is too near the limit. */
  isReachedBy(fd: number): boolean {
    const nowMs = monotonicMs()
    if (nowMs - this.#readMs >= FRESH_MS) {
      this.#readMs = nowMs
      this.#value = descriptorCeiling(this.#value) // without a descriptor, it cannot be read
    }
    return fd >= this.#value
  }
}

/** The first descriptor that is too near the limit; `unknown` where the limit cannot be read. */
export function descriptorCeiling(unknown = Number.POSITIVE_INFINITY): number {
  const limit = openFileLimit()
  return limit === null ? unknown : limit - Math.min(RESERVED, Math.floor(limit / 8))
}

/** The soft limit; null where it cannot be read, or there is none. */
export function openFileLimit(): number | null {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8') // proc_pid_limits(5)
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? null : Number(soft)
  } catch {
    return null // not Linux
  }
}
