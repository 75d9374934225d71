/**
 * Consistent hashing: which endpoint of a destination a client's address leads to.
 *
 * The table (../build/hash-table.ts) stands behind the destination's endpoints. It has places, each
 * of which belongs to an endpoint, and a client's hash leads to one place:
 *
 *   RING_HASH   the first point at or after the hash (Karger et al. 1997)
 *   MAGLEV      the entry at the hash modulo the table's size (Eisenbud et al. 2016)
 *
 * If that endpoint must not be used, the client gets the owner of the next place. So it comes back
 * as soon as its endpoint does, and nobody else moves meanwhile.
 *
 * All functions read typed arrays and allocate nothing.
 */

import { Endpoint, EndpointRun } from '../format/endpoints-layout.ts'
import { hashPair } from '../format/pair-index.ts'
import { Balance } from '../format/routing-layout.ts'

/** No endpoint fits. */
export const NOBODY = -1

/** Not the hash of sticky splits, so that a subset's clients are spread over all places. */
const SEED = 0x51ed270b

/** The hash of a client's address (4 words); its port does not matter. */
export function clientHash(client: Uint32Array): number {
  const network = Math.imul(client[0], 0x165667b1) ^ client[1]
  const host = Math.imul(client[2], 0x165667b1) ^ client[3]
  return hashPair(hashPair(network, host), SEED) >>> 0
}

export const isHashed = (balance: number): boolean =>
  balance === Balance.RING_HASH || balance === Balance.MAGLEV

/**
 * The endpoint (a row) that a client gets.
 *
 * @param run    Position of the destination's run in the arena `words`; it has endpoints.
 * @param tried  Rows that are not to be used; if they own every place, NOBODY.
 */
export function ownerOf(
  words: Uint32Array,
  run: number,
  balance: number,
  hash: number,
  tried: readonly number[],
): number {
  const first = words[run + EndpointRun.first]
  const table = tableAt(words, run)
  const size = words[table]
  let place = placeOf(words, table, balance, hash)
  for (let steps = 0; steps < size; steps++) {
    const endpoint = first + words[ownersAt(table, size, balance) + place]
    if (tried.length === 0 || !tried.includes(endpoint)) return endpoint
    place = place + 1 === size ? 0 : place + 1
  }
  return NOBODY
}

/** The same, of the endpoints in `among` only. Not for the hot path. */
export function ownerAmong(
  words: Uint32Array,
  run: number,
  balance: number,
  hash: number,
  among: ReadonlySet<number>,
): number {
  const first = words[run + EndpointRun.first]
  const table = tableAt(words, run)
  const size = words[table]
  const owners = ownersAt(table, size, balance)
  const place = placeOf(words, table, balance, hash)
  for (let steps = 0; steps < size; steps++) {
    const endpoint = first + words[owners + ((place + steps) % size)]
    if (among.has(endpoint)) return endpoint
  }
  return NOBODY
}

const tableAt = (words: Uint32Array, run: number): number =>
  (words[run + EndpointRun.first] + words[run + EndpointRun.count]) * Endpoint.WORDS

/** A ring has the points first. */
const ownersAt = (table: number, size: number, balance: number): number =>
  balance === Balance.MAGLEV ? table + 1 : table + 1 + size

function placeOf(words: Uint32Array, table: number, balance: number, hash: number): number {
  const size = words[table]
  if (balance === Balance.MAGLEV) return hash % size
  let low = 0
  let high = size
  while (low < high) {
    const middle = (low + high) >>> 1
    if (words[table + 1 + middle] < hash) low = middle + 1
    else high = middle
  }
  return low === size ? 0 : low
}
