/**
 * Draining some of the connections while the gateway goes on: those of a listener, a generation, a
 * rule.
 *
 * This module selects among the live connections by name; workers get only rows, ids and times
 * (close-orders.ts). New connections are not affected.
 *
 * A connection that is still being read from has no rule yet, and no Gateway if several share its
 * socket; one that is not connected may still get another endpoint. Where the selection asks for
 * those, the connection is looked at again until they are known.
 */

import { monotonicMs } from '../../base/clock.ts'
import type { Order } from '../../engine/worker/protocol.ts'
import { Live, Stage } from '../../stats/connections.ts'
import type { Connection } from '../../stats/live-connections.ts'
import { type MatchNames, matchedOf } from '../../stats/match-names.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import type { Block } from '../../table/plan/block.ts'
import { type EndpointPlace, isAt } from '../health/endpoint-place.ts'
import type { Observer } from '../observe/observer.ts'
import { closeOrders, spreadOver } from './close-orders.ts'

/** A connection must match every given condition; without any, all match. */
export type Selection = {
  /** A listener's key, "default/tcp-gw 127.0.0.1:9000", or its gateway. */
  readonly listener?: string
  readonly generation?: number
  /** Of a generation before this one. */
  readonly olderThan?: number
  /** Going there. */
  readonly endpoint?: EndpointPlace
  readonly rule?: {
    /** 'namespace/name', or 'TCPRoute namespace/name'. */
    readonly virtualService: string
    readonly block?: Block
    readonly route?: number
    readonly match?: number | null
  }
}

type Meant = Pick<Connection, 'worker' | 'row' | 'id'>
type Answer = 'meant' | 'other' | 'undecided'

/** A drain in progress. */
export class SelectedDrain {
  readonly selection: Selection
  readonly overMs: number
  readonly #startedMs = monotonicMs()
  readonly #observer: Observer
  readonly #reason: number
  readonly #judge: (words: Int32Array) => Answer
  readonly #meant: Meant[] = []
  #undecided: readonly Meant[]

  /** @param reason  For which they end. */
  constructor(observer: Observer, selection: Selection, overMs: number, reason: number = Reason.drain) {
    this.selection = selection
    this.#reason = reason
    this.overMs = overMs
    this.#observer = observer
    this.#judge = judgeOf(observer, selection)
    const undecided: Meant[] = []
    observer.live.visit((words, numbers, worker, row) => {
      const answer = this.#judge(words)
      const list = answer === 'meant' ? this.#meant : undecided
      if (answer !== 'other') list.push({ worker, row, id: numbers[Live.id / 2] })
      return true
    })
    this.#undecided = undecided
  }

  /** The selected connections, with those that may turn out to be selected. */
  get matched(): number {
    return this.#meant.length + this.undecided
  }

  /** Those of them that are still open. */
  get left(): number {
    return this.#meant.filter(each => this.#isOpen(each)).length + this.undecided
  }

  /** Open connections that may yet turn out to be selected. */
  get undecided(): number {
    return this.#undecided.filter(each => this.#isOpen(each)).length
  }

  get elapsedMs(): number {
    return monotonicMs() - this.#startedMs
  }

  /** The order for each worker, by worker; workers without selected connections are missing. */
  orders(random?: () => number): Map<number, Order> {
    return this.#ordersFor(this.#meant, this.overMs, random)
  }

  /** The same for those that have been decided since, over the rest of the time. */
  laterOrders(): Map<number, Order> {
    const meant: Meant[] = []
    this.#undecided = this.#undecided.filter(each => {
      const answer = this.#judgeAgain(each)
      if (answer === 'meant') meant.push(each)
      return answer === 'undecided'
    })
    this.#meant.push(...meant)
    return this.#ordersFor(meant, Math.max(0, this.overMs - this.elapsedMs))
  }

  #isOpen({ worker, row, id }: Meant): boolean {
    return this.#observer.live.has(worker, row, id)
  }

  #judgeAgain(each: Meant): Answer {
    let answer: Answer = 'other'
    if (!this.#isOpen(each)) return answer
    this.#observer.live.visit((words, numbers) => {
      if (numbers[Live.id / 2] === each.id) answer = this.#judge(words)
      return false
    }, each)
    return answer
  }

  #ordersFor(meant: readonly Meant[], overMs: number, random?: () => number): Map<number, Order> {
    return closeOrders(spreadOver(meant, overMs, random), () => ({ reason: this.#reason }))
  }
}

/** What a selection says of a connection, by the words of its live row. */
function judgeOf({ generations }: Observer, selection: Selection): (words: Int32Array) => Answer {
  const { listener, generation, olderThan, endpoint, rule } = selection
  const byGeneration = new Map<number, ReadonlyMap<number, boolean>>()
  const judgeReading = (words: Int32Array): Answer => {
    const undecided = rule === undefined ? 'meant' : 'undecided'
    if (listener === undefined) return undecided
    const of = words[Live.generation]
    const rows = byGeneration.get(of) ?? rowsBeside(generations.table(of), listener)
    byGeneration.set(of, rows)
    const isAlone = rows.get(words[Live.listener])
    if (isAlone === undefined) return 'other'
    return isAlone ? undecided : 'undecided'
  }
  const judgeDecided = (words: Int32Array): Answer => {
    if (listener === undefined && rule === undefined) return 'meant'
    const names = generations.names(matchedOf(words, 0))
    const isThere = listener === undefined || [names.listener, names.gateway].includes(listener)
    const isMeant = isThere && isOfRule(rule, names.rule)
    return isMeant ? 'meant' : 'other'
  }
  return words => {
    if (generation !== undefined && words[Live.generation] !== generation) return 'other'
    if (olderThan !== undefined && words[Live.generation] >= olderThan) return 'other'
    const answer = words[Live.state] === Stage.reading ? judgeReading(words) : judgeDecided(words)
    return endpoint === undefined || answer === 'other' ? answer : judgeEndpoint(endpoint, words)
  }
}

/** The endpoint is known for good once it is connected: until then another may be dialed. */
function judgeEndpoint(endpoint: EndpointPlace, words: Int32Array): Answer {
  const state = words[Live.state]
  if (state === Stage.reading || state === Stage.dialing) return 'undecided'
  return goesTo(endpoint, words) ? 'meant' : 'other'
}

/**
 * The rows of the listeners that share the socket of a listener, or of one of a gateway, and
 * whether nobody else shares it; none if it is not there.
 */
function rowsBeside(table: Table | null, listener: string): ReadonlyMap<number, boolean> {
  const sockets = table?.sockets ?? []
  const isOwn = ({ key, gateway }: (typeof sockets)[number]): boolean =>
    key === listener || gateway === listener
  const own = new Set(sockets.filter(isOwn).map(each => each.socket))
  const shared = new Set(sockets.filter(each => !isOwn(each)).map(each => each.socket))
  return new Map(
    sockets.flatMap(({ socket }, row): [number, boolean][] =>
      own.has(socket) ? [[row, !shared.has(socket)]] : [],
    ),
  )
}

function isOfRule(rule: Selection['rule'], of: MatchNames['rule']): boolean {
  if (rule === undefined) return true
  const { virtualService, block, route, match } = rule
  return (
    of?.virtualService === virtualService &&
    (block === undefined || of.block === block) &&
    (route === undefined || of.route === route) &&
    (match === undefined || of.match === match)
  )
}

const goesTo = (place: EndpointPlace, words: Int32Array): boolean =>
  isAt(place, words[Live.endpointFamily], words, Live.endpointAddress, words[Live.endpointPort])
