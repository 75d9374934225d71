/**
 * Tokens of a source (sources.ts): so many connections a second, after a burst.
 */

import { Entry } from './source-table.ts'

/** A limit, as `takeSource` is asked for it; filled anew for each. */
export type AskedLimit = { slot: number; connections: number; rate: number; burst: number }

/** Whether nothing would be forgotten with an entry: no connection, and all of its tokens back. */
export function isIdle(words: Int32Array, at: number, nowMs: number): boolean {
  if (Atomics.load(words, at + Entry.ready) === 0 || Atomics.load(words, at + Entry.connections) !== 0)
    return false
  const missing = words[at + Entry.burst] * 1000 - Atomics.load(words, at + Entry.tokens)
  return missing <= 0 || sinceMs(words, at, nowMs) * words[at + Entry.rate] >= missing
}

/** Clocks of workers differ by less than a second; more than that back is more than 24 days on. */
function sinceMs(words: Int32Array, at: number, nowMs: number): number {
  const elapsed = ((nowMs | 0) - Atomics.load(words, at + Entry.refilledMs)) | 0
  return elapsed < -1000 ? 2 ** 31 : Math.max(0, elapsed)
}

/** Takes a token, after those that have come since the last look: one for each `1000 / rate` ms. */
export function takeToken(
  words: Int32Array,
  at: number,
  { rate, burst }: AskedLimit,
  nowMs: number,
): boolean {
  const most = burst * 1000
  words[at + Entry.rate] = rate
  words[at + Entry.burst] = burst
  const elapsed = sinceMs(words, at, nowMs)
  const last = Atomics.load(words, at + Entry.refilledMs)
  const isMine =
    elapsed > 0 && Atomics.compareExchange(words, at + Entry.refilledMs, last, nowMs | 0) === last
  const came = isMine ? Math.min(most, elapsed * rate) : 0
  for (;;) {
    const before = Atomics.load(words, at + Entry.tokens)
    const now = Math.min(most, before + came)
    const left = now >= 1000 ? now - 1000 : now
    if (Atomics.compareExchange(words, at + Entry.tokens, before, left) === before) return now >= 1000
  }
}
