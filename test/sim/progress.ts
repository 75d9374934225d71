/**
 * How far a campaign is: on a terminal a line that changes in place, and elsewhere nothing. It ends
 * with the marks that were not reached yet.
 */

const EACH_MS = 250

export type Figures = {
  readonly seeds: number
  /** How many there will be; Infinity: until it is stopped. */
  readonly most: number
  readonly events: number
  readonly failed: number
  readonly ms: number
  /** How often each was reached. */
  readonly marks: ReadonlyMap<string, number>
}

export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #marks: readonly string[]
  #shownMs = Number.NEGATIVE_INFINITY
  #width = 0

  /** @param marks  All that there are in the source. */
  constructor(out: NodeJS.WriteStream, marks: readonly string[]) {
    this.#out = out
    this.#marks = marks
  }

  /** Whether it is time for it: also elsewhere. */
  show(figures: Figures): boolean {
    if (figures.ms - this.#shownMs < EACH_MS) return false
    this.#shownMs = figures.ms
    if (!this.#out.isTTY) return true
    const { seeds, most, events, failed, ms, marks } = figures
    const of = Number.isFinite(most) ? ` of ${most}` : ''
    const rate = ((seeds / Math.max(1, ms)) * 1000).toFixed(0)
    const missing = this.#marks.filter(name => !marks.has(name))
    const reached = `${this.#marks.length - missing.length} of ${this.#marks.length} marks`
    const counts = `${seeds}${of} seeds, ${rate}/s, ${events} events, ${failed} failed, ${reached}`
    const line = missing.length > 0 ? `${counts}, not yet: ${missing.join(', ')}` : counts
    this.#line(line.slice(0, (this.#out.columns || 80) - 1))
    return true
  }

  /** Something that stays, above the line. */
  say(text: string): void {
    this.end()
    this.#out.write(`${text}\n`)
    this.#shownMs = Number.NEGATIVE_INFINITY
  }

  /** Takes the line away. */
  end(): void {
    if (this.#width > 0) this.#line('')
    this.#width = 0
  }

  #line(text: string): void {
    this.#out.write(`\r${text.padEnd(this.#width)}\r${text}`)
    this.#width = text.length
  }
}
