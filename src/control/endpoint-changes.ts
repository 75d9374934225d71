/**
 * Endpoint changes within a generation: from newly resolved names, and from what an API says of
 * Services (live-endpoints.ts), to a new endpoints part.
 *
 * The main thread builds it, since a large configuration may keep the compiling thread busy for
 * seconds. It costs only what has changed (../table/build/endpoints.ts); no rule is read.
 */

import type { ResolvedNames } from '../config/load.ts'
import { SLOTS_MAX, type SlotCounts, Slots } from '../stats/counter-slots.ts'
import { PLAIN_ROWS, type RowRules } from '../table/build/endpoint-rows.ts'
import { changeEndpoints } from '../table/build/endpoints.ts'
import { eachRow, memberSlotAt, runOf, slotAt } from '../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../table/format/endpoints-layout.ts'
import { openTable, type Table, type TableBuffers } from '../table/format/table.ts'
import type { Place } from '../table/plan/plan.ts'
import { resolvePlaces } from '../table/plan/resolve.ts'

/** A destination whose endpoints have names. */
export type NamedCluster = {
  /** Its row. */
  readonly cluster: number
  /** "db.example.com:5432 subset v1". */
  readonly title: string
  readonly places: readonly Place[]
  /** Absent: its rows depend on its endpoints only. */
  readonly rules?: RowRules
}

/** A name that resolves to new addresses. */
type ChangedName = {
  readonly name: string
  readonly before: readonly string[]
  readonly after: readonly string[]
}

export type EndpointChange = {
  readonly buffer: SharedArrayBuffer
  readonly names: readonly ChangedName[]
  /** Destinations with new endpoints. */
  readonly changed: readonly string[]
  /** Those of them without any. */
  readonly emptied: readonly string[]
  /** Endpoints without a slot of their own. */
  readonly uncounted: number
}

/**
 * A slot whose endpoint has gone is given back after this time: a dialing connection may keep its
 * table as long, and a name that changes back and forth finds its counts again.
 */
const RELEASE_MS = 600_000
/** How often such slots are looked for: it costs a look at every endpoint. */
const RELEASE_EVERY_MS = 10_000

/** The endpoints of one generation. */
export class EndpointChanges {
  readonly #slots: SharedArrayBuffer
  readonly #counts: SlotCounts
  readonly #byName = new Map<string, NamedCluster[]>()
  /** The inputs of the newest part. */
  readonly #resolved: Map<string, readonly string[]>
  /** The slots of endpoints that went, and when, the earliest first. */
  readonly #gone = new Map<number, number>()
  #releasedMs = Number.NEGATIVE_INFINITY
  /**
   * Slots by identity: in one generation they stay what they are, and finding one takes a hash. Of
   * endpoints that were changed only.
   */
  readonly #slotOf = new Map<string, number>()

  /**
   * @param named     The generation's clusters that have names.
   * @param resolved  The addresses that its endpoints part was made with.
   * @param slots     Made by `createSlots`.
   */
  constructor(
    named: readonly NamedCluster[],
    resolved: ResolvedNames,
    slots: SharedArrayBuffer,
    counts: SlotCounts,
  ) {
    this.#resolved = new Map(resolved)
    this.#slots = slots
    this.#counts = counts
    for (const each of named) {
      for (const { place } of each.places) {
        const ofName = this.#byName.getOrInsertComputed(place, () => [])
        if (ofName.at(-1) !== each) ofName.push(each)
      }
    }
  }

