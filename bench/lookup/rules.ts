/**
 * One full match, from addresses to a route: how its time grows with the rules, for good and bad
 * lists.
 */

import type { Family } from '../../src/address/address.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { Header, SECTIONS } from '../../src/table/format/layout.ts'
import { openTable, type Table } from '../../src/table/format/table.ts'
import { match } from '../../src/table/match/match.ts'
import { createQuery, type Query } from '../../src/table/match/query.ts'
import { identityOf } from '../generate-plans.ts'
import { type RuleKind, type World, world } from '../generate-rules.ts'
import { type Traffic, traffic } from '../generate-traffic.ts'
import type { Bench } from '../harness.ts'
import { type Contender, mix } from '../rivals.ts'
import { thousands } from '../units.ts'
import { firstMatch } from './first-match.ts'

const KINDS: Readonly<Record<RuleKind, string>> = {
  realistic: 'realistic rules',
  random: 'rules by chance',
  ordered: 'rules by chance, the most specific first',
  nested: 'all prefixes nested',
  labelled: 'all prefixes nested, and a label for each rule',
  wildcards: 'wildcards but the last',
}
const SPREADS = { uniform: 'any rule', skewed: 'few rules (Zipf)' } as const

/** The naive matcher takes time in proportion to the rules, so it runs on few. */
const NAIVE_RULES_MAX = 1000
const NAIVE_MOST = 2000

const GOALS_NS = { p50: 300, p99: 2000 }
const GROWTH_GOAL = 3

export function benchRules(bench: Bench): void {
  const sizes = bench.parameter([10, 100, 300], [10, 1000, 100_000])
  for (const kind of Object.keys(KINDS) as RuleKind[]) {
    for (const size of sizesOf(kind, sizes)) benchSize(bench, kind, size, size === sizes[2])
    recordGrowth(bench, kind, sizes)
  }
  chartRules(bench, sizes)
}

/** What a few rules take depends little on their kind. */
const sizesOf = (kind: RuleKind, sizes: readonly number[]): readonly number[] =>
  kind === 'realistic' ? sizes : sizes.slice(1)

function chartRules(bench: Bench, sizes: readonly number[]): void {
  const kinds = Object.keys(KINDS) as RuleKind[]
  const groupOf = (kind: RuleKind, size: number): string => titleOf(kind, size, 'uniform')
  bench.chart({
    kind: 'lines',
    id: 'match-growth',
    title: 'A full match, as rules grow',
    about: `The median of a match, for kind and unkind lists of rules, connections for ${SPREADS.uniform}. Lower is better, and flat is best.`,
    x: { label: 'rules', scale: 'log' },
    y: { label: 'a match', scale: 'log' },
    lines: kinds.map(kind => ({
      label: KINDS[kind],
      points: sizesOf(kind, sizes).map(size => ({ x: size, group: groupOf(kind, size), name: 'p50' })),
    })),
  })
  bench.chart({
    kind: 'percentiles',
    id: 'match-latency',
    title: `A full match among ${thousands(sizes[2])} rules`,
    about: `How long single matches take, connections for ${SPREADS.uniform}. Lower is better.`,
    curves: kinds.map(kind => ({ group: groupOf(kind, sizes[2]), name: 'weir', label: KINDS[kind] })),
  })
}

function benchSize(bench: Bench, kind: RuleKind, size: number, isLargest: boolean): void {
  const made = world(kind, size)
  const group = titleOf(kind, size)
  const rounds = bench.parameter(1, 3)
  const buffers = bench.time(group, 'compile', () => buildTable(made.plan, 1, () => 0), { rounds })
  const table = openTable(buffers)
  const bytes = Object.values(buffers).reduce((sum, { byteLength }) => sum + byteLength, 0)
  bench.record(group, 'bytes a rule', 'bytes', bytes / size)
  bench.record(
    group,
    'bytes a rule, without words for people',
    'bytes',
    (bytes - coldBytes(buffers.routing)) / size,
  )
  for (const spread of ['uniform', 'skewed'] as const) {
    const asked = traffic(made, spread, bench.parameter(500, 100_000))
    const title = titleOf(kind, size, spread)
    const query = createQuery()
    const goals = isLargest ? GOALS_NS : {}
    bench.latency(title, asked.count, index => matchOne(table, query, asked, index), goals)
    const naive = size <= NAIVE_RULES_MAX ? [oneAfterAnother(made, asked)] : []
    bench.compare(title, asked.count, [backToBack(table, query, asked), ...naive])
  }
}

const titleOf = (kind: RuleKind, size: number, spread?: keyof typeof SPREADS): string =>
  [`${size} rules, ${KINDS[kind]}`, ...(spread ? [`connections for ${SPREADS[spread]}`] : [])].join(', ')

/** Fills the query as a worker does, and returns the row of the rule. */
function matchOne(table: Table, query: Query, asked: Traffic, index: number): number {
  matchRoute(table, query, asked, index)
  return query.rule
}

/** The same, but returns the route. */
export function matchRoute(table: Table, query: Query, asked: Traffic, index: number): number {
  const family = asked.families[index] as Family
  query.destinationFamily = family
  query.clientFamily = family
  query.destinationPort = asked.ports[index]
  for (let word = 0; word < 4; word++) {
    query.destination[word] = asked.destinations[4 * index + word]
    query.client[word] = asked.clients[4 * index + word]
  }
  return match(table, query)
}

const backToBack = (table: Table, query: Query, asked: Traffic): Contender => ({
  name: 'weir, back to back',
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++) checksum = mix(checksum, matchOne(table, query, asked, index))
    return checksum
  },
})

const oneAfterAnother = ({ rules }: World, asked: Traffic): Contender => ({
  name: 'one rule after another',
  most: NAIVE_MOST,
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++) {
      const { destinations, clients, families, ports, workloads } = asked
      const workload = identityOf(workloads[index])
      const family = families[index] as Family
      checksum = mix(
        checksum,
        firstMatch(rules, { family, destinations, clients, at: 4 * index, port: ports[index], workload }),
      )
    }
    return checksum
  },
})

/** The ratio of the median match among the most rules to that among the middle number. */
function recordGrowth(bench: Bench, kind: RuleKind, [, middle, largest]: readonly number[]): void {
  const roundsAt = (size: number): readonly number[] => {
    const title = titleOf(kind, size, 'uniform')
    return bench.results.find(each => each.group === title && each.name === 'p50')?.rounds ?? []
  }
  const before = roundsAt(middle)
  const growth = roundsAt(largest).flatMap((ns, round) => (round < before.length ? [ns / before[round]] : []))
  const group = `${KINDS[kind]}, connections for ${SPREADS.uniform}`
  bench.record(group, `p50 at ${largest} rules beside ${middle}`, 'times', growth, GROWTH_GOAL)
}

function coldBytes(routing: SharedArrayBuffer): number {
  const lengths = new Uint32Array(routing, Header.WORDS * 4, 2 * SECTIONS.routing.length)
  return lengths[2 * SECTIONS.routing.indexOf('cold') + 1]
}
