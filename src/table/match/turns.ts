/**
 * Turns that all workers take from one counter, without a lock: those of exact splits (pick.ts),
 * and of endpoints with different weights (../build/turns.ts).
 */

import { cycleOf } from '../build/turns.ts'
import { Endpoint, EndpointRun, Turns } from '../format/endpoints-layout.ts'

/**
 * 2^32 divided by the golden ratio: steps of it fill a circle as evenly as can be (Knuth, TAOCP
 * vol. 3, §6.4).
 */
export const GOLDEN_STEP = 0x9e3779b9

/**
 * A counter is set back long before it could overflow, by a whole number of rounds, so nobody's
 * turn changes.
 */
const TICKETS_MAX = 2 ** 30

/** The next of `length` turns, for this connection alone; after the last comes the first. */
export function takeTurn(tickets: Int32Array, slot: number, length: number): number {
  const ticket = Atomics.add(tickets, slot, 1)
  if (ticket === TICKETS_MAX) Atomics.sub(tickets, slot, TICKETS_MAX - (TICKETS_MAX % length))
  return ticket % length
}

/** The endpoint (a row) whose turn it is; its destination has different weights. */
export function takeEndpointTurn(words: Uint32Array, run: number, tickets: Int32Array, slot: number): number {
  const first = words[run + EndpointRun.first]
  const end = first + words[run + EndpointRun.count]
  const table = end * Endpoint.WORDS
  const length = words[run + EndpointRun.table] === 0 ? 0 : words[table + Turns.length]
  if (length === 0)
    return atPosition(words, first, end, takeCirclePosition(tickets, slot) * sumOf(words, first, end))
  const turn = takeTurn(tickets, slot, length)
  const step = words[table + Turns.step]
  if (step === 0) return first + words[table + Turns.WORDS + turn]
  return atPosition(words, first, end, ((turn * step) % length) * words[table + Turns.unit])
}

/** Which of these weights has the turn. Not for the hot path. */
export function takeTurnAmong(weights: readonly number[], tickets: Int32Array, slot: number): number {
  const cycle = cycleOf(weights)
  let rest = 0
  if (cycle === null) rest = takeCirclePosition(tickets, slot) * weights.reduce((sum, each) => sum + each, 0)
  else rest = ((takeTurn(tickets, slot, cycle.length) * cycle.step) % cycle.length) * cycle.unit
  const index = weights.findIndex(each => {
    rest -= each
    return rest < 0
  })
  return Math.max(0, index) // rounded, a position may be the end of the last one
}

/** The next position on a circle, in [0, 1). */
export const takeCirclePosition = (tickets: Int32Array, slot: number): number =>
  (Math.imul(Atomics.add(tickets, slot, 1), GOLDEN_STEP) >>> 0) / 2 ** 32

function sumOf(words: Uint32Array, first: number, end: number): number {
  let sum = 0
  for (let row = first; row < end; row++) sum += words[row * Endpoint.WORDS + Endpoint.weight]
  return sum
}

/** The row on whose arc a position lies, each arc as long as the row's weight. */
function atPosition(words: Uint32Array, first: number, end: number, position: number): number {
  let row = first
  for (let rest = position; row < end - 1; row++) {
    rest -= words[row * Endpoint.WORDS + Endpoint.weight]
    if (rest < 0) break
  }
  return row
}
