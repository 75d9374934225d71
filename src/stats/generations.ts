/**
 * What rows of a table mean, after newer tables have been published: listeners, rules, destinations
 * and clients by name.
 *
 * The newest tables are kept whole. When one is dropped, the names of its connections are kept for
 * as long as these are open, or are among the last that ended. So the memory is bounded by the
 * number of connections, not by the number of reloads; only a worker that stands still keeps more.
 */

import { assert } from '../base/assert.ts'
import { type PolicyRule, policyRuleOf } from '../table/format/access-names.ts'
import type { Cold, ColdWorkload } from '../table/format/cold.ts'
import { openTable, type Table, type TableBuffers, withPart } from '../table/format/table.ts'
import type { Destination } from '../table/plan/destination.ts'
import type { RuleOrigin } from '../table/plan/plan.ts'
import { Live } from './connections.ts'
import type { EndedConnections } from './ended-connections.ts'
import type { LiveConnections } from './live-connections.ts'
import {
  coldOf,
  destinationOf,
  type Matched,
  type MatchNames,
  matchedOf,
  nameMatch,
  type Opened,
  ruleOf,
  sourceOf,
  UNKNOWN,
  UNKNOWN_SOURCE,
} from './match-names.ts'
import type { Named, SeriesRow } from './series-totals.ts'

/** Tables that are kept, beside older ones by which connections are still to be decided. */
export const TABLES_KEPT = 8
/** Large ones are fewer: the newest two, and as many more as have no more bytes together. */
const KEPT_BYTES = 32 * 2 ** 20

/** What a series counts, by name. */
export type SeriesName = Named & {
  readonly rule: RuleOrigin | null
  /** null: an address that is not a service. */
  readonly destination: Destination | null
  /** "10.0.0.1:80"; null: the address that the client dialed. */
  readonly endpoint: string | null
  /** Not null: the series counts what `destination`, being down, gave to this one. */
  readonly instead: Destination | null
  readonly source: ColdWorkload
}

/** The names of counts without one of their own (series.ts, series-totals.ts). */
export const OTHER: SeriesName = {
  key: 'other',
  rule: null,
  destination: null,
  endpoint: null,
  instead: null,
  source: UNKNOWN_SOURCE,
}

export type GenerationsState = {
  readonly tables: readonly TableBuffers[]
  readonly kept: ReadonlyMap<string, MatchNames>
  readonly policies: ReadonlyMap<string, PolicyRule>
}

/** Generations whose tables are to go, and all names that are needed without them. */
type Retired = {
  readonly going: ReadonlySet<number>
  readonly kept: Map<string, MatchNames>
  readonly policies: Map<string, PolicyRule>
}

export class Generations {
  readonly #live: LiveConnections
  readonly #ended: EndedConnections | null
  readonly #tables = new Map<number, Opened>()
  /** By `keyOf`: names of connections whose table is gone. */
  #kept: Map<string, MatchNames>
  /** By `policyKey`: the policies that have denied them. */
  #policies: Map<string, PolicyRule>
  #retired: Retired | null = null

  /**
   * @param ended  Whose names are kept, too; null: nobody asks for them.
   * @param known  Another thread's `state`.
   */
  constructor(
    live: LiveConnections,
    ended: EndedConnections | null = null,
    known: GenerationsState = { tables: [], kept: new Map(), policies: new Map() },
  ) {
    this.#live = live
    this.#ended = ended
    this.#kept = new Map(known.kept)
    this.#policies = new Map(known.policies)
    for (const table of known.tables) this.add(table)
  }

