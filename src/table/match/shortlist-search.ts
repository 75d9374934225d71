/**
 * Finds the shortlists for a connection and tries their candidates (classifier.ts). Never throws,
 * allocates nothing.
 */

import {
  Candidate,
  Chain,
  Clients,
  DIRECTORY_MAX,
  LONG,
  Place,
  Shortlist,
  SOME_CLIENTS,
} from '../format/classifier-layout.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import type { Table } from '../format/table.ts'
import { type Fulfilled, hasBit } from './fulfilled.ts'

/**
 * The chain of a scope or part for exactly this port, or ABSENT.
 *
 * @param owner  Its key in chainIndex: the scope, or PART_CHAINS and the part.
 * @param ports  The owner's bits for its ports.
 */
export const chainOf = (table: Table, owner: number, ports: number, port: number): number =>
  ((ports >>> (port & 31)) & 1) === 0 ? ABSENT : findPair(table.chainIndex, owner, port)

/**
 * The first rule on the shortlists of two chains that matches and is less than `limit`; else
 * `limit`; LONG if one of the shortlists is.
 *
 * @param named    The chain for the connection's port, or ABSENT.
 * @param anyPort  The one for any port, or negative.
 */
export function firstShortlisted(
  table: Table,
  named: number,
  anyPort: number,
  destination: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  const { shortlists } = table
  const chain = named === ABSENT ? anyPort : named
  if (chain < 0) return limit
  const addsAnyPort = chain !== anyPort && anyPort >= 0
  let nearest = ABSENT // the shortlist that is complete by itself
  let nearer = ABSENT //  except for what the one for any port has for a longer prefix
  let place = table.destinationNodes[destination]
  while (place !== ABSENT) {
    nearest = shortlistOf(table, chain, place)
    if (nearest !== ABSENT) break
    if (addsAnyPort && nearer === ABSENT) nearer = shortlistOf(table, anyPort, place)
    place = shortlists[place + Place.above]
  }
  if (nearest === ABSENT) nearest = table.chains[chain * Chain.WORDS + Chain.anyShortlist]
  if (isLong(table, nearest) || isLong(table, nearer)) return LONG
  const best = firstOnShortlist(table, nearer, client, fulfilled, limit)
  return firstOnShortlist(table, nearest, client, fulfilled, best)
}

/** The shortlist of a chain at a place, or ABSENT. */
function shortlistOf(table: Table, chain: number, place: number): number {
  const { shortlists } = table
  const count = shortlists[place + Place.count]
  const chains = shortlists[place + Place.chains]
  const first = place + Place.WORDS
  if (count === 1) return chains === chain ? first : ABSENT
  if (((chains >>> (chain & 31)) & 1) === 0) return ABSENT
  if (count <= DIRECTORY_MAX) return inDirectory(shortlists, first, first + 2 * count, chain)
  const places = table.chains[chain * Chain.WORDS + Chain.places + ((place >>> 5) & 3)]
  return ((places >>> (place & 31)) & 1) === 0 ? ABSENT : findPair(table.shortlistIndex, chain, place)
}

function inDirectory(shortlists: Uint32Array, first: number, end: number, chain: number): number {
  for (let at = first; at < end; at += 2) if (shortlists[at] === chain) return shortlists[at + 1]
  return ABSENT
}

/** Whether there is a shortlist that would be too long. */
const isLong = ({ shortlists }: Table, shortlist: number): boolean =>
  shortlist !== ABSENT && shortlists[shortlist + Shortlist.count] === LONG

/**
 * The first rule of a shortlist, if there is one, that matches and is less than `limit`; else
 * `limit`.
 */
function firstOnShortlist(
  { shortlists }: Table,
  shortlist: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  if (shortlist === ABSENT) return limit
  let at = shortlist + Shortlist.WORDS
  for (let left = shortlists[shortlist + Shortlist.count]; left > 0; left--) {
    const candidate = at
    const condition = shortlists[at + Candidate.condition]
    const rule = shortlists[at + Candidate.rule]
    if (rule >= limit) return limit
    at += Candidate.WORDS
    if ((condition & SOME_CLIENTS) !== 0) {
      const place = (client - shortlists[at + Clients.first]) >>> 0
      const span = shortlists[at + Clients.span]
      at += Clients.WORDS
      if (place > span) continue
    }
    if (!hasBit(fulfilled.bits, fulfilled.bitsAt, condition & ~SOME_CLIENTS)) continue
    fulfilled.route = shortlists[candidate + Candidate.route]
    return rule
  }
  return limit
}
