/**
 * Endpoints whose last connect failed: one word for each address and port, shared by all workers.
 *
 *   0: it did not fail │ else: level (3 bits), and when the back-off is over (29 bits, milliseconds)
 *
 * The words are a part of the counts (stats.ts) that all workers write, by compare-and-swap. The
 * compiler assigns a word to each address and port (counter-slots.ts), so back-offs survive a
 * reload. Word 0 stands for all endpoints without a slot and is never written: weir does not
 * remember their failures.
 *
 *   0 ─fails─▶ level 1, 1 s ─over─▶ claimed by one connection ─fails─▶ level 2, 2 s ─▶ … level 6, 30 s
 *   ▲                                        └─connects─▶ 0
 *
 * A claim is also a back-off, for as long as the dial may take: it expires even if its worker dies.
 * Times come from the caller, in milliseconds on a clock that all workers share.
 */

const LEVEL_SHIFT = 29
const TIME_MASK = 2 ** LEVEL_SHIFT - 1

const FIRST_MS = 1_000
const MOST_MS = 30_000
const LEVEL_MAX = 6
/**
 * No back-off and no claim is longer. The 29 bits wrap around in six days; a time further ahead
 * than this is in the past, so an endpoint without a dial for days is not held back.
 */
const HOLD_MS_MAX = 3_700_000

export const backoffMs = (level: number): number => Math.min(FIRST_MS * 2 ** (level - 1), MOST_MS)

/** Whether a word says that the last connect failed and the back-off, or a claim, is not over. */
export const isHeld = (word: number, nowMs: number): boolean => word !== 0 && leftMs(word, nowMs) > 0

/**
 * Lets one caller probe an endpoint whose back-off is over: true for that one. Others have to wait
 * for `forMs`.
 */
export function claim(words: Int32Array, slot: number, nowMs: number, forMs: number): boolean {
  const word = Atomics.load(words, slot)
  if (word === 0 || leftMs(word, nowMs) > 0) return false
  const claimed = pack(levelOf(word), nowMs + Math.min(forMs, HOLD_MS_MAX))
  return Atomics.compareExchange(words, slot, word, claimed) === word
}

/** Gives back a claim whose dial had no result: the same back-off begins again. */
export function giveBack(words: Int32Array, slot: number, nowMs: number): void {
  const word = Atomics.load(words, slot)
  if (word === 0) return
  Atomics.compareExchange(words, slot, word, pack(levelOf(word), nowMs + backoffMs(levelOf(word))))
}

/**
 * A connect has failed. Only the holder of the claim extends the back-off: many connects in
 * progress when the endpoint died are one failure.
 */
export function noteFailure(words: Int32Array, slot: number, nowMs: number, hasClaim: boolean): void {
  if (slot === 0) return
  const word = Atomics.load(words, slot)
  if (word !== 0 && !hasClaim) return
  const level = Math.min(levelOf(word) + 1, LEVEL_MAX)
  Atomics.compareExchange(words, slot, word, pack(level, nowMs + backoffMs(level)))
}

/**
 * Health checks of an endpoint fail whose last connect failed: nobody tries it before `untilMs`.
 * An endpoint without a failed connect is left as it is.
 */
export function hold(words: Int32Array, slot: number, nowMs: number, untilMs: number): void {
  const word = Atomics.load(words, slot)
  const forMs = Math.min(untilMs - nowMs, HOLD_MS_MAX)
  if (word === 0 || leftMs(word, nowMs) >= forMs) return
  Atomics.compareExchange(words, slot, word, pack(levelOf(word), nowMs + forMs))
}

/** A check has succeeded: one connection may try the endpoint now, whatever its back-off. */
export function release(words: Int32Array, slot: number, nowMs: number): void {
  const word = Atomics.load(words, slot)
  if (word === 0 || leftMs(word, nowMs) === 0) return
  Atomics.compareExchange(words, slot, word, pack(levelOf(word), nowMs))
}

/** A connect has succeeded: one plain load for a healthy endpoint. */
export function noteSuccess(words: Int32Array, slot: number): void {
  if (words[slot] !== 0) Atomics.store(words, slot, 0)
}

const levelOf = (word: number): number => word >>> LEVEL_SHIFT

const pack = (level: number, untilMs: number): number => (level << LEVEL_SHIFT) | stampOf(untilMs)

const stampOf = (ms: number): number => Math.ceil(ms) % (TIME_MASK + 1)

/** How long a back-off, or a claim, still lasts; 0: it is over. */
export function leftMs(word: number, nowMs: number): number {
  const left = ((word & TIME_MASK) - stampOf(nowMs)) & TIME_MASK
  return left <= HOLD_MS_MAX ? left : 0
}
