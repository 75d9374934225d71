/**
 * The prefixes of one side (destinations or clients) as nodes: the answers of a longest-prefix
 * match, and by their parents every prefix around an address.
 *
 * Node 0 is "any address, of either family". The others are numbered by address, IPv4 before IPv6,
 * each before those inside it: so the nodes inside a node follow it, and nodes that are used
 * together are close in memory.
 */

import type { Cidr, Family } from '../../address/address.ts'
import { buildHostIndex } from '../format/host-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { buildTrie, type PrefixSet, parentsOf, sortPrefixes } from './cidr-trie-builder.ts'

/** A prefix under construction: nodes are numbered once all prefixes are known. */
export type PrefixId = number
export const ANY_PREFIX: PrefixId = 0
const ANYWHERE: readonly PrefixId[] = [ANY_PREFIX]

/** What finds the node of an address (../match/find-node.ts). */
export type BuiltBook = {
  readonly hosts: Readonly<Record<Family, Uint32Array>>
  readonly ranges: Readonly<Record<Family, Int32Array>>
}

export type NumberedNodes = {
  /** By prefix: its node. */
  readonly nodes: Uint32Array
  /** By node: the next shorter prefix around it. */
  readonly parents: Uint32Array
  /** Addresses find only the nodes that are needed, so the nearest of those around them. */
  readonly book: (isNeeded: (node: number) => boolean) => BuiltBook
}

export type BuiltNodes = BuiltBook & Omit<NumberedNodes, 'book'>

/** By node: how many nodes are inside it. */
export function spansOf(parents: Uint32Array): Uint32Array {
  const spans = new Uint32Array(parents.length)
  for (let node = parents.length - 1; node > ANY_NODE; node--) spans[parents[node]] += spans[node] + 1
  return spans
}

type Members = { readonly wide: 1 | 4; readonly cidrs: Cidr[]; readonly ids: PrefixId[] }

/** Collects prefixes while a table is built. */
export class NodeSet {
  /** IPv4 by a number, which needs no text. */
  readonly #ids4 = new Map<number, PrefixId>()
  readonly #ids6 = new Map<string, PrefixId>()
  readonly #lengths: number[] = [0]
  readonly #members: Readonly<Record<Family, Members>> = {
    4: { wide: 1, cidrs: [], ids: [] },
    6: { wide: 4, cidrs: [], ids: [] },
  }

  /** The prefixes `cidrs`; ANY_PREFIX for an empty list, which means no condition. */
  idsOf(cidrs: readonly Cidr[]): readonly PrefixId[] {
    if (cidrs.length === 0) return ANYWHERE
    return cidrs.length === 1 ? [this.#idOf(cidrs[0])] : [...new Set(cidrs.map(cidr => this.#idOf(cidr)))]
  }

  #idOf(cidr: Cidr): PrefixId {
    const { family, words, bits } = cidr
    const add = (): PrefixId => {
      this.#members[family].cidrs.push(cidr)
      this.#members[family].ids.push(this.#lengths.length)
      return this.#lengths.push(bits) - 1
    }
    if (family === 4) return this.#ids4.getOrInsertComputed(words[0] * 64 + bits, add)
    return this.#ids6.getOrInsertComputed(`${words.join(' ')}/${bits}`, add)
  }

  /** The length of a prefix; 0 for ANY_PREFIX. */
  lengthOf(id: PrefixId): number {
    return this.#lengths[id]
  }

  finish(): BuiltNodes {
    const { nodes, parents, book } = this.number()
    return { nodes, parents, ...book(() => true) }
  }

  number(): NumberedNodes {
    const nodes = new Uint32Array(this.#lengths.length)
    const parents = new Uint32Array(this.#lengths.length)
    const ipv4 = number(this.#members[4], 0, nodes, parents)
    const ipv6 = number(this.#members[6], this.#members[4].ids.length, nodes, parents)
    const book = (isNeeded: (node: number) => boolean): BuiltBook => {
      const [book4, book6] = [bookOf(ipv4, isNeeded), bookOf(ipv6, isNeeded)]
      return {
        hosts: { 4: book4.hosts, 6: book6.hosts },
        ranges: { 4: book4.ranges, 6: book6.ranges },
      }
    }
    return { nodes, parents, book }
  }
}

/** The prefixes of one family in the order of their nodes, the first of which is `before` + 1. */
type Numbered = { readonly set: PrefixSet; readonly order: Uint32Array; readonly before: number }

/** Numbers the nodes of one family after `before` others. */
function number(
  { wide, cidrs, ids }: Members,
  before: number,
  nodes: Uint32Array,
  parents: Uint32Array,
): Numbered {
  const sorted = sortPrefixes(prefixSet(wide, cidrs))
  const set = prefixSet(
    wide,
    Array.from(sorted, index => cidrs[index]),
  )
  const order = sorted.map((_, place) => place)
  const around = parentsOf(set, order)
  for (const [place, index] of sorted.entries()) {
    nodes[ids[index]] = before + place + 1
    parents[before + place + 1] = around[place + 1] === 0 ? ANY_NODE : before + around[place + 1]
  }
  return { set, order, before }
}

function bookOf({ set, order, before }: Numbered, isNeeded: (node: number) => boolean) {
  const { wide, lengths } = set
  const isHost = (index: number): boolean => lengths[index] === 32 * wide
  const isPlaced = (index: number): boolean => !isHost(index) && isNeeded(before + index + 1)
  const hosts = order.filter(index => isHost(index) && isNeeded(before + index + 1))
  return { ranges: buildTrie(set, { before, isPlaced, order }), hosts: hostsOf(set, before, hosts) }
}

function prefixSet(wide: 1 | 4, cidrs: readonly Cidr[]): PrefixSet {
  const words = new Uint32Array(cidrs.length * wide)
  const lengths = new Uint8Array(cidrs.length)
  for (let index = 0; index < cidrs.length; index++) {
    const cidr = cidrs[index]
    for (let word = 0; word < wide; word++) words[index * wide + word] = cidr.words[word]
    lengths[index] = cidr.bits
  }
  return { wide, words, lengths }
}

/** The index of `hosts`, prefixes of full length. */
function hostsOf({ wide, words }: PrefixSet, before: number, hosts: Uint32Array): Uint32Array {
  const addresses = new Uint32Array(hosts.length * wide)
  for (const [place, index] of hosts.entries()) {
    addresses.set(words.subarray(index * wide, (index + 1) * wide), place * wide)
  }
  return buildHostIndex(
    wide,
    addresses,
    hosts.map(index => before + index + 1),
  )
}
