/**
 * Why a connection goes where it goes: the table's own answer, in words.
 *
 * The decision is made by ../match/match.ts on the very bytes that the workers read; this module
 * only adds the names from the cold section, and the failed condition of each rejected rule.
 */

import { formatAddress, parseInto } from '../../address/address.ts'
import { ClientNode } from '../format/clients-layout.ts'
import type { ColdWorkload } from '../format/cold.ts'
import { runOf } from '../format/endpoints.ts'
import { EndpointRun } from '../format/endpoints-layout.ts'
import { DENIED, NO_ROUTE, PASSTHROUGH } from '../format/outcome.ts'
import { ABSENT } from '../format/pair-index.ts'
import { CLUSTER_ORIGINAL, Cluster, Listener, Names, Route, Scope } from '../format/routing-layout.ts'
import { destinationsOf, endpointsOf, endpointText } from '../format/rows.ts'
import { readWorkloads, type Table } from '../format/table.ts'
import { findNode } from '../match/find-node.ts'
import { chooseRows, placeOf } from '../match/group-choice.ts'
import { clientHash, isHashed, ownerAmong, ownerOf } from '../match/hashed.ts'
import { matchAs } from '../match/match.ts'
import { terminatingServer } from '../match/named-scope.ts'
import { noServerReason } from '../match/no-server.ts'
import { isOwnListener, type OwnListeners, ownListeners } from '../match/own-listeners.ts'
import { createQuery, type Query } from '../match/query.ts'
import type { OnDead, RuleOrigin } from '../plan/plan.ts'
import { ruleName } from '../plan/rule-name.ts'
import { plainName } from '../plan/server-name.ts'
import { explainAccess } from './access-text.ts'
import { endOf, endOfCluster } from './ends.ts'
import type {
  ExplainedAccess,
  ExplainedDestination,
  ExplainedHeader,
  Explanation,
  Question,
} from './explanation.ts'
import { findListener } from './find-listener.ts'
import { availableGroups, explainGroups } from './group-text.ts'
import { clientOf, headerAt } from './header.ts'
import { defaultPolicy, policyOf } from './policy-text.ts'
import { askedAddress, whyNobody } from './query-text.ts'
import { type Asker, rejectedRules } from './rejected.ts'
import { certificateRefusal, certifiedAs, explainServer, explainUpstream } from './tls-text.ts'
import { Words } from './words.ts'

/** Facts that the table does not contain. */
type ExplainerFacts = {
  /** Addresses that lead back to weir; without the machine's own, unless they are given. */
  readonly own?: OwnListeners
  /**
   * Whether endpoint names were resolved while the table was built; otherwise a name counts as an
   * endpoint.
   */
  readonly namesResolved?: boolean
  /** Whether all endpoints of a cluster are out of rotation now; absent: nobody knows. */
  readonly isOut?: (cluster: number) => boolean
  /** The table's words, if they are decoded already. */
  readonly words?: Words
}

/** Answers `question` with `table`; addresses that do not parse count as not given. */
export function explain(table: Table, question: Question): Explanation {
  return new Explainer(table).answer(question)
}

/** What the rules say, once a connection is let in. */
type Routed = Pick<
  Explanation,
  'outcome' | 'reason' | 'ends' | 'listener' | 'rule' | 'destinations' | 'onDead' | 'rejected'
>

/** Answers many questions about one table, and decodes its words once. */
export class Explainer {
  readonly table: Table
  readonly #words: Words
  readonly #workloads: readonly ColdWorkload[]
  readonly #facts: Required<Omit<ExplainerFacts, 'words'>>

  constructor(table: Table, { words = new Words(table), ...facts }: ExplainerFacts = {}) {
    this.table = table
    this.#facts = { own: ownListeners(table, []), namesResolved: false, isOut: () => false, ...facts }
    this.#words = words
    this.#workloads = readWorkloads(table)
  }

