/**
 * Notes when endpoints of destinations with `warmup` come into rotation (stats/warmups.ts): an
 * address that a reload or a name adds, the end of a drain, checks that succeed again.
 *
 * At weir's start, and where `warmup` or the destination itself is new, nothing is noted: all
 * endpoints would be equally cold, so none would get less than another.
 */

import { clearMark } from '../../stats/endpoint-marks.ts'
import type { Stats } from '../../stats/stats.ts'
import { arrivalStamp, WARMUP_MS_MAX } from '../../stats/warmups.ts'
import { runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'

export class Warmups {
  readonly #stats: Stats
  readonly #nowMs: () => number
  /** The endpoints of each destination with `warmup`, all by their slots. */
  #members: ReadonlyMap<number, ReadonlySet<number>> = new Map()
  /** When each word was written. */
  readonly #written = new Map<number, number>()

  constructor(stats: Stats, nowMs: () => number) {
    this.#stats = stats
    this.#nowMs = nowMs
  }

  /** A table is about to be published, or a revision of one. */
  publishing(table: Table): void {
    const before = this.#members
    this.#members = membersOf(table)
    for (const [cluster, members] of this.#members) {
      const known = before.get(cluster)
      if (!known || known.size === 0) continue
      for (const slot of members) if (!known.has(slot)) this.arrived(slot)
    }
  }

  /** Clears a mark that kept an endpoint out of rotation, if it is set. */
  unmark(slot: number, mark: number): void {
    if (clearMark(this.#stats.marks, slot, mark)) this.arrived(slot)
  }

  /** An endpoint is in rotation from now on. */
  arrived(slot: number): void {
    if (slot === 0) return
    const ofClusters = [...this.#members].filter(([, members]) => members.has(slot))
    if (ofClusters.length === 0) return
    const nowMs = this.#nowMs()
    for (const each of [slot, ...ofClusters.map(([cluster]) => cluster)]) {
      this.#stats.arrivals[each] = arrivalStamp(nowMs)
      this.#written.set(each, nowMs)
    }
  }

  /** Forgets what was long ago, before the words begin anew. */
  forget(): void {
    for (const [slot, atMs] of this.#written) {
      if (this.#nowMs() - atMs < WARMUP_MS_MAX) continue
      this.#stats.arrivals[slot] = 0
      this.#written.delete(slot)
    }
  }
}

function membersOf(table: Table): Map<number, Set<number>> {
  const members = new Map<number, Set<number>>()
  for (let cluster = 0; cluster < table.clusters.length / Cluster.WORDS; cluster++) {
    const row = cluster * Cluster.WORDS
    const slot = table.clusters[row + Cluster.slot]
    if (table.clusters[row + Cluster.warmupMs] === 0 || slot === 0) continue
    const all = members.getOrInsertComputed(slot, () => new Set<number>())
    for (const each of slotsOf(table, cluster)) if (each !== 0) all.add(each)
  }
  return members
}

function* slotsOf(table: Table, cluster: number): Generator<number> {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  for (let row = first; row < first + endpoints[run + EndpointRun.count]; row++)
    yield slotAt(endpoints, row * Endpoint.WORDS)
}
