/**
 * The tables of consistent hashing, behind the endpoints of a destination (../match/hashed.ts).
 *
 *   RING_HASH   size │ points, ascending │ the endpoint that each belongs to
 *   MAGLEV      size │ the endpoint that each entry belongs to
 *
 * An endpoint's points and preferences depend only on its address and port. So a table is the same
 * in every worker, after every restart, and in whatever order the endpoints are written; and an
 * endpoint that comes or goes moves hardly anybody but its own clients. Envoy's tables differ,
 * since its hash does.
 */

import { hashPair } from '../format/pair-index.ts'
import type { Endpoint } from '../plan/plan.ts'
import type { Policy } from '../plan/policy.ts'

/** How a destination's clients are hashed: RING_HASH with a least size, or MAGLEV with its size. */
export type HashSpec = { readonly kind: 'RING_HASH' | 'MAGLEV'; readonly size: number }

/** What tells an endpoint from others. */
type Identity = Pick<Endpoint, 'weight'> & { readonly words: readonly number[] }

/** An endpoint of a table, in the order of identities. */
type Member = {
  /** Its place among the destination's endpoints. */
  readonly index: number
  readonly weight: number
  readonly seed: number
  readonly stride: number
}

/** A larger ring is made with fewer points for each endpoint; 8 MiB. */
export const RING_POINTS_MAX = 2 ** 20
/** The largest prime number below 2^20: 4 MiB. */
export const MAGLEV_SIZE_MAX = 1_048_573

/** An endpoint of a small weight has at least so many points, so that its share is about right. */
const POINTS_LEAST = 8
/** For which a ring grows to so many times the points that it would have otherwise. */
const GROWTH_MAX = 16

export function hashSpecOf({ balance, hashSize }: Pick<Policy, 'balance' | 'hashSize'>): HashSpec | null {
  return balance === 'RING_HASH' || balance === 'MAGLEV' ? { kind: balance, size: hashSize } : null
}

/** The words of a table for these endpoints, by their rows' first words; none without endpoints. */
export function hashWords(endpoints: readonly Identity[], { kind, size }: HashSpec): Uint32Array {
  if (endpoints.length === 0) return new Uint32Array(0)
  const members = membersOf(endpoints)
  return kind === 'MAGLEV' ? maglev(members, size) : ring(members, size)
}

/** How many words `hashWords` makes. */
export function hashWordCount(weights: readonly number[], { kind, size }: HashSpec): number {
  if (weights.length === 0) return 0
  return kind === 'MAGLEV' ? 1 + size : 1 + 2 * sum(pointsFor(weights, size))
}

function membersOf(endpoints: readonly Identity[]): Member[] {
  const members = endpoints.map(({ words, weight }, index) => ({
    index,
    weight,
    seed: words.reduce(hashPair, 0x3c6ef372) >>> 0,
    stride: words.reduce(hashPair, 0x1b873593) >>> 0,
  }))
  return members.sort((a, b) => a.seed - b.seed || a.stride - b.stride || a.index - b.index)
}

function ring(members: readonly Member[], least: number): Uint32Array {
  const points = pointsFor(
    members.map(each => each.weight),
    least,
  )
  const size = sum(points)
  // A point and its owner as one number, which fits into 53 bits: numbers sort fast.
  const sorted = new Float64Array(size)
  let next = 0
  for (const [rank, { seed, stride }] of members.entries())
    for (let point = 0; point < points[rank]; point++)
      sorted[next++] = (hashPair(seed ^ Math.imul(point, 0x9e3779b1), stride + point) >>> 0) * RANKS + rank
  sorted.sort()
  const words = new Uint32Array(1 + 2 * size)
  words[0] = size
  for (const [place, point] of sorted.entries()) {
    words[1 + place] = Math.floor(point / RANKS)
    words[1 + size + place] = members[point % RANKS].index
  }
  return words
}

/** More endpoints than a ring has points. */
const RANKS = 2 ** 21

/**
 * The points of each endpoint, in proportion to its weight.
 *
 * The heaviest endpoint has half of the least size, however many there are: then a destination of
 * two equal endpoints or more has a large enough ring, and an endpoint that comes or goes changes
 * nobody's points. Envoy divides the size by the number of endpoints, so that all of them give up
 * points to a new one, and their clients move among them. The points are doubled while there are
 * too few, and halved while there are too many.
 */
function pointsFor(weights: readonly number[], least: number): number[] {
  const heaviest = weights.reduce((most, each) => Math.max(most, each), 1)
  const lightest = weights.reduce((fewest, each) => Math.min(fewest, each), heaviest)
  const share = sum(weights) / heaviest
  let most = Math.ceil(least / 2)
  while (most * share < least) most *= 2
  const mostAtAll = most * GROWTH_MAX
  while (most < mostAtAll && (most * lightest) / heaviest < POINTS_LEAST) most *= 2
  while (most > 1 && most * share > RING_POINTS_MAX) most /= 2
  return weights.map(weight => Math.max(1, Math.round((most * weight) / heaviest)))
}

/**
 * Maglev's population: the endpoints in turn take the next entry that they prefer and that is free,
 * until none is left (Eisenbud et al., Maglev, NSDI 2016, §3.4). An endpoint of less weight than
 * the heaviest is passed over in some turns, as in Envoy.
 */
function maglev(members: readonly Member[], size: number): Uint32Array {
  const words = new Uint32Array(1 + size)
  words[0] = size
  const isTaken = new Uint8Array(size)
  const prefers = members.map(({ seed }) => seed % size)
  const strides = members.map(({ stride }) => (stride % Math.max(1, size - 1)) + 1)
  const heaviest = members.reduce((most, each) => Math.max(most, each.weight), 1)
  const dueAt = new Float64Array(members.length)
  for (let taken = 0, turn = 1; taken < size; turn++)
    for (let rank = 0; rank < members.length && taken < size; rank++) {
      if (turn * members[rank].weight < dueAt[rank]) continue
      dueAt[rank] += heaviest
      let place = prefers[rank]
      while (isTaken[place] === 1) place = (place + strides[rank]) % size
      isTaken[place] = 1
      words[1 + place] = members[rank].index
      prefers[rank] = (place + strides[rank]) % size
      taken++
    }
  return words
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
