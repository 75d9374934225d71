/**
 * Poptrie (Asai and Ohara, SIGCOMM 2015), the other structure that was measured before one was chosen.
 *
 * A first level of 2^18 entries, then nodes of 64 children. A node has one bit for each child that is
 * a node, and one for each at which the run of equal leaves before it ends; counting bits finds the
 * child. JavaScript has no instruction for that, which is what this structure lives on.
 */

import type { Ranges } from './ranges.ts'

const FIRST_BITS = 18
const STRIDE = 6
const NODE_WORDS = 6 // inner (2 words), leaf starts (2), first inner child, first leaf

export type Poptrie = {
  /** Words of an address. */
  readonly wide: 1 | 4
  /** A leaf's value, or ~node. */
  readonly first: Int32Array
  readonly nodes: Uint32Array
  readonly leaves: Uint32Array
}

export const bytesOf = ({ first, nodes, leaves }: Poptrie): number =>
  first.byteLength + nodes.byteLength + leaves.byteLength

/** The value of the longest prefix around the address whose words are `address` from `at` on. */
export function findPoptrie(trie: Poptrie, address: Uint32Array, at: number): number {
  const { nodes, leaves, wide } = trie
  const target = trie.first[address[at] >>> (32 - FIRST_BITS)]
  if (target >= 0) return target
  let node = ~target
  for (let position = FIRST_BITS; ; position += STRIDE) {
    const row = node * NODE_WORDS
    const child = keyAt(address, at, position, wide)
    if (hasBit(nodes, row, child)) node = nodes[row + 4] + rank(nodes, row, child)
    else return leaves[nodes[row + 5] + rank(nodes, row + 2, child)]
  }
}

/** The next six bits of an address of `wide` words; bits behind its last word are 0. */
function keyAt(address: Uint32Array, at: number, position: number, wide: number): number {
  const word = at + (position >>> 5)
  const shift = position & 31
  const high = (address[word] << shift) >>> (32 - STRIDE)
  return shift > 32 - STRIDE && position + STRIDE <= wide * 32
    ? high | (address[word + 1] >>> (64 - STRIDE - shift))
    : high
}

const hasBit = (words: Uint32Array, row: number, bit: number): boolean =>
  ((words[row + (bit >>> 5)] >>> (bit & 31)) & 1) === 1

/** How many of the bits 0 … bit are set, less one. */
function rank(words: Uint32Array, row: number, bit: number): number {
  const upTo = 0xffffffff >>> (31 - (bit & 31))
  return bit < 32
    ? countBits(words[row] & upTo) - 1
    : countBits(words[row]) + countBits(words[row + 1] & upTo) - 1
}

function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

export const buildPoptrie = (ranges: Ranges): Poptrie => new PoptrieBuilder(ranges).build()

/** Ranges `from` – `to` start in the part of the space that is dealt with; `before` holds where it begins. */
type Part = { readonly from: number; readonly to: number; readonly before: number }

class PoptrieBuilder {
  readonly #ranges: Ranges
  readonly #nodes: number[] = []
  readonly #leaves: number[] = []

  constructor(ranges: Ranges) {
    this.#ranges = ranges
  }

  build(): Poptrie {
    const first = new Int32Array(2 ** FIRST_BITS)
    const { wide, starts, values } = this.#ranges
    const whole = { from: 0, to: values.length, before: 0 }
    const parts = this.#split(whole, first.length, index => starts[index * wide] >>> (32 - FIRST_BITS))
    for (const [key, part] of parts.entries()) {
      if (!this.#isInner(part, FIRST_BITS)) first[key] = this.#valueBehind(part)
      else {
        const node = this.#reserve(1)
        first[key] = ~node
        this.#fill(node, part, FIRST_BITS)
      }
    }
    return { wide, first, nodes: Uint32Array.from(this.#nodes), leaves: Uint32Array.from(this.#leaves) }
  }

  #fill(node: number, whole: Part, position: number): void {
    const parts = this.#split(whole, 64, index => this.#keyOf(index, position))
    const inner = parts.filter(part => this.#isInner(part, position + STRIDE))
    const row = node * NODE_WORDS
    const firstLeaf = this.#leaves.length
    let lastLeaf = -1
    for (const [child, part] of parts.entries()) {
      if (inner.includes(part)) this.#setBit(row, child)
      else if (this.#valueBehind(part) !== lastLeaf) {
        lastLeaf = this.#valueBehind(part)
        this.#leaves.push(lastLeaf)
        this.#setBit(row + 2, child)
      }
    }
    const firstChild = this.#reserve(inner.length)
    this.#nodes[row + 4] = firstChild
    this.#nodes[row + 5] = firstLeaf
    for (const [index, part] of inner.entries()) this.#fill(firstChild + index, part, position + STRIDE)
  }

  /** The part of each key. */
  #split({ from, to, before }: Part, keys: number, keyOf: (index: number) => number): Part[] {
    const parts: Part[] = []
    let next = from
    let value = before
    for (let key = 0; key < keys; key++) {
      const start = next
      while (next < to && keyOf(next) === key) next++
      parts.push({ from: start, to: next, before: value })
      if (next > start) value = this.#ranges.values[next - 1]
    }
    return parts
  }

  /** Whether a part holds more than one value; `position` is the first bit that its ranges need not share. */
  #isInner({ from, to }: Part, position: number): boolean {
    return to > from + 1 || (to === from + 1 && !this.#isZeroFrom(from, position))
  }

  #isZeroFrom(index: number, position: number): boolean {
    for (let at = position; at < this.#ranges.wide * 32; at += STRIDE) {
      if (this.#keyOf(index, at) !== 0) return false
    }
    return true
  }

  #valueBehind({ from, to, before }: Part): number {
    return to === from ? before : this.#ranges.values[to - 1]
  }

  #keyOf(index: number, position: number): number {
    const { starts, wide } = this.#ranges
    return keyAt(starts, index * wide, position, wide)
  }

  /** The first of `count` new nodes, in a row. */
  #reserve(count: number): number {
    const node = this.#nodes.length / NODE_WORDS
    for (let word = 0; word < count * NODE_WORDS; word++) this.#nodes.push(0)
    return node
  }

  #setBit(row: number, bit: number): void {
    this.#nodes[row + (bit >>> 5)] |= 1 << (bit & 31)
  }
}
