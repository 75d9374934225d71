/**
 * What connections would lose by a change. The compiling thread finds it by comparing the served
 * table with the next one.
 *
 *   lost       a destination of a rule that could be served is one that nothing defines now
 *   removed    a rule is not there any more
 *   closed     a listener is not there any more
 *   emptied    a destination has no endpoint any more
 *   reads      a listener reads other PROXY headers, or of others (header-losses.ts)
 *   sends      a destination gets other PROXY headers
 *   denied     policies deny clients that have a connection (policy-losses.ts)
 *   unserved   no server takes the name of a connection any more (server-losses.ts)
 *   ended      the endpoint of a connection is removed, and it ends with it (removal-losses.ts)
 *
 * Rules are paired over generations as in `weir diff` (table/explain/pair-rules.ts), but only those
 * of VirtualServices that can lose anything (snapshot.ts). reload-guard.ts decides what to refuse.
 */

import type { LoadedResource } from '../../config/load.ts'
import { endOfCluster } from '../../table/explain/ends.ts'
import { type Pair, pairRules, type Worded, wordedRules } from '../../table/explain/pair-rules.ts'
import type { Cold } from '../../table/format/cold.ts'
import { Rule } from '../../table/format/routing-layout.ts'
import { destinationsOf } from '../../table/format/rows.ts'
import { readCold, type Table } from '../../table/format/table.ts'
import { type OwnListeners, ownListeners } from '../../table/match/own-listeners.ts'
import { type Destination, destinationName } from '../../table/plan/destination.ts'
import type { RuleOrigin } from '../../table/plan/plan.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { changedReads, changedSends, headerLosses } from './header-losses.ts'
import {
  anyKey,
  LOSS_KINDS,
  type Loss,
  type Losses,
  lossOf,
  lostRule,
  ofKind,
  ruleAt,
  ruleKey,
} from './loss.ts'
import { OldListeners } from './old-listeners.ts'
import { type Snapshot, virtualServiceOf } from './snapshot.ts'

type Side = {
  readonly table: Table
  readonly snapshot: Snapshot | null
  readonly resources: readonly LoadedResource[]
}
/**
 * What `after` loses compared with `before`; null: nothing.
 *
 * @param defines  Whether a resource of `after` defines a host.
 */
export function findLosses(
  before: Side,
  after: Side & { readonly snapshot: Snapshot },
  defines: (host: string) => boolean,
): Losses | null {
  const [old, now] = [before.snapshot, after.snapshot]
  const open = new Set(openKeys(after.table))
  const closed = openKeys(before.table).filter(key => !open.has(key))
  const emptied = old === null ? [] : emptiedDestinations(old, now)
  const reads = old === null ? [] : changedReads(old, now)
  const sends = old === null ? [] : changedSends(old, now)
  const affected = old === null ? null : affectedServices(old, now)
  const count = closed.length + emptied.length + reads.length + sends.length
  if (count === 0 && affected?.size === 0) return null
  const cold = readCold(before.table)
  const listeners = new OldListeners(before.table, cold)
  const finder = new Finder(before, after, cold, new Set(closed), defines)
  const { lost, removed } = finder.rules(affected)
  const resources = [...after.resources, ...before.resources]
  const losses = {
    lost: ofKind(lost),
    removed: ofKind(removed),
    closed: ofKind(listeners.closing(closed, before.resources, finder.somewhere())),
    emptied: ofKind(finder.destinations(emptied)),
    reads: ofKind(headerLosses(reads, 'Settings', resources, name => listeners.keysOf(name))),
    denied: ofKind([]), // policy-losses.ts
    unserved: ofKind([]), // server-losses.ts
    ended: ofKind([]), // removal-losses.ts
    sends: ofKind(headerLosses(sends, 'DestinationRule', resources, name => [anyKey(name)])),
  }
  return LOSS_KINDS.some(kind => losses[kind].count > 0) ? losses : null
}

const openKeys = (table: Table): string[] => table.sockets.filter(each => each.serves).map(each => each.key)

/**
 * VirtualServices with rules at other places than before, or with a destination that is newly
 * undefined.
 */
