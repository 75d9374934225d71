/**
 * What a data plane takes from the machine that it runs on, apart from its kernel: the time, random
 * numbers, the addresses that lead here, the limit of open files.
 *
 * A worker is given its world and imports none of it, so that a test can hand it another one: a
 * clock that moves when the test says so, and random numbers that repeat. The real one is
 * kernel/machine.ts.
 */

import type { Random } from './random.ts'

export interface World {
  /** Milliseconds on the monotonic clock, with fractions; only differences mean something. */
  monotonicMs(): number
  /** This thread's `monotonicMs` raised by this can be compared with another thread's. */
  readonly originMs: number
  /** The wall clock in milliseconds since 1970. */
  wallMs(): number
  /** A generator of random numbers, seeded anew with each call. */
  random(): Random
  /** Addresses and ranges that lead to this machine. */
  ownAddresses(): readonly string[]
  /** The soft limit of open files; null where it cannot be read, or there is none. */
  openFilesMax(): number | null
}
