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
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../table/format/outcome.ts'
import { Route, Scope, SPLIT_NAMES } from '../table/format/routing-layout.ts'
import {
  openTable,
  readCold,
  readWorkloads,
  type Table,
  type TableBuffers,
  withPart,
} from '../table/format/table.ts'
import type { RuleOrigin, Split } from '../table/plan/plan.ts'
import { Live } from './connections.ts'
import type { EndedConnections } from './ended-connections.ts'
import type { LiveConnections } from './live-connections.ts'
import type { Named, SeriesRow } from './series-totals.ts'

/** Tables that are kept, beside older ones by which connections are still to be decided. */
export const TABLES_KEPT = 8

/** How a connection was matched, as rows of the table of its generation. */
export type Matched = Omit<SeriesRow, 'endpoint' | 'instead'> & {
  readonly listener: number
  readonly scope: number
  readonly route: number
}

export type Destination = { readonly host: string; readonly subset: string | null; readonly port: number }

/** The same by name. */
export type MatchNames = {
  readonly outcome: 'rule' | 'default' | 'passthrough' | 'denied' | 'none'
  /** "default/tcp-gw 127.0.0.1:9000"; '' if its table is no longer known. */
  readonly listener: string
  /** 'mesh' or 'namespace/name'; ''. */
  readonly gateway: string
  readonly rule: RuleOrigin | null
  /** The kind of split; null: none. */
  readonly split: Split | null
  readonly destination: Destination | null
  /** The client's namespace and labels. */
  readonly source: ColdWorkload
}

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

const UNKNOWN_SOURCE: ColdWorkload = { namespace: null, labels: {} }
const UNKNOWN: MatchNames = {
  outcome: 'none',
  listener: '',
  gateway: '',
  rule: null,
  split: null,
  destination: null,
  source: UNKNOWN_SOURCE,
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

type Opened = {
  table: Table
  cold: Cold | null
  workloads: readonly ColdWorkload[] | null
  readonly rules: Map<number, RuleOrigin>
}

export type GenerationsState = {
  readonly tables: readonly TableBuffers[]
  readonly kept: ReadonlyMap<string, MatchNames>
}

export class Generations {
  readonly #live: LiveConnections
  readonly #ended: EndedConnections | null
  readonly #tables = new Map<number, Opened>()
  /** By `keyOf`: names of connections whose table is gone. */
  #kept: Map<string, MatchNames>

  /**
   * @param ended  Whose names are kept, too; null: nobody asks for them.
   * @param known  Another thread's `state`.
   */
  constructor(
    live: LiveConnections,
    ended: EndedConnections | null = null,
    known: GenerationsState = { tables: [], kept: new Map() },
  ) {
    this.#live = live
    this.#ended = ended
    this.#kept = new Map(known.kept)
    for (const table of known.tables) this.add(table)
  }

  /** What another thread needs for the same names; the tables are shared. */
  get state(): GenerationsState {
    return { tables: [...this.#tables.values()].map(({ table }) => table.buffers), kept: this.#kept }
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
  trim(): void {
    const tooMany = this.#tables.size - TABLES_KEPT
    if (tooMany <= 0) return
    // First: what a worker has accepted before it adopted a newer table, it has written by then.
    const least = this.#live.leastAdopted()
    const deciding = this.#live.deciding()
    const oldest = [...this.#tables.keys()].sort((a, b) => a - b)
    for (const each of oldest.slice(0, tooMany))
      if (!deciding.has(each) && (least === 0 || each < least)) this.#forget(each)
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
    return opened ? policyRuleOf(opened.table, coldOf(opened), row) : null
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

  #forget(generation: number): void {
    const opened = this.#tables.get(generation)
    this.#tables.delete(generation)
    const before = this.#kept
    this.#kept = new Map()
    const keep = (words: Int32Array): undefined => {
      const matched = matchedOf(words, 0)
      if (this.#tables.has(matched.generation)) return
      const key = keyOf(matched)
      if (this.#kept.has(key)) return
      const names =
        opened?.table.generation === matched.generation ? nameMatch(opened, matched) : before.get(key)
      if (names) this.#kept.set(key, names)
    }
    this.#live.visit(keep)
    this.#ended?.visit(generation + 1, keep)
  }
}

/** The match in the row at `at` (connections.ts). */
export const matchedOf = (words: Int32Array, at: number): Matched => ({
  generation: words[at + Live.generation],
  listener: words[at + Live.listener],
  scope: words[at + Live.scope],
  rule: words[at + Live.rule],
  route: words[at + Live.route],
  cluster: words[at + Live.cluster],
  workload: words[at + Live.workload],
})

const keyOf = ({ generation, listener, scope, rule, route, cluster, workload }: Matched): string =>
  `${generation} ${listener} ${scope} ${rule} ${route} ${cluster} ${workload}`

const coldOf = (opened: Opened): Cold => {
  opened.cold ??= readCold(opened.table)
  return opened.cold
}

function nameMatch(opened: Opened, matched: Matched): MatchNames {
  const { sockets, routes } = opened.table
  const { route, listener } = matched
  const socket = sockets[listener]
  const rule = ruleOf(opened, matched.rule)
  return {
    outcome: outcomeOf(route, rule !== null),
    listener: socket?.key ?? '',
    gateway: socket?.gateway ?? '',
    rule,
    split: route < 0 ? null : (SPLIT_NAMES.get(routes[route * Route.WORDS + Route.split]) ?? null),
    destination: destinationOf(opened, matched.cluster),
    source: sourceOf(opened, matched.workload),
  }
}

function outcomeOf(route: number, hasRule: boolean): MatchNames['outcome'] {
  if (route === PASSTHROUGH) return 'passthrough'
  if (route === DENIED) return 'denied'
  if (route === NO_ROUTE) return 'none'
  return hasRule ? 'rule' : 'default'
}

function ruleOf(opened: Opened, rule: number): RuleOrigin | null {
  if (rule < 0) return null
  const known = opened.rules.get(rule)
  if (known) return known
  const { scopes } = opened.table
  const written = coldOf(opened).scopes
  // Rows of rules follow each other, scope by scope.
  let [scope, above] = [0, written.length]
  while (above - scope > 1) {
    const middle = (scope + above) >>> 1
    if (scopes[middle * Scope.WORDS + Scope.firstRule] <= rule) scope = middle
    else above = middle
  }
  const origin = written[scope]?.columns.originOf(rule) ?? null
  if (origin) opened.rules.set(rule, origin)
  return origin
}

function destinationOf(opened: Opened, cluster: number): Destination | null {
  if (cluster < 0) return null
  const { host, subset, port } = coldOf(opened).clusters[cluster]
  return { host, subset, port }
}

function sourceOf(opened: Opened, workload: number): ColdWorkload {
  opened.workloads ??= readWorkloads(opened.table)
  return opened.workloads[workload] ?? UNKNOWN_SOURCE
}
