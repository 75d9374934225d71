/**
 * Longest-prefix match over CIDRs: a trie of ranges, in one run of words.
 *
 * DXR (Zec, Rizzo and Mikuc 2012) carried on to any width: a table indexed by the first bits of an
 * address, behind it blocks that each cover the next 6 to 16 bits by a sorted list of range starts.
 * A block is one or two cache lines, and its search has no branch to mispredict.
 *
 *   word 0: first bits (2, 10 or 18)   then 2^bits targets   then blocks
 *   target ≥ 0: the answer         target < 0: ~target is the word where a block begins
 *   block: u16 count, u16 starts 1 … count−1 (start 0 is 0), padded to a word, then count targets
 *   one of more than SCANNED ranges has a directory between its count and its starts: for each value of the
 *   key's first bits, and one more, a u16: the last range that starts at or before it
 *
 * docs/benchmarks.md compares it with a poptrie and a binary search. ../build/cidr-trie-builder.ts
 * builds it.
 */

/**
 * The bits of each level below the first: the second up to the next multiple of 16, each further
 * one 16 bits.
 */
export const levelBits = (position: number): number => 16 - (position & 15)

/**
 * A block of more ranges has a directory; a search in a smaller one touches no more cache lines
 * than the directory would.
 */
const SCANNED = 64

/**
 * First bits of a key that the directory of a block of `count` ranges resolves: about two ranges
 * remain.
 */
export const directoryBits = (count: number): number => 30 - Math.clz32(count)

/** The size of the directory in halves; 0: none. */
export const directoryHalves = (count: number): number =>
  count > SCANNED ? (1 << directoryBits(count)) + 1 : 0

/** A trie's words, twice: as signed targets, and as the halves that hold starts. */
export type CidrTrie = { readonly words: Int32Array; readonly halves: Uint16Array }

export const viewTrie = (
  buffer: SharedArrayBuffer | ArrayBuffer,
  offset: number,
  bytes: number,
): CidrTrie => ({
  words: new Int32Array(buffer, offset, bytes / 4),
  halves: new Uint16Array(buffer, offset, bytes / 2),
})

/**
 * The value of the longest prefix around an address, or 0 if none covers it.
 *
 * @param address  Its words, most significant first, from `at` on: one for IPv4, four for IPv6.
 *
 * Never throws, allocates nothing.
 */
export function findPrefix(trie: CidrTrie, address: Uint32Array, at: number): number {
  const { words, halves } = trie
  let position = words[0]
  let target = words[1 + (address[at] >>> (32 - position))]
  while (target < 0) {
    const bits = levelBits(position)
    const key = (address[at + (position >>> 5)] << (position & 31)) >>> (32 - bits)
    target = searchBlock(words, halves, ~target, key, bits)
    position += bits
  }
  return target
}

/** The target of the last range that starts at or before `key`, a number of `bits` bits. */
function searchBlock(
  words: Int32Array,
  halves: Uint16Array,
  block: number,
  key: number,
  bits: number,
): number {
  const count = halves[2 * block]
  const directory = directoryHalves(count)
  const first = 2 * block + directory
  let index = 0
  let rest = count
  if (directory > 0) {
    const place = 2 * block + 1 + (key >>> (bits - directoryBits(count)))
    index = halves[place]
    rest = halves[place + 1] - index + 1
  }
  while (rest > 1) {
    const half = rest >>> 1
    index += half & ((halves[first + index + half] - key - 1) >> 31) // all ones if start ≤ key
    rest -= half
  }
  return words[block + ((directory + count + 1) >>> 1) + index]
}
