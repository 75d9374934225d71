/** Longest-prefix match: weir's trie beside a scan, a binary search, a poptrie and the registry's trie. */

import ipaddr from 'ipaddr.js'
import LongestPrefixMatch from 'longest-prefix-match'
import { type Family, formatAddress } from '../../src/address/address.ts'
import { buildTrie, type PrefixSet } from '../../src/table/build/cidr-trie-builder.ts'
import { type CidrTrie, findPrefix, viewTrie } from '../../src/table/match/cidr-trie.ts'
import { addresses, prefixes, type Spread } from '../generate.ts'
import { type Bench, type Contender, mix } from '../harness.ts'
import { findByScan, type Scan, toScan } from '../rivals/linear-scan.ts'
import { buildPoptrie, bytesOf, findPoptrie, type Poptrie } from '../rivals/poptrie.ts'
import { findRange, type Ranges, toRanges } from '../rivals/ranges.ts'
import { thousands } from '../units.ts'

/** The scan takes time in proportion to the prefixes, so it is compared over few. */
const SCANNED = 1000
/** Operations a round of the slow ones. */
const SCANS_MOST = 500
const REGISTRY_MOST = 20_000

/** An answer is 30 bits at most; see `oneByOne`. */
const ANSWER_BITS = 30

export function benchPrefixes(bench: Bench): void {
  benchSmall(bench, 4)
  benchLarge(bench, 4, bench.parameter(3000, 1_000_000), ['random', 'inside', 'skewed'], GOALS)
  benchLarge(bench, 6, bench.parameter(3000, 200_000), ['inside', 'skewed'], {})
}

type Goals = { readonly lookupNs?: number; readonly prefixBytes?: number; readonly compileMs?: number }

/** For a million IPv4 prefixes. An IPv6 prefix is four times as long; for those nothing was promised. */
const GOALS: Goals = { lookupNs: 60, prefixBytes: 16, compileMs: 1500 }

/** Few prefixes, and all contenders. */
function benchSmall(bench: Bench, family: Family): void {
  const set = prefixes(family, bench.parameter(50, SCANNED))
  const asked = addresses(set, 'inside', bench.parameter(100, 100_000))
  const cidrs = textsOf(set)
  bench.compare(titleOf(set, 'inside'), asked.length / set.wide, [
    weir(share(buildTrie(set).words), asked, set.wide),
    scan(toScan(cidrs), asked, set.wide),
    ...searches(toRanges(set), asked),
    registry(cidrs, asked, set.wide),
  ])
  chartLookup(bench, 'prefixes-few', titleOf(set, 'inside'), set)
}

/** Points, since the slowest takes a hundred times as long as the quickest. */
function chartLookup(bench: Bench, id: string, group: string, { wide, lengths }: PrefixSet): void {
  bench.chart({
    kind: 'bars',
    id,
    title: `The longest of ${thousands(lengths.length)} IPv${wide === 1 ? 4 : 6} prefixes`,
    about: `Time for a lookup, ${SPREADS.inside}, beside other ways to find the same answer. Further left is better.`,
    groups: [{ group, label: 'a lookup' }],
    scale: 'log',
  })
}

