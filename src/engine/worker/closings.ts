/**
 * Connections to close at given times: a worker's part of a selected drain.
 *
 * The main thread has chosen them and their times (control/workers/selected-drain.ts). A row may
 * belong to another connection by then, so the id decides.
 */

import { Reason } from '../../stats/reasons.ts'
import type { Order } from './protocol.ts'

type Close = Extract<Order, { kind: 'close' }>
type CloseOne = (row: number, id: number, policy: number, generation: number, reason: number) => void
type Running = { readonly order: Close; readonly startedMs: number; next: number }

export class Closings {
  /** When `due` has work. */
  nextMs = Number.POSITIVE_INFINITY
  #running: Running[] = []

  add(order: Close, nowMs: number): void {
    this.#running.push({ order, startedMs: nowMs, next: 0 })
    this.#plan()
  }

  /**
   * Calls `close` with each connection whose time has come; if policies deny it, with 1 + the row
   * of the denying rule and its generation, otherwise with 0.
   */
  due(nowMs: number, close: CloseOne): void {
    for (const each of this.#running) {
      const { rows, ids, afterMs, denied, reason = Reason.drain } = each.order
      for (; each.next < rows.length && each.startedMs + afterMs[each.next] <= nowMs; each.next++) {
        const policy = denied?.policies[each.next] ?? 0
        close(rows[each.next], ids[each.next], policy, denied?.generation ?? 0, reason)
      }
    }
    this.#plan()
  }

  #plan(): void {
    this.#running = this.#running.filter(({ order, next }) => next < order.rows.length)
    const times = this.#running.map(({ order, startedMs, next }) => startedMs + order.afterMs[next])
    this.nextMs = Math.min(...times)
  }
}
