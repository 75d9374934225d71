/**
 * The wall clock as bytes, "2026-11-23T07:36:27.123Z": everything except the milliseconds is
 * encoded once a second.
 */

import { type Bytes, encoded } from './bytes.ts'

export class WallTime {
  readonly #before: string
  readonly #after: Uint8Array
  #second = -1
  #prefix: Uint8Array = encoded('')

  /** @param before  Precedes the time. @param after  Follows it. */
  constructor(before: string, after: string) {
    this.#before = before
    this.#after = encoded(`Z${after}`)
  }

  put(out: Bytes, wallMs: number): void {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#prefix = encoded(this.#before + new Date(second * 1000).toISOString().slice(0, 20))
    }
    out.put(this.#prefix)
    out.padded(wallMs - second * 1000, 3)
    out.put(this.#after)
  }
}