function affectedServices(old: Snapshot, now: Snapshot): Set<string> {
  const affected = new Set<string>()
  for (const key of new Set([...old.shape.keys(), ...now.shape.keys()]))
    if (old.shape.get(key) !== now.shape.get(key)) affected.add(virtualServiceOf(key))
  for (const [key, { virtualService }] of now.unknown) if (!old.unknown.has(key)) affected.add(virtualService)
  return affected
}

const emptiedDestinations = (old: Snapshot, now: Snapshot): string[] =>
  [...now.destinations].flatMap(([name, found]) =>
    !found && old.destinations.get(name) === true ? [name] : [],
  )

class Finder {
  readonly #before: Side
  readonly #after: Side
  readonly #old: Cold
  readonly #now: Cold
  readonly #closed: ReadonlySet<string>
  readonly #defines: (host: string) => boolean
  /** Uses the old table's listeners: a destination that is a loop there is no loss. */
  readonly #own: OwnListeners

  constructor(
    before: Side,
    after: Side,
    old: Cold,
    closed: ReadonlySet<string>,
    defines: (host: string) => boolean,
  ) {
    this.#before = before
    this.#after = after
    this.#old = old
    this.#now = readCold(after.table)
    this.#closed = closed
    this.#defines = defines
    this.#own = ownListeners(before.table, [])
  }

  /** The rules of these VirtualServices (null: all) that are lost or removed, each once. */
  rules(affected: ReadonlySet<string> | null): { lost: Loss[]; removed: Loss[] } {
    const wanted = (virtualService: string): boolean => affected?.has(virtualService) ?? true
    const old = this.#opening(this.#before.table, wordedRules(this.#before.table, this.#old, wanted))
    const now = this.#opening(this.#after.table, wordedRules(this.#after.table, this.#now, wanted))
    const lost = new Map<string, Loss>()
    const removed = new Map<string, Loss>()
    const byPlace = new Map([...now.keys()].map(scope => [placeOfScope(scope), scope]))
    const opened = [...now.keys()].filter(scope => !old.has(scope))
    const moved = new Map(opened.map(scope => [ownerOfScope(scope), scope]))
    for (const [scope, rules] of old) {
      const next = now.has(scope)
        ? scope
        : (byPlace.get(placeOfScope(scope)) ?? moved.get(ownerOfScope(scope)) ?? '')
      for (const pair of pairRules(rules, now.get(next) ?? []).pairs) this.#look(pair, scope, lost, removed)
    }
    return { lost: [...lost.values()], removed: [...removed.values()] }
  }

