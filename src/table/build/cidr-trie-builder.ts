/**
 * Builds a trie of ranges (../match/cidr-trie.ts) out of CIDRs.
 *
 *   prefixes ─sort─▶ nested, outer first ─sweep─▶ boundaries ─split by 6 to 16 bits─▶ blocks
 *
 * A boundary is an address from which another prefix is the longest. All steps are linear in the
 * number of prefixes, including the sort (byte by byte).
 */

import { wordMask } from '../../address/address.ts'
import { packHalves } from '../format/layout.ts'
import { directoryBits, directoryHalves, levelBits } from '../match/cidr-trie.ts'

/**
 * Bits that the first level resolves, by the number of boundaries (up to two per prefix): 16 bytes,
 * 4 KiB or 1 MiB. Few bits keep a small set small; many save a large one search steps.
 */
const firstBits = (boundaries: number): number => (boundaries < 128 ? 2 : boundaries < 8192 ? 10 : 18)

/**
 * Distinct prefixes of one family; host bits are clear.
 *
 * `words` has 1 (IPv4) or 4 (IPv6) words for each prefix, `lengths` its length. The value of prefix
 * `index` in the trie is `index` + 1, plus the `before` of `buildTrie`.
 */
export type PrefixSet = { readonly wide: 1 | 4; readonly words: Uint32Array; readonly lengths: Uint8Array }

/**
 * The trie's words.
 *
 * @param before    Added to all values.
 * @param isPlaced  Whether a prefix, by its index, has a place in the trie.
 * @param order     The result of `sortPrefixes`, if the caller has it.
 */
export function buildTrie(
  set: PrefixSet,
  { before = 0, isPlaced = (_index: number): boolean => true, order = sortPrefixes(set) } = {},
): Int32Array {
  return new BlockWriter(set, sweep(set, order, before, isPlaced)).write()
}

/** By prefix `index` + 1: 1 + the index of the next shorter prefix around it; 0: none. */
export function parentsOf(set: PrefixSet, order = sortPrefixes(set)): Uint32Array {
  const parents = new Uint32Array(set.lengths.length + 1)
  const open: number[] = [] // outermost first
  for (const index of order) {
    while (open.length > 0 && !isInside(set, index, open[open.length - 1])) open.pop()
    if (open.length > 0) parents[index + 1] = open[open.length - 1] + 1
    open.push(index)
  }
  return parents
}

/**
 * Indexes of the prefixes by address, and outer before inner: a radix sort, least significant byte
 * first.
 */
export function sortPrefixes({ wide, words, lengths }: PrefixSet): Uint32Array {
  let from = Uint32Array.from(lengths, (_, index) => index)
  let to = new Uint32Array(from.length)
  const ends = new Uint32Array(257)
  const sortBy = (byteOf: (index: number) => number): void => {
    ends.fill(0)
    for (const index of from) ends[byteOf(index) + 1]++
    for (let byte = 1; byte < ends.length; byte++) ends[byte] += ends[byte - 1]
    for (const index of from) to[ends[byteOf(index)]++] = index
    ;[from, to] = [to, from]
  }
  sortBy(index => lengths[index])
  for (let word = wide - 1; word >= 0; word--) {
    for (const shift of [0, 8, 16, 24]) sortBy(index => (words[index * wide + word] >>> shift) & 255)
  }
  return from
}

/**
 * Addresses from which on a value holds, ascending; the first is address 0. Neighbours differ in
 * value.
 */
type Boundaries = { readonly words: Uint32Array; readonly values: Uint32Array; count: number }

/** Walks the sorted prefixes with a stack of the open ones, as if they were brackets. */
function sweep(
  set: PrefixSet,
  order: Uint32Array,
  before: number,
  isPlaced: (index: number) => boolean,
): Boundaries {
  const { wide, words, lengths } = set
  const limit = 2 * lengths.length + 1
  const found = { words: new Uint32Array(limit * wide), values: new Uint32Array(limit), count: 1 }
  const open: number[] = [] // indexes of prefixes, outermost first
  const behind = new Uint32Array(wide)
  const valueOfTop = (): number => (open.length === 0 ? 0 : before + open[open.length - 1] + 1)
  const closeTop = (): void => {
    const index = open.pop() as number
    const isLast = !addressBehind(set, index, behind)
    if (!isLast) addBoundary(found, behind, 0, valueOfTop())
  }
  for (const index of order) {
    if (!isPlaced(index)) continue
    while (open.length > 0 && !isInside(set, index, open[open.length - 1])) closeTop()
    open.push(index)
    addBoundary(found, words, index * wide, before + index + 1)
  }
  while (open.length > 0) closeTop()
  return found
}

function addBoundary(found: Boundaries, words: Uint32Array, at: number, value: number): void {
  const wide = found.words.length / found.values.length
  let last = found.count - 1
  const isSamePlace = equalWords(found.words, last * wide, words, at, wide)
  if (!isSamePlace) last = found.count++
  for (let word = 0; word < wide; word++) found.words[last * wide + word] = words[at + word]
  found.values[last] = value
}

/** Whether prefix `inner` begins inside prefix `outer`. */
function isInside({ wide, words, lengths }: PrefixSet, inner: number, outer: number): boolean {
  for (let word = 0; word < wide; word++) {
    const difference = words[inner * wide + word] ^ words[outer * wide + word]
    if ((difference & wordMask(lengths[outer], word)) !== 0) return false
  }
  return true
}

