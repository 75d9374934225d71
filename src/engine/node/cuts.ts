/**
 * Resets connections, a few in each turn of the event loop, so that the others are served in
 * between.
 */

import type { Connection } from './connection.ts'

/** About 40 µs each, half of it in Node. */
const EACH_TURN = 64

export class Cuts {
  readonly #waiting: Connection[] = []

  readonly add = (connection: Connection): void => {
    if (this.#waiting.push(connection) === 1) setImmediate(this.#cut)
  }

  readonly #cut = (): void => {
    for (const connection of this.#waiting.slice(0, EACH_TURN)) connection.cut()
    this.#waiting.splice(0, EACH_TURN)
    if (this.#waiting.length > 0) setImmediate(this.#cut)
  }
}
