/**
 * Limits how many health checks run at the same time; the others wait, first come, first served.
 * With thousands of endpoints that time out this takes a while, but each is still checked.
 */

const RUNNING_MAX = 256

export class ConcurrencyLimit {
  #running = 0
  /** In order of arrival. */
  readonly #waiting = new Set<() => void>()

  /** Queues `begin`, and calls it once there is room. @returns A function that cancels it. */
  take(begin: () => void): () => void {
    this.#waiting.add(begin)
    this.next()
    return () => this.#waiting.delete(begin)
  }

  /** A check has ended: there is room for another, which `next` begins. */
  end(): void {
    this.#running--
  }

  /** Begins as many as there is room for. */
  next(): void {
    for (const begin of this.#waiting) {
      if (this.#running >= RUNNING_MAX) return
      this.#waiting.delete(begin)
      this.#running++
      begin()
    }
  }
}
