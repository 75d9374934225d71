/** The rules of a table, as they were written. */

import type { StickySplit } from '../../stats/split-clients.ts'
import type { Cold, ColdRule } from '../../table/format/cold.ts'
import { NO_ROUTE } from '../../table/format/outcome.ts'
import { Route, Rule, SPLIT_NAMES } from '../../table/format/routing-layout.ts'
import { destinationsOf, type RouteDestination } from '../../table/format/rows.ts'
import type { Table } from '../../table/format/table.ts'
import type { RuleOrigin, Split } from '../../table/plan/plan.ts'
import { chances } from './share-verdict.ts'

/** A rule as written, once for each set of destinations. */
export type RuleEntry = {
  readonly origin: RuleOrigin
  /** Why it can never match, at any of its listeners; null: it can. */
  readonly never: string | null
  /** Patterns of the server names that it asks for; empty: it asks for none. */
  readonly serverNames: readonly string[]
  /**
   * "default/edge 127.0.0.1:9000", and at the mesh the service: "mesh *:9000
   * reviews.default.svc.cluster.local".
   */
  readonly listeners: readonly string[]
  readonly split: Split | null
  /** Of a sticky split. */
  readonly sticky: StickySplit | null
  readonly destinations: readonly RouteDestination[]
  /** The rule where it was found first; what it asks is the same everywhere. */
  readonly written: ColdRule
  /** How many entries the rule has: each has a split of its own, and one count. */
  readonly entries: number
}

/** The rules of a table. */
export type Rules = {
  readonly entries: readonly RuleEntry[]
  /** Shares that chance may show as off (share-verdict.ts). */
  readonly chances: number
}

/**
 * Every rule of a table, in the order of evaluation; the same rule at several listeners is one. A
 * rule that can match only at some listeners is listed for those.
 */
export function* rulesOf(table: Table, cold: Cold): Generator<void, Rules> {
  const byRule = new Map<
    string,
    {
      origin: RuleOrigin
      never: string | null
      serverNames: readonly string[]
      byRoute: Map<number, { written: ColdRule; where: Set<string> }>
    }
  >()
  for (const { listener, host, rules } of cold.scopes) {
    const where = `${table.sockets[listener].key}${host === '' ? '' : ` ${host}`}`
    for (const rule of rules) {
      const { origin, never, row, names: serverNames = [] } = rule
      const known = byRule.get(keyOf(origin)) ?? {
        origin,
        never,
        serverNames,
        byRoute: new Map<number, { written: ColdRule; where: Set<string> }>(),
      }
      byRule.set(keyOf(origin), known)
      const route = row < 0 ? NO_ROUTE : table.rules[row * Rule.WORDS + Rule.route]
      const found = known.byRoute.get(route) ?? { written: rule, where: new Set<string>() }
      known.byRoute.set(route, found)
      found.where.add(where)
      yield
    }
  }
  const entries: RuleEntry[] = []
  for (const { origin, never, serverNames, byRoute } of byRule.values()) {
    const head = { origin, serverNames, entries: byRoute.size }
    for (const [route, { written, where }] of byRoute) {
      const listeners = [...where]
      if (route !== NO_ROUTE) {
        const split = SPLIT_NAMES.get(table.routes[route * Route.WORDS + Route.split]) ?? null
        const sticky = split === 'sticky' ? stickyOf(table, route) : null
        const destinations = destinationsOf(table, cold, route)
        entries.push({ ...head, never: null, listeners, split, sticky, destinations, written })
      } else if (byRoute.size === 1)
        entries.push({ ...head, never, listeners, split: null, sticky: null, destinations: [], written })
    }
    yield
  }
  const all = entries.reduce((sum, { split, destinations }) => sum + chances(split, destinations.length), 0)
  return { entries, chances: all }
}

function stickyOf({ routes, turns }: Table, route: number): StickySplit {
  const first = routes[route * Route.WORDS + Route.firstTurn]
  const count = routes[route * Route.WORDS + Route.turnCount]
  return { slot: routes[route * Route.WORDS + Route.slot], turns: turns.subarray(first, first + count) }
}

/** A rule's origin is the same object for as long as its table is known. */
const keys = new WeakMap<RuleOrigin, string>()

export function keyOf(origin: RuleOrigin): string {
  const known = keys.get(origin)
  if (known !== undefined) return known
  const { virtualService, block, route, match } = origin
  const key = `${virtualService} ${block} ${route} ${match}`
  keys.set(origin, key)
  return key
}
