/**
 * From an offset in a file's text to the line and column that an editor shows.
 *
 * Lines are counted only when the first place is needed: a file that is refused pays nothing.
 */

import type { Place } from '../findings/diagnostic.ts'

export class Lines {
  readonly file: string
  readonly #length: number
  /** '' once lines are counted. */
  #text: string
  /** Where each line begins. */
  #starts: Uint32Array | null = null

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
    this.#length = text.length
  }

  /** The place of the character at `offset`; a column is a UTF-16 unit, as editors count. */
  place(offset: number): Place {
    const starts = this.count()
    const at = Math.min(offset, this.#length)
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (starts[middle] <= at) low = middle
      else high = middle
    }
    return { file: this.file, line: low + 1, column: at - starts[low] + 1 }
  }

  /** Counts the lines, and lets go of the text. */
  count(): Uint32Array {
    if (this.#starts) return this.#starts
    const starts = [0]
    const text = this.#text
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#text = ''
    this.#starts = Uint32Array.from(starts)
    return this.#starts
  }
}
