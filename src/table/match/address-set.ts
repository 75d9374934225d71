/**
 * Whether an address is in a set of prefixes: one walk through a trie (cidr-trie.ts), so thousands
 * of prefixes cost what one costs. Never throws, allocates nothing.
 */

import type { Family } from '../../address/address.ts'
import { AddressSetHead } from '../format/routing-layout.ts'
import { type CidrTrie, findPrefix, viewTrie } from './cidr-trie.ts'

export type AddressSet = { readonly ranges4: CidrTrie; readonly ranges6: CidrTrie }

/** @param address  Four words (address/address.ts); family 0: unknown. */
export function isInSet(set: AddressSet, family: Family | 0, address: Uint32Array): boolean {
  if (family === 4) return findPrefix(set.ranges4, address, 0) !== 0
  return family === 6 && findPrefix(set.ranges6, address, 0) !== 0
}

/** The sets of a section, by number. */
export function viewSets(words: Uint32Array): AddressSet[] {
  const { buffer, byteOffset } = words
  const trieAt = (head: number): CidrTrie =>
    viewTrie(buffer as SharedArrayBuffer, byteOffset + 4 * words[head], 4 * words[head + 1])
  return Array.from({ length: words[0] }, (_, set) => {
    const head = 1 + set * AddressSetHead.WORDS
    return {
      ranges4: trieAt(head + AddressSetHead.first4),
      ranges6: trieAt(head + AddressSetHead.first6),
    }
  })
}
