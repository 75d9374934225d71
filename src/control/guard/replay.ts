/**
 * Where the open connections would go under another table (replayer.ts). A connection would stay if
 * its destination is still among those that can be picked for it; the random pick itself cannot be
 * predicted.
 */

import type { Family } from '../../address/address.ts'
import { Flags, Live } from '../../stats/connections.ts'
import type { Generations } from '../../stats/generations.ts'
import type { LiveConnections } from '../../stats/live-connections.ts'
import { type MatchNames, matchedOf } from '../../stats/match-names.ts'
import { certifiedOf } from '../../stats/read-row.ts'
import { nameOf } from '../../stats/row-names.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationName } from '../../table/plan/destination.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { AS_ASKED, type Destinations, Replayer } from './replayer.ts'

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

export function replay(live: LiveConnections, generations: Generations, table: Table): Replayed {
  const replayer = new Replayer(table)
  const counts = { same: 0, elsewhere: 0, refused: 0, denied: 0, unlistened: 0, unknown: 0 }
  const moves = new Map<string, { move: Omit<Move, 'connections'>; connections: number }>()
  let open = 0
  live.visit(words => {
    open++
    const names = generations.names(matchedOf(words, 0))
    const from = wentTo(names)
    const table = generations.table(words[Live.generation])
    const to = from === null ? null : destinationsAgain(replayer, names.listener, words, table)
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

function fateOf(from: string | null, to: Destinations | null): Fate {
  if (from === null) return 'unknown'
  if (to === 'denied') return to
  if (to === null) return 'unlistened'
  if (to.length === 0) return 'refused'
  return to.includes(from) ? 'same' : 'elsewhere'
}

const wentTo = ({ outcome, destination }: MatchNames): string | null =>
  destination ? destinationName(destination) : outcome === 'passthrough' ? AS_ASKED : null

const ruleText = ({ rule }: MatchNames): string | null => rule && ruleName(rule)

function copyAddress(words: Int32Array, at: number, into: Uint32Array): void {
  for (let word = 0; word < 4; word++) into[word] = words[at + word]
}

/** Asks again about the connection in `words`, a live row; null if no listener remains. */
function destinationsAgain(
  replayer: Replayer,
  listener: string,
  words: Int32Array,
  before: Table | null,
): Destinations | null {
  const { query } = replayer
  query.listener = replayer.socketOf(listener)
  if (query.listener < 0) return null
  query.clientFamily = words[Live.clientFamily] as Family | 0
  query.destinationFamily = words[Live.destinationFamily] as Family | 0
  query.destinationPort = words[Live.destinationPort]
  query.isTls = (words[Live.flags] & Flags.tls) !== 0
  query.serverName = nameOf(words, 0)
  query.identity = certifiedOf(words, 0)
  query.peerFamily = words[Live.peerFamily] as Family | 0
  copyAddress(words, Live.client, query.client)
  copyAddress(words, Live.destination, query.destination)
  copyAddress(words, Live.peer, query.peer)
  return replayer.destinations(before, words[Live.listener])
}
