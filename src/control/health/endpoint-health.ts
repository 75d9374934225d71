/**
 * The health of endpoints from the main thread's side: what an operator has said of them, and what
 * is told in the log of those that the workers eject.
 *
 * Drains belong to addresses. They are kept here over reloads, and set as marks
 * (stats/endpoint-marks.ts) before a table is published that has such an endpoint; nothing keeps
 * them over a restart.
 */

import { type Family, formatAddress } from '../../address/address.ts'
import { clearMark, Mark, setMark } from '../../stats/endpoint-marks.ts'
import { isEjected, uneject } from '../../stats/outliers.ts'
import type { Stats } from '../../stats/stats.ts'
import type { Cold } from '../../table/format/cold.ts'
import { Endpoint } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationName } from '../../table/plan/destination.ts'
import type { CheckedCluster } from '../../table/plan/health-check.ts'
import type { Logger } from '../observe/log.ts'
import { type Checked, Checker, type CheckState } from './checker.ts'
import { type EndpointPlace, hasSameAddress, isRowAt, parsePlace } from './endpoint-place.ts'
import {
  describeEndpoints,
  type EndpointRow,
  ejecting,
  endpointRows,
  placeText,
  type ShownEndpoint,
  stateOf,
} from './endpoint-states.ts'
import { type HealthWorld, realHealthWorld } from './health-world.ts'
import { Warmups } from './warmups.ts'

const LOOK_MS = 1_000

/** What is served; its words are read only where somebody asks. */
type Served = { readonly table: Table; readonly cold: () => Cold | null }

/** What a drain, or the end of one, has changed. */
export type PlaceChange = {
  readonly place: EndpointPlace
  /** Endpoints that it concerns, each once. */
  readonly endpoints: readonly string[]
  /** Destinations of which no endpoint is in rotation by now: their connections are reset. */
  readonly emptied: readonly string[]
}

/** What is too many for a line of the log. */
const TOLD_MAX = 10

export class EndpointHealth {
  readonly #stats: Stats
  readonly #log: Logger
  readonly #world: HealthWorld
  readonly #stopLooking: () => void
  readonly #checker: Checker
  readonly #warmups: Warmups
  #drains: readonly EndpointPlace[] = []
  /** By slot that is marked as drained, the drain. */
  readonly #marked = new Map<number, string>()
  #served: Served | null = null
  /** Endpoints that were ejected at the last look, by their slot within the destination. */
  #ejected = new Map<number, string>()

