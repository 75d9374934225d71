import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, type Family, wordMask } from '../../src/address/address.ts'
import { type BuiltBook, NodeSet } from '../../src/table/build/node-set.ts'
import { buildHostIndex, findHost } from '../../src/table/format/host-index.ts'
import { viewTrie } from '../../src/table/match/cidr-trie.ts'
import { type AddressBook, ANY_NODE, findNode } from '../../src/table/match/find-node.ts'
import { runs } from '../support/full.ts'

/** Few values, so that hosts lie in ranges, and IPv4 and IPv6 addresses share their first words. */
const word = fc.constantFrom(0, 1, 2, 0x0a000001, 0x0a000002, 0x80000000, 0xffffffff)

const addressOf = (family: Family) =>
  fc.tuple(word, word, word, word).map(words => Uint32Array.from(family === 4 ? [words[0], 0, 0, 0] : words))

const cidrOf = (family: Family) =>
  fc
    .tuple(addressOf(family), fc.oneof(fc.constant(32), fc.constant(128), fc.nat(128)))
    .map(([address, length]): Cidr => {
      const bits = Math.min(length, family === 4 ? 32 : 128)
      return { family, bits, words: address.map((value, index) => value & wordMask(bits, index)) }
    })

const family = fc.constantFrom<Family>(4, 6)
const asked = family.chain(each => fc.record({ family: fc.constant(each), address: addressOf(each) }))

const open = (words: Int32Array) => viewTrie(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength)
const bookOf = ({ hosts, ranges }: BuiltBook): AddressBook => ({
  hosts4: hosts[4],
  hosts6: hosts[6],
  ranges4: open(ranges[4]),
  ranges6: open(ranges[6]),
})

const covers = (cidr: Cidr, of: Family, address: Uint32Array): boolean =>
  cidr.family === of &&
  address.every((value, index) => ((value ^ cidr.words[index]) & wordMask(cidr.bits, index)) === 0)

/** All nodes around an address, from the definition: the longest first. */
function naive(
  set: NodeSet,
  nodes: Uint32Array,
  cidrs: readonly Cidr[],
  of: Family,
  address: Uint32Array,
): number[] {
  const around = cidrs.filter(cidr => covers(cidr, of, address)).toSorted((a, b) => b.bits - a.bits)
  return [...new Set(around.flatMap(cidr => set.idsOf([cidr]).map(id => nodes[id])))]
}

test('an address’s node is that of the longest prefix around it, host or range, and its parents are the others', () => {
  fc.assert(
    fc.property(
      fc.array(family.chain(cidrOf), { maxLength: 30 }),
      fc.array(asked, { minLength: 10, maxLength: 30 }),
      (cidrs, questions) => {
        const set = new NodeSet()
        for (const cidr of cidrs) set.idsOf([cidr])
        const built = set.finish()
        const book = bookOf(built)
        const hosts = cidrs.map(cidr => ({ family: cidr.family, address: Uint32Array.from(cidr.words) }))
        for (const { family: of, address } of [...questions, ...hosts]) {
          const found: number[] = []
          for (let node = findNode(book, of, address); node !== ANY_NODE; node = built.parents[node]) {
            found.push(node)
          }
          assert.deepEqual(found, naive(set, built.nodes, cidrs, of, address))
        }
      },
    ),
    { numRuns: runs(500) },
  )
})

test('where few nodes are needed, an address finds the nearest of those', () => {
  fc.assert(
    fc.property(
      fc.array(family.chain(cidrOf), { maxLength: 30 }),
      fc.array(asked, { minLength: 10, maxLength: 30 }),
      fc.array(fc.boolean(), { minLength: 31, maxLength: 31 }),
      (cidrs, questions, isNeeded) => {
        const set = new NodeSet()
        for (const cidr of cidrs) set.idsOf([cidr])
        const { nodes, parents, book } = set.number()
        const few = bookOf(book(node => isNeeded[node]))
        const all = bookOf(set.finish())
        const hosts = cidrs.map(cidr => ({ family: cidr.family, address: Uint32Array.from(cidr.words) }))
        assert.deepEqual(nodes, set.finish().nodes)
        for (const { family: of, address } of [...questions, ...hosts]) {
          let nearest = findNode(all, of, address)
          while (nearest !== ANY_NODE && !isNeeded[nearest]) nearest = parents[nearest]
          assert.equal(findNode(few, of, address), nearest)
        }
      },
    ),
    { numRuns: runs(500) },
  )
})

test('a connection whose address is unknown lies in no prefix', () => {
  const set = new NodeSet()
  const everywhere = ([4, 6] as const).map(
    (each): Cidr => ({ family: each, bits: 0, words: new Uint32Array(4) }),
  )
  set.idsOf(everywhere)
  assert.equal(findNode(bookOf(set.finish()), 0, new Uint32Array(4)), ANY_NODE)
})

for (const wide of [1, 4] as const) {
  test(`each of many hosts is found, and none of their neighbours (IPv${wide === 1 ? 4 : 6})`, () => {
    const count = 5000
    const address = (host: number): Uint32Array =>
      wide === 1
        ? Uint32Array.of(0x0a000000 + 2 * host, 0, 0, 0)
        : Uint32Array.of(0xfd000000, host & 1, 0, 2 * host)
    const words = new Uint32Array(count * wide)
    for (let host = 0; host < count; host++) words.set(address(host).subarray(0, wide), host * wide)
    const index = buildHostIndex(
      wide,
      words,
      Uint32Array.from({ length: count }, (_, host) => host + 1),
    )
    for (let host = 0; host < count; host++) {
      const asked = address(host)
      assert.equal(findHost(index, asked, wide), host + 1)
      for (let at = 0; at < wide; at++) {
        const neighbour = asked.slice()
        neighbour[at] ^= 0x01000001
        assert.equal(findHost(index, neighbour, wide), 0)
      }
    }
  })
}