  /**
   * @param rejectedMost  Rejected rules to list; with many rules they are most of the work.
   */
  answer(question: Question, rejectedMost = Number.POSITIVE_INFINITY): Explanation {
    const found = findListener(this.table, question.gateway, question.destination)
    const proxyProtocol = found.index < 0 ? null : headerAt(this.table, found.index, question.peer)
    const query = queryOf(question, proxyProtocol)
    const client = this.#clientOf(question, query)
    const base = {
      generation: this.table.generation,
      tls: null,
      proxyProtocol,
      client,
      authorization: null,
      rule: null,
      destinations: [],
      onDead: null,
      rejected: [],
    }
    if (found.index < 0)
      return { ...base, outcome: 'no-route', reason: found.reason, ends: 'no-route', listener: null }
    const listener = this.table.sockets[found.index].key
    if (proxyProtocol?.peer === 'untrusted') {
      const reason = `the peer ${question.peer} is no load balancer of the listener`
      return { ...base, outcome: 'denied', reason, ends: 'proxy-untrusted', listener }
    }
    query.listener = found.index
    query.isTls = question.sni !== undefined || question.identity !== undefined
    query.serverName = plainName(question.sni ?? '')
    const server = terminatingServer(this.table, query)
    query.identity = certifiedAs(server, question.identity)
    const tls = server && explainServer(server, query.identity)
    const refusal = certificateRefusal(server, question.identity)
    if (refusal !== null)
      return { ...base, tls, outcome: 'denied', reason: refusal, ends: 'tls-client-certificate', listener }
    const bits = this.#words.conditions.bitsOf(client)
    const access = explainAccess(this.table, this.#words.cold, query, client, bits)
    const known = { ...base, tls, authorization: access && withoutListener(access) }
    if (access?.deniedBy) {
      const reason = `denied by ${access.deniedBy}: ${access.because}`
      const { key } = this.table.sockets[access.listener]
      return { ...known, outcome: 'denied', reason, ends: 'denied-by-policy', listener: key }
    }
    return { ...known, ...this.#routed({ query, client, bits }, rejectedMost) }
  }

  /** Where a connection goes that is allowed to. */
  #routed(asker: Asker, rejectedMost: number): Routed {
    const { query, bits } = asker
    const route = matchAs(this.table, query, bits, this.#assumedScope(query))
    const rule = this.#words.rules.get(query.rule) ?? null
    const said = this.#outcome(route, rule, query)
    const unnamed = route === NO_ROUTE ? noServerReason(this.table, query) : null
    const isServed = query.scope < 0 || this.table.scopes[query.scope * Scope.WORDS + Scope.serves] === 1
    const destinations = route === PASSTHROUGH ? this.#passthrough(query) : this.#destinations(route, query)
    return {
      ...said,
      ends: isServed ? (unnamed ?? endOf(said.outcome, destinations)) : 'no-route',
      listener: this.table.sockets[query.listener].key,
      rule,
      destinations,
      onDead: onDeadOf(this.table, route),
      rejected: rejectedRules(this.table, this.#words, asker, rejectedMost),
    }
  }

  /**
   * Without an address, the destination is the only service on that port; −1 if there is not
   * exactly one.
   */
  #assumedScope({ destinationFamily, listener, destinationPort }: Query): number {
    const only = this.table.listeners[listener * Listener.WORDS + Listener.onlyScope]
    if (destinationFamily !== 0 || only !== ABSENT) return -1
    const fits = this.#words.cold.scopes.flatMap((scope, index) =>
      scope.listener === listener && (scope.port === 0 || scope.port === destinationPort) ? [index] : [],
    )
    // A dual-stack service has a scope for each family.
    const isOne = fits.every(
      each => this.#words.cold.scopes[each].host === this.#words.cold.scopes[fits[0]].host,
    )
    return isOne ? (fits[0] ?? -1) : -1
  }

  #clientOf({ source }: Question, query: Query): ColdWorkload {
    const node = findNode(this.table.clients, query.clientFamily, query.client)
    const known = this.#workloads[this.table.clientNodes[node * ClientNode.WORDS + ClientNode.workload]]
    return { ...known, namespace: source.namespace ?? known.namespace, labels: source.labels ?? known.labels }
  }