/** Writes the first address behind prefix `index` to `out`; false if there is none. */
function addressBehind({ wide, words, lengths }: PrefixSet, index: number, out: Uint32Array): boolean {
  let carry = 1
  for (let word = wide - 1; word >= 0; word--) {
    const last = (words[index * wide + word] | ~wordMask(lengths[index], word)) >>> 0
    const sum = last + carry
    out[word] = sum
    carry = sum > 0xffffffff ? 1 : 0
  }
  return carry === 0
}

function equalWords(a: Uint32Array, at: number, b: Uint32Array, from: number, count: number): boolean {
  for (let word = 0; word < count; word++) if (a[at + word] !== b[from + word]) return false
  return true
}

/** Cuts the boundaries into a first level and blocks. */
class BlockWriter {
  readonly #wide: number
  readonly #boundaries: Boundaries
  readonly #firstBits: number
  #words: Uint32Array
  #used: number
  /** Starts and targets of the blocks under construction, an inner one behind its outer one. */
  readonly #starts: number[] = []
  readonly #targets: number[] = []

  constructor(set: PrefixSet, boundaries: Boundaries) {
    this.#wide = set.wide
    this.#boundaries = boundaries
    this.#firstBits = firstBits(boundaries.count)
    this.#used = 1 + 2 ** this.#firstBits
    this.#words = new Uint32Array(this.#used + 8 * boundaries.count)
  }

  write(): Int32Array {
    this.#words[0] = this.#firstBits
    let from = 0
    let value = 0
    for (let key = 0; key < 2 ** this.#firstBits; key++) {
      const to = this.#endOf(from, this.#boundaries.count, 0, this.#firstBits, key)
      const target = this.#targetOf(from, to, value, this.#firstBits) // may move #words
      this.#words[1 + key] = target
      if (to > from) value = this.#boundaries.values[to - 1]
      from = to
    }
    return new Int32Array(this.#words.buffer, 0, this.#used).slice()
  }

  /**
   * The target for the part of the space of boundaries `from` – `to`, which share all bits before
   * `position`.
   */
  #targetOf(from: number, to: number, valueBefore: number, position: number): number {
    if (from === to) return valueBefore
    if (to === from + 1 && this.#isZeroFrom(from, position)) return this.#boundaries.values[from]
    return ~this.#block(from, to, valueBefore, position)
  }

  /** Writes the block for boundaries `from` – `to` and returns its word. */
  #block(from: number, to: number, valueBefore: number, position: number): number {
    const bits = levelBits(position)
    const mark = this.#targets.length
    let value = valueBefore
    this.#range(mark, 0, value)
    for (let next = from; next < to; ) {
      const key = this.#keyOf(next, position, bits)
      const end = this.#endOf(next, to, position, bits, key)
      this.#range(mark, key, this.#targetOf(next, end, value, position + bits))
      value = this.#boundaries.values[end - 1]
      if (key + 1 < 2 ** bits) this.#range(mark, key + 1, value)
      next = end
    }
    return this.#append(mark, bits)
  }

  /** Sets the target from `start` on; omits an empty range, and one with its neighbour's target. */
  #range(mark: number, start: number, target: number): void {
    if (this.#starts.length > mark && this.#starts[this.#starts.length - 1] === start) {
      this.#starts.pop()
      this.#targets.pop()
    }
    if (this.#targets.length > mark && this.#targets[this.#targets.length - 1] === target) return
    this.#starts.push(start)
    this.#targets.push(target)
  }

  #append(mark: number, bits: number): number {
    const count = this.#targets.length - mark
    const block = this.#used
    const halves = [count, ...this.#directory(mark, count, bits), ...this.#starts.slice(mark + 1)]
    const head = (halves.length + 1) >>> 1
    this.#grow(head + count)
    for (let at = 0; at < halves.length; at += 2) {
      this.#words[block + (at >>> 1)] = packHalves(halves[at], halves[at + 1] ?? 0)
    }
    for (let index = 0; index < count; index++) {
      this.#words[block + head + index] = this.#targets[mark + index]
    }
    this.#starts.length = mark
    this.#targets.length = mark
    return block
  }

  #directory(mark: number, count: number, bits: number): number[] {
    const places = directoryHalves(count)
    const step = 2 ** (bits - directoryBits(count))
    let last = 0
    return Array.from({ length: places }, (_, place) => {
      while (last + 1 < count && this.#starts[mark + last + 1] <= place * step) last++
      return last
    })
  }

  #grow(words: number): void {
    this.#used += words
    if (this.#used <= this.#words.length) return
    const larger = new Uint32Array(this.#used * 2)
    larger.set(this.#words)
    this.#words = larger
  }

  /** The first of boundaries `from` – `to` whose bits at `position` are not `key`, else `to`. */
  #endOf(from: number, to: number, position: number, bits: number, key: number): number {
    let end = from
    while (end < to && this.#keyOf(end, position, bits) === key) end++
    return end
  }

  #keyOf(boundary: number, position: number, bits: number): number {
    const word = this.#boundaries.words[boundary * this.#wide + (position >>> 5)]
    return (word << (position & 31)) >>> (32 - bits)
  }

  #isZeroFrom(boundary: number, position: number): boolean {
    const at = boundary * this.#wide
    const { words } = this.#boundaries
    if ((position & 31) !== 0 && words[at + (position >>> 5)] << (position & 31) !== 0) return false
    for (let word = (position + 31) >>> 5; word < this.#wide; word++) if (words[at + word] !== 0) return false
    return true
  }
}
