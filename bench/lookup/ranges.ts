/**
 * The simple way to look up prefixes quickly: the address space cut into ranges, and a binary
 * search.
 *
 * It builds its ranges independently, as a check of weir's builder.
 */

import { wordMask } from '../../src/address/address.ts'
import type { PrefixSet } from '../../src/table/build/cidr-trie-builder.ts'

/**
 * From `starts` (as many words each as the set has) on, `values` holds; the first starts at address
 * 0.
 */
export type Ranges = { readonly wide: 1 | 4; readonly starts: Uint32Array; readonly values: Uint32Array }

export function toRanges(set: PrefixSet): Ranges {
  const { wide, words, lengths } = set
  const order = Uint32Array.from(lengths.keys()).sort(
    (a, b) => compareWords(words, a * wide, words, b * wide, wide) || lengths[a] - lengths[b],
  )
  const ends = lastAddresses(set)
  const starts: number[] = new Array(wide).fill(0)
  const values: number[] = [0]
  const begin = (from: ArrayLike<number>, at: number, value: number): void => {
    const last = starts.length - wide
    const isSame = compareWords(starts, last, from, at, wide) === 0
    if (isSame) values[values.length - 1] = value
    else if (values[values.length - 1] !== value) {
      for (let word = 0; word < wide; word++) starts.push(from[at + word])
      values.push(value)
    }
  }
  const open: number[] = []
  const close = (): void => {
    const end = ends.subarray((open.pop() as number) * wide).slice(0, wide)
    if (increment(end)) begin(end, 0, (open.at(-1) ?? -1) + 1)
  }
  for (const index of order) {
    while (
      open.length > 0 &&
      compareWords(ends, (open.at(-1) as number) * wide, words, index * wide, wide) < 0
    )
      close()
    open.push(index)
    begin(words, index * wide, index + 1)
  }
  while (open.length > 0) close()
  return { wide, starts: Uint32Array.from(starts), values: Uint32Array.from(values) }
}

/**
 * The value of the last range that starts at or before the address: `wide` words of `address` from
 * `at` on.
 */
export function findRange({ wide, starts, values }: Ranges, address: Uint32Array, at: number): number {
  let low = 0
  let high = values.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (compareWords(starts, middle * wide, address, at, wide) <= 0) low = middle
    else high = middle
  }
  return values[low]
}

function compareWords(
  a: ArrayLike<number>,
  at: number,
  b: ArrayLike<number>,
  from: number,
  count: number,
): number {
  for (let word = 0; word < count; word++) {
    if (a[at + word] !== b[from + word]) return a[at + word] < b[from + word] ? -1 : 1
  }
  return 0
}

/** The last address of each prefix. */
const lastAddresses = ({ wide, words, lengths }: PrefixSet): Uint32Array =>
  words.map((word, at) => word | ~wordMask(lengths[Math.floor(at / wide)], at % wide))

/** Adds one; false if it passes the last address. */
function increment(words: Uint32Array): boolean {
  for (let word = words.length - 1; word >= 0; word--) {
    words[word]++
    if (words[word] !== 0) return true
  }
  return false
}
