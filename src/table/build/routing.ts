/**
 * Builds the routing part: listeners, scopes, rules, routes and clusters, and the classifier's
 * sections.
 */

import { assert } from '../../base/assert.ts'
import type { Cold, ColdListener } from '../format/cold.ts'
import type { PackedCold } from '../format/cold-rules.ts'
import type { Names } from '../format/layout.ts'
import { ABSENT } from '../format/pair-index.ts'
import * as L from '../format/routing-layout.ts'
import { Sections } from '../format/sections.ts'
import {
  type Cluster,
  type Listener,
  type Plan,
  READ_TIMEOUT_MS,
  type ReadsProxy,
  type Route,
  type Scope,
  type SourceCondition,
} from '../plan/plan.ts'
import { DEFAULT_POLICY } from '../plan/policy.ts'
import type { TlsServer, TlsUpstream } from '../plan/tls.ts'
import { AccessBuilder } from './access.ts'
import { AddressSets } from './address-sets.ts'
import { assemble, packed } from './assemble.ts'
import type { BuildMemory } from './build-memory.ts'
import { ClassifierInput, type ClassifierSections } from './classifier-input.ts'
import type { BuiltClientNodes, ClientNodes } from './client-nodes.ts'
import { clusterIdentity, type SlotOf } from './endpoint-rows.ts'
import { NamedScopes } from './named-scopes.ts'
import { clusterWords, tcpWords } from './policy-words.ts'
import { addRoute } from './route-rows.ts'
import { Interned, isPort, isPortOrAny, Rows } from './rows.ts'
import { type PlacedRule, RuleRows } from './rule-rows.ts'

/** Chains of scopes are entered once the classifier is built. */
const NO_CHAINS = [0, 0]

