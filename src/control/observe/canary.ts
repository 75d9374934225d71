/**
 * How the destinations of a weighted rule do beside each other: a canary is more than its share.
 *
 *   gray fails 2.1 % of dials, prod 0.1 %: worse, sure
 *
 * Rates are held against each other by bounds that hold at every moment at once
 * (base/share-bounds.ts), so nobody who looks again and again sees a difference that is chance, but
 * for one rule in twenty. Times are of connections that ended last (stats/ended-connections.ts),
 * and compared likewise (compare-times.ts).
 */

import { type Quantiles, quantilesOf } from '../../base/quantiles.ts'
import { type Bounds, boundsOf } from '../../base/share-bounds.ts'
import type { Ended, EndedConnections } from '../../stats/ended-connections.ts'
import type { Generations, SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import type { RouteDestination } from '../../table/format/rows.ts'
import { destinationKey } from '../../table/plan/destination.ts'
import type { RuleOrigin } from '../../table/plan/plan.ts'
import { compareTimes, type Sorted, TIMES_COMPARED, type TimesComparison } from './compare-times.ts'
import type { RuleCounts } from './rule-counts.ts'
import { keyOf, type RuleEntry } from './rules.ts'

/** What can go wrong, of what. */
export const RATES = {
  failedDials: 'dials fail',
  resets: 'connections are reset by the server',
  brief: 'connections end within a second',
  silent: 'connections end without a byte from the server',
} as const
type RateName = keyof typeof RATES

export type Rate = Bounds & { readonly count: number; readonly of: number }

/** A destination; rates are null before there is anything to count. */
type Arm = {
  readonly destination: RouteDestination
  readonly connections: number
  readonly rates: Readonly<Record<RateName, Rate | null>>
  /** Milliseconds; null: none among the last that ended. */
  readonly connectMs: Quantiles | null
  readonly firstByteMs: Quantiles | null
  readonly lastedMs: Quantiles | null
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly sorted: Sorted
}

/** What a destination's rate is beside that of the one with the greatest share. */
type Comparison = {
  readonly rate: RateName
  /** Indexes of destinations. */
  readonly arm: number
  readonly beside: number
  readonly verdict: 'worse' | 'better' | 'none-seen' | 'none'
  /** `none-seen`: so many more connections to both would show a difference of POINTS. */
  readonly needs: number | null
}

export type Canary = {
  readonly arms: readonly Arm[]
  readonly comparisons: readonly Comparison[]
  readonly times: readonly TimesComparison[]
}

const RISK = 0.05
/** A difference that matters. */
const POINTS = 0.02
const NEEDS_MAX = 1e9

/** Connections that ended last, by rule and destination. */
type Samples = ReadonlyMap<string, readonly Ended[]>

/** Rows that are read before others get a turn. */
const STEP = 64

export function* samplesOf(ended: EndedConnections, generations: Generations): Generator<void, Samples> {
  const samples = new Map<string, Ended[]>()
  let looked = 0
  for (const each of ended.list()) {
    if (++looked % STEP === 0) yield
    const { rule, destination } = generations.names(each)
    if (rule !== null) samples.getOrInsertComputed(sampleKey(rule, destination), () => []).push(each)
  }
  return samples
}

const sampleKey = (rule: RuleOrigin, destination: SeriesName['destination']): string =>
  `${keyOf(rule)}\n${destinationKey(destination)}`

/** @param since  The generation that counts begin with. */
export function canaryOf(entry: RuleEntry, counts: RuleCounts, since: number, samples: Samples): Canary {
  const { origin, destinations } = entry
  const compared = (destinations.length - 1) * (Object.keys(RATES).length + TIMES_COMPARED)
  const risk = RISK / Math.max(1, 2 * compared)
  const arms = destinations.map(destination => {
    const sample = samples.get(sampleKey(origin, destination)) ?? []
    const recent = sample.filter(({ generation }) => generation >= since)
    return armOf(destination, counts.of(entry, destination), recent, risk)
  })
  const greatest = Math.max(...destinations.map(({ share }) => share))
  const beside = destinations.findIndex(({ share }) => share === greatest)
  return {
    arms,
    comparisons: comparisonsOf(arms, beside, risk),
    times: compareTimes(
      arms.map(({ sorted }) => sorted),
      beside,
      risk,
    ),
  }
}

function armOf(
  destination: RouteDestination,
  totals: readonly Total<SeriesName>[],
  sample: readonly Ended[],
  risk: number,
): Arm {
  const sum = (
    field: 'opened' | 'moved' | 'closed' | 'failed' | 'reset' | 'brief' | 'silent' | 'received' | 'sent',
  ) => totals.reduce((all, total) => all + total[field], 0)
  const [dials, closed] = [sum('opened'), Math.max(0, sum('closed'))]
  // What was open when its counts began may end meanwhile: it is then counted, but in no total.
  const rate = (seen: number, of: number): Rate | null => {
    const count = Math.min(seen, of)
    return of <= 0 ? null : { count, of, ...boundsOf(count, of, risk) }
  }
  const connected = sample.filter(each => each.connectUs > 0)
  const sorted = {
    connectMs: Float64Array.from(connected, each => each.connectUs / 1e3).sort(),
    firstByteMs: Float64Array.from(
      sample.flatMap(({ firstByteUs }) => (firstByteUs === null ? [] : [Math.max(1, firstByteUs) / 1e3])),
    ).sort(),
  }
  return {
    destination,
    connections: dials - sum('moved'),
    rates: {
      failedDials: rate(sum('failed'), dials),
      resets: rate(sum('reset'), closed),
      brief: rate(sum('brief'), closed),
      silent: rate(sum('silent'), closed),
    },
    connectMs: quantilesOf(sorted.connectMs),
    firstByteMs: quantilesOf(sorted.firstByteMs),
    lastedMs: quantilesOf(Float64Array.from(connected, each => each.lastedMs).sort()),
    sorted,
    receivedBytes: sum('received'),
    sentBytes: sum('sent'),
  }
}

function comparisonsOf(arms: readonly Arm[], beside: number, risk: number): Comparison[] {
  return (Object.keys(RATES) as RateName[]).flatMap(rate =>
    arms.flatMap((_, arm) => {
      const [a, b] = [arms[arm]?.rates[rate], arms[beside]?.rates[rate]]
      return arm === beside || !a || !b ? [] : [{ rate, arm, beside, ...compare(a, b, risk) }]
    }),
  )
}

function compare(a: Rate, b: Rate, risk: number): Pick<Comparison, 'verdict' | 'needs'> {
  if (a.low > b.high) return { verdict: 'worse', needs: null }
  if (a.high < b.low) return { verdict: 'better', needs: null }
  const needs = neededFor(a, b, risk)
  return needs === 0 ? { verdict: 'none', needs: null } : { verdict: 'none-seen', needs }
}

/** Further connections of both together until their bounds are nearer than POINTS. */
function neededFor(a: Rate, b: Rate, risk: number): number {
  const share = (a.count + b.count) / (a.of + b.of)
  const isNear = (times: number): boolean =>
    half(share, a.of * times, risk) + half(share, b.of * times, risk) <= POINTS
  if (isNear(1)) return 0
  let [low, high] = [1, 2]
  while (!isNear(high) && high < NEEDS_MAX) [low, high] = [high, high * 2]
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high)
    if (isNear(middle)) high = middle
    else low = middle
  }
  return Math.ceil((a.of + b.of) * (high - 1))
}

/** Half of the distance between the bounds. */
function half(share: number, of: number, risk: number): number {
  const { low, high } = boundsOf(share * of, of, risk)
  return (high - low) / 2
}
