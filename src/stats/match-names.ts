/** From rows of a table to names: how a connection was matched. */

import type { Cold, ColdWorkload } from '../table/format/cold.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../table/format/outcome.ts'
import { Route, Scope, SPLIT_NAMES } from '../table/format/routing-layout.ts'
import { readCold, readWorkloads, type Table } from '../table/format/table.ts'
import type { Destination } from '../table/plan/destination.ts'
import type { RuleOrigin, Split } from '../table/plan/plan.ts'
import { Live } from './connections.ts'
import type { SeriesRow } from './series-totals.ts'

/** How a connection was matched, as rows of the table of its generation. */
export type Matched = Omit<SeriesRow, 'endpoint' | 'instead'> & {
  readonly listener: number
  readonly scope: number
  readonly route: number
}

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

export const UNKNOWN_SOURCE: ColdWorkload = { namespace: null, labels: {} }
/** Of a table that is no longer known. */
export const UNKNOWN: MatchNames = {
  outcome: 'none',
  listener: '',
  gateway: '',
  rule: null,
  split: null,
  destination: null,
  source: UNKNOWN_SOURCE,
}

/** A table, and what was read of it so far. */
export type Opened = {
  table: Table
  cold: Cold | null
  workloads: readonly ColdWorkload[] | null
  readonly rules: Map<number, RuleOrigin>
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

export const coldOf = (opened: Opened): Cold => {
  opened.cold ??= readCold(opened.table)
  return opened.cold
}

export function nameMatch(opened: Opened, matched: Matched): MatchNames {
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

export function ruleOf(opened: Opened, rule: number): RuleOrigin | null {
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

export function destinationOf(opened: Opened, cluster: number): Destination | null {
  if (cluster < 0) return null
  const { host, subset, port } = coldOf(opened).clusters[cluster]
  return { host, subset, port }
}

export function sourceOf(opened: Opened, workload: number): ColdWorkload {
  opened.workloads ??= readWorkloads(opened.table)
  return opened.workloads[workload] ?? UNKNOWN_SOURCE
}
