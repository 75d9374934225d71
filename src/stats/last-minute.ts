/**
 * The growth of a counter in the last minute, by key.
 *
 * It samples the counts every ten seconds; the oldest sample is 60 to 70 seconds old. A key without
 * a sample started at 0.
 */

export const MARK_EVERY_MS = 10_000
const MARKS = 7

export class LastMinute {
  #marks: readonly ReadonlyMap<string, number>[] = []

  /** Records the current counts; call it every MARK_EVERY_MS. */
  mark(counts: ReadonlyMap<string, number>): void {
    this.#marks = [...this.#marks, counts].slice(-MARKS)
  }

  /** The part of `count` that is of the last minute. */
  of(key: string, count: number): number {
    const before = this.#marks.length < MARKS ? 0 : (this.#marks[0].get(key) ?? 0)
    return Math.max(0, count - before)
  }
}