export class RoutingBuilder {
  readonly #slotOf: SlotOf
  readonly #rows = {
    listeners: new Rows(L.Listener.WORDS),
    scopes: new Rows(L.Scope.WORDS),
    routes: new Rows(L.Route.WORDS),
    splits: new Rows(L.Destination.WORDS),
    turns: new Rows(1),
    clusters: new Rows(L.Cluster.WORDS),
  }
  readonly #rules: RuleRows
  readonly #memory: BuildMemory | null
  readonly #classifier = new ClassifierInput()
  readonly #sets = new AddressSets()
  readonly #named = new NamedScopes<PlacedRule>()
  readonly #tls = { servers: new Interned<TlsServer>([]), upstreams: new Interned<TlsUpstream>([]) }
  readonly #access: AccessBuilder
  #nameSections: ReturnType<NamedScopes<PlacedRule>['finish']> | null = null
  /** By listener: the row of its first scope, or of the one whose socket it shares. */
  readonly #bases: number[] = []
  readonly #names: Names[number][] = []
  readonly #clients: ClientNodes
  readonly #conditions = new Interned<SourceCondition>([{ namespace: null, labels: {}, visibleTo: null }])
  readonly #listeners: ColdListener[] = []
  readonly #scopes: PackedCold['scopes'][number][] = []
  readonly #clusters: Cold['clusters'][number][] = []

  constructor(slotOf: SlotOf, clients: ClientNodes, memory: BuildMemory | null) {
    this.#slotOf = slotOf
    this.#clients = clients
    this.#memory = memory
    this.#rules = new RuleRows(this.#conditions, clients, memory)
    this.#access = new AccessBuilder({
      slotOf,
      sets: this.#sets,
      conditionOf: condition => this.#conditions.indexOf(condition),
    })
  }

  /** The conditions of rules on the client's workload; complete once all listeners are added. */
  get conditions(): readonly SourceCondition[] {
    return this.#conditions.list
  }

  addListener(listener: Listener): void {
    const [first, ...more] = listener.scopes
    assert(isPort(listener.port), `listener ${listener.gateway} has the port ${listener.port}`)
    const base = listener.shares === undefined ? this.#rows.scopes.count : this.#bases[listener.shares]
    const takesAll = first !== undefined && first.addresses.length === 0 && first.port === 0
    const isByName = first?.takes !== undefined
    assert(isByName || listener.shares === undefined, `${listener.gateway} shares a socket without a name`)
    this.#bases.push(base)
    this.#rows.listeners.add(
      listener.port,
      listener.destination === 'original' ? 1 : 0,
      L.Otherwise[listener.otherwise],
      takesAll && (isByName || more.length === 0) ? base : ABSENT,
      listener.opens ? 1 : 0,
      listener.gateway === 'mesh' ? 0 : listener.port,
      ...this.#proxyWords(listener.proxyProtocol),
      Math.ceil(listener.readTimeoutMs ?? READ_TIMEOUT_MS),
      listener.proxyProtocol ? this.#sets.indexOf(listener.proxyProtocol.from) : ABSENT,
      L.Names[listener.reads ?? 'unheard'],
      ...tcpWords(listener.tcp ?? DEFAULT_POLICY),
    )
    this.#listeners.push({
      ...(listener.proxyProtocol?.at && { readsAt: listener.proxyProtocol.at }),
      ...(listener.policies && { policies: listener.policies }),
    })
    const shares = listener.shares === undefined ? {} : { shares: listener.shares }
    this.#names.push({ gateway: listener.gateway, bind: listener.bind, ...shares })
    this.#classifier.addListener()
    for (const scope of listener.scopes) this.#addScope(scope)
  }

  #proxyWords(reads: ReadsProxy | undefined): [number, number, number, number, number] {
    if (!reads) return [0, 0, 0, 0, 0]
    assert(reads.from.length > 0, 'a PROXY header that nobody sends')
    const versions = reads.versions.reduce((bits: number, version) => bits | (1 << (version - 1)), 0)
    return [
      versions,
      reads.require ? 1 : 0,
      Math.ceil(reads.timeoutMs),
      ...this.#rules.addPrefixes(reads.from),
    ]
  }

  #addScope(scope: Scope): void {
    assert(isPortOrAny(scope.port), `a scope of ${scope.host} has the port ${scope.port}`)
    const listener = this.#rows.listeners.count - 1
    const row = this.#rows.scopes.count
    const isByName = scope.takes !== undefined || scope.rules.some(rule => rule.names !== undefined)
    const firstRule = this.#rules.count
    const rules = this.#rules.addScope(scope)
    const ruleCount = this.#rules.count - firstRule
    if (isByName) {
      const placed = this.#rules.placedIn(scope, firstRule)
      const asking = placed.map(each => ({ names: each.rule.names, rule: each }))
      const base = scope.takes === undefined ? row : this.#bases[listener]
      this.#named.add(base, { row, takes: scope.takes, rules: asking })
    }
    this.#classifier.addScope(scope, firstRule, isByName ? 0 : ruleCount)
    this.#rows.scopes.add(
      ...[firstRule, ruleCount, scope.defaultRoute, ...NO_CHAINS, isByName ? 1 : 0],
      ...[row, listener, scope.serves === false ? 0 : 1, this.#tlsRow(scope)],
    )
    const { port, host, takes } = scope
    this.#scopes.push({ listener, port, host, ...(takes && { takes }), rules })
  }

  #tlsRow({ tls, takes, host }: Scope): number {
    if (tls === undefined) return 0
    assert(takes !== undefined && !takes.plain, `a scope of ${host} would take plain text for TLS`)
    return 1 + this.#tls.servers.indexOf(tls)
  }

  /** Once all listeners are added: the rows of the scopes that depend on names. */
  addNamedScopes(): void {
    this.#nameSections = this.#named.finish((of, rules) => this.#addNamedScope(of, rules))
  }

  #addNamedScope(of: number, rules: readonly PlacedRule[]): number {
    this.#classifier.addNamedScope(rules)
    const whole = this.#rows.scopes.words().slice(of * L.Scope.WORDS, (of + 1) * L.Scope.WORDS)
    return this.#rows.scopes.add(...whole)
  }

  /** The classifier's sections; its chains are entered in the rows of scopes. */
  #classify(nodes: BuiltClientNodes): ClassifierSections {
    const { sections, ports } = this.#classifier.build(this.#rules, this.#clients, nodes, this.#memory)
    const scopes = this.#rows.scopes.words()
    for (const [scope, of] of ports.entries()) {
      scopes[scope * L.Scope.WORDS + L.Scope.anyPortChain] = of.anyPortChain
      scopes[scope * L.Scope.WORDS + L.Scope.ports] = of.ports
    }
    return sections
  }

  /** Access control, once all listeners are added. */
  addAccess(plan: Plan): void {
    this.#access.add(plan)
  }

  addCluster(cluster: Cluster): void {
    const slot = this.#slotOf(`cluster ${clusterIdentity(cluster)}`)
    const tls = cluster.tls === undefined ? 0 : 1 + this.#tls.upstreams.indexOf(cluster.tls)
    this.#rows.clusters.add(...clusterWords(cluster, slot, tls))
    const { host, subset, port, names, labels, policyAt = {}, onRemoveMs, localities, check } = cluster
    const isWritten = Object.keys(policyAt).length > 0
    const isEnded = onRemoveMs !== undefined
    const cold = {
      host,
      subset,
      port,
      names,
      labels,
      ...(isWritten && { policyAt }),
      ...(check && { check }),
      ...(localities && { localities }),
    }
    this.#clusters.push({ ...cold, ...(isEnded && { onRemoveMs }) })
  }

  addRoute(route: Route): void {
    addRoute(this.#rows, route, this.#clusters, this.#slotOf)
  }

  build(generation: number, nodes: BuiltClientNodes): SharedArrayBuffer {
    const routing = this.#assemble(generation, this.#classify(nodes))
    if (this.#memory) {
      const sections = new Sections(routing, 'routing', true)
      this.#memory.last = { routing: sections, steps: this.#classifier.words(), scopes: this.#rules.scopes }
    }
    return routing
  }

  #assemble(generation: number, classifier: ClassifierSections): SharedArrayBuffer {
    const cold: PackedCold = {
      listeners: this.#listeners,
      scopes: this.#scopes,
      clusters: this.#clusters,
      conditions: this.#conditions.list,
      ...(this.#access.cold.length > 0 && { policies: this.#access.cold }),
    }
    const rows = this.#rows
    assert(this.#nameSections !== null, 'named scopes were not added')
    return assemble(
      'routing',
      { generation },
      {
        listeners: rows.listeners.words(),
        scopes: rows.scopes.words(),
        ...this.#rules.words,
        routes: rows.routes.words(),
        splits: rows.splits.words(),
        turns: rows.turns.words(),
        clusters: rows.clusters.words(),
        ...classifier,
        ...this.#access.finish(),
        addressSets: this.#sets.words(),
        ...this.#nameSections,
        tls: packed({ servers: this.#tls.servers.list, upstreams: this.#tls.upstreams.list }),
        names: packed(this.#names),
        cold: packed(cold),
      },
    )
  }
}
