/**
 * A hash of whole addresses: the prefixes of full length (/32, /128), which most destinations and
 * workloads are. Each is its own longest prefix, so one probe replaces a trie's three to eight
 * steps.
 *
 *   word 0: rows − 1 (rows is a power of two, at most half of them used)
 *   then rows of [the address's 1 or 4 words, node]; node 0 is an empty row
 *
 * Linear probing, as in pair-index.ts.
 */

import { assert } from '../../base/assert.ts'
import { hashPair, rowsFor } from './pair-index.ts'

/** Words of an address: IPv4, IPv6. */
type Wide = 1 | 4

/** The node of `address`, or 0 if the index lacks it. Never throws, allocates nothing. */
export function findHost(index: Uint32Array, address: Uint32Array, wide: Wide): number {
  const mask = index[0]
  const first = address[0]
  for (let row = hashAddress(address, 0, wide) & mask; ; row = (row + 1) & mask) {
    const at = 1 + row * (wide + 1)
    const node = index[at + wide]
    if (node === 0) return 0
    if (index[at] === first && (wide === 1 || hasTail(index, at, address))) return node
  }
}

/** Whether the last three words of the address in the row at `at` are those of `address`. */
const hasTail = (index: Uint32Array, at: number, address: Uint32Array): boolean =>
  ((index[at + 1] ^ address[1]) | (index[at + 2] ^ address[2]) | (index[at + 3] ^ address[3])) === 0

/**
 * The index of `count` distinct addresses.
 *
 * @param words  Their words, one address after the other.
 * @param nodes  Their nodes, each greater than 0.
 */
export function buildHostIndex(wide: Wide, words: Uint32Array, nodes: Uint32Array): Uint32Array {
  const rows = rowsFor(nodes.length)
  const index = new Uint32Array(1 + rows * (wide + 1))
  index[0] = rows - 1
  for (const [place, node] of nodes.entries()) {
    assert(node > 0, 'a host has no node')
    let row = hashAddress(words, place * wide, wide) & index[0]
    while (index[1 + row * (wide + 1) + wide] !== 0) row = (row + 1) & index[0]
    for (let word = 0; word < wide; word++) index[1 + row * (wide + 1) + word] = words[place * wide + word]
    index[1 + row * (wide + 1) + wide] = node
  }
  return index
}

function hashAddress(words: Uint32Array, at: number, wide: Wide): number {
  if (wide === 1) return hashPair(words[at], 0)
  return hashPair(hashPair(words[at], words[at + 1]), hashPair(words[at + 2], words[at + 3]))
}