  /** @param onClose  An endpoint has gone down whose connections are to be closed. */
  constructor(
    stats: Stats,
    log: Logger,
    onClose: (place: EndpointPlace) => void,
    world: HealthWorld = realHealthWorld(),
  ) {
    this.#stats = stats
    this.#log = log
    this.#world = world
    this.#warmups = new Warmups(stats, () => world.nowMs())
    this.#checker = new Checker({
      stats,
      warmups: this.#warmups,
      log,
      world,
      onClose: ({ text }) => {
        const place = parsePlace(text)
        if (place) onClose(place)
      },
      onPassed: ({ slot }) => this.#uneject(slot),
    })
    this.#stopLooking = world.every(LOOK_MS, () => this.look())
  }

  /** A table is about to be published, or a revision of one. */
  publishing(table: Table, cold: () => Cold | null, checked: readonly CheckedCluster[]): void {
    this.#served = { table, cold }
    this.#warmups.publishing(table)
    this.#mark()
    this.#markEjected(table)
    this.#checker.follow(targetsOf(table, checked))
  }

  /** What operators drain. */
  get drains(): readonly EndpointPlace[] {
    return this.#drains
  }

  /** The drain of all ports of an address, if this is one of them: it ends only as a whole. */
  wholeDrain(place: EndpointPlace): EndpointPlace | null {
    if (place.port === 0) return null
    return this.#drains.find(each => each.port === 0 && hasSameAddress(each, place)) ?? null
  }

  /** Takes endpoints out of rotation; null: nothing served has such an endpoint. */
  drain(place: EndpointPlace): PlaceChange | null {
    const endpoints = this.#at(place)
    if (endpoints.length === 0) return null
    if (!this.#drains.some(each => each.text === place.text)) this.#drains = [...this.#drains, place]
    this.#mark()
    const emptied = this.#emptied(place)
    const text = `${some(endpoints)} drained: out of rotation until enabled, or until a restart`
    this.#log.info({ endpoints, emptied }, text)
    if (emptied.length > 0)
      this.#log.warn({ emptied }, `no endpoint is in rotation: connections to ${some(emptied)} are reset`)
    return { place, endpoints, emptied }
  }

  /**
   * Puts endpoints back into rotation: ends the drain of this address and port, and where only an
   * address is given, all drains of it. Null: there was none.
   */
  enable(place: EndpointPlace): PlaceChange | null {
    const isMeant = (each: EndpointPlace) =>
      each.text === place.text || (place.port === 0 && hasSameAddress(each, place))
    if (!this.#drains.some(isMeant)) return null
    this.#drains = this.#drains.filter(each => !isMeant(each))
    this.#mark()
    const endpoints = this.#at(place)
    this.#log.info({ endpoints }, `${some(endpoints)} enabled: in rotation again`)
    return { place, endpoints, emptied: [] }
  }

  /** Every endpoint of every destination. */
  *list(): Generator<EndpointRow> {
    if (this.#served) yield* endpointRows(this.#served.table)
  }

  /** Everything about these; none if it is no longer known what is served. */
  *describe(rows: readonly EndpointRow[]): Generator<ShownEndpoint> {
    const cold = this.#served?.cold()
    if (!this.#served || !cold) return
    const checkOf = (text: string) => this.#checker.stateOf(text)
    yield* describeEndpoints(this.#stats, { ...this.#served, cold }, rows, this.#world.nowMs(), checkOf)
  }

  isAt(place: EndpointPlace, { at }: EndpointRow): boolean {
    return this.#served !== null && isRowAt(place, this.#served.table.endpoints, at)
  }

  stateOf(row: EndpointRow) {
    return this.#served ? stateOf(this.#stats, this.#served.table, row, this.#world.nowMs()) : 'up'
  }

  /** What the checks say of each endpoint that is checked. */
  *checks(): Generator<readonly [endpoint: string, state: CheckState]> {
    yield* this.#checker.states()
  }

  /** Tells which endpoints were ejected, and which came back, since the last look. */
  look(): void {
    this.#warmups.forget()
    if (!this.#served) return
    const now = this.#ejectedNow(this.#served)
    for (const [slot, text] of now)
      if (!this.#ejected.has(slot))
        this.#log.warn({ endpoint: text }, `${text} is ejected: its connects fail`)
    for (const [slot, text] of this.#ejected)
      if (!now.has(slot)) this.#log.info({ endpoint: text }, `${text} is in rotation again`)
    this.#ejected = now
  }

  close(): void {
    this.#stopLooking()
    this.#checker.close()
  }

  /** A check that succeeds ends the ejections of an endpoint, from whatever destination. */
  #uneject(slot: number): void {
    if (!this.#served || (this.#stats.marks[slot] & Mark.ejected) === 0) return
    const { table } = this.#served
    const nowMs = this.#world.nowMs()
    for (const each of ejecting(table)) {
      if (each.slot !== slot) continue
      const clusterSlot = table.clusters[each.cluster * Cluster.WORDS + Cluster.slot]
      uneject(this.#stats.outliers, { slot: each.memberSlot, clusterSlot }, nowMs)
    }
    this.look()
  }

  #ejectedNow({ table, cold }: Served): Map<number, string> {
    const { marks, outliers } = this.#stats
    const ejected = new Map<number, string>()
    const nowMs = this.#world.nowMs()
    const stale: number[] = []
    for (const { cluster, at, slot, memberSlot } of ejecting(table)) {
      if ((marks[slot] & Mark.ejected) === 0) continue
      if (!isEjected(outliers, memberSlot, nowMs)) stale.push(slot)
      else ejected.set(memberSlot, `${placeText(table.endpoints, at)} of ${titleOf(cold, cluster)}`)
    }
    if (stale.length > 0) this.#unmark(table, new Set(stale), nowMs)
    return ejected
  }

  /**
   * Clears the marks of endpoints that no destination ejects any more, so that they cost nothing
   * again. A worker writes when an ejection ends, then sets the mark; here the mark is cleared
   * first. So of a worker that ejects meanwhile, the mark is seen to be missing, or comes later.
   */
  #unmark(table: Table, slots: ReadonlySet<number>, nowMs: number): void {
    const { marks, outliers } = this.#stats
    for (const slot of slots) clearMark(marks, slot, Mark.ejected)
    for (const { slot, memberSlot } of ejecting(table))
      if (slots.has(slot) && isEjected(outliers, memberSlot, nowMs)) setMark(marks, slot, Mark.ejected)
  }

  /** Ejections that are not over, of endpoints that were missing while marks were cleared. */
  #markEjected(table: Table): void {
    const nowMs = this.#world.nowMs()
    for (const { slot, memberSlot } of ejecting(table))
      if (isEjected(this.#stats.outliers, memberSlot, nowMs)) setMark(this.#stats.marks, slot, Mark.ejected)
  }

  /**
   * Marks what is drained, and clears what no longer is: also where it is missing now. What is
   * missing and drained keeps its mark: connections may still be decided by an older table.
   */
  #mark(): void {
    if (!this.#served) return
    const { marks } = this.#stats
    const drains = new Set(this.#drains.map(({ text }) => text))
    for (const [slot, drain] of this.#marked) {
      if (drains.has(drain)) continue
      this.#warmups.unmark(slot, Mark.draining)
      this.#marked.delete(slot)
    }
    if (drains.size === 0) return
    const { table } = this.#served
    for (const { at, slot } of endpointRows(table)) {
      const drain = this.#drains.find(each => isRowAt(each, table.endpoints, at))
      if (drain === undefined) continue
      setMark(marks, slot, Mark.draining)
      this.#marked.set(slot, drain.text)
    }
  }

  #at(place: EndpointPlace): string[] {
    if (!this.#served) return []
    const { endpoints } = this.#served.table
    const rows = [...endpointRows(this.#served.table)].filter(
      ({ at, slot }) => slot !== 0 && isRowAt(place, endpoints, at),
    )
    return [...new Set(rows.map(({ at }) => placeText(endpoints, at)))]
  }

  /** Destinations with such an endpoint, all of whose endpoints are drained. */
  #emptied(place: EndpointPlace): string[] {
    if (!this.#served) return []
    const { table, cold } = this.#served
    const meant = new Set<number>()
    const alive = new Set<number>()
    for (const { cluster, at, slot } of endpointRows(table)) {
      if (isRowAt(place, table.endpoints, at)) meant.add(cluster)
      if ((this.#stats.marks[slot] & (Mark.draining | Mark.down)) === 0) alive.add(cluster)
    }
    return [...meant].filter(cluster => !alive.has(cluster)).map(cluster => titleOf(cold, cluster))
  }
}

/** The endpoints of destinations that are checked. */
function* targetsOf(table: Table, checked: readonly CheckedCluster[]): Generator<Checked> {
  const { endpoints } = table
  for (const { cluster, check } of checked) {
    for (const { at, slot } of endpointRows(table, cluster, cluster + 1)) {
      const address = formatAddress(
        endpoints[at + Endpoint.family] as Family,
        endpoints,
        at + Endpoint.address,
      )
      const port = endpoints[at + Endpoint.port]
      yield { address, port, text: placeText(endpoints, at), slot, check }
    }
  }
}

function titleOf(cold: () => Cold | null, cluster: number): string {
  return destinationName(cold()?.clusters[cluster] ?? { host: '', subset: null, port: 0 })
}

function some(texts: readonly string[]): string {
  const more = texts.length - TOLD_MAX
  return `${texts.slice(0, TOLD_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
