/**
 * How much of a count that only grows came in the last minute, by key.
 *
 * Every ten seconds the counts are written down; the oldest of what is kept is a minute old, or up
 * to ten seconds more. A key that was not there then began at nought.
 */

export const MARK_EVERY_MS = 10_000
const MARKS = 7

export class LastMinute {
  #marks: readonly ReadonlyMap<string, number>[] = []

  /** Writes down the counts of now; to be called every MARK_EVERY_MS. */
  mark(counts: ReadonlyMap<string, number>): void {
    this.#marks = [...this.#marks, counts].slice(-MARKS)
  }

  /** What of `count` is of the last minute. */
  of(key: string, count: number): number {
    const before = this.#marks.length < MARKS ? 0 : (this.#marks[0].get(key) ?? 0)
    return Math.max(0, count - before)
  }
}
