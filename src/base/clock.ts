/**
 * The only module that reads the time. weir measures and waits on the monotonic clock, so a jump of
 * the wall clock never closes a connection.
 */

// Not the global of that name, which is a getter and runs at each reading.
import { performance } from 'node:perf_hooks'

/** Milliseconds on the monotonic clock, with fractions; only differences mean something. */
export const monotonicMs = (): number => performance.now()

/** The wall clock, for people to read: ISO 8601 in UTC. */
export const wallTime = (): string => new Date().toISOString()

/**
 * The wall clock in milliseconds since 1970, rounded up: only for comparison with the times of
 * files, which have fractions.
 */
export const wallMs = (): number => Date.now() + 1

/** The wall clock in milliseconds since 1970, for people. */
export const wallNowMs = (): number => Date.now()

/** Add this to this thread's `monotonicMs` to compare it with another thread's. */
export const clockOriginMs = Number(process.hrtime.bigint() / 1000n) / 1000 - monotonicMs()