  /** The generation's first buffers, with the current addresses of names. */
  upToDate(
    buffers: TableBuffers,
    known: ResolvedNames,
    nowMs: number,
    live: readonly NamedCluster[] = [],
  ): TableBuffers {
    if (live.length === 0 && this.#changedNames(known).length === 0) return buffers
    const change = this.change(openTable(buffers), known, nowMs, live)
    return change ? { ...buffers, endpoints: change.buffer } : buffers
  }

  /**
   * The part that follows that of `table`, with the addresses `known`, and with the places of the
   * clusters in `live`; null if nothing differs.
   */
  change(
    table: Table,
    known: ResolvedNames,
    nowMs: number,
    live: readonly NamedCluster[] = [],
  ): EndpointChange | null {
    const names = this.#changedNames(known)
    if (names.length === 0 && live.length === 0) return null
    for (const { name, after } of names) this.#resolved.set(name, after)
    const affected = new Set([...names.flatMap(({ name }) => this.#byName.get(name) ?? []), ...live])
    const changed = new Map(
      [...affected].map(({ cluster, places }) => [cluster, resolvePlaces(places, this.#resolved)]),
    )
    const slots = new Slots(this.#slots, table.generation, this.#counts)
    this.#release(slots, table, nowMs)
    const kept = new Set<number>()
    const slotOf = (identity: string): number => {
      const slot = this.#slotOf.get(identity) ?? this.#newSlot(slots, identity)
      kept.add(slot)
      return slot
    }
    const rules = new Map([...affected].map(({ cluster, rules = PLAIN_ROWS }) => [cluster, rules]))
    const buffer = changeEndpoints(table, changed, slotOf, rules)
    this.#leave(table, changed.keys(), kept, nowMs)
    const titles = [...affected].map(({ title }) => title)
    const emptied = [...affected].filter(({ cluster }) => changed.get(cluster)?.length === 0)
    return {
      buffer,
      names,
      changed: titles,
      emptied: emptied.map(({ title }) => title),
      uncounted: slots.overflowed,
    }
  }

  /** A name that is not known yet keeps what it had: nothing. */
  #changedNames(known: ResolvedNames): ChangedName[] {
    const changed: ChangedName[] = []
    for (const [name, after] of known) {
      const before = this.#resolved.get(name) ?? []
      if (before === after || before.join() === after.join()) continue
      if (this.#byName.has(name)) changed.push({ name, before, after })
    }
    return changed
  }

  /** Slot 0 is shared, and may give way to one of its own. */
  #newSlot(slots: Slots, identity: string): number {
    const slot = slots.slotOf(identity)
    if (slot !== 0) this.#slotOf.set(identity, slot)
    return slot
  }

  /** Notes the endpoints that these clusters have no longer. */
  #leave(table: Table, clusters: Iterable<number>, kept: ReadonlySet<number>, nowMs: number): void {
    for (const slot of kept) this.#gone.delete(slot)
    for (const cluster of clusters) {
      for (const slot of slotsOf(table, cluster)) {
        if (kept.has(slot)) continue
        this.#gone.delete(slot)
        this.#gone.set(slot, nowMs)
      }
    }
  }

  /** Gives back the slots of endpoints that went long ago and are not in `table` again. */
  #release(slots: Slots, table: Table, nowMs: number): void {
    if (nowMs - this.#releasedMs < RELEASE_EVERY_MS) return
    this.#releasedMs = nowMs
    const due: number[] = []
    for (const [slot, sinceMs] of this.#gone) {
      if (nowMs - sinceMs < RELEASE_MS) break
      this.#gone.delete(slot)
      due.push(slot)
    }
    if (due.length === 0) return
    const isThere = new Uint8Array(SLOTS_MAX)
    for (const at of eachRow(table)) {
      isThere[slotAt(table.endpoints, at)] = 1
      isThere[memberSlotAt(table.endpoints, at)] = 1
    }
    const free = new Set(due.filter(slot => isThere[slot] === 0))
    slots.release(free)
    for (const [identity, slot] of this.#slotOf) if (free.has(slot)) this.#slotOf.delete(identity)
  }
}

/** The slots of a cluster's endpoints, without the shared one. */
function slotsOf(table: Table, cluster: number): number[] {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  const slots: number[] = []
  for (let row = first; row < first + endpoints[run + EndpointRun.count]; row++) {
    const slot = slotAt(endpoints, row * Endpoint.WORDS)
    const memberSlot = memberSlotAt(endpoints, row * Endpoint.WORDS)
    if (slot !== 0) slots.push(slot)
    if (memberSlot !== 0) slots.push(memberSlot)
  }
  return slots
}
