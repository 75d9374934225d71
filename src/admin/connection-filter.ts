/**
 * The connection filter: the conditions of a query, checked against one connection after another.
 */

import { type AddressFilter, addressFilter } from '../address/address-filter.ts'
import { quote } from '../config/findings/quote.ts'
import { didYouMean } from '../config/findings/suggest.ts'
import type { DataPlane } from '../control/workers/data-plane.ts'
import type { Matched, MatchNames } from '../stats/match-names.ts'
import type { Row } from '../stats/read-row.ts'
import { openStats } from '../stats/stats.ts'
import { ruleName } from '../table/plan/rule-name.ts'
import { Problem } from './problem.ts'
import { integer, type Schema, text } from './schemas.ts'

export type ConnectionQuery = {
  readonly client?: string
  readonly peer?: string
  readonly rule?: string
  readonly destination?: string
  readonly endpoint?: string
  readonly listener?: string
  readonly generation?: number
  readonly state?: string
  readonly worker?: number
  readonly reason?: string
}

export const CONNECTION_STATES = ['reading', 'dialing', 'relaying', 'half-closed'] as const

/** What open and ended connections can be asked for. */
export const connectionQuery: Readonly<Record<string, Schema>> = {
  client: text('An address, a range, or an address and port.'),
  peer: text('The same, of the peer of its socket: a load balancer, or the client itself.'),
  rule: text('namespace/name of a VirtualService, or with a place in it: "default/echo tcp[0].match[1]".'),
  destination: text('A host, or host:port, or either with " subset NAME".'),
  endpoint: text('An address, a range, or an address and port.'),
  listener: text('A listener as in /listeners, or its gateway.'),
  generation: integer('The generation that routed it.'),
  worker: integer(),
}

/** An open connection has a state, an ended one a reason. */
type Filtered = Row & { readonly worker: number; readonly state?: string; readonly reason?: string }

export type Filter = (connection: Filtered, names: (matched: Matched) => MatchNames) => boolean

/** A misspelt name would select nothing, which looks like an answer. */
export function assertKnown(
  { listener, worker }: Pick<ConnectionQuery, 'listener' | 'worker'>,
  { observer, stats }: Pick<DataPlane, 'observer' | 'stats'>,
): void {
  const { workers } = openStats(stats)
  if (worker !== undefined && (worker < 0 || worker >= workers)) {
    const which = workers === 1 ? 'there is only worker 0' : `workers are 0 to ${workers - 1}`
    throw new Problem(404, 'unknown-worker', `there is no worker ${worker}`, which)
  }
  if (listener === undefined) return
  const known = observer.generations.listeners()
  if (known.has(listener)) return
  const hint = didYouMean(listener, known) ?? 'see weir status, or /listeners'
  throw new Problem(404, 'unknown-listener', `there is no listener ${quote(listener)}`, hint)
}

/** A filter for connections that fulfil every condition of `query`. */
export function filterOf(query: ConnectionQuery): Filter {
  const { client, peer, rule, destination, endpoint, listener, generation, state, worker, reason } = query
  const isClient = addressesOf('client', client)
  const isPeer = addressesOf('peer', peer)
  const isEndpoint = addressesOf('endpoint', endpoint)
  const needsNames = rule !== undefined || destination !== undefined || listener !== undefined
  return (connection, names) => {
    const wanted =
      (worker === undefined || connection.worker === worker) &&
      (generation === undefined || connection.generation === generation) &&
      (state === undefined || connection.state === state) &&
      (reason === undefined || connection.reason === reason) &&
      isClient(connection.client) &&
      isPeer(connection.peer ?? connection.client) &&
      isEndpoint(connection.upstream)
    if (!wanted || !needsNames) return wanted
    const match = names(connection)
    return (
      (rule === undefined || isRule(match, rule)) &&
      (destination === undefined || isDestination(match, destination)) &&
      (listener === undefined || match.listener === listener || match.gateway === listener)
    )
  }
}

const isRule = ({ rule }: MatchNames, wanted: string): boolean =>
  rule !== null && (rule.virtualService === wanted || ruleName(rule) === wanted)

function isDestination({ destination }: MatchNames, wanted: string): boolean {
  if (destination === null) return false
  const { host, subset, port } = destination
  const names = [host, `${host}:${port}`]
  return (
    names.includes(wanted) || (subset !== null && names.some(name => `${name} subset ${subset}` === wanted))
  )
}

function addressesOf(name: string, wanted: string | undefined): AddressFilter {
  const filter = wanted === undefined ? () => true : addressFilter(wanted)
  if (filter === null)
    throw new Problem(
      400,
      'bad-request',
      `${name} ${wanted}: not an address, a range, or an address with port`,
    )
  return filter
}
