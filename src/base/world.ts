/**
 * What the data plane needs from its machine besides the kernel: the time, random numbers, the
 * machine's own addresses, the limit of open files.
 *
 * A worker gets its world and imports none of it. So a test can pass another one, with a simulated
 * clock and repeatable random numbers. The real one is kernel/machine.ts.
 */

import type { Random } from './random.ts'

export interface World {
  /** Milliseconds on the monotonic clock, with fractions; only differences mean something. */
  monotonicMs(): number
  /** Add this to this thread's `monotonicMs` to compare it with another thread's. */
  readonly originMs: number
  /** The wall clock in milliseconds since 1970. */
  wallMs(): number
  /** A new generator of random numbers at each call. */
  random(): Random
  /** Addresses and ranges that lead to this machine. */
  ownAddresses(): readonly string[]
  /** The soft limit of open files; null if it cannot be read, or there is none. */
  openFilesMax(): number | null
}
