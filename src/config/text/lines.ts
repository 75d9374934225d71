/**
 * From an offset in a file's text to the line and column that an editor shows.
 *
 * Lines are counted only when the first place is needed: a file without mistakes pays nothing.
 */

import { LineCounter } from 'yaml'
import type { Place } from '../findings/diagnostic.ts'

export class Lines {
  readonly file: string
  readonly #text: string
  #counter: LineCounter | null = null

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
  }

  /** The place of the character at `offset`; a column is a UTF-16 unit, as editors count. */
  place(offset: number): Place {
    this.#counter ??= count(this.#text)
    const { line, col } = this.#counter.linePos(Math.min(offset, this.#text.length))
    return { file: this.file, line, column: col }
  }
}

function count(text: string): LineCounter {
  const counter = new LineCounter()
  counter.addNewLine(0)
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1)
  return counter
}
