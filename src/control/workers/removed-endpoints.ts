/**
 * Ends the connections of endpoints that the configuration no longer has, if their destination
 * wants that (`gateway.weir/on-remove: close`).
 *
 *   removed ─▶ all workers decide without it ─▶ its connections are found, each gets a time
 *                                                 └─ the time comes: still removed? ─▶ reset
 *
 * An endpoint that comes back in time keeps the connections that it still has, so workers get each
 * order only shortly before it is due. A connection that is being read from or dialed for, or whose
 * upstream may still be replaced, is looked at again until that is over. All this is done in
 * pieces: there may be 100 000 connections.
 */

import { UNHEARD_MS } from '../../engine/flow/deadlines.ts'
import type { Order } from '../../engine/worker/protocol.ts'
import { Live } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Logger } from '../observe/log.ts'
import type { Observer } from '../observe/observer.ts'
import { closeOrders, spreadOver } from './close-orders.ts'
import { type ClosingDestinations, type Judged, mayRemove, removalJudge } from './removal-judge.ts'
import { type RemovalWorld, realRemovalWorld } from './removal-world.ts'

/** How often it looks which connections are due, and which have been decided. */
const LOOK_MS = 100
/** Connections whose times are spread together. */
const SPREAD = 4096
/** Once it is older, a connection goes on to no other endpoint (engine/flow/early-resets.ts). */
const YOUNG_MS = 2 * UNHEARD_MS
/** Endpoints that a line of the log names. */
const TOLD_MAX = 10

type Row = { readonly worker: number; readonly row: number; readonly id: number }
/** Null: it goes on. */
type Answer = Exclude<Judged, 'there'>
type Found = Row & { readonly endpoint: string; readonly overMs: number }
/** `afterMs` is a moment, until the order is given. */
type Due = Row & { readonly afterMs: number }

type RemovedEndpointsOptions = {
  readonly observer: Observer
  readonly log: Logger
  readonly tell: (orders: ReadonlyMap<number, Order>) => void
  readonly world?: RemovalWorld
}

export class RemovedEndpoints {
  readonly #options: RemovedEndpointsOptions
  readonly #world: RemovalWorld
  #destinations: ClosingDestinations = new Map()
  #judge: (words: Int32Array) => Judged
  /** Those whose time has yet to come, by its number of LOOK_MS. */
  #pending = new Map<number, Due[]>()
  #pendingIds = new Set<number>()
  #undecided: Row[] = []
  /** When the last search began. */
  #sinceMs = 0
  #wantsSearch = false
  /** A search will be asked for. */
  #awaitsSearch = false
  #isWorking = false
  #stopTimer = (): void => {}
  #closed = false
  /** Connections that were to end, and whose endpoint was back in time. */
  #kept = 0

  constructor(options: RemovedEndpointsOptions) {
    this.#options = options
    this.#world = options.world ?? realRemovalWorld()
    this.#judge = removalJudge(options.observer, this.#destinations)
  }

  get destinations(): ClosingDestinations {
    return this.#destinations
  }

  /**
   * What a table that is being published has; true: `search` is to be called once it is adopted.
   */
  follow(destinations: ClosingDestinations): boolean {
    const before = this.#destinations
    this.#destinations = destinations
    this.#judge = removalJudge(this.#options.observer, destinations)
    this.#awaitsSearch ||= this.#pendingIds.size > 0 || mayRemove(before, destinations)
    return this.#awaitsSearch
  }

  /** Finds the connections of removed endpoints. */
  search(): void {
    this.#wantsSearch = true
    this.#awaitsSearch = false
    this.#work()
  }

  close(): void {
    this.#closed = true
    this.#stopTimer()
  }

  #work(): void {
    if (this.#isWorking || this.#closed) return
    this.#isWorking = true
    this.#stopTimer()
    this.#world.inPieces(this.#steps(), () => {
      this.#isWorking = false
      if (this.#wantsSearch) this.#work()
      else if (this.#pendingIds.size + this.#undecided.length > 0) this.#lookLater()
      else this.#finish()
    })
  }

  #lookLater(): void {
    if (!this.#closed) this.#stopTimer = this.#world.after(LOOK_MS, () => this.#work())
  }

  /** What nothing defines any more is forgotten with its last connection. */
  #finish(): void {
    if (!this.#awaitsSearch) this.follow(new Map([...this.#destinations].filter(([, { isGone }]) => !isGone)))
  }

