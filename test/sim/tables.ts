/** What the main thread of a run has published: plans, revisions of them, and their tables. */

import type { Order, RevisedPart } from '../../src/engine/worker/protocol.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { changeClients } from '../../src/table/build/clients.ts'
import { rowRulesOf } from '../../src/table/build/endpoint-rows.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { openTable, type TableBuffers } from '../../src/table/format/table.ts'
import type { Endpoint, Plan, Source } from '../../src/table/plan/plan.ts'
import type { Clock } from './clock.ts'
import { SLOTS_MOST } from './memory.ts'

/** What is decided by from a time on. */
export type Version = { readonly generation: number; readonly sinceMs: number; readonly plan: Plan }

export type TableOrder = Extract<Order, { kind: 'table' }>

export class Tables {
  /** By generation, as it was published; the first is 1. */
  readonly plans: Plan[] = []
  /** All that was ever in force: each plan, and what a revision made of it. */
  readonly versions: Version[] = []
  /** For a worker that starts later. */
  newest: TableOrder | null = null
  readonly #clock: Clock
  /** By identity; there are far fewer than slots, so none is ever given anew. */
  readonly #slots = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get generation(): number {
    return this.plans.length
  }

  /** Slots that were given out, and the one that is nobody's. */
  get slotCount(): number {
    return this.#slots.size + 1
  }

  /** 0: the identity has none. */
  readonly slotOf = (identity: string): number => this.#slots.get(identity) ?? 0

  readonly #giveSlot = (identity: string): number => {
    const slot = this.#slots.get(identity) ?? this.#slots.size + 1
    if (slot >= SLOTS_MOST) throw new Error('a run has too many identities')
    this.#slots.set(identity, slot)
    return slot
  }

  publish(plan: Plan): TableBuffers {
    this.plans.push(plan)
    const { generation } = this
    this.#note(plan)
    const table = buildTable(plan, generation, this.#giveSlot)
    this.newest = { kind: 'table', epoch: this.newest?.epoch ?? 0, generation, table }
    return table
  }

  /** Of the newest generation, these clusters have other endpoints. */
  reviseEndpoints(changed: ReadonlyMap<number, readonly Endpoint[]>): SharedArrayBuffer {
    const { plan } = this.versions.at(-1) as Version
    const clusters = plan.clusters.map((cluster, row) => ({
      ...cluster,
      endpoints: changed.get(row) ?? cluster.endpoints,
    }))
    this.#note({ ...plan, clusters })
    const rules = new Map(plan.clusters.map((cluster, row) => [row, rowRulesOf(cluster)]))
    return this.#revise('endpoints', changeEndpoints(this.opened(), changed, this.#giveSlot, rules))
  }

  /** Of the newest generation, clients are others. */
  reviseClients(sources: readonly Source[]): SharedArrayBuffer {
    const { plan } = this.versions.at(-1) as Version
    this.#note({ ...plan, sources })
    return this.#revise('clients', changeClients(this.opened(), sources))
  }

  opened(): ReturnType<typeof openTable> {
    return openTable((this.newest as TableOrder).table)
  }

  #note(plan: Plan): void {
    this.versions.push({ generation: this.generation, sinceMs: this.#clock.nowMs, plan })
  }

  #revise(part: RevisedPart, buffer: SharedArrayBuffer): SharedArrayBuffer {
    const newest = this.newest as TableOrder
    this.newest = { ...newest, table: { ...newest.table, [part]: buffer } }
    return buffer
  }
}
