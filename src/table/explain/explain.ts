/**
 * Why a connection goes where it goes: the table's own answer, put into words.
 *
 * The decision is made by ../match/match.ts on the very bytes that the workers read; this module only adds
 * the names from the cold section, and for each rule that was passed over the condition that failed.
 */

import {
  contains,
  type Family,
  formatAddress,
  formatCidr,
  formatEndpoint,
  parseInto,
} from '../../address/address.ts'
import { own } from '../../base/own.ts'
import { Conditions } from '../build/conditions.ts'
import type { Cold, ColdRule, ColdWorkload } from '../format/cold.ts'
import { CLUSTER_ORIGINAL, Cluster, Rule } from '../format/layout.ts'
import { DENIED, PASSTHROUGH } from '../format/outcome.ts'
import { destinationsOf, endpointsOf, prefixesOf } from '../format/rows.ts'
import { readCold, type Table } from '../format/table.ts'
import { workloadOf } from '../match/classifier.ts'
import { findNode } from '../match/find-node.ts'
import { hasBit } from '../match/fulfilled.ts'
import { createQuery, matchAs, type Query } from '../match/match.ts'
import { isOwnListener, type OwnListeners, ownListeners } from '../match/own-listeners.ts'
import { type RuleOrigin, type SourceCondition, UNKNOWN_CLIENT } from '../plan/plan.ts'
import { ruleName } from '../plan/rule-name.ts'
import { type ClusterEnd, type EarlyEnd, endOf, endOfCluster } from './ends.ts'
import { findListener } from './find-listener.ts'
import { defaultPolicy, type PolicyValue, policyOf } from './policy-text.ts'

