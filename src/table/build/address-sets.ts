/**
 * Sets of prefixes, each searched by one walk, however large (../match/address-set.ts). Equal sets
 * are stored once.
 */

import { type Cidr, type Family, formatCidr } from '../../address/address.ts'
import { AddressSetHead } from '../format/routing-layout.ts'
import { buildTrie } from './cidr-trie-builder.ts'

export class AddressSets {
  readonly #indexes = new Map<string, number>()
  readonly #tries: Int32Array[] = []

  /** The number of the set of these prefixes. */
  indexOf(cidrs: readonly Cidr[]): number {
    const distinct = new Map(cidrs.map(cidr => [formatCidr(cidr), cidr]))
    const key = [...distinct.keys()].sort().join()
    return this.#indexes.getOrInsertComputed(key, () => {
      this.#tries.push(trieOf(4, 1, distinct), trieOf(6, 4, distinct))
      return this.#tries.length / 2 - 1
    })
  }

  /** The section: the number of sets, then the bounds of each set's tries, then the tries. */
  words(): Uint32Array {
    const count = this.#tries.length / 2
    let end = 1 + count * AddressSetHead.WORDS
    const heads = this.#tries.flatMap(({ length }) => {
      const first = end
      end += length
      return [first, length]
    })
    const words = new Uint32Array(end)
    words.set([count, ...heads])
    for (const [index, trie] of this.#tries.entries()) words.set(trie, heads[2 * index])
    return words
  }
}

function trieOf(family: Family, wide: 1 | 4, distinct: ReadonlyMap<string, Cidr>): Int32Array {
  const cidrs = [...distinct.values()].filter(each => each.family === family)
  const words = new Uint32Array(cidrs.length * wide)
  for (const [index, cidr] of cidrs.entries()) words.set(cidr.words.slice(0, wide), index * wide)
  return buildTrie({ wide, words, lengths: Uint8Array.from(cidrs, each => each.bits) })
}