  /** The emptied destinations, each with the place of a rule that picks it. */
  destinations(names: readonly string[]): Loss[] {
    if (names.length === 0) return []
    const rules = new Map<string, RuleOrigin>()
    const { table } = this.#after
    const byRoute = new Map<number, readonly string[]>()
    for (const { origin, row } of this.#now.scopes.flatMap(scope => scope.rules)) {
      if (row < 0) continue
      const route = table.rules[row * Rule.WORDS + Rule.route]
      const drawn = byRoute.get(route) ?? destinationsOf(table, this.#now, route).map(destinationName)
      byRoute.set(route, drawn)
      for (const name of drawn) if (!rules.has(name)) rules.set(name, origin)
    }
    return names.map(name => {
      const rule = rules.get(name)
      return lossOf(name, rule ? ruleAt(rule) : this.somewhere(), [anyKey(name)])
    })
  }

  /** If the place is unknown: the first file. */
  somewhere(): Loss['at'] {
    const [first] = [...this.#after.resources, ...this.#before.resources]
    return { file: first?.file ?? 'configuration', line: 1, resource: null }
  }

  /** Without rules that can never match, and listeners whose socket another has. */
  #opening(table: Table, rules: ReadonlyMap<string, Worded[]>): Map<string, Worded[]> {
    const open = new Set(openKeys(table))
    return new Map(
      [...rules].flatMap(([scope, list]) =>
        open.has(socketOf(scope)) ? [[scope, list.filter(each => each.row >= 0)] as const] : [],
      ),
    )
  }

  #look({ before, after }: Pair, scope: string, lost: Map<string, Loss>, removed: Map<string, Loss>): void {
    if (before === null) return
    const loss = after === null ? this.#withoutService(before, scope) : this.#undefined(before, after)
    if (loss !== null) add(lost, loss)
    if (after !== null || loss !== null) return
    const { rule } = before
    // A loss caused by a closed listener is reported with the listener.
    if (this.#closed.has(socketOf(scope)) && this.#isStillWritten(rule)) return
    add(removed, lossOf(ruleName(rule), ruleAt(rule), [ruleKey(rule)]))
  }

  /**
   * An unchanged rule that applies nowhere any more, since a service that it needs has gone; or
   * null.
   */
  #withoutService(before: Worded, scope: string): Loss | null {
    const { rule } = before
    if (!this.#isStillWritten(rule)) return null
    const served = this.#servedBy(before)
    const host = scope.slice(socketOf(scope).length + 1)
    const gone = served.filter(each => !this.#defines(each.host)).map(destinationName)
    const missing = gone.length > 0 || host === '' || this.#defines(host) ? gone : [host]
    if (missing.length === 0) return null
    return lostRule(rule, rule, missing, served.map(destinationName))
  }

  /** A rule with some undefined destinations that had some it could serve; or null. */
  #undefined(before: Worded, after: Worded): Loss | null {
    const served = this.#servedBy(before).map(destinationName)
    const earlier = this.#drawn(this.#before.table, this.#old, before, 'unknown-destination').map(
      destinationName,
    )
    const now = this.#drawn(this.#after.table, this.#now, after, 'unknown-destination').map(destinationName)
    const missing = now.filter(name => !earlier.includes(name))
    if (missing.length === 0 || served.length === 0) return null
    // A misspelt destination replaces the old one; an added one takes from all.
    const left = this.#drawn(this.#after.table, this.#now, after, null).map(destinationName)
    const gone = served.filter(name => !left.includes(name))
    return lostRule(before.rule, after.rule, missing, gone.length > 0 ? gone : served)
  }

  #servedBy(before: Worded): Destination[] {
    return this.#drawn(this.#before.table, this.#old, before, null)
  }

  /** The destinations of a rule that end connections for these reasons. */
  #drawn(table: Table, cold: Cold, { row }: Worded, ends: 'unknown-destination' | null): Destination[] {
    const facts = { comesBack: false, mayResolve: false, isOut: false, own: this.#own }
    return destinationsOf(table, cold, table.rules[row * Rule.WORDS + Rule.route]).filter(
      ({ cluster, share }) => share > 0 && endOfCluster(table, cluster, facts) === ends,
    )
  }

  /** Whether its VirtualService is unchanged: then the rule is not gone by itself. */
  #isStillWritten({ virtualService }: RuleOrigin): boolean {
    const digest = this.#before.snapshot?.virtualServices.get(virtualService)
    return digest !== undefined && digest === this.#after.snapshot?.virtualServices.get(virtualService)
  }
}

/** Once for all listeners. */
function add(losses: Map<string, Loss>, loss: Loss): void {
  const known = losses.get(loss.name)
  const both = (field: 'missing' | 'keys' | 'widerKeys') => [
    ...new Set([...(known?.[field] ?? []), ...loss[field]]),
  ]
  losses.set(loss.name, {
    ...loss,
    missing: both('missing'),
    keys: both('keys'),
    widerKeys: both('widerKeys'),
  })
}

/** The key of a scope's listener: at the mesh, the service. */
const socketOf = (scope: string): string => scope.split(' ', 2).join(' ')

/** The same without the Gateway's name: a renamed Gateway keeps its addresses. */
const placeOfScope = (scope: string): string => scope.slice(scope.indexOf(' ') + 1)

/** The same without the address: a Gateway, or a service of the mesh, with a new one. */
const ownerOfScope = (scope: string): string =>
  `${scope.split(' ', 1)[0]}${scope.slice(socketOf(scope).length)}`
