/** The wall clock as bytes, "2026-11-23T07:36:27.123Z": all but the milliseconds is encoded once a second. */

import type { Bytes } from './bytes.ts'
import { encoded } from './bytes.ts'

export class WallTime {
  #second = -1
  #prefix: Uint8Array = encoded('')

  put(out: Bytes, wallMs: number): void {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#prefix = encoded(new Date(second * 1000).toISOString().slice(0, 20))
    }
    out.put(this.#prefix)
    out.padded(wallMs - second * 1000, 3)
    out.put(UTC)
  }
}

const UTC = encoded('Z')
