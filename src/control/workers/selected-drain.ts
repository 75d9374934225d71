/**
 * Draining some of the connections while the gateway goes on: those of a listener, a generation, a
 * rule.
 *
 * This module selects among the live connections by name; workers get only rows, ids and times. The
 * times are spread evenly over the selected connections, in random order with jitter, so clients do
 * not reconnect all at once. New connections are not affected.
 */

import { monotonicMs } from '../../base/clock.ts'
import type { Order } from '../../engine/worker/protocol.ts'
import { Live } from '../../stats/connections.ts'
import { matchedOf } from '../../stats/generations.ts'
import type { Connection } from '../../stats/live-connections.ts'
import { Reason } from '../../stats/reasons.ts'
import { type EndpointPlace, isAt } from '../health/endpoint-place.ts'
import type { Observer } from '../observe/observer.ts'

/** A connection must match every given condition; without any, all match. */
export type Selection = {
  /** The listener's key: "default/tcp-gw 127.0.0.1:9000". */
  readonly listener?: string
  readonly generation?: number
  /** Of a generation before this one. */
  readonly olderThan?: number
  /** Going there. */
  readonly endpoint?: EndpointPlace
  readonly rule?: {
    /** 'namespace/name'. */
    readonly virtualService: string
    readonly block?: 'tcp' | 'tls' | 'http'
    readonly route?: number
    readonly match?: number | null
  }
}

type Meant = Pick<Connection, 'worker' | 'row' | 'id'>

/** A drain in progress. */
export class SelectedDrain {
  readonly selection: Selection
  readonly overMs: number
  readonly #startedMs = monotonicMs()
  readonly #observer: Observer
  readonly #reason: number
  readonly #meant: readonly Meant[]

  /** @param reason  For which they end. */
  constructor(observer: Observer, selection: Selection, overMs: number, reason: number = Reason.drain) {
    this.selection = selection
    this.#reason = reason
    this.overMs = overMs
    this.#observer = observer
    const meant: Meant[] = []
    observer.live.visit((words, numbers, worker, row) => {
      if (isMeant(observer, selection, words)) meant.push({ worker, row, id: numbers[Live.id / 2] })
      return true
    })
    this.#meant = meant
  }

  /** The selected connections. */
  get matched(): number {
    return this.#meant.length
  }

  /** The selected connections that are still open. */
  get left(): number {
    return this.#meant.filter(({ worker, row, id }) => this.#observer.live.has(worker, row, id)).length
  }

  get elapsedMs(): number {
    return monotonicMs() - this.#startedMs
  }

  /** The order for each worker, by worker; workers without selected connections are missing. */
  orders(random: () => number = Math.random): Map<number, Order> {
    const timed = spreadOver(this.#meant, this.overMs, random)
    return new Map(
      [...Map.groupBy(timed, ({ worker }) => worker)].map(([worker, own]) => [
        worker,
        {
          kind: 'close',
          rows: Int32Array.from(own, each => each.row),
          ids: Float64Array.from(own, each => each.id),
          afterMs: Float64Array.from(own, each => each.afterMs),
          reason: this.#reason,
        },
      ]),
    )
  }
}

/** @param words  Words of a live row. */
function isMeant({ generations }: Observer, selection: Selection, words: Int32Array): boolean {
  const { listener, generation, olderThan, endpoint, rule } = selection
  if (generation !== undefined && words[Live.generation] !== generation) return false
  if (olderThan !== undefined && words[Live.generation] >= olderThan) return false
  if (endpoint !== undefined && !goesTo(endpoint, words)) return false
  if (listener === undefined && rule === undefined) return true
  const names = generations.names(matchedOf(words, 0))
  if (listener !== undefined && names.listener !== listener) return false
  if (rule === undefined) return true
  const { virtualService, block, route, match } = rule
  return (
    names.rule?.virtualService === virtualService &&
    (block === undefined || names.rule.block === block) &&
    (route === undefined || names.rule.route === route) &&
    (match === undefined || names.rule.match === match)
  )
}

const goesTo = (place: EndpointPlace, words: Int32Array): boolean =>
  isAt(place, words[Live.endpointFamily], words, Live.endpointAddress, words[Live.endpointPort])

/** Fisher and Yates, 1938. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const all = [...list]
  for (let left = all.length - 1; left > 0; left--) {
    const other = Math.floor(random() * (left + 1))
    ;[all[left], all[other]] = [all[other], all[left]]
  }
  return all
}

/** Assigns each its time: in random order, spread evenly, with jitter. */
export function spreadOver<T extends object>(
  list: readonly T[],
  overMs: number,
  random: () => number = Math.random,
): (T & { readonly afterMs: number })[] {
  const stepMs = overMs / list.length
  return shuffled(list, random).map((each, index) => ({ ...each, afterMs: (index + random()) * stepMs }))
}