  /** What another thread needs for the same names; the tables are shared. */
  get state(): GenerationsState {
    const tables = [...this.#tables.values()].map(({ table }) => table.buffers)
    return { tables, kept: this.#kept, policies: this.#policies }
  }

  /** A table is about to be published. */
  add(buffers: TableBuffers): void {
    const table = openTable(buffers)
    this.#tables.set(table.generation, { table, cold: null, workloads: null, rules: new Map() })
  }

  /** A part of the newest table is about to be replaced. */
  revise(part: 'endpoints' | 'clients', buffer: SharedArrayBuffer): void {
    const opened = this.#tables.get(Math.max(...this.#tables.keys()))
    assert(opened !== undefined, `${part} of no table`)
    opened.table = withPart(opened.table, part, buffer)
    opened.workloads = null // known rows keep their meaning: build/clients.ts
  }

  /**
   * Drops the oldest of too many tables: connections that nobody shows lose their names. A table
   * stays while a connection is still to be decided by it, which has no names to keep yet, and
   * while a worker that stands still may accept more.
   */
  trim(mostBytes = KEPT_BYTES): void {
    this.retire(mostBytes)
    this.drop()
  }

  /**
   * Keeps the names of connections whose tables `drop` is to drop. For who reads records in
   * between: of connections that end after this, both know the names.
   */
  retire(mostBytes = KEPT_BYTES): void {
    const tooMany = this.#tooMany(mostBytes)
    if (tooMany.length === 0) return
    // First: what a worker has accepted before it adopted a newer table, it has written by then.
    const least = this.#live.leastAdopted()
    const left = tooMany.filter(each => least === 0 || each < least)
    if (left.length === 0) return
    const deciding = this.#live.deciding() // looks at each row
    const going = new Set(left.filter(each => !deciding.has(each)))
    if (going.size > 0) this.#retired = { going, ...this.#namesWithout(going) }
  }

  drop(): void {
    if (this.#retired === null) return
    const { going, kept, policies } = this.#retired
    for (const each of going) this.#tables.delete(each)
    this.#kept = kept
    this.#policies = policies
    this.#retired = null
  }

  /** Oldest first. */
  #tooMany(mostBytes: number): number[] {
    const newest = [...this.#tables.keys()].sort((a, b) => b - a)
    let bytes = 0
    const isTooMuch = (generation: number, place: number): boolean => {
      bytes += this.#tables.get(generation)?.table.buffers.routing.byteLength ?? 0
      return place >= TABLES_KEPT || (place > 1 && bytes > mostBytes)
    }
    return newest.filter(isTooMuch).reverse()
  }

  /** Each listener of which connections can be known, and its gateway. */
  listeners(): Set<string> {
    const sockets = [...this.#tables.values()].flatMap(each => each.table.sockets)
    return new Set([
      ...sockets.flatMap(({ key, gateway }) => [key, gateway]),
      ...[...this.#kept.values()].flatMap(({ listener, gateway }) => [listener, gateway]),
    ])
  }

  /** A table that is kept, or null. */
  table(generation: number): Table | null {
    return this.#tables.get(generation)?.table ?? null
  }

  /** The words of a table that is kept, or null. */
  cold(generation: number): Cold | null {
    const opened = this.#tables.get(generation)
    return opened ? coldOf(opened) : null
  }

  /** How a connection was matched. */
  names(matched: Matched): MatchNames {
    const opened = this.#tables.get(matched.generation)
    return opened ? nameMatch(opened, matched) : (this.#kept.get(keyOf(matched)) ?? UNKNOWN)
  }

  /** The rule of a policy in a row of `accessRules`; null if its table is no longer known. */
  policyRule(generation: number, row: number): PolicyRule | null {
    const opened = this.#tables.get(generation)
    if (opened) return policyRuleOf(opened.table, coldOf(opened), row)
    return this.#policies.get(policyKey(generation, row)) ?? null
  }

  /** The name of a row of series; OTHER if its table is no longer known. */
  readonly seriesName = (row: SeriesRow): SeriesName => {
    const opened = this.#tables.get(row.generation)
    if (!opened) return OTHER
    const rule = ruleOf(opened, row.rule)
    const destination = destinationOf(opened, row.cluster)
    const { endpoint } = row
    const instead = destinationOf(opened, row.instead)
    const source = sourceOf(opened, row.workload)
    const which = rule && [rule.virtualService, rule.block, rule.route, rule.match]
    const key = JSON.stringify([which, destination, endpoint, source, ...(instead ? [instead] : [])])
    return { key, rule, destination, endpoint, instead, source }
  }

  #namesWithout(going: ReadonlySet<number>): Omit<Retired, 'going'> {
    const kept = new Map<string, MatchNames>()
    const policies = new Map<string, PolicyRule>()
    const stays = (generation: number): boolean => this.#tables.has(generation) && !going.has(generation)
    const keep = (words: Int32Array): undefined => {
      const matched = matchedOf(words, 0)
      const key = keyOf(matched)
      if (!stays(matched.generation) && !kept.has(key)) {
        const names = this.names(matched)
        if (names !== UNKNOWN) kept.set(key, names)
      }
      if (words[Live.policy] === 0) return
      const row = words[Live.policy] - 1
      const generation = words[Live.policyGeneration] || matched.generation
      const rule = stays(generation) ? null : this.policyRule(generation, row)
      if (rule) policies.set(policyKey(generation, row), rule)
    }
    this.#live.visit(keep)
    this.#ended?.visit(Math.max(...going) + 1, keep)
    return { kept, policies }
  }
}

const keyOf = ({ generation, listener, scope, rule, route, cluster, workload }: Matched): string =>
  `${generation} ${listener} ${scope} ${rule} ${route} ${cluster} ${workload}`

const policyKey = (generation: number, row: number): string => `${generation} ${row}`
