/** The priorities and localities of endpoints at one moment, by what is available of them. */

import { groupsNow } from '../../engine/decide/groups.ts'
import type { Stats } from '../../stats/stats.ts'
import { type GroupState, groupStates } from '../../table/explain/group-text.ts'
import type { Cold } from '../../table/format/cold.ts'
import { Endpoint } from '../../table/format/endpoints-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { tableGroups } from '../../table/match/group-choice.ts'

type Place = { readonly cluster: number; readonly at: number }

type Groups = {
  readonly cluster: number
  /** Behind the last row of each group. */
  readonly ends: readonly number[]
  readonly states: readonly GroupState[]
}

/** Rows come by cluster, so only the last one's groups are kept. */
export class EndpointGroups {
  readonly #stats: Stats
  readonly #table: Table
  readonly #cold: Cold
  readonly #nowMs: number
  #last: Groups | null = null

  constructor(stats: Stats, table: Table, cold: Cold, nowMs: number) {
    this.#stats = stats
    this.#table = table
    this.#cold = cold
    this.#nowMs = nowMs
  }

  /** The group of an endpoint; null: those of its destination are alike. */
  of({ cluster, at }: Place): GroupState | null {
    if (this.#last?.cluster !== cluster) this.#last = this.#read(cluster)
    const { ends, states } = this.#last
    const row = at / Endpoint.WORDS
    return states[ends.findIndex(end => row < end)] ?? null
  }

  #read(cluster: number): Groups {
    const judge = { stats: this.#stats, nowMs: () => this.#nowMs }
    const ends = tableGroups(this.#table, cluster).map(({ rows }) => rows[0] + rows.length)
    const groups = groupsNow(judge, this.#table, cluster, [])
    const { localities } = this.#cold.clusters[cluster]
    return { cluster, ends, states: groupStates(this.#table, cluster, groups, localities, true) }
  }
}