/** A connection to ask about; addresses as text, everything but the destination's port optional. */
export type Question = {
  /** 'mesh', 'namespace/name', or 'name' (in any namespace; `default` first). */
  readonly gateway: string
  readonly source: {
    readonly ip?: string
    /** Overrides what the table knows of `ip`. */
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly destination: { readonly ip?: string; readonly port: number }
  readonly sni?: string
}

export type Explanation = {
  readonly outcome: 'route' | 'default' | 'passthrough' | 'no-route' | 'denied'
  /** One sentence, for people. */
  readonly reason: string
  /**
   * The reason that the connection would end with before anybody is dialled; null: it can be
   * served.
   */
  readonly ends: EarlyEnd | null
  readonly generation: number
  /** The socket that would accept it: "default/tcp-gw 127.0.0.1:9000"; null where there is none. */
  readonly listener: string | null
  readonly client: { readonly namespace: string | null; readonly labels: Readonly<Record<string, string>> }
  readonly rule: RuleOrigin | null
  readonly destinations: readonly ExplainedDestination[]
  /** Rules that were tried before, in order. */
  readonly rejected: readonly (Omit<RuleOrigin, 'file' | 'line'> & { readonly because: string })[]
}

export type ExplainedDestination = {
  readonly host: string
  readonly subset: string | null
  readonly port: number
  readonly weight: number
  /** 0 – 1. */
  readonly share: number
  readonly endpoints: readonly string[]
  /** The reason for every connection that is given to it; null: it can be served. */
  readonly ends: ClusterEnd | null
  /** In force for its connections. */
  readonly policy: readonly PolicyValue[]
}

/** What the table does not say by itself. */
export type ExplainerFacts = {
  /** Where connections would come back to; without the machine's addresses unless it is given. */
  readonly own?: OwnListeners
  /**
   * Whether the names of endpoints were asked for while the table was made; else a name counts as
   * an endpoint.
   */
  readonly namesResolved?: boolean
  /** The words of the table, where they have been decoded already. */
  readonly cold?: Cold
}

/** Answers `question` with `table`; addresses that do not parse count as not given. */
export function explain(table: Table, question: Question): Explanation {
  return new Explainer(table).answer(question)
}

/** Answers many questions about one table; the cold section is decoded once. */
export class Explainer {
  readonly table: Table
  readonly #cold: Cold
  readonly #conditions: Conditions
  readonly #rules = new Map<number, RuleOrigin>()
  readonly #own: OwnListeners
  readonly #namesResolved: boolean

  constructor(
    table: Table,
    { own = ownListeners(table, []), namesResolved = false, cold = readCold(table) }: ExplainerFacts = {},
  ) {
    this.table = table
    this.#own = own
    this.#namesResolved = namesResolved
    this.#cold = cold
    this.#conditions = new Conditions(this.#cold.conditions)
    for (const scope of this.#cold.scopes) {
      for (const rule of scope.rules) if (rule.row >= 0) this.#rules.set(rule.row, rule.origin)
    }
  }

  /**
   * @param rejectedMost  Rejected rules that are told; with many rules they are the most of the
   * work.
   */
  answer(question: Question, rejectedMost = Number.POSITIVE_INFINITY): Explanation {
    const query = this.#queryOf(question)
    const client = this.#clientOf(question, query)
    const found = findListener(this.table, question.gateway, question.destination)
    const base = { generation: this.table.generation, client, rule: null, destinations: [], rejected: [] }
    if (found.index < 0) {
      return { ...base, outcome: 'no-route', reason: found.reason, ends: 'no-route', listener: null }
    }
    query.listener = found.index
    const bits = this.#conditions.bitsOf(client)
    const route = matchAs(this.table, query, bits, this.#assumedScope(query))
    const rule = this.#rules.get(query.rule) ?? null
    const said = this.#outcome(route, rule, query)
    const destinations = route === PASSTHROUGH ? this.#passthrough(query) : this.#destinations(route, query)
    return {
      ...base,
      ...said,
      ends: endOf(said.outcome, destinations),
      listener: this.table.sockets[found.index].key,
      rule,
      destinations,
      rejected: this.#rejected(query, bits, client, rejectedMost),
    }
  }

  /** Without an address the destination is the one service on that port, where there is only one; else −1. */
  #assumedScope({ destinationFamily, listener, destinationPort }: Query): number {
    if (destinationFamily !== 0) return -1
    const fits = this.#cold.scopes.flatMap((scope, index) =>
      scope.listener === listener && (scope.port === 0 || scope.port === destinationPort) ? [index] : [],
    )
    // A dual-stack service has a scope for each family.
    const isOne = fits.every(each => this.#cold.scopes[each].host === this.#cold.scopes[fits[0]].host)
    return isOne ? (fits[0] ?? -1) : -1
  }

  #queryOf({ source, destination }: Question): Query {
    const query = createQuery()
    query.destinationFamily = parseInto(destination.ip ?? '', query.destination, 0)
    query.destinationPort = destination.port
    query.clientFamily = parseInto(source.ip ?? '', query.client, 0)
    return query
  }

  #clientOf({ source }: Question, query: Query): ColdWorkload {
    const node = findNode(this.table.clients, query.clientFamily, query.client)
    const known = this.#cold.workloads[workloadOf(this.table, node)]
    return { namespace: source.namespace ?? known.namespace, labels: source.labels ?? known.labels }
  }

  #outcome(route: number, rule: RuleOrigin | null, query: Query): Pick<Explanation, 'outcome' | 'reason'> {
    const { scope } = query
    const asked = destinationText(query)
    if (rule) return { outcome: 'route', reason: `${ruleName(rule)} matches` }
    if (route >= 0)
      return {
        outcome: 'default',
        reason: `no rule matches: on to the service ${this.#hostOf(route)} itself`,
      }
    if (route === PASSTHROUGH)
      return { outcome: 'passthrough', reason: `${asked} is no service: on to it as asked` }
    if (route === DENIED) {
      return { outcome: 'denied', reason: `${asked} is no service, and mesh.outbound is REGISTRY_ONLY` }
    }
    const rules = scope < 0 ? 0 : this.#cold.scopes[scope].rules.length
    return {
      outcome: 'no-route',
      reason: rules === 0 ? 'no VirtualService has a rule for this listener' : 'no rule matches',
    }
  }

  #destinations(route: number, query: Query): ExplainedDestination[] {
    if (route < 0) return []
    const { clusters } = this.table
    const comesBack = this.#comesBack(query)
    return destinationsOf(this.table, this.#cold, route).map(({ cluster, ...destination }) => {
      const isOriginal = clusters[cluster * Cluster.WORDS + Cluster.kind] === CLUSTER_ORIGINAL
      const mayResolve = !this.#namesResolved && this.#cold.clusters[cluster].names.length > 0
      return {
        ...destination,
        endpoints: isOriginal ? [destinationText(query)] : endpointsOf(this.table, this.#cold, cluster),
        ends: endOfCluster(this.table, cluster, { comesBack, own: this.#own, mayResolve }),
        policy: policyOf(this.table, cluster, this.#cold.clusters[cluster]),
      }
    })
  }

  #passthrough(query: Query): ExplainedDestination[] {
    if (query.destinationFamily === 0) return []
    const host = formatAddress(query.destinationFamily, query.destination)
    const port = query.destinationPort
    const ends = this.#comesBack(query) ? 'loop' : null
    const endpoints = [destinationText(query)]
    return [{ host, subset: null, port, weight: 1, share: 1, endpoints, ends, policy: defaultPolicy() }]
  }

  /** Whether the address that the client asked for is one of our own listeners. */
  #comesBack({ destinationFamily, destination, destinationPort }: Query): boolean {
    return (
      destinationFamily !== 0 && isOwnListener(this.#own, destinationFamily, destinationPort, destination)
    )
  }

  /** The service that a default leads to. */
  #hostOf(route: number): string {
    const [{ host }] = destinationsOf(this.table, this.#cold, route)
    return host
  }

  #rejected(query: Query, bits: Uint32Array, client: ColdWorkload, most: number): Explanation['rejected'] {
    if (query.scope < 0) return []
    const { rules } = this.#cold.scopes[query.scope]
    // The row of a default is none of these rules: those in front of it were tried, those behind
    // were not.
    const next = query.rule < 0 ? -1 : rules.findIndex(rule => rule.row >= query.rule)
    return rules.slice(0, Math.min(next < 0 ? rules.length : next, most)).map(rule => {
      const { virtualService, block, route, match } = rule.origin
      return { virtualService, block, route, match, because: this.#because(rule, query, bits, client) }
    })
  }

  /** Every condition of `rule` that does not hold, with both values. */
  #because(rule: ColdRule, query: Query, bits: Uint32Array, client: ColdWorkload): string {
    if (rule.never !== null) return rule.never
    const { rules } = this.table
    const row = rule.row * Rule.WORDS
    const failed: string[] = []
    const port = rules[row + Rule.port]
    if (port !== 0 && port !== query.destinationPort)
      failed.push(`port: ${query.destinationPort} is not ${port}`)
    failed.push(
      ...this.#outside(
        'destinationSubnets',
        row + Rule.firstDestination,
        query.destinationFamily,
        query.destination,
      ),
      ...this.#outside('sourceSubnet', row + Rule.firstClient, query.clientFamily, query.client),
    )
    const condition = rules[row + Rule.condition]
    if (!hasBit(bits, 0, condition)) failed.push(...unfulfilled(this.#cold.conditions[condition], client))
    return failed.join('; ')
  }

  /** What to say when the address lies in none of the run of prefixes whose first index stands at word `run`. */
  #outside(attribute: string, run: number, family: Family | 0, words: Uint32Array): string[] {
    const cidrs = prefixesOf(this.table, run)
    if (cidrs.length === 0 || (family !== 0 && cidrs.some(cidr => contains(cidr, family, words)))) return []
    const address = family === 0 ? 'an unknown address' : formatAddress(family, words)
    return [`${attribute}: ${address} is outside ${cidrs.map(formatCidr).join(', ')}`]
  }
}