function benchLarge(
  bench: Bench,
  family: Family,
  count: number,
  spreads: readonly Spread[],
  goals: Goals,
): void {
  const set = prefixes(family, count)
  const group = titleOf(set)
  const trie = bench.time(group, 'weir: compile', () => share(buildTrie(set).words), {
    goalMs: goals.compileMs ?? null,
  })
  const ranges = bench.time(group, 'binary search: compile', () => toRanges(set), { rounds: 1 })
  const poptrie = bench.time(group, 'poptrie: compile', () => buildPoptrie(ranges), { rounds: 1 })
  const cidrs = textsOf(set)
  const lpm = bench.time(group, 'longest-prefix-match: compile', () => toRegistry(cidrs), { rounds: 1 })
  bench.record(
    group,
    'weir: bytes a prefix',
    'bytes',
    trie.words.byteLength / count,
    goals.prefixBytes ?? null,
  )
  bench.record(group, 'binary search: bytes a prefix', 'bytes', bytesOfRanges(ranges) / count)
  bench.record(group, 'poptrie: bytes a prefix', 'bytes', bytesOf(poptrie) / count)
  for (const spread of spreads) {
    const asked = addresses(set, spread, bench.parameter(1000, 2_000_000))
    bench.compare(titleOf(set, spread), asked.length / set.wide, [
      { ...weir(trie, asked, set.wide), goalNs: goals.lookupNs ?? null },
      oneByOne(trie, asked, set.wide),
      binarySearch(ranges, asked),
      throughPoptrie(poptrie, asked),
      throughRegistry(lpm, asked, set.wide),
    ])
  }
  chartLookup(bench, `prefixes-ipv${family}`, titleOf(set, 'inside'), set)
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
 * The same, each lookup after the one before: the processor cannot overlap their waits for memory, since
 * which address is next hangs on the answer (by nothing, but it cannot know).
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

const searches = (ranges: Ranges, asked: Uint32Array): Contender[] => [
  binarySearch(ranges, asked),
  throughPoptrie(buildPoptrie(ranges), asked),
]

const binarySearch = (ranges: Ranges, asked: Uint32Array): Contender => ({
  name: 'binary search over ranges',
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++)
      checksum = mix(checksum, findRange(ranges, asked, index * ranges.wide))
    return checksum
  },
})

const throughPoptrie = (trie: Poptrie, asked: Uint32Array): Contender => ({
  name: 'poptrie',
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++)
      checksum = mix(checksum, findPoptrie(trie, asked, index * trie.wide))
    return checksum
  },
})

function scan(prefixes: Scan, asked: Uint32Array, wide: 1 | 4): Contender {
  const parsed = addressTexts(asked, wide, SCANS_MOST).map(text => ipaddr.parse(text))
  return {
    name: 'ipaddr.js, one prefix after another',
    most: SCANS_MOST,
    run: count => {
      let checksum = 0
      for (let index = 0; index < count; index++)
        checksum = mix(checksum, findByScan(prefixes, parsed[index]))
      return checksum
    },
  }
}

const registry = (cidrs: readonly string[], asked: Uint32Array, wide: 1 | 4): Contender =>
  throughRegistry(toRegistry(cidrs), asked, wide)

/** It takes addresses as text only, so its time includes reading them. */
function throughRegistry(trie: LongestPrefixMatch<number>, asked: Uint32Array, wide: 1 | 4): Contender {
  const texts = addressTexts(asked, wide, REGISTRY_MOST).map(text => `${text}/${wide * 32}`)
  return {
    name: 'longest-prefix-match (npm)',
    most: REGISTRY_MOST,
    run: count => {
      let checksum = 0
      for (let index = 0; index < count; index++)
        checksum = mix(checksum, trie.getMatch(texts[index])[0] ?? 0)
      return checksum
    },
  }
}

function toRegistry(cidrs: readonly string[]): LongestPrefixMatch<number> {
  const trie = new LongestPrefixMatch<number>()
  for (const [index, cidr] of cidrs.entries()) trie.addPrefix(cidr, index + 1)
  return trie
}

const bytesOfRanges = ({ starts, values }: Ranges): number => starts.byteLength + values.byteLength

const textsOf = ({ wide, words, lengths }: PrefixSet): string[] =>
  Array.from(lengths, (bits, index) => `${formatAddress(familyOf(wide), words, index * wide)}/${bits}`)

const addressTexts = (asked: Uint32Array, wide: 1 | 4, most: number): string[] =>
  Array.from({ length: Math.min(most, asked.length / wide) }, (_, index) =>
    formatAddress(familyOf(wide), asked, index * wide),
  )

const familyOf = (wide: 1 | 4): Family => (wide === 1 ? 4 : 6)
