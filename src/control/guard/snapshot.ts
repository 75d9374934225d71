/**
 * The part of a configuration that the next one is compared with. The compiling thread keeps it, so
 * most reloads need no comparison of the rules of two tables.
 *
 * A new thread has none; then losses.ts compares all rules.
 */

import type { Loaded } from '../../config/load.ts'
import { placeOf, scopeKey } from '../../table/explain/pair-rules.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationName } from '../../table/plan/destination.ts'
import type { Cluster, Plan, ReadsProxy, Rule, WrittenAt } from '../../table/plan/plan.ts'
import { nameInRules } from '../../table/plan/rule-name.ts'

export type Snapshot = {
  /** For each scope and VirtualService, a hash of the places of its rules. */
  readonly shape: ReadonlyMap<string, number>
  /** Rules with an undefined destination: scope, place and destination. */
  readonly unknown: ReadonlyMap<string, Unserved>
  /** Whether each defined destination has an endpoint, as far as known. */
  readonly destinations: ReadonlyMap<string, boolean>
  /** Keys of the listeners that are opened. */
  readonly listeners: ReadonlySet<string>
  /** The PROXY headers that listeners read, by listener; and those that destinations get. */
  readonly reads: ReadonlyMap<string, ReadsProxy>
  readonly sends: ReadonlyMap<string, Sent>
  /** Digests of what has rules, by its name in them: 'namespace/name' of a VirtualService. */
  readonly virtualServices: ReadonlyMap<string, string>
}

type Sent = { readonly version: number; readonly at: WrittenAt | null }

type Unserved = { readonly virtualService: string; readonly place: string }

/** Separates the parts of a key; no name contains it. */
const SEPARATOR = '\n'

const shapeKey = (scope: string, virtualService: string): string => `${scope}${SEPARATOR}${virtualService}`
export const virtualServiceOf = (shape: string): string => shape.slice(shape.indexOf(SEPARATOR) + 1)

export function snapshotOf(plan: Plan, table: Table, resources: Loaded['resources']): Snapshot {
  const undefinedOf = undefinedDestinations(plan)
  const shape = new Map<string, number>()
  const unknown = new Map<string, Unserved>()
  const listeners = new Set<string>()
  const reads = new Map<string, ReadsProxy>()
  for (const [listener, { scopes, proxyProtocol }] of plan.listeners.entries()) {
    const { key: name, serves } = table.sockets[listener]
    if (!serves) continue
    listeners.add(name)
    if (proxyProtocol) reads.set(name, proxyProtocol)
    for (const { host, rules } of scopes) {
      const scope = scopeKey(table, { listener, host })
      addShape(shape, scope, rules)
      for (const { origin, route, never } of rules) {
        if (never !== null) continue
        for (const name of undefinedOf.get(route) ?? NO_NAMES) {
          const place = placeOf(origin)
          const key = [scope, place, name].join(SEPARATOR)
          unknown.set(key, { virtualService: origin.virtualService, place })
        }
      }
    }
  }
  const virtualServices = resources.flatMap(({ title, digest }) => {
    const name = nameInRules(title)
    return name === null ? [] : [[name, digest] as const]
  })
  return {
    shape,
    unknown,
    listeners,
    reads,
    sends: sentIn(plan.clusters),
    virtualServices: new Map(virtualServices),
    destinations: destinationsIn(plan.clusters),
  }
}

const NO_NAMES: readonly string[] = []

/** By route, of those that have such a destination. */
function undefinedDestinations({ routes, clusters }: Plan): ReadonlyMap<number, readonly string[]> {
  const names = clusters.map(each =>
    each.kind === 'unknown' && !each.forbidden ? destinationName(each) : null,
  )
  const found = new Map<number, readonly string[]>()
  if (names.every(name => name === null)) return found
  for (const [route, { destinations }] of routes.entries()) {
    const unknown = destinations.flatMap(({ cluster }) => names[cluster] ?? [])
    if (unknown.length > 0) found.set(route, unknown)
  }
  return found
}

/** If listeners differ, it counts as found if it is found for one of them. */
function destinationsIn(clusters: readonly Cluster[]): Map<string, boolean> {
  const found = new Map<string, boolean>()
  for (const each of clusters) {
    const name = destinationName(each)
    if (each.kind !== 'unknown') found.set(name, findsSomebody(each) || found.get(name) === true)
  }
  return found
}

function sentIn(clusters: readonly Cluster[]): Map<string, Sent> {
  const headed = clusters.filter(({ kind, policy }) => kind !== 'unknown' && policy.proxyVersion !== 0)
  return new Map(
    headed.map(each => {
      const { policy, policyAt } = each
      return [destinationName(each), { version: policy.proxyVersion, at: policyAt?.proxyProtocol ?? null }]
    }),
  )
}

/** How many rules have such a destination. */
export const unservedRules = ({ unknown }: Snapshot): number =>
  new Set([...unknown.values()].map(each => each.place)).size

const findsSomebody = ({ kind, endpoints, names }: Cluster): boolean =>
  kind === 'original' || endpoints.length + names.length > 0

/** FNV-1a over the places; the rules of one VirtualService follow each other. */
function addShape(shape: Map<string, number>, scope: string, rules: readonly Rule[]): void {
  let virtualService = ''
  let hash = 0
  const keep = (): void => void (virtualService && shape.set(shapeKey(scope, virtualService), hash))
  for (const { origin, never } of rules) {
    if (never !== null) continue
    if (origin.virtualService !== virtualService) {
      keep()
      virtualService = origin.virtualService
      hash = shape.get(shapeKey(scope, virtualService)) ?? 0x811c9dc5
    }
    hash = mixed(hash, origin.block.charCodeAt(0))
    hash = mixed(hash, origin.block.charCodeAt(1))
    hash = mixed(hash, origin.route)
    hash = mixed(hash, origin.match ?? -1)
  }
  keep()
}

const mixed = (hash: number, part: number): number => Math.imul(hash ^ part, 0x01000193)