function destinationText(query: Query): string {
  if (query.destinationFamily === 0) return `port ${query.destinationPort} of an unknown address`
  return formatEndpoint(formatAddress(query.destinationFamily, query.destination), query.destinationPort)
}

/** Each part of a source condition that the client does not fulfil. */
function unfulfilled(condition: SourceCondition, client: ColdWorkload): string[] {
  const namespace = client.namespace ?? 'unknown'
  const failed: string[] = []
  if (condition.visibleTo !== null && !condition.visibleTo.includes(client.namespace ?? '')) {
    failed.push(`exportTo: the client's namespace ${namespace} is not in ${namesOf(condition.visibleTo)}`)
  }
  if (condition.namespace !== null && condition.namespace !== client.namespace) {
    failed.push(`sourceNamespace: ${namespace} is not ${condition.namespace}`)
  }
  for (const [key, wanted] of Object.entries(condition.labels)) {
    const value = own(client.labels, key)
    if (value === wanted) continue
    const has = value === undefined ? `the client has no label ${key}` : `${key}=${value}`
    failed.push(`sourceLabels: ${has}, not ${key}=${wanted}`)
  }
  return failed
}

/** Namespaces of `visibleTo`, in words. */
const namesOf = (visibleTo: readonly string[]): string =>
  visibleTo.filter(each => each !== UNKNOWN_CLIENT).join(', ')
