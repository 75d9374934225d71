/**
 * Builds the endpoints part: for each cluster its endpoints, in order.
 *
 * A later part of the same generation is a copy in which a few clusters change: it costs copying,
 * and no look-up of unchanged endpoints.
 */

import { parseAddress } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { Endpoint as EndpointRow, EndpointRun } from '../format/endpoints-layout.ts'
import type { Table } from '../format/table.ts'
import type { Cluster, Endpoint } from '../plan/plan.ts'
import { assemble } from './assemble.ts'
import { isPort, Rows } from './rows.ts'

/**
 * Gives an endpoint, cluster or route its word in the shared counts, the same one at every reload.
 */
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
  changed: Changed,
  slotOf: SlotOf,
): SharedArrayBuffer {
  const { generation, endpointsRevision, endpointRuns, endpoints } = before
  let length = endpoints.length
  for (const [cluster, { length: count }] of changed)
    length += (count - endpointRuns[cluster * EndpointRun.WORDS + EndpointRun.count]) * EndpointRow.WORDS
  return assemble(
    'endpoints',
    { generation, revision: endpointsRevision + 1 },
    {
      endpointRuns: {
        byteLength: endpointRuns.byteLength,
        fill: (runs: Uint32Array) => fillRuns(runs, endpointRuns, changed),
      },
      endpoints: {
        byteLength: length * 4,
        fill: (rows: Uint32Array) => fillRows(rows, before, changed, slotOf),
      },
    },
  )
}

type Changed = ReadonlyMap<number, readonly Endpoint[]>

/** Clusters stand in the order of their runs. */
function fillRuns(runs: Uint32Array, old: Uint32Array, changed: Changed): void {
  runs.set(old)
  for (const [cluster, endpoints] of changed) {
    runs[cluster * EndpointRun.WORDS + EndpointRun.count] = endpoints.length
    runs[cluster * EndpointRun.WORDS + EndpointRun.equal] = haveEqualWeights(endpoints)
  }
  for (let at = 0, next = 0; at < runs.length; at += EndpointRun.WORDS) {
    runs[at + EndpointRun.first] = next
    next += runs[at + EndpointRun.count]
  }
}

function fillRows(
  rows: Uint32Array,
  { endpointRuns, endpoints: old }: Pick<Table, 'endpointRuns' | 'endpoints'>,
  changed: Changed,
  slotOf: SlotOf,
): void {
  let [from, to] = [0, 0] // words of `old` that are copied, words of `rows` that are written
  for (const [cluster, endpoints] of [...changed].sort(([a], [b]) => a - b)) {
    const at = cluster * EndpointRun.WORDS
    const first = endpointRuns[at + EndpointRun.first] * EndpointRow.WORDS
    rows.set(old.subarray(from, first), to)
    to += first - from
    from = first + endpointRuns[at + EndpointRun.count] * EndpointRow.WORDS
    for (const each of endpoints) {
      rows.set(rowOf(each, slotOf), to)
      to += EndpointRow.WORDS
    }
  }
  rows.set(old.subarray(from), to)
}

function rowOf({ address, port, weight }: Endpoint, slotOf: SlotOf): number[] {
  const parsed = parseAddress(address)
  assert(parsed !== null, `endpoint ${address} is no address`)
  assert(isPort(port), `endpoint ${address} has the port ${port}`)
  return [parsed.family, ...parsed.words, port, weight, slotOf(`endpoint ${address} ${port}`)]
}

const haveEqualWeights = (endpoints: readonly Endpoint[]): number =>
  endpoints.every(each => each.weight === endpoints[0].weight) ? 1 : 0