  *#steps(): Generator<void> {
    if (this.#wantsSearch) {
      this.#wantsSearch = false
      yield* this.#dropBack()
      yield* this.#search()
    } else yield* this.#lookAgain()
    yield* this.#endDue()
    this.#tellKept()
  }

  /** Connections whose endpoint is back do not wait for their end any more. */
  *#dropBack(): Generator<void> {
    let seen = 0
    for (const [key, all] of this.#pending) {
      const left: Due[] = []
      for (const each of all) {
        if (this.#isRemoved(each)) left.push(each)
        else this.#pendingIds.delete(each.id)
        if (++seen % this.#world.pieceRows === 0) yield
      }
      if (left.length > 0) this.#pending.set(key, left)
      else this.#pending.delete(key)
    }
  }

  #isRemoved(each: Row): boolean {
    const { worker, row, id } = each
    if (!this.#options.observer.live.has(worker, row, id)) return false
    const judged = this.#judgeAgain(each)
    if (judged === 'undecided') this.#undecided.push(each)
    if (judged === null) this.#kept++
    return judged !== null && judged !== 'undecided'
  }

  #tellKept(): void {
    if (this.#kept === 0) return
    const kept = this.#kept
    this.#kept = 0
    this.#options.log.info({ kept }, `${connections(kept)} of removed endpoints go on: these are back`)
  }

  *#search(): Generator<void> {
    this.#sinceMs = this.#world.nowMs()
    const undecided: Row[] = []
    const told = new Map<string, number>()
    let found: Found[] = []
    let seen = 0
    for (const [at, judged] of this.#rows()) {
      if (judged === 'undecided') undecided.push(at)
      else if (judged !== null && !this.#pendingIds.has(at.id)) {
        const { endpoint, closing } = judged
        found.push({ ...at, endpoint, overMs: closing.overMs })
        told.set(endpoint, (told.get(endpoint) ?? 0) + 1)
      }
      if (found.length >= SPREAD) {
        this.#spread(found)
        found = []
      }
      if (++seen % this.#world.pieceRows === 0) yield
    }
    this.#spread(found)
    this.#undecided = undecided
    this.#tellFound(told)
  }

  /** Every live row, judged; rows that are free meanwhile are passed over. */
  *#rows(): Generator<readonly [Row, Answer]> {
    const { live } = this.#options.observer
    const { pieceRows } = this.#world
    for (let from: { worker: number; row: number } | null = { worker: 0, row: 0 }; from !== null; ) {
      const judged: [Row, Answer][] = []
      let next: { worker: number; row: number } | null = null
      live.visit((words, numbers, worker, row) => {
        judged.push([{ worker, row, id: numbers[Live.id / 2] }, this.#judgeRow(words, numbers, worker)])
        if (judged.length < pieceRows) return true
        next = { worker, row: row + 1 }
        return false
      }, from)
      from = next
      yield* judged
    }
  }

  /** Those that have been decided since get the rest of the time. */
  *#lookAgain(): Generator<void> {
    const before = this.#undecided
    const undecided: Row[] = []
    const found: Found[] = []
    for (const [index, each] of before.entries()) {
      const judged = this.#judgeAgain(each)
      if (judged === 'undecided') undecided.push(each)
      else if (judged && !this.#pendingIds.has(each.id))
        found.push({ ...each, endpoint: judged.endpoint, overMs: judged.closing.overMs })
      if ((index + 1) % this.#world.pieceRows === 0) yield
    }
    if (this.#undecided === before) this.#undecided = undecided
    this.#spread(found)
  }

  #judgeAgain({ worker, row, id }: Row): Answer {
    let judged: Answer = null
    const { live } = this.#options.observer
    if (!live.has(worker, row, id)) return null
    live.visit(
      (words, numbers) => {
        if (numbers[Live.id / 2] === id) judged = this.#judgeRow(words, numbers, worker)
        return false
      },
      { worker, row },
    )
    return judged
  }

  /** An upstream that resets at once may be replaced, by one that an older table has. */
  #judgeRow(words: Int32Array, numbers: Float64Array, worker: number): Answer {
    const judged = this.#judge(words)
    if (judged !== 'there') return judged
    const isUntouched = numbers[Live.fromUpstream / 2] === 0 && numbers[Live.toUpstream / 2] === 0
    const connectedMs = numbers[Live.connectedMs / 2] + this.#options.observer.live.originMs(worker)
    return isUntouched && this.#world.nowMs() - connectedMs < YOUNG_MS ? 'undecided' : null
  }

  #spread(found: readonly Found[]): void {
    const nowMs = this.#world.nowMs()
    for (const [overMs, own] of Map.groupBy(found, each => each.overMs)) {
      const leftMs = Math.max(0, this.#sinceMs + overMs - nowMs)
      for (const { worker, row, id, afterMs } of spreadOver(own, leftMs, this.#world.chance)) {
        const due = { worker, row, id, afterMs: nowMs + afterMs }
        this.#pending.getOrInsertComputed(Math.floor(due.afterMs / LOOK_MS), () => []).push(due)
        this.#pendingIds.add(id)
      }
    }
  }

  /** Tells the workers what is due before the next look. */
  *#endDue(): Generator<void> {
    const { pieceRows } = this.#world
    const untilMs = this.#world.nowMs() + LOOK_MS
    const due = [...this.#pending.keys()].filter(each => each * LOOK_MS <= untilMs)
    for (const key of due.sort((a, b) => a - b)) {
      const all = this.#pending.get(key) ?? []
      this.#pending.delete(key)
      for (let from = 0; from < all.length; from += pieceRows) {
        this.#end(all.slice(from, from + pieceRows))
        yield
      }
    }
  }

  #end(due: readonly Due[]): void {
    const nowMs = this.#world.nowMs()
    const ending: Due[] = []
    for (const each of due) {
      this.#pendingIds.delete(each.id)
      if (this.#isRemoved(each)) ending.push({ ...each, afterMs: Math.max(0, each.afterMs - nowMs) })
    }
    this.#options.tell(closeOrders(ending, () => ({ reason: Reason['endpoint-removed'] })))
  }

  #tellFound(told: ReadonlyMap<string, number>): void {
    if (told.size === 0) return
    const endpoints = Object.fromEntries([...told].slice(0, TOLD_MAX))
    const count = [...told.values()].reduce((sum, each) => sum + each, 0)
    const more = told.size > TOLD_MAX ? ` and ${told.size - TOLD_MAX} more` : ''
    this.#options.log.info(
      { connections: count, endpoints },
      `removed: ${Object.keys(endpoints).join(', ')}${more}; ${connections(count)} to them will end`,
    )
  }
}

const connections = (count: number): string =>
  count === 1 ? '1 open connection' : `${count} open connections`
