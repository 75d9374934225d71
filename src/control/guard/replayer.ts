/**
 * Decides about a connection again, by another table: with its addresses, and the workers' own
 * functions.
 *
 * It would send the same first bytes, so a listener that reads PROXY headers from other peers may
 * refuse it, or take it for another client.
 */

import type { Family } from '../../address/address.ts'
import type { Cold } from '../../table/format/cold.ts'
import { PASSTHROUGH } from '../../table/format/outcome.ts'
import { destinationsOf } from '../../table/format/rows.ts'
import { readCold, type Table } from '../../table/format/table.ts'
import { authorize, createVerdict } from '../../table/match/authorize.ts'
import { listenerOf } from '../../table/match/listener-of.ts'
import { match } from '../../table/match/match.ts'
import { judgePeer, Peer } from '../../table/match/proxy-senders.ts'
import { createQuery, type Query } from '../../table/match/query.ts'
import { destinationName } from '../../table/plan/destination.ts'

/** Instead of a destination: the address that the client dialed. */
export const AS_ASKED = 'as asked'

/** All that can be picked for a connection; 'denied': a policy would not let it in. */
export type Destinations = readonly string[] | 'denied'

export class Replayer {
  /** The connection, filled in by the caller; its peer is that of a PROXY header. */
  readonly query: Query = createQuery()
  readonly #table: Table
  readonly #cold: Cold
  readonly #listeners: ReadonlyMap<string, number>
  readonly #verdict = createVerdict()
  readonly #peer = new Uint32Array(4)
  readonly #byRoute = new Map<number, readonly string[]>()

  constructor(table: Table) {
    this.#table = table
    this.#cold = readCold(table)
    const serving = table.sockets.filter(each => each.serves)
    this.#listeners = new Map(serving.map(each => [each.key, each.socket]))
  }

  /** The socket of a listener, for `query.listener`; −1: there is none. */
  socketOf(listener: string): number {
    return this.#listeners.get(listener) ?? -1
  }

  /**
   * The destinations of the connection in `query`; none if nothing would take it.
   *
   * @param before          The table that decided it, if it is still known.
   * @param beforeListener  Its listener in that table.
   */
  destinations(before: Table | null, beforeListener: number): Destinations {
    const { query } = this
    if (!this.#introduces(before, beforeListener)) return []
    if (this.#isDenied(query)) return 'denied'
    const route = match(this.#table, query)
    return route === PASSTHROUGH ? [AS_ASKED] : this.#drawn(route)
  }

  /**
   * Whether it would get as far as the rules, and as which client: with its PROXY header or
   * without, at the listener as it is now.
   */
  #introduces(before: Table | null, beforeListener: number): boolean {
    const { query } = this
    const hadHeader = query.peerFamily !== 0
    const family = hadHeader ? query.peerFamily : query.clientFamily
    this.#peer.set(hadHeader ? query.peer : query.client)
    query.peerFamily = 0
    const peer = judgePeer(this.#table, query.listener, family, this.#peer)
    if (peer === Peer.untrusted) return false
    if (peer === Peer.sender && hadHeader) {
      query.peerFamily = family
      return true
    }
    if (peer === Peer.sender)
      // A header may name no client (LOCAL).
      return !before || judgePeer(before, beforeListener, family, this.#peer) === peer
    if (hadHeader) this.#isItself(query, family)
    return true
  }

  #isDenied(query: Query): boolean {
    const { access } = this.#table
    const server = access === null ? -1 : listenerOf(this.#table, query)
    return (
      access !== null && server >= 0 && !authorize(this.#table, access, server, query, null, this.#verdict)
    )
  }

  /** Its header would be payload now; the address that it dialed is unknown. */
  #isItself(query: Query, family: Family | 0): void {
    query.clientFamily = family
    query.client.set(this.#peer)
    query.destinationFamily = 0
    query.destinationPort = this.#table.sockets[query.listener].port
  }

  #drawn(route: number): readonly string[] {
    if (route < 0) return []
    const known =
      this.#byRoute.get(route) ??
      destinationsOf(this.#table, this.#cold, route)
        .filter(each => each.share > 0)
        .map(destinationName)
    this.#byRoute.set(route, known)
    return known
  }
}
