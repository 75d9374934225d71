/**
 * Seeded inputs for the benches: prefixes as routers of the Internet have them, and addresses to
 * look up.
 *
 * The same seed gives the same input on every machine, so two runs measure the same work.
 */

import { type Family, wordMask } from '../src/address/address.ts'
import { createRandom, nextBelow, nextU32, type Random } from '../src/base/random.ts'
import type { PrefixSet } from '../src/table/build/cidr-trie-builder.ts'

/** Weights of prefix lengths, about as in the global routing tables of 2025 (bgp.potaroo.net). */
const LENGTHS: Readonly<Record<Family, readonly (readonly [bits: number, weight: number])[]>> = {
  4: [
    [8, 1],
    [12, 3],
    [14, 5],
    [15, 7],
    [16, 60],
    [17, 35],
    [18, 60],
    [19, 110],
    [20, 190],
    [21, 220],
    [22, 480],
    [23, 430],
    [24, 2700],
    [28, 20],
    [32, 60],
  ],
  6: [
    [29, 30],
    [32, 250],
    [36, 70],
    [40, 180],
    [44, 220],
    [46, 60],
    [48, 1000],
    [56, 60],
    [64, 60],
    [128, 60],
  ],
}

/** Blocks that registries gave out: IPv6 prefixes lie close together in few of them. */
const ALLOCATIONS6 = 20_000

export const seeded = (seed: number): Random => createRandom(seed, 0x9e3779b9, 0x7f4a7c15)

export const pick = <T>(random: Random, list: readonly T[]): T => list[nextBelow(random, list.length)]

/** A whole number below `limit`, where rank r has probability in proportion to 1/(r + 1) (Zipf). */
export const nextRank = (random: Random, limit: number): number =>
  Math.min(limit - 1, Math.floor((limit + 1) ** (nextU32(random) / 2 ** 32)) - 1)

/** `count` distinct prefixes, unordered. */
export function prefixes(family: Family, count: number, seed = 1): PrefixSet {
  const random = seeded(seed)
  const wide = family === 4 ? 1 : 4
  const nextLength = weighted(LENGTHS[family])
  const allocations = Array.from({ length: ALLOCATIONS6 }, () => 0x20000000 | (nextU32(random) >>> 3))
  const set = { wide, words: new Uint32Array(count * wide), lengths: new Uint8Array(count) } as const
  const seen = new Set<string | number>()
  for (let index = 0; index < count; ) {
    const bits = nextLength(random)
    const first = family === 4 ? nextU32(random) : pick(random, allocations)
    for (let word = 0; word < wide; word++) {
      const value = word === 0 ? first : nextU32(random)
      set.words[index * wide + word] = value & wordMask(bits, word)
    }
    const words = set.words.subarray(index * wide, (index + 1) * wide)
    const key = wide === 1 ? words[0] * 64 + bits : `${words} ${bits}`
    if (seen.has(key)) continue
    seen.add(key)
    set.lengths[index++] = bits
  }
  return set
}

/**
 * How addresses are chosen: anywhere; inside a prefix, uniformly; inside a prefix, a few of them
 * very often.
 */
export type Spread = 'random' | 'inside' | 'skewed'

/** The words of `count` addresses, `set.wide` for each. */
export function addresses(set: PrefixSet, spread: Spread, count: number, seed = 2): Uint32Array {
  const random = seeded(seed)
  const { wide, words, lengths } = set
  const out = new Uint32Array(count * wide).map(() => nextU32(random))
  if (spread === 'random') return out
  for (let index = 0; index < count; index++) {
    const prefix = spread === 'inside' ? nextBelow(random, lengths.length) : nextRank(random, lengths.length)
    for (let word = 0; word < wide; word++) {
      const at = index * wide + word
      out[at] = words[prefix * wide + word] | (out[at] & ~wordMask(lengths[prefix], word))
    }
  }
  return out
}

function weighted<T>(choices: readonly (readonly [T, number])[]): (random: Random) => T {
  const bag = choices.flatMap(([value, weight]) => new Array<T>(weight).fill(value))
  return random => pick(random, bag)
}
