/**
 * The turns of ROUND_ROBIN where endpoints have different weights (../match/turns.ts): a cycle of
 * as many turns as the sum of the weights without their common factor, in which each endpoint has
 * exactly as many as its weight.
 *
 *   short    a schedule (exact.ts): at any time each endpoint has its share to within one connection
 *   longer   no schedule: steps of nearly the golden section of the cycle, which have no factor in
 *            common with its length, come to each of its positions once
 *   longest  beyond what a product of two positions could be exact for: golden steps around a circle
 */

import { Turns } from '../format/endpoints-layout.ts'
import { exactSchedule, greatestCommonDivisor } from './exact.ts'

/** The longest cycle that has a schedule; the steps of longer ones spread well. */
const SCHEDULED_MAX = 1024
/** The longest cycle at all: a turn times a step is below 2^52. */
const CYCLE_MAX = 2 ** 26

type Cycle = {
  /** Turns until it begins again. */
  readonly length: number
  /** From a turn's position to that of the next one. */
  readonly step: number
  /** The weight of a position: the common factor of all weights. */
  readonly unit: number
}

/** Null: these weights have none, since it would be too long, or they are no whole numbers. */
export function cycleOf(weights: readonly number[]): Cycle | null {
  if (!weights.every(Number.isInteger)) return null
  const unit = weights.reduce(greatestCommonDivisor)
  const length = weights.reduce((sum, weight) => sum + weight, 0) / unit
  return length > CYCLE_MAX ? null : { length, step: stepOf(length), unit }
}

const GOLDEN_SECTION = (Math.sqrt(5) - 1) / 2

function stepOf(length: number): number {
  const golden = Math.round(length * GOLDEN_SECTION)
  for (let off = 0; ; off++)
    for (const step of [golden + off, golden - off])
      if (step > 0 && greatestCommonDivisor(length, step) === 1) return step
}

/** None for endpoints of equal weights. */
export function turnWords(weights: readonly number[]): Uint32Array {
  const words = new Uint32Array(turnWordCount(weights))
  const cycle = words.length === 0 ? null : cycleOf(weights)
  if (cycle === null) return words
  words[Turns.length] = cycle.length
  words[Turns.unit] = cycle.unit
  if (cycle.length <= SCHEDULED_MAX) words.set(exactSchedule(weights), Turns.WORDS)
  else words[Turns.step] = cycle.step
  return words
}

/** How many words `turnWords` makes. */
export function turnWordCount(weights: readonly number[]): number {
  if (weights.every(each => each === weights[0])) return 0
  const { length = CYCLE_MAX } = cycleOf(weights) ?? {}
  return Turns.WORDS + (length <= SCHEDULED_MAX ? length : 0)
}
