/**
 * The queue of completions, in order: a growing ring of words.
 */

/** Words of one: its word, its generation, its result and its flags. */
const WORDS = 4

export class Queue {
  /** A completion's words begin at what `take` says. */
  words = new Int32Array(256 * WORDS)
  #first = 0
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  put(word: number, generation: number, result: number, flags: number): void {
    if (this.#count * WORDS === this.words.length) this.#grow()
    const { words } = this
    const at = (this.#first + this.#count * WORDS) & (words.length - 1)
    words[at] = word
    words[at + 1] = generation
    words[at + 2] = result
    words[at + 3] = flags
    this.#count++
  }

  /** There must be one; its words are valid until the next `put`. */
  take(): number {
    const at = this.#first
    this.#first = (at + WORDS) & (this.words.length - 1)
    this.#count--
    return at
  }

  #grow(): void {
    const { words } = this
    const larger = new Int32Array(2 * words.length)
    larger.set(words.subarray(this.#first))
    larger.set(words.subarray(0, this.#first), words.length - this.#first)
    this.words = larger
    this.#first = 0
  }
}
