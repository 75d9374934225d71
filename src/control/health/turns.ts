/**
 * How many checks there are at the same time: further ones wait for their turn, the first one
 * first. With thousands of endpoints that time out it takes a while, and each is still checked.
 */

const AT_ONCE = 256

export class Turns {
  #running = 0
  /** In the order in which they asked. */
  readonly #waiting = new Set<() => void>()

  /** Calls `begin` now, or when its turn comes. @returns what gives the turn up. */
  take(begin: () => void): () => void {
    this.#waiting.add(begin)
    this.next()
    return () => this.#waiting.delete(begin)
  }

  /** One of those that began has ended. */
  end(): void {
    this.#running--
  }

  /** Begins as many as there is room for. */
  next(): void {
    for (const begin of this.#waiting) {
      if (this.#running >= AT_ONCE) return
      this.#waiting.delete(begin)
      this.#running++
      begin()
    }
  }
}
