/**
 * Marks: why an endpoint is not to be used, and what its last failure was. One word of each for an
 * address and port, by its slot, shared by all workers and kept over reloads.
 *
 * A mark of 0 says that nothing is known against the endpoint; this is all that the data path reads
 * of an endpoint that is well. Bits are set and cleared by atomics. Word 0 stands for all endpoints
 * without a slot, and is never written.
 */

/** What each bit says. */
export const Mark = {
  /** An operator has taken it out of rotation. */
  draining: 1,
  /** Its health checks fail. */
  down: 2,
  /** It may be ejected from a destination: its records (outliers.ts) say from which. */
  ejected: 4,
  /** Its last health check failed, and it is not down yet: others are used first. */
  doubted: 8,
} as const

export function setMark(marks: Int32Array, slot: number, mark: number): void {
  if (slot !== 0 && (marks[slot] & mark) === 0) Atomics.or(marks, slot, mark)
}

/** Whether it was set. */
export function clearMark(marks: Int32Array, slot: number, mark: number): boolean {
  return (marks[slot] & mark) !== 0 && (Atomics.and(marks, slot, ~mark) & mark) !== 0
}

const SECONDS_BITS = 24

/** A failure: its errno (0: a timeout of ours), and when, in seconds; of two the last one stays. */
export function noteLastError(words: Uint32Array, slot: number, errno: number, nowMs: number): void {
  if (slot === 0) return
  words[slot] =
    ((Math.abs(errno) & 0x7f) << SECONDS_BITS) | (Math.floor(nowMs / 1000) % 2 ** SECONDS_BITS) || 1
}

/** The last failure of an endpoint, or null. */
export function lastErrorOf(
  word: number,
  nowMs: number,
): { readonly errno: number; readonly agoS: number } | null {
  if (word === 0) return null
  const nowS = Math.floor(nowMs / 1000) % 2 ** SECONDS_BITS
  const agoS = (nowS - (word & (2 ** SECONDS_BITS - 1)) + 2 ** SECONDS_BITS) % 2 ** SECONDS_BITS
  return { errno: word >>> SECONDS_BITS, agoS }
}
