/**
 * How each rule stands: its hits, whether its split is off, whether somebody serves it. The list of
 * rules is searched, filtered and sorted by this (/routes).
 *
 * With 10 000 weighted rules this is a tenth of a second's work. So it is made in pieces, and made
 * anew at most so often that it takes a tenth of the main thread, however many callers there are.
 */

import { monotonicMs } from '../base/clock.ts'
import { inTurns } from '../base/turns.ts'
import { whereText } from '../base/where-text.ts'
import { RuleCounts } from '../control/observe/rule-counts.ts'
import type { RuleEntry } from '../control/observe/rules.ts'
import type { Serving } from '../control/publisher.ts'
import { conditionTexts } from '../table/explain/rule-conditions.ts'
import type { Cold } from '../table/format/cold.ts'
import { CLUSTER_ORIGINAL, Cluster } from '../table/format/routing-layout.ts'
import type { Table } from '../table/format/table.ts'
import { ruleName } from '../table/plan/rule-name.ts'
import type { RulesOfTable } from './rules-of-table.ts'
import { notServing } from './serving.ts'

export type Standing = {
  readonly entry: RuleEntry
  readonly connections: number
  readonly open: number
  /** Milliseconds since 1970; 0: no connection yet. */
  readonly lastMs: number
  /** A share lies outside of its bounds. */
  readonly isOff: boolean
  /** A destination with a share has no endpoint in rotation. */
  readonly isUnserved: boolean
}

export type Standings = {
  readonly counts: RuleCounts
  readonly cold: Cold
  readonly list: readonly Standing[]
}

/** What a list of rules can be narrowed to. */
export const SHOWS = {
  off: each => each.isOff,
  unserved: each => each.isUnserved,
  'never-hit': each => each.connections === 0 && each.entry.never === null,
  unreachable: each => each.entry.never !== null,
  weighted: each => each.entry.destinations.length > 1,
} satisfies Record<string, (standing: Standing) => boolean>

/** Of the main thread's time, the part that standings may take: one in so many. */
const SHARE = 10
/** Rules between two looks at the clock. */
const STEP = 64

export class StandingsOfTable {
  readonly #rules: RulesOfTable
  #table: Table | null = null
  #made: Promise<Standings> | null = null
  #untilMs = 0

  constructor(rules: RulesOfTable) {
    this.#rules = rules
  }

  async of(serving: Serving): Promise<Standings> {
    const isSame = this.#table?.buffers.routing === serving.table.buffers.routing
    if (isSame && this.#made !== null && monotonicMs() < this.#untilMs) return this.#made
    const beganMs = monotonicMs()
    this.#table = serving.table
    this.#untilMs = Number.POSITIVE_INFINITY // whoever comes meanwhile gets the same
    const made = this.#make(serving)
    this.#made = made
    try {
      return await made
    } catch (error) {
      if (this.#made === made) this.#made = null
      throw error
    } finally {
      if (this.#made === made) this.#untilMs = monotonicMs() + (SHARE - 1) * (monotonicMs() - beganMs)
    }
  }

  async #make(serving: Serving): Promise<Standings> {
    const { plane, generation, baselines } = serving
    const rules = await this.#rules.of(serving)
    const cold = plane.observer.generations.cold(generation)
    if (cold === null) throw notServing()
    const isServed = await inTurns(servedClusters(serving))
    const counts = new RuleCounts(plane.observer.counted(), rules, baselines)
    return { counts, cold, list: await inTurns(standings(rules.entries, counts, isServed)) }
  }
}

function* standings(entries: readonly RuleEntry[], counts: RuleCounts, isServed: Uint8Array) {
  const list: Standing[] = []
  for (const entry of entries) {
    const { connections, open, lastMs } = counts.sums(entry)
    list.push({
      entry,
      connections,
      open,
      lastMs,
      isOff: entry.destinations.length > 1 && connections > 0 && isOff(entry, counts),
      isUnserved: entry.destinations.some(({ share, cluster }) => share > 0 && isServed[cluster] === 0),
    })
    if (list.length % STEP === 0) yield
  }
  return list
}

const isOff = (entry: RuleEntry, counts: RuleCounts): boolean =>
  counts.delivered(entry).destinations.some(each => each.deliveredShare?.verdict === 'off')

/** By cluster, 1: it has an endpoint in rotation, or needs none. */
function* servedClusters({ table, plane: { health } }: Serving): Generator<void, Uint8Array> {
  const { clusters } = table
  const isServed = new Uint8Array(clusters.length / Cluster.WORDS)
  for (let cluster = 0; cluster < isServed.length; cluster++)
    if (clusters[cluster * Cluster.WORDS + Cluster.kind] === CLUSTER_ORIGINAL) isServed[cluster] = 1
  let seen = 0
  for (const row of health.list()) {
    const state = health.stateOf(row)
    // With too few in rotation, ejected ones are used as well.
    const usesAll = clusters[row.cluster * Cluster.WORDS + Cluster.minHealthPercent] > 0
    if (state === 'up' || state === 'failing' || (state === 'ejected' && usesAll)) isServed[row.cluster] = 1
    if (++seen % STEP === 0) yield
  }
  return isServed
}

const texts = new WeakMap<RuleEntry, string>()

/** What a search looks into: the rule's names and places, what it asks for, and where it leads. */
export function searchText(entry: RuleEntry, table: Table, cold: Cold): string {
  const known = texts.get(entry)
  if (known !== undefined) return known
  const { origin, listeners, destinations, written } = entry
  const text = [
    ruleName(origin),
    whereText(origin.file, origin.line),
    ...listeners,
    ...destinations.map(({ host, port, subset }) => `${host}:${port} ${subset ?? ''}`),
    ...conditionTexts(table, cold, written),
  ]
    .join('\n')
    .toLowerCase()
  texts.set(entry, text)
  return text
}
