/**
 * What differs between two tables, rule by rule: for a person who is about to put the second in place of the first.
 *
 * Rules are compared by what they say, not by where they stand: one that another was put in front of is the same
 * rule. What is left over of both is paired by its place (VirtualService, route, match), and is a changed rule.
 */

import { formatCidr } from '../net/address.ts'
import type { Cold, ColdRule, ColdScope } from './cold.ts'
import { Balance, Cluster, Rule } from './layout.ts'
import { type RuleOrigin, type SourceCondition, UNKNOWN_CLIENT } from './plan.ts'
import { destinationsOf, endpointsOf, prefixesOf } from './rows.ts'
import { readCold, type Table } from './table.ts'

export type RuleChange = {
  readonly change: 'added' | 'removed' | 'changed'
  /** Where it applies: "default/edge 127.0.0.1:9000", and at the mesh with the service whose rule it is. */
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

export type TableChanges = {
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
  const scopes = [...keys].map(key => compareScopes(old.scopes.get(key) ?? [], now.scopes.get(key) ?? []))
  return {
    listeners: {
      added: [...now.listeners.difference(old.listeners)],
      removed: [...old.listeners.difference(now.listeners)],
    },
    rules: merged(scopes.flatMap(each => each.changes)),
    reordered: scopes.reduce((sum, each) => sum + each.reordered, 0),
    destinations: compareDestinations(old.destinations, now.destinations),
  }
}

/** A rule in words, and where it applies. */
type Worded = { readonly listener: string; readonly rule: RuleOrigin; readonly text: string }

function read(table: Table) {
  const cold = readCold(table)
  return {
    listeners: new Set(table.sockets.map(socket => socket.key)),
    scopes: Map.groupBy(
      cold.scopes.flatMap(scope => worded(table, cold, scope)),
      ({ listener }) => listener,
    ),
    destinations: new Map(
      cold.clusters.map((_, cluster) => [
        destinationName(cold, cluster),
        destinationText(table, cold, cluster),
      ]),
    ),
  }
}

function worded(table: Table, cold: Cold, { listener, host, rules }: ColdScope): Worded[] {
  const where = `${table.sockets[listener].key}${host === '' ? '' : ` ${host}`}`
  return rules.map(rule => ({ listener: where, rule: rule.origin, text: ruleText(table, cold, rule) }))
}

/** "port 9000, sourceSubnet 10.1.0.0/16 → 80 % a.example:9000 subset v1, 20 % a.example:9000 subset v2". */
function ruleText(table: Table, cold: Cold, { row, never }: ColdRule): string {
  if (never !== null) return `never: ${never}`
  const at = row * Rule.WORDS
  const port = table.rules[at + Rule.port]
  const conditions = [
    ...(port === 0 ? [] : [`port ${port}`]),
    ...cidrText('destinationSubnets', table, at + Rule.firstDestination),
    ...cidrText('sourceSubnet', table, at + Rule.firstClient),
    ...sourceText(cold.conditions[table.rules[at + Rule.condition]]),
  ]
  const to = destinationsOf(table, cold, table.rules[at + Rule.route]).map(
    ({ cluster, share }) => `${Number((share * 100).toFixed(2))} % ${destinationName(cold, cluster)}`,
  )
  return `${conditions.join(', ') || 'any'} → ${to.join(', ')}`
}

function cidrText(name: string, table: Table, run: number): string[] {
  const cidrs = prefixesOf(table, run)
  return cidrs.length === 0 ? [] : [`${name} ${cidrs.map(formatCidr).join(' ')}`]
}

function sourceText({ namespace, labels, visibleTo }: SourceCondition): string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return [
    ...(namespace === null ? [] : [`sourceNamespace ${namespace}`]),
    ...(pairs.length === 0 ? [] : [`sourceLabels ${pairs.sort().join(',')}`]),
    ...(visibleTo === null
      ? []
      : [`exportTo ${visibleTo.map(each => (each === UNKNOWN_CLIENT ? 'unknown' : each)).join(' ')}`]),
  ]
}

/** "reviews.default.svc.cluster.local:9080 subset v2". */
function destinationName({ clusters }: Cold, cluster: number): string {
  const { host, subset, port } = clusters[cluster]
  return `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`
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
    `keepalive ${at(Cluster.keepaliveTimeS)} ${at(Cluster.keepaliveIntervalS)} ${at(Cluster.keepaliveProbes)}`,
  ]
  const endpoints = endpointsOf(table, cold, cluster).toSorted()
  return `${kind || endpoints.join(', ') || 'no endpoint'}; ${limits.join(', ')}`
}

function compareScopes(before: readonly Worded[], after: readonly Worded[]) {
  const texts = (list: readonly Worded[]) => Map.groupBy(list.keys(), index => list[index].text)
  const earlier = texts(before)
  const same = new Map<number, number>() // of after, in before
  for (const [text, indexes] of texts(after)) {
    const found = earlier.get(text) ?? []
    for (const [nth, index] of indexes.entries()) if (nth < found.length) same.set(index, found[nth])
  }
  const kept = new Set(same.values())
  const gone = new Map(before.flatMap((each, index) => (kept.has(index) ? [] : [[placeOf(each.rule), each]])))
  const changes: RuleChange[] = []
  for (const [index, each] of after.entries()) {
    if (same.has(index)) continue
    const place = placeOf(each.rule)
    const was = gone.get(place)
    gone.delete(place)
    changes.push(changeOf(was ? 'changed' : 'added', each, was?.text ?? null, each.text))
  }
  for (const each of gone.values()) changes.push(changeOf('removed', each, each.text, null))
  return { changes, reordered: same.size - longestRise([...same.values()]) }
}

const changeOf = (
  change: RuleChange['change'],
  { listener, rule }: Worded,
  before: string | null,
  after: string | null,
): RuleChange => ({ change, listeners: [listener], rule, before, after })

/** What happens to a rule in the same way at several listeners is one change. */
function merged(changes: readonly RuleChange[]): RuleChange[] {
  const groups = Map.groupBy(changes, ({ listeners: _, ...rest }) => JSON.stringify(rest))
  return [...groups.values()].map(([first, ...others]) => ({
    ...first,
    listeners: [...first.listeners, ...others.flatMap(each => each.listeners)],
  }))
}

const placeOf = ({ virtualService, block, route, match }: RuleOrigin): string =>
  `${virtualService} ${block} ${route} ${match}`

/** How many numbers the longest ascending subsequence has: patience sorting (Fredman, 1975). */
function longestRise(numbers: readonly number[]): number {
  const tops: number[] = []
  for (const number of numbers) {
    let low = 0
    for (let high = tops.length; low < high; ) {
      const middle = (low + high) >>> 1
      if (tops[middle] < number) low = middle + 1
      else high = middle
    }
    tops[low] = number
  }
  return tops.length
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
