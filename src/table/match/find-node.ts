/**
 * From an address to its node (../build/node-set.ts): that of the longest prefix around it, on one
 * side of a connection.
 *
 *   address ─hosts─▶ node                       a prefix of full length is the longest there can be
 *           ─ranges─▶ the longest of the others ─▶ node
 */

import type { Family } from '../../address/address.ts'
import { findHost } from '../format/host-index.ts'
import { type CidrTrie, findPrefix } from './cidr-trie.ts'

/** Node 0: any address, of either family. */
export const ANY_NODE = 0

/** The look-up structures of one side: destinations or clients. */
export type AddressBook = {
  readonly hosts4: Uint32Array
  readonly hosts6: Uint32Array
  readonly ranges4: CidrTrie
  readonly ranges6: CidrTrie
}

/**
 * The node of the longest prefix around an address. Never throws, allocates nothing.
 *
 * @param family   0: unknown.
 * @param address  Four words (address/address.ts).
 */
export function findNode(book: AddressBook, family: Family | 0, address: Uint32Array): number {
  if (family === 4) return findHost(book.hosts4, address, 1) || findPrefix(book.ranges4, address, 0)
  if (family === 6) return findHost(book.hosts6, address, 4) || findPrefix(book.ranges6, address, 0)
  return ANY_NODE
}