  #outcome(route: number, rule: RuleOrigin | null, query: Query): Pick<Explanation, 'outcome' | 'reason'> {
    const { scope } = query
    const asked = askedAddress(query)
    if (rule) return { outcome: 'route', reason: `${ruleName(rule)} matches` }
    if (route >= 0)
      return {
        outcome: 'default',
        reason: `no rule matches: on to the service ${this.#hostOf(route)} itself`,
      }
    if (route === PASSTHROUGH)
      return { outcome: 'passthrough', reason: `${asked} is not a service: passed through` }
    if (route === DENIED) {
      return { outcome: 'denied', reason: `${asked} is not a service, and mesh.outbound is REGISTRY_ONLY` }
    }
    const isNamed = this.table.listeners[query.listener * Listener.WORDS + Listener.names] !== Names.unheard
    if (scope < 0 && isNamed) return { outcome: 'no-route', reason: whyNobody(query) }
    const rules = scope < 0 ? 0 : this.#words.cold.scopes[scope].columns.count
    return {
      outcome: 'no-route',
      reason: rules === 0 ? 'no VirtualService and no route has a rule for this listener' : 'no rule matches',
    }
  }

  #destinations(route: number, query: Query): ExplainedDestination[] {
    if (route < 0) return []
    const { clusters } = this.table
    const { own, namesResolved, isOut } = this.#facts
    const comesBack = this.#comesBack(query)
    return destinationsOf(this.table, this.#words.cold, route).map(({ cluster, ...destination }) => {
      const isOriginal = clusters[cluster * Cluster.WORDS + Cluster.kind] === CLUSTER_ORIGINAL
      const mayResolve = !namesResolved && this.#words.cold.clusters[cluster].names.length > 0
      return {
        ...destination,
        tls: explainUpstream(this.table, cluster),
        endpoints: isOriginal ? [askedAddress(query)] : endpointsOf(this.table, this.#words.cold, cluster),
        groups: explainGroups(this.table, cluster, this.#words.cold.clusters[cluster].localities),
        byAddress: this.#byAddress(cluster, query),
        ends: endOfCluster(this.table, cluster, { comesBack, own, mayResolve, isOut: isOut(cluster) }),
        policy: policyOf(this.table, cluster, this.#words.cold.clusters[cluster]),
      }
    })
  }

  #byAddress(cluster: number, { client, clientFamily }: Query): string | null {
    const { clusters, endpoints } = this.table
    const run = runOf(this.table, cluster)
    const balance = clusters[cluster * Cluster.WORDS + Cluster.balance]
    if (!isHashed(balance) || clientFamily === 0 || endpoints[run + EndpointRun.table] === 0) return null
    const hash = clientHash(client)
    const near = chooseRows(availableGroups(this.table, cluster), 0, seed => placeOf(hash, seed))
    const owner =
      near === null
        ? ownerOf(endpoints, run, balance, hash, [])
        : ownerAmong(endpoints, run, balance, hash, new Set(near))
    return endpointText(endpoints, owner)
  }

  #passthrough(query: Query): ExplainedDestination[] {
    if (query.destinationFamily === 0) return []
    const host = formatAddress(query.destinationFamily, query.destination)
    const port = query.destinationPort
    const ends = this.#comesBack(query) ? 'loop' : null
    const endpoints = [askedAddress(query)]
    const policy = defaultPolicy(this.table.sockets[query.listener].tcp)
    return [
      {
        host,
        subset: null,
        port,
        tls: null,
        weight: 1,
        share: 1,
        endpoints,
        groups: null,
        byAddress: null,
        ends,
        policy,
      },
    ]
  }

  /** Whether the address that the client dialed is one of weir's own listeners. */
  #comesBack({ destinationFamily, destination, destinationPort }: Query): boolean {
    return (
      destinationFamily !== 0 &&
      isOwnListener(this.#facts.own, destinationFamily, destinationPort, destination)
    )
  }

  /** The service that a default leads to. */
  #hostOf(route: number): string {
    const [{ host }] = destinationsOf(this.table, this.#words.cold, route)
    return host
  }
}

function onDeadOf({ routes }: Table, route: number): OnDead | null {
  const at = route * Route.WORDS
  if (route < 0 || routes[at + Route.splitCount] === 1) return null
  return routes[at + Route.redistributes] === 1 ? 'redistribute' : 'fail'
}

const withoutListener = ({ listener: _, ...rest }: ExplainedAccess) => rest

function queryOf(question: Question, header: ExplainedHeader | null): Query {
  const { destination } = question
  const query = createQuery()
  query.destinationFamily = parseInto(destination.ip ?? '', query.destination, 0)
  query.destinationPort = destination.port
  query.clientFamily = parseInto(clientOf(question, header) ?? '', query.client, 0)
  if (header?.peer === 'sender') query.peerFamily = parseInto(question.peer ?? '', query.peer, 0)
  return query
}
