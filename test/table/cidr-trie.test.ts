import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordMask } from '../../src/address/address.ts'
import { buildTrie, type PrefixSet, parentsOf } from '../../src/table/build/cidr-trie-builder.ts'
import { findPrefix, viewTrie } from '../../src/table/match/cidr-trie.ts'
import { runs } from '../support/full.ts'

/** A word in which few bits vary, at both ends, so that prefixes nest, touch and repeat. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 0x8000, 0xffff, 0x10000, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff),
  fc.nat(0xffffffff),
)

const setOf = (wide: 1 | 4) =>
  fc
    .uniqueArray(
      fc
        .tuple(fc.array(word, { minLength: wide, maxLength: wide }), fc.nat(wide * 32))
        .map(([words, length]) => ({
          length,
          words: words.map((value, index) => (value & wordMask(length, index)) >>> 0),
        })),
      { maxLength: 40, selector: each => `${each.words} ${each.length}` },
    )
    .map(prefixes => ({
      wide,
      words: Uint32Array.from(prefixes.flatMap(each => each.words)),
      lengths: Uint8Array.from(prefixes.map(each => each.length)),
    }))

/** Straight from the definition: of all prefixes that cover the address the longest. */
function naive({ wide, words, lengths }: PrefixSet, address: Uint32Array): number {
  let best = 0
  for (const [index, length] of lengths.entries()) {
    const inside = address.every(
      (value, at) => ((value ^ words[index * wide + at]) & wordMask(length, at)) === 0,
    )
    if (inside && (best === 0 || length > lengths[best - 1])) best = index + 1
  }
  return best
}

const open = (words: Int32Array) => viewTrie(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength)

for (const wide of [1, 4] as const) {
  test(`the longest prefix is found among random ones (IPv${wide === 1 ? 4 : 6})`, () => {
    fc.assert(
      fc.property(
        setOf(wide),
        fc.array(fc.array(word, { minLength: wide, maxLength: wide }), { minLength: 20, maxLength: 40 }),
        (set, addresses) => {
          const trie = open(buildTrie(set))
          const edges = Array.from(set.lengths, (_, index) =>
            set.words.subarray(index * wide, (index + 1) * wide),
          )
          for (const address of [...addresses, ...edges]) {
            const asked = Uint32Array.from(address)
            assert.equal(findPrefix(trie, asked, 0), naive(set, asked))
          }
        },
      ),
      { numRuns: runs(1000) },
    )
  })

  test(`a prefix’s parent is the next shorter one around it (IPv${wide === 1 ? 4 : 6})`, () => {
    fc.assert(
      fc.property(setOf(wide), set => {
        const parents = parentsOf(set)
        for (const [index, length] of set.lengths.entries()) {
          const words = set.words.subarray(index * wide, (index + 1) * wide)
          const shorter = { ...set, lengths: set.lengths.map(each => (each < length ? each : 255)) }
          const around = naiveOf(shorter, words)
          assert.equal(parents[index + 1], around)
        }
      }),
      { numRuns: runs(300) },
    )
  })
}

/** As `naive`, over the prefixes whose length is not 255. */
function naiveOf(set: PrefixSet, address: Uint32Array): number {
  const kept = Array.from(set.lengths.keys()).filter(index => set.lengths[index] !== 255)
  const found = naive(
    {
      wide: set.wide,
      words: Uint32Array.from(
        kept.flatMap(index => [...set.words.subarray(index * set.wide, (index + 1) * set.wide)]),
      ),
      lengths: Uint8Array.from(kept.map(index => set.lengths[index])),
    },
    address,
  )
  return found === 0 ? 0 : kept[found - 1] + 1
}

test('a large set has a wide first level and finds the same', () => {
  const random = fc.sample(fc.nat(0xffffffff), { numRuns: 12_000, seed: 7 })
  const lengths = Uint8Array.from({ length: 6000 }, (_, index) => 8 + (random[index] % 25))
  const words = Uint32Array.from(
    lengths,
    (length, index) => (random[index + 6000] & wordMask(length, 0)) >>> 0,
  )
  const distinct = new Map(Array.from(words, (value, index) => [`${value}/${lengths[index]}`, index]))
  const kept = [...distinct.values()]
  const set: PrefixSet = {
    wide: 1,
    words: Uint32Array.from(kept, index => words[index]),
    lengths: Uint8Array.from(kept, index => lengths[index]),
  }
  const trie = open(buildTrie(set))
  assert.equal(trie.words[0], 18)
  for (const value of random.slice(0, 300).concat([...set.words.subarray(0, 300)])) {
    const asked = Uint32Array.of(value)
    assert.equal(findPrefix(trie, asked, 0), naive(set, asked))
  }
})

test('blocks around the size from which they have a directory answer for every address', () => {
  for (const count of [31, 32, 33, 63, 64, 65, 100, 500, 4000]) {
    const inner = Uint32Array.from({ length: count }, (_, index) => 0x0a000000 + index * 16 + (index % 3))
    const set: PrefixSet = {
      wide: 1,
      words: Uint32Array.of(0x0a000000, ...inner),
      lengths: Uint8Array.of(16, ...inner.map(() => 32)),
    }
    const trie = open(buildTrie(set))
    const answers = new Map(Array.from(inner, (address, index) => [address, index + 2]))
    for (let address = 0x0a000000; address < 0x0a010000; address++) {
      assert.equal(
        findPrefix(trie, Uint32Array.of(address), 0),
        answers.get(address) ?? 1,
        `${count} prefixes`,
      )
    }
  }
})
