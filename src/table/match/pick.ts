/**
 * Picks one of a route's weighted destinations, in one of three ways.
 *
 *   random   each connection by itself: Vose's alias method (Vose 1991, after Walker 1977), one random
 *            word and one comparison, however many destinations there are and whatever their weights
 *   exact    by a shared ticket, along a schedule or in pairs (../build/exact.ts)
 *   sticky   by the client's address (sticky.ts)
 *
 * The pick is on the data path; its inputs are built with the table.
 */

import { nextU32, type Random } from '../../base/random.ts'
import { firstGroup, turnsBefore } from '../build/exact.ts'
import { Destination, Route, Split } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { markedBucketOf } from './sticky.ts'
import { takeTurn } from './turns.ts'

/** What all workers share, by a route's slot. */
export type Shared = {
  /** How many connections exact splits have given out. */
  readonly tickets: Int32Array
  /** Which clients have come to sticky splits (stats/split-clients.ts). */
  readonly clients: Int32Array
}

/**
 * The cluster that a new connection of `route` goes to. Never throws, allocates nothing.
 *
 * @param client  The client's address, 4 words.
 */
export function pickDestination(
  table: Table,
  route: number,
  client: Uint32Array,
  random: Random,
  shared: Shared,
): number {
  const at = route * Route.WORDS
  const first = table.routes[at + Route.firstSplit]
  const count = table.routes[at + Route.splitCount]
  const split = table.routes[at + Route.split]
  let column = first
  if (split === Split.exact)
    column += table.turns[table.routes[at + Route.firstTurn] + nextTurn(table, at, shared.tickets)]
  else if (split === Split.exactPaired) column += pairedTurn(table, at, nextTurn(table, at, shared.tickets))
  else if (split === Split.sticky)
    column +=
      table.turns[
        table.routes[at + Route.firstTurn] +
          markedBucketOf(client, shared.clients, table.routes[at + Route.slot])
      ]
  else if (count > 1) column = drawColumn(table.splits, first, count, random)
  return table.splits[column * Destination.WORDS + Destination.cluster]
}

/**
 * The next place in the schedule of the route whose row begins at `at`, for this connection alone.
 */
const nextTurn = ({ routes }: Table, at: number, tickets: Int32Array): number =>
  takeTurn(tickets, routes[at + Route.slot], routes[at + Route.turnCount] | 0)

/**
 * Whose turn it is if two groups of one or two destinations take turns, and so do those in a group.
 * Neither has a branch, since it would be mispredicted: 1 is yes, 0 is no, and dependent values are
 * multiplied.
 */
function pairedTurn({ routes, splits }: Table, at: number, turn: number): number {
  const share = routes[at + Route.firstTurn]
  const period = routes[at + Route.turnCount]
  const count = routes[at + Route.splitCount]
  const half = firstGroup(count)
  const first = routes[at + Route.firstSplit] * Destination.WORDS + Destination.threshold
  const weight = splits[first]
  const weightBehind = splits[first + half * Destination.WORDS]
  const before = turnsBefore(turn, share, period)
  const isSecond = 1 - turnsBefore(turn + 1, share, period) + before
  if (count === 2) return isSecond
  const place = before + isSecond * (turn - 2 * before)
  const own = weight + isSecond * (weightBehind - weight)
  const both = share + isSecond * (period - 2 * share)
  const isOther = 1 - turnsBefore(place + 1, own, both) + turnsBefore(place, own, both)
  return isSecond * half + isOther
}

/**
 * One random word makes both choices: times `count`, its whole part is the column and its fraction
 * the throw within it. Either is off by less than `count` in 2^31. The throw causes no branch,
 * since it would be mispredicted.
 */
function drawColumn(splits: Uint32Array, first: number, count: number, random: Random): number {
  const scaled = nextU32(random) * (count * 2 ** -32)
  const column = scaled | 0
  const at = (first + column) * Destination.WORDS
  const thrown = ((scaled - column) * 2 ** 31) | 0
  const isOwn = (thrown - (splits[at + Destination.threshold] >>> 1)) >> 31 // all ones, or 0
  const alias = splits[at + Destination.alias]
  return first + alias + ((column - alias) & isOwn)
}

/** One column of the alias table: its own share of 2^32, and the destination that gets the rest. */
export type Column = { readonly threshold: number; readonly alias: number }

/**
 * Builds the columns for `weights` (each ≥ 0, their sum > 0, or a single one of any value).
 *
 * A column's two shares are rounded to 1/2^32 of the column: a destination's probability is off by
 * less than one in 2^31, far below what any count of connections could show.
 */
export function aliasColumns(weights: readonly number[]): Column[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const scaled = weights.map(weight => (weight * weights.length) / total)
  const columns = weights.map((_, index) => ({ threshold: 0xffffffff, alias: index }))
  if (weights.length === 1) return columns
  const small: number[] = []
  const large: number[] = []
  for (const [index, share] of scaled.entries()) (share < 1 ? small : large).push(index)
  while (small.length > 0 && large.length > 0) {
    const poor = small.pop() as number
    const rich = large[large.length - 1]
    columns[poor] = { threshold: Math.min(0xffffffff, Math.round(scaled[poor] * 2 ** 32)), alias: rich }
    scaled[rich] -= 1 - scaled[poor]
    if (scaled[rich] < 1) small.push(large.pop() as number)
  }
  return columns // the rest are full columns, except for rounding
}
