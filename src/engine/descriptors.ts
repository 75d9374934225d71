/**
 * File descriptors running out, seen before the kernel says so.
 *
 * At EMFILE, libuv gives up a spare descriptor to accept and close whatever waits
 * (`uv__emfile_trick`, libuv src/unix/stream.c): no crash and no spin, but nobody counts those
 * clients, and with several threads the trick can lose its spare. So a few descriptors are kept
 * free: the kernel always hands out the lowest number, so a connection whose number is near the
 * limit says that nearly all are taken. It is reset and counted, and the dial of an admitted
 * connection finds a descriptor.
 */

import { readFileSync } from 'node:fs'

/** Kept for dials, files and other threads; an eighth of a small limit. */
const RESERVED = 64

/** The first descriptor that is too near the limit; Infinity where the limit is not known. */
export function descriptorCeiling(): number {
  const limit = openFileLimit()
  return limit - Math.min(RESERVED, Math.floor(limit / 8))
}

function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8') // proc_pid_limits(5)
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY // not Linux
  }
}
