/** Growing sections, and values that share a row. */

import { assert } from '../../base/assert.ts'

/** A section: rows of a fixed width. */
export class Rows {
  readonly #width: number
  #words = new Uint32Array(1024)
  #length = 0

  constructor(width: number) {
    this.#width = width
  }

  get count(): number {
    return this.#length / this.#width
  }

  /** Appends one row and returns its index. */
  add(...row: readonly number[]): number {
    assert(row.length === this.#width, `a row of ${row.length} words, not ${this.#width}`)
    this.#makeRoom(row.length)
    for (let word = 0; word < row.length; word++) this.#words[this.#length + word] = row[word]
    this.#length += row.length
    return this.count - 1
  }

  /** Appends the rows of another section from `first` on, and returns the index of the first. */
  append(words: Uint32Array, first: number, count: number): number {
    const start = this.count
    this.#makeRoom(count * this.#width)
    this.#words.set(words.subarray(first * this.#width, (first + count) * this.#width), this.#length)
    this.#length += count * this.#width
    return start
  }

  #makeRoom(words: number): void {
    let length = this.#words.length
    while (this.#length + words > length) length *= 2
    if (length === this.#words.length) return
    const larger = new Uint32Array(length)
    larger.set(this.#words.subarray(0, this.#length))
    this.#words = larger
  }

  words(): Uint32Array {
    return this.#words.subarray(0, this.#length)
  }
}

/** Equal values share an index. */
export class Interned<Value> {
  readonly list: Value[] = []
  readonly #indexes = new Map<string, number>()

  /** @param first  Values that get the first indexes, in this order. */
  constructor(first: readonly Value[]) {
    for (const value of first) this.indexOf(value)
  }

  indexOf(value: Value): number {
    const key = JSON.stringify(value, sortedKeys)
    const known = this.#indexes.get(key)
    if (known !== undefined) return known
    this.#indexes.set(key, this.list.length)
    return this.list.push(value) - 1
  }
}

/** For JSON.stringify: the order of labels does not matter. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A word would hold any other number too, and a worker would bind or dial it. */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535

export const isPortOrAny = (port: number): boolean => port === 0 || isPort(port)
