/**
 * Where the open connections would go under another table.
 *
 * Each is matched by its addresses with the workers' own function. It would stay if its destination
 * is still among those that can be picked for it; the random pick itself cannot be predicted. It
 * would send the same first bytes, so a listener that reads PROXY headers from other peers may
 * refuse it, or take it for another client.
 */

import type { Family } from '../../address/address.ts'
import { Flags, Live } from '../../stats/connections.ts'
import { type Generations, type MatchNames, matchedOf } from '../../stats/generations.ts'
import type { LiveConnections } from '../../stats/live-connections.ts'
import { certifiedOf } from '../../stats/read-row.ts'
import { nameOf } from '../../stats/row-names.ts'
import type { Cold } from '../../table/format/cold.ts'
import { PASSTHROUGH } from '../../table/format/outcome.ts'
import { destinationsOf } from '../../table/format/rows.ts'
import { readCold, type Table } from '../../table/format/table.ts'
import { authorize, createVerdict } from '../../table/match/authorize.ts'
import { listenerOf } from '../../table/match/listener-of.ts'
import { match } from '../../table/match/match.ts'
import { judgePeer, Peer } from '../../table/match/proxy-senders.ts'
import { createQuery, type Query } from '../../table/match/query.ts'
import { ruleName } from '../../table/plan/rule-name.ts'

/** Moves that are listed, those of most connections first. */
const MOVES_MAX = 100

/**
 * same: it would be given to where it is. elsewhere: to something else. refused: to nothing.
 * denied: a policy would not let it in. unlistened: nobody would accept it. unknown: what it was
 * given to is not known any more.
 */
export const FATES = ['same', 'elsewhere', 'refused', 'denied', 'unlistened', 'unknown'] as const
type Fate = (typeof FATES)[number]

type Move = {
  readonly connections: number
  readonly fate: Fate
  /** The rule that routed them, as explain writes it; null: none. */
  readonly rule: string | null
  /** "reviews.default.svc.cluster.local:9080 subset v2", or "as asked". */
  readonly from: string
  /** All possible destinations. */
  readonly to: readonly string[]
}

export type Replayed = Readonly<Record<Fate, number>> & {
  readonly open: number
  readonly moves: readonly Move[]
}

const AS_ASKED = 'as asked'

export function replay(live: LiveConnections, generations: Generations, table: Table): Replayed {
  const again = new Again(table)
  const counts = { same: 0, elsewhere: 0, refused: 0, denied: 0, unlistened: 0, unknown: 0 }
  const moves = new Map<string, { move: Omit<Move, 'connections'>; connections: number }>()
  let open = 0
  live.visit(words => {
    open++
    const names = generations.names(matchedOf(words, 0))
    const from = destinationText(names)
    const table = generations.table(words[Live.generation])
    const to = from === null ? null : again.destinations(names.listener, words, table)
    const fate = fateOf(from, to)
    counts[fate]++
    if (from === null || fate === 'same') return true
    const move = { fate, rule: ruleText(names), from, to: to === 'denied' ? [] : (to ?? []) }
    const key = JSON.stringify(move)
    const known = moves.get(key) ?? { move, connections: 0 }
    known.connections++
    moves.set(key, known)
    return true
  })
  const largest = [...moves.values()].sort((a, b) => b.connections - a.connections).slice(0, MOVES_MAX)
  return { open, ...counts, moves: largest.map(({ move, connections }) => ({ ...move, connections })) }
}

function fateOf(from: string | null, to: readonly string[] | 'denied' | null): Fate {
  if (from === null) return 'unknown'
  if (to === 'denied') return to
  if (to === null) return 'unlistened'
  if (to.length === 0) return 'refused'
  return to.includes(from) ? 'same' : 'elsewhere'
}

const destinationText = ({ outcome, destination }: MatchNames): string | null =>
  destination ? textOf(destination) : outcome === 'passthrough' ? AS_ASKED : null

const textOf = ({ host, port, subset }: NonNullable<MatchNames['destination']>): string =>
  `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`

const ruleText = ({ rule }: MatchNames): string | null => rule && ruleName(rule)

function copyAddress(words: Int32Array, at: number, into: Uint32Array): void {
  for (let word = 0; word < 4; word++) into[word] = words[at + word]
}

/** Matches connections again. */
class Again {
  readonly #table: Table
  readonly #cold: Cold
  readonly #listeners: ReadonlyMap<string, number>
  readonly #query: Query = createQuery()
  readonly #verdict = createVerdict()
  readonly #peer = new Uint32Array(4)
  readonly #byRoute = new Map<number, readonly string[]>()

  constructor(table: Table) {
    this.#table = table
    this.#cold = readCold(table)
    const serving = table.sockets.filter(each => each.serves)
    this.#listeners = new Map(serving.map(each => [each.key, each.socket]))
  }

  /**
   * All destinations that can be picked for the connection in `words` (a live row); 'denied' if a
   * policy would not let it in; null if no listener remains.
   *
   * @param before  The table that decided it, if it is still known.
   */
  destinations(
    listener: string,
    words: Int32Array,
    before: Table | null,
  ): readonly string[] | 'denied' | null {
    const index = this.#listeners.get(listener)
    if (index === undefined) return null
    const query = this.#query
    query.listener = index
    query.clientFamily = words[Live.clientFamily] as Family | 0
    query.destinationFamily = words[Live.destinationFamily] as Family | 0
    query.destinationPort = words[Live.destinationPort]
    query.isTls = (words[Live.flags] & Flags.tls) !== 0
    query.serverName = nameOf(words, 0)
    query.identity = certifiedOf(words, 0)
    copyAddress(words, Live.client, query.client)
    copyAddress(words, Live.destination, query.destination)
    if (!this.#introduces(query, words, before)) return []
    if (this.#isDenied(query)) return 'denied'
    const route = match(this.#table, query)
    return route === PASSTHROUGH ? [AS_ASKED] : this.#drawn(route)
  }

  /**
   * Whether it would get as far as the rules, and as which client: with its PROXY header or
   * without, at the listener as it is now.
   */
  #introduces(query: Query, words: Int32Array, before: Table | null): boolean {
    const hadHeader = words[Live.peerFamily] !== 0
    const family = hadHeader ? (words[Live.peerFamily] as Family) : query.clientFamily
    if (hadHeader) copyAddress(words, Live.peer, this.#peer)
    else this.#peer.set(query.client)
    query.peerFamily = 0
    const peer = judgePeer(this.#table, query.listener, family, this.#peer)
    if (peer === Peer.untrusted) return false
    if (peer === Peer.sender && hadHeader) {
      query.peerFamily = family
      query.peer.set(this.#peer)
      return true
    }
    if (peer === Peer.sender)
      // A header may name no client (LOCAL).
      return !before || judgePeer(before, words[Live.listener], family, this.#peer) === peer
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
        .map(textOf)
    this.#byRoute.set(route, known)
    return known
  }
}
