/**
 * A connection between accept and decision: its addresses, its first bytes, and the decision.
 *
 * Each connection has its own arrival from accept to decision, however long reading takes. The
 * objects are reused, so a connection allocates none.
 */

import type { Family } from '../../address/address.ts'
import type { Table } from '../../table/format/table.ts'
import { createQuery, type Query } from '../../table/match/match.ts'
import { createDecision, type Decision } from './decision.ts'

export type Arrival = {
  /** The table of its listener when it was accepted; a newer one does not change who decides. */
  table: Table | null
  /** Who it is and where to, as it is known by now. */
  readonly query: Query
  clientPort: number
  /**
   * The other end of the socket, once a header has named another client; family 0: it is the
   * client.
   */
  peerFamily: Family | 0
  readonly peer: Uint32Array
  peerPort: number
  readonly decision: Decision
  /** In the journal; 0 until it is written of. */
  id: number
  arrivedMs: number
  decideNs: number
  /** Until when it must have been read; Infinity without a reader. */
  readUntilMs: number
  /** The `Reason` with which a reader wants to reset it, whatever it sends; −1: none. */
  refusal: number
}

const createArrival = (): Arrival => ({
  table: null,
  query: createQuery(),
  clientPort: 0,
  peerFamily: 0,
  peer: new Uint32Array(4),
  peerPort: 0,
  decision: createDecision(),
  id: 0,
  arrivedMs: 0,
  decideNs: 0,
  readUntilMs: Number.POSITIVE_INFINITY,
  refusal: -1,
})

const NOTHING = new Uint32Array(0)

/** Those that no connection has: as many as there ever were at the same time. */
export class Arrivals {
  readonly #free: Arrival[] = []

  /** For a connection of `listener`, a row of `table`. */
  take(table: Table, listener: number, nowMs: number): Arrival {
    const arrival = this.#free.pop() ?? createArrival()
    const { query, decision } = arrival
    arrival.table = table
    arrival.clientPort = 0
    arrival.peerFamily = 0
    arrival.id = 0
    arrival.arrivedMs = nowMs
    arrival.decideNs = 0
    arrival.readUntilMs = Number.POSITIVE_INFINITY
    arrival.refusal = -1
    decision.route = decision.cluster = -1
    query.listener = listener
    query.clientFamily = query.destinationFamily = 0
    query.isTls = false
    query.serverName = ''
    query.scope = query.rule = -1
    query.workload = 0
    return arrival
  }

  /** It has been decided about, or is over. */
  give(arrival: Arrival): void {
    arrival.table = null
    const { fulfilled } = arrival.query
    fulfilled.bits = fulfilled.conditions = NOTHING // which would keep an old table in memory
    this.#free.push(arrival)
  }
}
