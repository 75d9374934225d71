/**
 * From accept to decision, shared by all engines: an arrival for each connection, a reader that may
 * have to read first (../decide/reader.ts), the decision, and its duration.
 *
 *   arrive ─▶ reads? ─ no ──────────────▶ decide ─▶ leave
 *               └ yes ─▶ read … ─▶ answer ──▲
 */

import { assert } from '../../base/assert.ts'
import type { World } from '../../base/world.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { isOwnAddress } from '../../table/match/own-listeners.ts'
import { type Arrival, Arrivals } from '../decide/arrival.ts'
import { type Decider, decide, isFull } from '../decide/decide.ts'
import { ADMITTED, ORIGINAL } from '../decide/decision.ts'
import { Asked, MORE, type Reader } from '../decide/reader.ts'
import { giveBack } from '../decide/refuse.ts'
import type { Journal } from './journal.ts'
import type { EngineTask } from './protocol.ts'

export class Reception {
  readonly #world: World
  readonly #reader: Reader | null
  readonly #decider: Decider
  readonly #journal: Journal
  readonly #arrivals = new Arrivals()

  constructor({ world, reader }: EngineTask, decider: Decider, journal: Journal) {
    this.#world = world
    this.#reader = reader ?? null
    this.#decider = decider
    this.#journal = journal
  }

  /** A connection was accepted by `listener`, a row of `table`. */
  arrive(table: Table, listener: number, nowMs: number): Arrival {
    return this.#arrivals.take(table, listener, nowMs)
  }

  /** Whether weir has to read first. A connection over the limit is not read. */
  reads(arrival: Arrival, nowMs: number): boolean {
    return this.#reader?.begin(arrival, nowMs) === true && !isFull(this.#decider)
  }

  /** The reader's answer. */
  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number {
    const reader = this.#reader
    assert(reader !== null, 'a connection is read from, and nobody reads')
    const answer = reader.read(arrival, bytes, asked)
    assert(answer !== MORE || asked === Asked.bytes, 'a reader waits for more, and no more will come')
    assert(answer <= bytes.length, `a reader takes ${answer} of ${bytes.length} bytes`)
    return answer
  }

  /** ADMITTED, or the `Reason` for a reset. */
  decide(arrival: Arrival): number {
    const { table, query, decision } = arrival
    assert(table !== null, 'a connection is decided about twice')
    const startedMs = this.#world.monotonicMs()
    const reason = arrival.refusal >= 0 ? arrival.refusal : decide(this.#decider, table, query, decision)
    this.#journal.decided(arrival, this.#world.monotonicMs() - startedMs)
    if (reason !== ADMITTED || !this.#goesRound(arrival)) return reason
    giveBack(this.#decider, decision)
    return Reason.loop
  }

  /**
   * Whether a load balancer returned a connection that weir had passed to the address that the
   * client dialed: it would loop.
   */
  #goesRound({ decision, query }: Arrival): boolean {
    const { own } = this.#decider
    if (query.peerFamily === 0 || decision.endpoint !== ORIGINAL || own === null) return false
    return isOwnAddress(own, query.clientFamily, query.client)
  }

  /** The connection goes on, or has ended: frees the arrival. */
  leave(arrival: Arrival): void {
    this.#arrivals.give(arrival)
  }
}
