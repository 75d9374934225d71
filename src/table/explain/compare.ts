/**
 * What differs between two tables, rule by rule: for a person who is about to put the second in
 * place of the first. Which rule is which is said by pair-rules.ts.
 */

import type { Cold } from '../format/cold.ts'
import { Balance, Cluster } from '../format/routing-layout.ts'
import { endpointsOf } from '../format/rows.ts'
import { readCold, type Table } from '../format/table.ts'
import type { RuleOrigin } from '../plan/plan.ts'
import { destinationName, type Pair, pairRules, wordedRules } from './pair-rules.ts'

export type RuleChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /**
   * Where it applies: "default/edge 127.0.0.1:9000", and at the mesh with the service whose rule it
   * is.
   */
  readonly listeners: readonly string[]
  /** Where it stands now; of a removed one, where it stood. */
  readonly rule: RuleOrigin
  /** What it said, in words; null where it was not there. */
  readonly before: string | null
  readonly after: string | null
}

export type DestinationChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /** "reviews.default.svc.cluster.local:9080 subset v2". */
  readonly destination: string
  readonly before: string | null
  readonly after: string | null
}

type TableChanges = {
  readonly listeners: { readonly added: readonly string[]; readonly removed: readonly string[] }
  readonly rules: readonly RuleChange[]
  /** Rules that say the same and are tried in another order among themselves. */
  readonly reordered: number
  readonly destinations: readonly DestinationChange[]
}

export function compareTables(before: Table, after: Table): TableChanges {
  const old = read(before)
  const now = read(after)
  const keys = new Set([...old.scopes.keys(), ...now.scopes.keys()])
  const scopes = [...keys].map(key => pairRules(old.scopes.get(key) ?? [], now.scopes.get(key) ?? []))
  return {
    listeners: {
      added: [...now.listeners.difference(old.listeners)],
      removed: [...old.listeners.difference(now.listeners)],
    },
    rules: merged(scopes.flatMap(({ pairs }) => pairs.flatMap(changesOf))),
    reordered: scopes.reduce((sum, each) => sum + each.reordered, 0),
    destinations: compareDestinations(old.destinations, now.destinations),
  }
}

function read(table: Table) {
  const cold = readCold(table)
  return {
    listeners: new Set(table.sockets.map(socket => socket.key)),
    scopes: wordedRules(table, cold),
    destinations: new Map(
      cold.clusters.map((_, cluster) => [
        destinationName(cold, cluster),
        destinationText(table, cold, cluster),
      ]),
    ),
  }
}

/** None where both say the same. */
function changesOf({ before, after }: Pair): RuleChange[] {
  if (before?.text === after?.text) return []
  const now = after ?? before
  if (now === null) return []
  return [
    {
      change: before === null ? 'added' : after === null ? 'removed' : 'changed',
      listeners: [now.listener],
      rule: now.rule,
      before: before?.text ?? null,
      after: after?.text ?? null,
    },
  ]
}

/** Its endpoints and, as the words of its row, its policy. */
function destinationText(table: Table, cold: Cold, cluster: number): string {
  const { clusters } = table
  const at = (field: number): number => clusters[cluster * Cluster.WORDS + field]
  const kind = ['', 'the address as asked', 'unknown'][at(Cluster.kind)]
  const limits = [
    `connectTimeout ${at(Cluster.connectTimeoutMs)} ms`,
    `idleTimeout ${at(Cluster.idleTimeoutMs)} ms`,
    `maxConnections ${at(Cluster.maxConnections)}`,
    `maxDuration ${at(Cluster.maxDurationMs)} ms`,
    `balance ${Object.keys(Balance)[at(Cluster.balance)]}`,
    `connectAttempts ${at(Cluster.connectAttempts)}`,
    `connectDeadline ${at(Cluster.connectDeadlineMs)} ms`,
    `remembersFailures ${at(Cluster.remembersFailures) === 1}`,
    `proxyProtocol ${at(Cluster.proxyVersion) === 0 ? 'none' : `V${at(Cluster.proxyVersion)}`}`,
    `keepalive ${at(Cluster.keepaliveTimeS)} ${at(Cluster.keepaliveIntervalS)} ${at(Cluster.keepaliveProbes)}`,
  ]
  const endpoints = endpointsOf(table, cold, cluster).toSorted()
  return `${kind || endpoints.join(', ') || 'no endpoint'}; ${limits.join(', ')}`
}

/** What happens to a rule in the same way at several listeners is one change. */
function merged(changes: readonly RuleChange[]): RuleChange[] {
  const groups = Map.groupBy(changes, ({ listeners: _, ...rest }) => JSON.stringify(rest))
  return [...groups.values()].map(([first, ...others]) => ({
    ...first,
    listeners: [...first.listeners, ...others.flatMap(each => each.listeners)],
  }))
}

function compareDestinations(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): DestinationChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names.flatMap(destination => {
    const [was, is] = [before.get(destination) ?? null, after.get(destination) ?? null]
    if (was === is) return []
    const change = was === null ? 'added' : is === null ? 'removed' : 'changed'
    return [{ change, destination, before: was, after: is }]
  })
}
