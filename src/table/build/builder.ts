/**
 * From a Plan to a table's bytes: the only writer of a table, and only before it is published.
 *
 * Rows are collected section by section, then copied into one buffer. Nothing here runs on the data
 * path, and workers never import it.
 */

import { Packr } from 'msgpackr'
import { type Cidr, parseAddress } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { type Cold, type ColdRule, type ColdScope, type ColdWorkload, checksum } from '../format/cold.ts'
import * as L from '../format/layout.ts'
import { ABSENT } from '../format/pair-index.ts'
import { aliasColumns } from '../match/pick.ts'
import { stickyBuckets } from '../match/sticky.ts'
import type {
  Cluster,
  Listener,
  Plan,
  Route,
  Rule,
  Scope,
  ScopeDefault,
  SourceCondition,
} from '../plan/plan.ts'
import { ClassifierBuilder } from './classifier-builder.ts'
import { Conditions, conditionList, wordsFor } from './conditions.ts'
import { exactSchedule, pairedOf } from './exact.ts'

/** Labels are packed as they are, though one be called `toJSON` and another `constructor`. */
const packr = new Packr({ useRecords: false, useToJSON: false })

/** Gives an endpoint, cluster or route its word in the shared counts, the same one at every reload. */
export type SlotOf = (identity: string) => number

/** Builds the table of `plan` as generation `generation` (1 – 2^31−1). */
export function buildTable(plan: Plan, generation: number, slotOf: SlotOf): SharedArrayBuffer {
  const builder = new Builder(slotOf)
  for (const listener of plan.listeners) builder.addListener(listener)
  for (const cluster of plan.clusters) builder.addCluster(cluster)
  for (const route of plan.routes) builder.addRoute(route)
  builder.addSources(plan)
  return builder.finish(generation)
}

/** A section while it grows: rows of a fixed width. */
class Rows {
  readonly #width: number
  #words = new Uint32Array(1024)
  #length = 0

  constructor(width: number) {
    this.#width = width
  }

  get count(): number {
    return this.#length / this.#width
  }

  /** Appends one row and returns its index. */
  add(...row: readonly number[]): number {
    assert(row.length === this.#width, `a row of ${row.length} words, not ${this.#width}`)
    if (this.#length + row.length > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words.set(row, this.#length)
    this.#length += row.length
    return this.count - 1
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.#length * 4)
  }
}

class Builder {
  readonly #slotOf: SlotOf
  readonly #rows = {
    listeners: new Rows(L.Listener.WORDS),
    scopes: new Rows(L.Scope.WORDS),
    rules: new Rows(L.Rule.WORDS),
    prefixes: new Rows(L.Prefix.WORDS),
    routes: new Rows(L.Route.WORDS),
    splits: new Rows(L.Destination.WORDS),
    turns: new Rows(1),
    clusters: new Rows(L.Cluster.WORDS),
    endpoints: new Rows(L.Endpoint.WORDS),
    workloads: new Rows(1),
    workloadRuns: new Rows(L.WorkloadRun.WORDS),
    fulfilled: new Rows(1),
  }
  readonly #classifier = new ClassifierBuilder()
  readonly #names: { gateway: string; bind: string }[] = []
  readonly #conditions = new Interned<SourceCondition>({ namespace: null, labels: {}, visibleTo: null })
  readonly #workloads = new Interned<ColdWorkload>({ namespace: null, labels: {} })
  readonly #scopes: ColdScope[] = []
  readonly #clusters: Cold['clusters'][number][] = []

  constructor(slotOf: SlotOf) {
    this.#slotOf = slotOf
  }

  addListener(listener: Listener): void {
    const [first, ...more] = listener.scopes
    assert(isPort(listener.port), `listener ${listener.gateway} has the port ${listener.port}`)
    const takesAll = first !== undefined && first.addresses.length === 0 && first.port === 0
    this.#rows.listeners.add(
      listener.port,
      listener.destination === 'original' ? 1 : 0,
      L.Otherwise[listener.otherwise],
      takesAll && more.length === 0 ? this.#rows.scopes.count : ABSENT,
      listener.opens ? 1 : 0,
    )
    this.#names.push({ gateway: listener.gateway, bind: listener.bind })
    this.#classifier.addListener()
    for (const scope of listener.scopes) this.#addScope(scope)
  }

