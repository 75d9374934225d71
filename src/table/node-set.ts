/**
 * The prefixes of one side (destinations or clients) as nodes: what a longest-prefix match answers,
 * and by way of parents every prefix around an address.
 *
 * Node 0 is "any address, of either family". IPv4 prefixes are the odd nodes, IPv6 prefixes the even
 * ones, so that a node is known as soon as its prefix is seen.
 */

import type { Cidr, Family } from '../net/address.ts'
import { buildTrie, type PrefixSet } from './cidr-trie-builder.ts'
import { ANY_NODE, nodeOf } from './find-node.ts'
import { buildHostIndex } from './host-index.ts'

type Members = { readonly wide: 1 | 4; readonly indexes: Map<string, number>; readonly list: Cidr[] }

export type BuiltNodes = {
  readonly hosts: Readonly<Record<Family, Uint32Array>>
  readonly ranges: Readonly<Record<Family, Int32Array>>
  /** By node: the next shorter prefix around it. */
  readonly parents: Uint32Array
}

/**
 * The nodes one after another, each before those inside it: by node its place, and how many nodes are inside
 * it; those have the next places.
 */
export type NodeOrder = { readonly first: Uint32Array; readonly span: Uint32Array }

export function orderNodes(parents: Uint32Array): NodeOrder {
  const [child, sibling] = [new Uint32Array(parents.length), new Uint32Array(parents.length)]
  for (let node = ANY_NODE + 1; node < parents.length; node++) {
    sibling[node] = child[parents[node]]
    child[parents[node]] = node
  }
  const [first, span] = [new Uint32Array(parents.length), new Uint32Array(parents.length)]
  const ordered: number[] = []
  for (const stack = [ANY_NODE]; stack.length > 0; ) {
    const node = stack.pop() as number
    first[node] = ordered.push(node) - 1
    for (let inner = child[node]; inner !== ANY_NODE; inner = sibling[inner]) stack.push(inner)
  }
  for (const node of ordered.reverse()) if (node !== ANY_NODE) span[parents[node]] += span[node] + 1
  return { first, span }
}

/** Collects prefixes while a table is built. */
export class NodeSet {
  readonly #members: Readonly<Record<Family, Members>> = {
    4: { wide: 1, indexes: new Map(), list: [] },
    6: { wide: 4, indexes: new Map(), list: [] },
  }

  /** The nodes of `cidrs`; ANY_NODE where there are none, as none means no condition. */
  nodesOf(cidrs: readonly Cidr[]): number[] {
    return cidrs.length === 0 ? [ANY_NODE] : [...new Set(cidrs.map(cidr => this.#nodeOf(cidr)))]
  }

  #nodeOf(cidr: Cidr): number {
    const { indexes, list } = this.#members[cidr.family]
    const key = cidr.family === 4 ? `${cidr.words[0]}/${cidr.bits}` : `${cidr.words.join(' ')}/${cidr.bits}`
    let index = indexes.get(key)
    if (index === undefined) {
      index = list.push(cidr) - 1
      indexes.set(key, index)
    }
    return nodeOf(index + 1, cidr.family)
  }

  /** The prefix length of a node; 0 for ANY_NODE. */
  bitsOf(node: number): number {
    if (node === ANY_NODE) return 0
    const family = node % 2 === 1 ? 4 : 6
    return this.#members[family].list[Math.ceil(node / 2) - 1].bits
  }

  finish(): BuiltNodes {
    const built = { 4: this.#build(4), 6: this.#build(6) }
    const size = 2 * Math.max(this.#members[4].list.length, this.#members[6].list.length) + 1
    const parents = new Uint32Array(size)
    for (const family of [4, 6] as const) {
      for (const [answer, parent] of built[family].parents.entries()) {
        if (answer > 0) parents[nodeOf(answer, family)] = nodeOf(parent, family)
      }
    }
    return {
      hosts: { 4: built[4].hosts, 6: built[6].hosts },
      ranges: { 4: built[4].words, 6: built[6].words },
      parents,
    }
  }

  #build(family: Family) {
    const { wide, list } = this.#members[family]
    const words = new Uint32Array(list.length * wide)
    for (const [index, cidr] of list.entries()) words.set(cidr.words.subarray(0, wide), index * wide)
    const set = { wide, words, lengths: Uint8Array.from(list, cidr => cidr.bits) }
    return { ...buildTrie(set, 32 * wide - 1), hosts: hostsOf(set, family) }
  }
}

/** The index of the prefixes of full length. */
function hostsOf({ wide, words, lengths }: PrefixSet, family: Family): Uint32Array {
  const hosts = [...lengths.keys()].filter(index => lengths[index] === 32 * wide)
  const addresses = new Uint32Array(hosts.length * wide)
  for (const [place, index] of hosts.entries()) {
    addresses.set(words.subarray(index * wide, (index + 1) * wide), place * wide)
  }
  return buildHostIndex(
    wide,
    addresses,
    Uint32Array.from(hosts, index => nodeOf(index + 1, family)),
  )
}
