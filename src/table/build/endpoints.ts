/**
 * Builds the endpoints part: for each cluster its endpoints, in order.
 *
 * A part that follows another of the same generation is a copy in which a few clusters have others:
 * what it costs is copying, and not looking up what has not changed.
 */

import { parseAddress } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { Endpoint as EndpointRow, EndpointRun } from '../format/layout.ts'
import type { Table } from '../format/table.ts'
import type { Cluster, Endpoint } from '../plan/plan.ts'
import { assemble } from './assemble.ts'
import { isPort, Rows } from './rows.ts'

/** Gives an endpoint, cluster or route its word in the shared counts, the same one at every reload. */
export type SlotOf = (identity: string) => number

export function buildEndpoints(
  clusters: readonly Cluster[],
  generation: number,
  slotOf: SlotOf,
): SharedArrayBuffer {
  const runs = new Rows(EndpointRun.WORDS)
  const rows = new Rows(EndpointRow.WORDS)
  for (const { endpoints } of clusters) {
    runs.add(rows.count, endpoints.length, haveEqualWeights(endpoints))
    for (const each of endpoints) rows.add(...rowOf(each, slotOf))
  }
  return assemble('endpoints', { generation }, { endpointRuns: runs.words(), endpoints: rows.words() })
}

/** The part that follows that of `before`: these clusters have these endpoints from now on. */
export function changeEndpoints(
  before: Pick<Table, 'generation' | 'endpointsRevision' | 'endpointRuns' | 'endpoints'>,
  changed: ReadonlyMap<number, readonly Endpoint[]>,
  slotOf: SlotOf,
): SharedArrayBuffer {
  const { endpointRuns: oldRuns, endpoints: old } = before
  const runs = oldRuns.slice()
  let length = old.length
  for (const [cluster, endpoints] of changed)
    length += (endpoints.length - runs[cluster * EndpointRun.WORDS + EndpointRun.count]) * EndpointRow.WORDS
  const rows = new Uint32Array(length)
  let [from, to] = [0, 0] // words of `old` that are copied, words of `rows` that are written
  for (const cluster of [...changed.keys()].sort((a, b) => a - b)) {
    const at = cluster * EndpointRun.WORDS
    const first = oldRuns[at + EndpointRun.first] * EndpointRow.WORDS
    const endpoints = changed.get(cluster) ?? []
    rows.set(old.subarray(from, first), to)
    to += first - from
    from = first + oldRuns[at + EndpointRun.count] * EndpointRow.WORDS
    for (const each of endpoints) {
      rows.set(rowOf(each, slotOf), to)
      to += EndpointRow.WORDS
    }
    runs[at + EndpointRun.count] = endpoints.length
    runs[at + EndpointRun.equal] = haveEqualWeights(endpoints)
  }
  rows.set(old.subarray(from), to)
  for (let at = 0, next = 0; at < runs.length; at += EndpointRun.WORDS) {
    runs[at + EndpointRun.first] = next // clusters stand in the order of their runs
    next += runs[at + EndpointRun.count]
  }
  const { generation, endpointsRevision } = before
  const revision = endpointsRevision + 1
  return assemble('endpoints', { generation, revision }, { endpointRuns: runs, endpoints: rows })
}

function rowOf({ address, port, weight }: Endpoint, slotOf: SlotOf): number[] {
  const parsed = parseAddress(address)
  assert(parsed !== null, `endpoint ${address} is no address`)
  assert(isPort(port), `endpoint ${address} has the port ${port}`)
  return [parsed.family, ...parsed.words, port, weight, slotOf(`endpoint ${address} ${port}`)]
}

const haveEqualWeights = (endpoints: readonly Endpoint[]): number =>
  endpoints.every(each => each.weight === endpoints[0].weight) ? 1 : 0
