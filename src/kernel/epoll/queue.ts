/** Queues: growing rings of words. Emptying an array in each turn would call V8's runtime. */

/** Entries of `each` words, a power of two. */
class Ring {
  /** `add` and `take` return where an entry's words begin; they are valid until the next `add`. */
  words: Int32Array
  count = 0
  readonly #each: number
  #first = 0

  constructor(each: number) {
    this.#each = each
    this.words = new Int32Array(256 * each)
  }

  add(): number {
    if (this.count * this.#each === this.words.length) this.#grow()
    return (this.#first + this.count++ * this.#each) & (this.words.length - 1)
  }

  /** There must be one. */
  take(): number {
    const at = this.#first
    this.#first = (at + this.#each) & (this.words.length - 1)
    this.count--
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

/** Completions that nobody has taken yet: word, generation, result, flags. */
export class Queue {
  readonly #ring = new Ring(4)

  /** `take` returns where a completion's words begin. */
  get words(): Int32Array {
    return this.#ring.words
  }

  get isEmpty(): boolean {
    return this.#ring.count === 0
  }

  put(word: number, generation: number, result: number, flags: number): void {
    const at = this.#ring.add()
    const { words } = this.#ring
    words[at] = word
    words[at + 1] = generation
    words[at + 2] = result
    words[at + 3] = flags
  }

  /** There must be one; its words are valid until the next `put`. */
  take(): number {
    return this.#ring.take()
  }
}

/** Deferred descriptors. */
export class Later {
  readonly #ring = new Ring(1)

  get count(): number {
    return this.#ring.count
  }

  put(fd: number): void {
    const at = this.#ring.add()
    this.#ring.words[at] = fd
  }

  /** There must be one. */
  take(): number {
    return this.#ring.words[this.#ring.take()]
  }
}
