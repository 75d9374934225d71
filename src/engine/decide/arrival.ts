/**
 * A connection between accept and decision: its addresses, its first bytes, and the decision.
 *
 * Each connection has its own arrival from accept to decision, however long reading takes. The
 * objects are reused, so a connection allocates none.
 */

import type { Table } from '../../table/format/table.ts'
import { createQuery, type Query } from '../../table/match/query.ts'
import type { TlsServer } from '../../table/plan/tls.ts'
import type { HelloReader } from '../../wire/client-hello.ts'
import { createDecision, type Decision } from './decision.ts'

/** What weir knows of a client that a reader hears. */
export type Hearing = {
  readonly hello: HelloReader
  /** Bytes that are parsed already. */
  heard: number
  /** Answered requests, whose bytes do not go to the upstream. */
  taken: number
  /**
   * Whether the client was told that it may begin TLS; then weir asks the upstream for the same.
   */
  starttls: boolean
}

export type Arrival = {
  /** The listener's table at accept; a newer one does not change who decides. */
  table: Table | null
  /** The client and the destination, as far as known by now. */
  readonly query: Query
  clientPort: number
  /** The other end of the socket, if it is not the client. */
  peerPort: number
  readonly decision: Decision
  /** Its id in the journal; 0 until the journal has it. */
  id: number
  arrivedMs: number
  decideNs: number
  /** The deadline for reading; Infinity without a reader. */
  readUntilMs: number
  /** The current reader, and the bytes that earlier readers consumed (readers.ts). */
  reader: number
  taken: number
  /** A byte to send to the client, set by the reader; 0: none. */
  reply: number
  /** For a client whose server name matters (name-reader.ts); null: nobody asks for it. */
  hearing: Hearing | null
  /** The server that terminates its TLS (name-reader.ts); null: its bytes go on as they are. */
  server: TlsServer | null
  /** The `Reason` with which a reader wants to reset it, whatever it sends; −1: none. */
  refusal: number
}

const createArrival = (): Arrival => ({
  table: null,
  query: createQuery(),
  clientPort: 0,
  peerPort: 0,
  decision: createDecision(),
  id: 0,
  arrivedMs: 0,
  decideNs: 0,
  readUntilMs: Number.POSITIVE_INFINITY,
  reader: 0,
  taken: 0,
  reply: 0,
  hearing: null,
  server: null,
  refusal: -1,
})

const NOTHING = new Uint32Array(0)

/** Unused ones: as many as were ever in use at the same time. */
export class Arrivals {
  readonly #free: Arrival[] = []

  /** For a connection of `listener`, a row of `table`. */
  take(table: Table, listener: number, nowMs: number): Arrival {
    const arrival = this.#free.pop() ?? createArrival()
    const { query, decision } = arrival
    arrival.table = table
    arrival.clientPort = 0
    arrival.id = 0
    arrival.arrivedMs = nowMs
    arrival.decideNs = 0
    arrival.readUntilMs = Number.POSITIVE_INFINITY
    arrival.refusal = -1
    arrival.reply = 0 // of a connection that ended before its answer went out
    arrival.hearing = null
    arrival.server = null
    decision.route = decision.cluster = -1
    decision.policy = decision.policyGeneration = decision.audited = 0
    decision.source = decision.gatewaySource = 0
    query.listener = listener
    query.clientFamily = query.destinationFamily = query.peerFamily = 0
    query.isTls = false
    query.serverName = query.alpn = ''
    query.identity = null
    query.scope = query.rule = -1
    query.workload = 0
    return arrival
  }

  /** It was decided, or is over. */
  give(arrival: Arrival): void {
    arrival.table = null
    const { fulfilled } = arrival.query
    fulfilled.bits = fulfilled.conditions = NOTHING // which would keep an old table in memory
    this.#free.push(arrival)
  }
}
