/**
 * The current limit, in shared memory: the supervisor writes it at a reload, and each worker reads
 * it for each connection. Rows for connections are allocated at the start, so a later limit cannot
 * exceed the first one.
 */

import { layout } from '../../base/layout.ts'
import type { EngineLimits } from '../decide/decide.ts'

const Word = layout(1, { maxConnections: [0, 1] })

export const createLimits = (): SharedArrayBuffer => new SharedArrayBuffer(Word.WORDS * 4)

export function writeLimits(buffer: SharedArrayBuffer, { maxConnections }: EngineLimits): void {
  Atomics.store(new Int32Array(buffer), Word.maxConnections, maxConnections)
}

/** A worker's view of them; `rows` is the limit at the start. */
export class LimitsInForce implements EngineLimits {
  readonly rows: number
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer, rows: number) {
    this.#words = new Int32Array(buffer)
    this.rows = rows
  }

  get maxConnections(): number {
    return this.#words[Word.maxConnections]
  }
}
