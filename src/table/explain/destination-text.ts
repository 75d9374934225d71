/** The values of a destination in words, to compare two: endpoints, policy, and all the rest. */

import type { Cold } from '../format/cold.ts'
import { runOf } from '../format/endpoints.ts'
import { Endpoint, EndpointRun } from '../format/endpoints-layout.ts'
import { Cluster } from '../format/routing-layout.ts'
import { endpointsOf, endpointText } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { tlsUpstreamOf } from '../format/tls.ts'
import { explainGroups } from './group-text.ts'
import { durationText, type PolicyValue, policyOf } from './policy-text.ts'
import { untoldValues, valueText } from './value-text.ts'

/** `field`: a PolicyField, 'healthCheck', 'tls', or the name of a word that has no other text. */
export type Value = Omit<PolicyValue, 'field'> & { readonly field: string }

/** In the terms of a DestinationRule, and all that these leave out. */
export function policyValues(table: Table, cold: Cold, cluster: number): Value[] {
  const at = { file: null, line: null }
  const row = { words: table.clusters, row: cluster }
  return [
    ...policyOf(table, cluster, cold.clusters[cluster]),
    checkOf(cold.clusters[cluster]),
    { field: 'tls', value: valueText(tlsUpstreamOf(table, cluster)), ...at },
    ...untoldValues(Cluster, row, TOLD).map(([field, value]) => ({ field, value: String(value), ...at })),
  ]
}

/** Fields of a cluster that policyOf tells, or that lead to other rows. */
const TOLD: ReadonlySet<string> = new Set([
  ...['kind', 'slot', 'tls', 'grouped', 'balance', 'hashSize', 'maxConnections', 'remembersFailures'],
  ...['connectTimeoutMs', 'idleTimeoutMs', 'maxDurationMs', 'connectAttempts', 'connectDeadlineMs'],
  ...['keepaliveTimeS', 'keepaliveIntervalS', 'keepaliveProbes', 'userTimeoutMs', 'writeTimeoutMs'],
  ...['proxyVersion', 'proxyTlvs', 'ejectBaseMs', 'ejectMaxPercent', 'minHealthPercent'],
  ...['warmupMs', 'warmupPercent', 'warmupAggression'],
])

/** By priority and locality, where these count. */
function endpointsText(table: Table, cold: Cold, cluster: number): string {
  const groups = explainGroups(table, cluster, cold.clusters[cluster].localities)
  const weights = weightsOf(table, cluster)
  const listed = (endpoints: readonly string[]): string =>
    endpoints
      .toSorted()
      .map(each => `${each}${weights.get(each) ?? ''}`)
      .join(', ')
  if (groups === null) return listed(endpointsOf(table, cold, cluster))
  return groups
    .map(({ priority, locality, share, endpoints }) => {
      const part = share === 0 || share === 1 ? '' : ` ${Number(((share ?? 0) * 100).toFixed(2))} %`
      return `priority ${priority} ${locality ?? 'anywhere'}${part}: ${listed(endpoints)}`
    })
    .join('; ')
}

/** " weight 3" by endpoint, where that is not 1. */
function weightsOf(table: Table, cluster: number): Map<string, string> {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  const rows = Array.from({ length: endpoints[run + EndpointRun.count] }, (_, index) => first + index)
  return new Map(
    rows.flatMap(row => {
      const weight = endpoints[row * Endpoint.WORDS + Endpoint.weight]
      return weight === 1 ? [] : [[endpointText(endpoints, row), ` weight ${weight}`]]
    }),
  )
}

/** "redis every 2s, timeout 1s, rise 2, fall 3, onDown keep". */
function checkOf({ check }: Cold['clusters'][number]): Value {
  const at = { field: 'healthCheck', file: null, line: null } as const
  if (!check) return { ...at, value: 'none' }
  const { kind, intervalMs, timeoutMs, rise, fall, send, expect, onDown } = check
  const times = `every ${durationText(intervalMs)}, timeout ${durationText(timeoutMs)}`
  const bytes = [
    ...(send === '' ? [] : [`send ${JSON.stringify(send)}`]),
    ...(expect === null ? [] : [`expect ${expect.isPrefix ? '^' : ''}${JSON.stringify(expect.bytes)}`]),
  ]
  return {
    ...at,
    value: [`${kind} ${times}`, `rise ${rise}`, `fall ${fall}`, ...bytes, `onDown ${onDown}`].join(', '),
  }
}

/** Where it leads. */
export function placeText(table: Table, cold: Cold, cluster: number): string {
  const kind = ['', 'the address as asked', 'unknown'][table.clusters[cluster * Cluster.WORDS + Cluster.kind]]
  return kind || endpointsText(table, cold, cluster) || 'no endpoint'
}

/** The same, and what of its policy is written: all the rest is as everywhere. */
export function clusterText(table: Table, cold: Cold, cluster: number): string {
  const check = checkOf(cold.clusters[cluster])
  const written = policyOf(table, cluster, cold.clusters[cluster]).filter(({ file }) => file !== null)
  const values: readonly Value[] = check.value === 'none' ? written : [...written, check]
  return [placeText(table, cold, cluster), ...values.map(({ field, value }) => `${field} ${value}`)].join(
    '; ',
  )
}
