/**
 * Longest-prefix match: weir's trie beside a binary search over ranges that are built
 * independently.
 */

import { buildTrie, type PrefixSet } from '../../src/table/build/cidr-trie-builder.ts'
import { type CidrTrie, findPrefix, viewTrie } from '../../src/table/match/cidr-trie.ts'
import { addresses, prefixes, type Spread } from '../generate.ts'
import type { Bench } from '../harness.ts'
import { type Contender, mix } from '../rivals.ts'
import { thousands } from '../units.ts'
import { findRange, type Ranges, toRanges } from './ranges.ts'

/** An answer is 30 bits at most; see `oneByOne`. */
const ANSWER_BITS = 30

export function benchPrefixes(bench: Bench): void {
  benchPrefixesOf(bench, 4, bench.parameter(50, 1000), ['inside'], {})
  benchPrefixesOf(bench, 4, bench.parameter(3000, 1_000_000), ['random', 'inside', 'skewed'], GOALS)
  benchPrefixesOf(bench, 6, bench.parameter(3000, 200_000), ['inside', 'skewed'], {})
}

type Goals = { readonly lookupNs?: number; readonly prefixBytes?: number; readonly compileMs?: number }

/** For a million IPv4 prefixes. An IPv6 prefix is four times as long, and has no goal. */
const GOALS: Goals = { lookupNs: 60, prefixBytes: 16, compileMs: 1500 }

function chartLookup(bench: Bench, id: string, group: string, { wide, lengths }: PrefixSet): void {
  bench.chart({
    kind: 'bars',
    id,
    title: `The longest of ${thousands(lengths.length)} IPv${wide === 1 ? 4 : 6} prefixes`,
    about: `Time for a lookup, ${SPREADS.inside}, beside a binary search over ranges. Less is better.`,
    groups: [{ group, label: 'a lookup' }],
  })
}

function benchPrefixesOf(
  bench: Bench,
  family: 4 | 6,
  count: number,
  spreads: readonly Spread[],
  goals: Goals,
): void {
  const set = prefixes(family, count)
  const group = titleOf(set)
  const trie = bench.time(group, 'weir: compile', () => share(buildTrie(set)), {
    goalMs: goals.compileMs ?? null,
  })
  const ranges = bench.time(group, 'binary search: compile', () => toRanges(set), { rounds: 1 })
  bench.record(
    group,
    'weir: bytes a prefix',
    'bytes',
    trie.words.byteLength / count,
    goals.prefixBytes ?? null,
  )
  bench.record(group, 'binary search: bytes a prefix', 'bytes', bytesOfRanges(ranges) / count)
  for (const spread of spreads) {
    const asked = addresses(set, spread, bench.parameter(1000, 2_000_000))
    bench.compare(titleOf(set, spread), asked.length / set.wide, [
      { ...weir(trie, asked, set.wide), goalNs: goals.lookupNs ?? null },
      oneByOne(trie, asked, set.wide),
      binarySearch(ranges, asked),
    ])
  }
  chartLookup(bench, `prefixes-ipv${family}-${count}`, titleOf(set, 'inside'), set)
}

const SPREADS: Readonly<Record<Spread, string>> = {
  random: 'addresses anywhere',
  inside: 'addresses in any prefix',
  skewed: 'addresses in few prefixes (Zipf)',
}

const titleOf = ({ wide, lengths }: PrefixSet, spread?: Spread): string =>
  [`IPv${wide === 1 ? 4 : 6}, ${lengths.length} prefixes`, ...(spread ? [SPREADS[spread]] : [])].join(', ')

/** As in a table: in shared memory. */
function share(words: Int32Array): CidrTrie {
  const buffer = new SharedArrayBuffer(words.byteLength)
  new Int32Array(buffer).set(words)
  return viewTrie(buffer, 0, words.byteLength)
}

const weir = (trie: CidrTrie, asked: Uint32Array, wide: number): Contender => ({
  name: 'weir',
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++)
      checksum = mix(checksum, findPrefix(trie, asked, index * wide))
    return checksum
  },
})

/**
 * The same, each lookup after the one before: the processor cannot overlap their waits for memory,
 * since the next address depends on the answer (by nothing, but the processor cannot know that).
 */
const oneByOne = (trie: CidrTrie, asked: Uint32Array, wide: number): Contender => ({
  name: 'weir, one after another',
  run: count => {
    let checksum = 0
    let answer = 0
    for (let index = 0; index < count; index++) {
      answer = findPrefix(trie, asked, (index + (answer >>> ANSWER_BITS)) * wide)
      checksum = mix(checksum, answer)
    }
    return checksum
  },
})

const binarySearch = (ranges: Ranges, asked: Uint32Array): Contender => ({
  name: 'binary search over ranges',
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++)
      checksum = mix(checksum, findRange(ranges, asked, index * ranges.wide))
    return checksum
  },
})

const bytesOfRanges = ({ starts, values }: Ranges): number => starts.byteLength + values.byteLength
