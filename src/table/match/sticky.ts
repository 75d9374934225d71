/**
 * Sticky splits: a client's address always leads to the same destination, and a change of weights
 * moves only the clients that it must.
 *
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; the weighted form is Schindelhauer and
 * Schomaker 2005): each destination has a score for each client, and the highest wins. Scores
 * depend on the destination's name, so neither its place in the list nor another's weight matters.
 * To make a pick one look-up, the scores of each of BUCKETS buckets of clients are compared once,
 * while the table is built.
 */

import { hash } from 'node:crypto'
import { hashPair } from '../format/pair-index.ts'

/**
 * Buckets of client addresses, a power of two; a share of p is met to within √(p(1−p)/BUCKETS), 0.3
 * % at most.
 */
export const BUCKETS = 2 ** 15

/** Sticky splits whose clients are counted (stats/split-clients.ts); slot 0 is nobody's. */
export const STICKY_SLOTS = 1_024

/** Words of a split's clients: a bit for each bucket. */
export const CLIENT_WORDS = BUCKETS / 32

/** For each bucket an index into `destinations`, which have distinct names and positive weights. */
export function stickyBuckets(
  destinations: readonly { readonly name: string; readonly weight: number }[],
): Uint16Array {
  const seeds = destinations.map(({ name }) => hash('sha1', name, 'buffer').readUInt32LE())
  const buckets = new Uint16Array(BUCKETS)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    let best = Number.NEGATIVE_INFINITY
    for (const [index, { weight }] of destinations.entries()) {
      const score = scoreOf(seeds[index], bucket, weight)
      if (score <= best) continue
      best = score
      buckets[bucket] = index
    }
  }
  return buckets
}

/** A score whose maximum falls on each destination in proportion to its weight. */
function scoreOf(seed: number, bucket: number, weight: number): number {
  const uniform = ((hashPair(seed, bucket) >>> 0) + 0.5) / 2 ** 32
  return -weight / Math.log(uniform)
}

/** The bucket of a client's address (4 words); its port does not matter. */
export function bucketOf(client: Uint32Array): number {
  const network = Math.imul(client[0], 0x165667b1) ^ client[1]
  const host = Math.imul(client[2], 0x165667b1) ^ client[3]
  return hashPair(network, host) & (BUCKETS - 1)
}

/**
 * A client's bucket, which is marked among those that have come to the split
 * (stats/split-clients.ts); slot 0 is nobody's. The bit is set by Atomics once; afterwards a pick
 * only reads.
 */
export function markedBucketOf(client: Uint32Array, clients: Int32Array, slot: number): number {
  const bucket = bucketOf(client)
  const at = slot * CLIENT_WORDS + (bucket >>> 5)
  const bit = 1 << (bucket & 31)
  if ((clients[at] & bit) === 0 && slot !== 0) Atomics.or(clients, at, bit)
  return bucket
}