  #addScope(scope: Scope): void {
    assert(isPortOrAny(scope.port), `a scope of ${scope.host} has the port ${scope.port}`)
    this.#classifier.addScope(scope)
    const firstRule = this.#rows.rules.count
    const defaults = (scope.defaults ?? []).values()
    let next = defaults.next()
    const rules: ColdRule[] = []
    for (const [index, { origin, never, ...asks }] of scope.rules.entries()) {
      for (; !next.done && next.value.after <= index; next = defaults.next()) this.#addDefault(next.value)
      rules.push({ origin, never, row: never === null ? this.#addRule(asks) : -1 })
    }
    for (; !next.done; next = defaults.next()) this.#addDefault(next.value)
    const ruleCount = this.#rows.rules.count - firstRule
    const { anyPortChain, ports } = this.#classifier.portsOfScope()
    this.#rows.scopes.add(firstRule, ruleCount, scope.defaultRoute, anyPortChain, ports)
    this.#scopes.push({ listener: this.#rows.listeners.count - 1, port: scope.port, host: scope.host, rules })
  }

  /** A row that no rule was written for: what it leads to is no rule's, but a default. */
  #addDefault({ visibleTo, route }: ScopeDefault): void {
    const source = { namespace: null, labels: {}, visibleTo }
    this.#addRule({ destinations: [], port: 0, clients: [], source, route })
  }

