/** Picks a weighted destination, with each kind of split, beside a route that has only one. */

import { createRandom } from '../../src/base/random.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { pickDestination } from '../../src/table/match/pick.ts'
import { SPLITS, type Split } from '../../src/table/plan/plan.ts'
import { splitPlan } from '../generate-plans.ts'
import type { Bench } from '../harness.ts'
import { type Contender, mix } from '../rivals.ts'
import { createShared, unequal } from './ways.ts'

const GOAL_NS = 25
/** A power of two. */
const CLIENTS = 1024
const CLIENT_ADDRESSES = Array.from({ length: CLIENTS }, (_, index) =>
  Uint32Array.of(0x0a000000 + index * 7919, 0, 0, 0),
)

export function benchPicks(bench: Bench): void {
  for (const split of SPLITS) {
    const counts = bench.parameter([1, 2, 10], [1, 2, 10, 100, 1000])
    const contenders = counts.map(count => draws(split, nameOf(count), weightsFor(count)))
    const inPairs = split === 'exact' ? [draws(split, 'four, in pairs', LONG_PERIOD)] : []
    bench.compare(`pick, ${split}`, bench.parameter(1000, 1_000_000), [
      ...contenders,
      ...inPairs,
      again(split),
      LOOP,
    ])
  }
  bench.chart({
    kind: 'lines',
    id: 'picks',
    title: 'Drawing a destination',
    about: 'Nanoseconds for a pick, by the number of destinations and the way of splitting. Lower is better.',
    x: { label: 'destinations', scale: 'log' },
    y: { label: 'a pick', scale: 'linear' },
    lines: SPLITS.map(split => ({
      label: split,
      points: bench
        .parameter([1, 2, 10], [1, 2, 10, 100, 1000])
        .map(count => ({ x: count, group: `pick, ${split}`, name: nameOf(count) })),
    })),
  })
}

/** The same as the first contender: what they differ by is the error of the method. */
const again = (split: Split): Contender => draws(split, AGAIN, [100])

export const AGAIN = 'single destination, again'

const nameOf = (destinations: number): string =>
  destinations === 1 ? 'single destination' : `${destinations} destinations`

const weightsFor = (destinations: number): number[] => (destinations === 2 ? [80, 20] : unequal(destinations))

/** No schedule holds these. */
const LONG_PERIOD = [250_001, 250_000, 250_000, 249_999]

/** What of the others is the bench's own. */
const LOOP: Contender = {
  name: 'the loop alone',
  answersOwn: true,
  run: count => {
    let checksum = 0
    for (let index = 0; index < count; index++) {
      checksum = mix(checksum, CLIENT_ADDRESSES[index & (CLIENTS - 1)][0])
    }
    return checksum
  },
}

/** Each round uses the same seed and tickets, so its answers are the same. */
function draws(split: Split, name: string, weights: readonly number[]): Contender {
  const table = openTable(buildTable(splitPlan(weights, split), 1, () => 1))
  const shared = createShared()
  return {
    name,
    goalNs: weights.length === 1 ? null : GOAL_NS,
    answersOwn: true,
    run: count => {
      const random = createRandom(1, 2, 3)
      shared.tickets.fill(0)
      let checksum = 0
      for (let index = 0; index < count; index++) {
        checksum = mix(
          checksum,
          pickDestination(table, 0, CLIENT_ADDRESSES[index & (CLIENTS - 1)], random, shared),
        )
      }
      return checksum
    },
  }
}
