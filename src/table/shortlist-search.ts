/** Looks a shortlist up and tries its candidates (classifier.ts). Never throws, allocates nothing. */

import { type Fulfilled, hasBit } from './fulfilled.ts'
import { Candidate, ClientNode, DestinationNode, LONG, Shortlist } from './layout.ts'
import { ABSENT, findPair } from './pair-index.ts'
import type { Table } from './table.ts'

/** The shortlist of a chain for a destination node, or ABSENT. */
export function shortlistOf(
  { destinationNodes, shortlistIndex }: Table,
  chain: number,
  node: number,
): number {
  const row = node * DestinationNode.WORDS
  const only = destinationNodes[row + DestinationNode.shortlist]
  const chains = destinationNodes[row + DestinationNode.chains]
  if (only !== ABSENT) return chains === chain ? only : ABSENT
  return ((chains >>> (chain & 31)) & 1) === 0 ? ABSENT : findPair(shortlistIndex, chain, node)
}

/** Whether there is a shortlist, and it would be too long. */
export const isLong = ({ shortlists }: Table, shortlist: number): boolean =>
  shortlist !== ABSENT && shortlists[shortlist + Shortlist.count] === LONG

/** The first rule of a shortlist, if there is one, that matches and is less than `limit`; else `limit`. */
export function firstOnShortlist(
  { shortlists, clientNodes }: Table,
  shortlist: number,
  client: number,
  fulfilled: Fulfilled,
  limit: number,
): number {
  if (shortlist === ABSENT) return limit
  const order = clientNodes[client * ClientNode.WORDS + ClientNode.order]
  const first = shortlist + Shortlist.WORDS
  const end = first + Candidate.WORDS * shortlists[shortlist + Shortlist.count]
  for (let at = first; at < end; at += Candidate.WORDS) {
    const rule = shortlists[at + Candidate.rule]
    if (rule >= limit) return limit
    const place = (order - shortlists[at + Candidate.firstClient]) >>> 0
    if (place > shortlists[at + Candidate.clientSpan]) continue
    if (!hasBit(fulfilled.bits, fulfilled.bitsAt, shortlists[at + Candidate.condition])) continue
    fulfilled.route = shortlists[at + Candidate.route]
    return rule
  }
  return limit
}