  #addRule(rule: Omit<Rule, 'origin' | 'never'>): number {
    assert(isPortOrAny(rule.port), `a rule asks for the port ${rule.port}`)
    const condition = this.#conditions.indexOf(rule.source)
    const row = this.#rows.rules.add(
      rule.port,
      ...this.#addPrefixes(rule.destinations),
      ...this.#addPrefixes(rule.clients),
      condition,
      rule.route,
    )
    this.#classifier.addRule(rule, row, condition)
    return row
  }

  #addPrefixes(cidrs: readonly Cidr[]): [first: number, count: number] {
    const first = this.#rows.prefixes.count
    for (const { family, bits, words } of cidrs) this.#rows.prefixes.add(family, bits, ...words)
    return [first, cidrs.length]
  }

  addRoute(route: Route): void {
    const firstSplit = this.#rows.splits.count
    const count = route.destinations.length
    assert(count < 2 ** 16, `${count} destinations in one route`)
    const weights = route.destinations.map(each => each.weight)
    const split = count === 1 ? 'random' : route.split
    const paired = split === 'exact' ? pairedOf(weights) : null
    const columns = aliasColumns(weights)
    for (const [index, { cluster, weight }] of route.destinations.entries()) {
      const threshold = paired?.weights[index] ?? columns[index].threshold
      this.#rows.splits.add(cluster, weight, threshold, columns[index].alias)
    }
    const slot = split === 'exact' ? this.#slotOf(`route ${route.identity}`) : 0
    if (paired) {
      this.#rows.routes.add(firstSplit, count, L.Split.exactPaired, slot, paired.share, paired.period)
      return
    }
    const turns = this.#turnsOf(split, route.destinations)
    this.#rows.routes.add(firstSplit, count, L.Split[split], slot, this.#rows.turns.count * 2, turns.length)
    for (let turn = 0; turn < turns.length; turn += 2) {
      this.#rows.turns.add(L.packHalves(turns[turn], turns[turn + 1] ?? 0))
    }
  }

  /** Whose turn it is in an exact or sticky split, as indexes into `destinations`; by name, so clusters come first. */
  #turnsOf(split: Route['split'], destinations: Route['destinations']): Uint16Array {
    if (split === 'exact') return exactSchedule(destinations.map(each => each.weight))
    if (split === 'random') return new Uint16Array(0)
    return stickyBuckets(
      destinations.map(({ cluster, weight }) => ({ name: clusterIdentity(this.#clusters[cluster]), weight })),
    )
  }

  addCluster(cluster: Cluster): void {
    const { policy } = cluster
    const firstEndpoint = this.#rows.endpoints.count
    for (const { address, port, weight } of cluster.endpoints) {
      const parsed = parseAddress(address)
      assert(parsed !== null, `endpoint ${address} is no address`)
      assert(isPort(port), `endpoint ${address} has the port ${port}`)
      const slot = this.#slotOf(`endpoint ${address} ${port}`)
      this.#rows.endpoints.add(parsed.family, ...parsed.words, port, weight, slot)
    }
    this.#rows.clusters.add(
      { static: L.CLUSTER_STATIC, original: L.CLUSTER_ORIGINAL, unknown: L.CLUSTER_UNKNOWN }[cluster.kind],
      firstEndpoint,
      cluster.endpoints.length,
      L.Balance[policy.balance],
      policy.connectTimeoutMs,
      policy.idleTimeoutMs,
      policy.maxDurationMs,
      policy.maxConnections,
      this.#slotOf(`cluster ${clusterIdentity(cluster)}`),
      policy.keepalive?.timeS ?? -1,
      policy.keepalive?.intervalS ?? 0,
      policy.keepalive?.probes ?? 0,
      policy.connectAttempts,
      policy.connectDeadlineMs,
      policy.remembersFailures ? 1 : 0,
    )
    const { host, subset, port, names, labels, policyAt = {} } = cluster
    const isWritten = Object.keys(policyAt).length > 0
    this.#clusters.push({ host, subset, port, names, labels, ...(isWritten ? { policyAt } : {}) })
  }

  /** After all rules: which source conditions exist is known only then. */
  addSources(plan: Plan): void {
    for (const source of plan.sources) {
      const { namespace, labels } = source
      this.#classifier.addSource(source, this.#workloads.indexOf({ namespace, labels }))
    }
    const conditions = new Conditions(this.#conditions.list)
    for (const workload of this.#workloads.list) {
      const bits = conditions.bitsOf(workload)
      for (const word of bits) this.#rows.workloads.add(word)
      const list = conditionList(bits)
      this.#rows.workloadRuns.add(this.#rows.fulfilled.count, list.length)
      for (const condition of list) this.#rows.fulfilled.add(condition)
    }
  }

  finish(generation: number): SharedArrayBuffer {
    const cold: Cold = {
      scopes: this.#scopes,
      clusters: this.#clusters,
      conditions: this.#conditions.list,
      workloads: this.#workloads.list,
    }
    const rows = Object.entries(this.#rows).map(([name, each]) => [name, each.bytes()] as const)
    const words = Object.entries(this.#classifier.finish()).map(
      ([name, each]) => [name, new Uint8Array(each.buffer, each.byteOffset, each.byteLength)] as const,
    )
    const packed = [['names', packr.pack(this.#names)] as const, ['cold', packr.pack(cold)] as const]
    const sections = new Map<string, Uint8Array>([...rows, ...words, ...packed])
    return assemble(sections, generation, wordsFor(this.#conditions.list.length))
  }
}

/** A word of a row would hold any other number too, and a worker would bind or dial it. */
const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535

const isPortOrAny = (port: number): boolean => port === 0 || isPort(port)

/** What makes two clusters the same over reloads. */
const clusterIdentity = ({ host, subset, port }: Pick<Cluster, 'host' | 'subset' | 'port'>): string =>
  `${host} ${subset ?? ''} ${port}`

/** Equal values share an index; index 0 is given at the start. */
class Interned<Value> {
  readonly list: Value[]
  readonly #indexes = new Map<string, number>()

  constructor(first: Value) {
    this.list = []
    this.indexOf(first)
  }

  indexOf(value: Value): number {
    const key = JSON.stringify(value, sortedKeys)
    const known = this.#indexes.get(key)
    if (known !== undefined) return known
    this.#indexes.set(key, this.list.length)
    return this.list.push(value) - 1
  }
}

/** For JSON.stringify: labels in another order are the same labels. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function assemble(
  sections: ReadonlyMap<string, Uint8Array>,
  generation: number,
  conditions: number,
): SharedArrayBuffer {
  const places: { bytes: Uint8Array; offset: number }[] = []
  let end = L.Header.WORDS * 4
  for (const name of L.SECTIONS) {
    const bytes = sections.get(name)
    assert(bytes !== undefined, `section ${name} was not built`)
    places.push({ bytes, offset: end })
    end += Math.ceil(bytes.length / 4) * 4
  }
  const buffer = new SharedArrayBuffer(end)
  const header = new Uint32Array(buffer, 0, L.Header.WORDS)
  for (const [index, { bytes, offset }] of places.entries()) {
    new Uint8Array(buffer).set(bytes, offset)
    header.set([offset, bytes.length], L.Header.sections + 2 * index)
  }
  header[L.Header.magic] = L.MAGIC
  header[L.Header.version] = L.VERSION
  header[L.Header.generation] = generation
  header[L.Header.bytes] = end
  header[L.Header.conditions] = conditions
  header[L.Header.checksum] = checksum(buffer)
  return buffer
}
