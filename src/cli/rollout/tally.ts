/**
 * What a rollout has seen of its destination and of the others beside it, over all steps: counts of
 * the gateway begin anew with each change of weights, and here they go on.
 */

import type { Destination } from '../../table/plan/destination.ts'
import type { Target } from './target.ts'

export type Counts = { readonly count: number; readonly of: number }
/** Of the destination, and of all others together. */
export type Pair<T> = { readonly target: T; readonly others: T }

/** Connects by how long they took. */
type Times = readonly { readonly fromMs: number; readonly toMs: number | null; readonly count: number }[]

type Rate = Counts | null
type Arm = Pick<Destination, 'host' | 'subset'> & {
  readonly configuredShare: number
  readonly connections: number
  readonly failedDials: Rate
  readonly resets: Rate
  readonly connectTimes: Times
}
/** Of GET /canary. */
export type CanaryPage = {
  readonly rules: readonly {
    readonly rule: { readonly block: string; readonly route: number; readonly match: number | null }
    readonly sinceGeneration: number
    readonly destinations: readonly Arm[]
  }[]
}

type Sums = { readonly connections: number; readonly dials: Counts; readonly resets: Counts }

const NOTHING: Counts = { count: 0, of: 0 }
const NONE: Sums = { connections: 0, dials: NOTHING, resets: NOTHING }
const BOTH: Pair<Sums> = { target: NONE, others: NONE }

export class Tally {
  /** Of the destination, as the gateway serves it, 0 to 1; NaN: it serves no such route. */
  share = Number.NaN
  /** Since the gateway began. */
  times: Pair<Times> = { target: [], others: [] }
  #past = BOTH
  #now = BOTH
  #since = -1

  /** Connections to the destination. */
  get connections(): number {
    return this.#past.target.connections + this.#now.target.connections
  }

  counts(name: 'dial-failures' | 'resets'): Pair<Counts> {
    const which = name === 'resets' ? 'resets' : 'dials'
    const all = added(this.#past, this.#now)
    return { target: all.target[which], others: all.others[which] }
  }

  take({ rules }: CanaryPage, { route, index, hosts }: Target): void {
    const own = rules.filter(({ rule }) => rule.block === route.block && rule.route === route.route)
    const { subset } = route.destinations[index]
    const isTarget = (arm: Arm): boolean => arm.host === hosts[index] && arm.subset === subset
    // A rule that leads elsewhere at another listener is listed for each, with the same counts.
    const arms = new Map(
      own.flatMap(({ rule, destinations }) =>
        destinations.map(arm => [`${rule.match} ${arm.host} ${arm.subset}`, arm] as const),
      ),
    )
    const [target, others] = [true, false].map(wanted =>
      [...arms.values()].filter(arm => isTarget(arm) === wanted),
    )
    const now = { target: sumOf(target), others: sumOf(others) }
    const since = Math.max(-1, ...own.map(each => each.sinceGeneration))
    if (since !== this.#since || isLess(now, this.#now)) this.#past = added(this.#past, this.#now)
    this.#since = since
    this.#now = now
    this.times = { target: timesOf(target), others: timesOf(others) }
    this.share = own.length === 0 ? Number.NaN : (own[0].destinations.find(isTarget)?.configuredShare ?? 0)
  }
}

/**
 * Connects that took longer than a time which is fixed before they are counted.
 *
 * What is held against the others is counted as often on both sides between two looks: else a busy
 * minute late in a rollout, when the others get little, would count against the destination alone.
 */
export class SlowConnects {
  readonly #isAlone: boolean
  /** null: not fixed yet. */
  overMs: number | null
  counts: Pair<Counts> = { target: NOTHING, others: NOTHING }
  #before: Pair<Times> | null = null

  constructor(limitMs: number | null) {
    this.#isAlone = limitMs !== null
    this.overMs = limitMs
  }

  take(times: Pair<Times>): void {
    this.overMs ??= twiceP99(times.others)
    const { overMs } = this
    if (overMs === null) return
    const before = this.#before
    this.#before = times
    if (before === null) return
    const target = slower(before.target, times.target, overMs)
    const others = slower(before.others, times.others, overMs)
    const most = this.#isAlone ? Number.POSITIVE_INFINITY : Math.min(target.of, others.of)
    this.counts = {
      target: plus(this.counts.target, atMost(target, most)),
      others: plus(this.counts.others, atMost(others, most)),
    }
  }
}

/** The same share of fewer. */
const atMost = ({ count, of }: Counts, most: number): Counts =>
  of <= most ? { count, of } : { count: (count * most) / of, of: most }

/** Fewer say nothing of a 99th percentile. */
const SAMPLE_MIN = 100

function twiceP99(times: Times): number | null {
  const all = times.reduce((sum, { count }) => sum + count, 0)
  let before = 0
  for (const { toMs, count } of all < SAMPLE_MIN ? [] : times) {
    before += count
    if (before >= 0.99 * all) return toMs === null ? null : 2 * toMs
  }
  return null
}

/** Of those that came between two looks; none if endpoints have gone between them. */
function slower(before: Times, now: Times, overMs: number): Counts {
  const known = new Map(before.map(({ fromMs, count }) => [fromMs, count]))
  const came = now.map(({ fromMs, count }) => ({ fromMs, count: count - (known.get(fromMs) ?? 0) }))
  const kept = new Set(now.map(({ fromMs }) => fromMs))
  if (came.some(({ count }) => count < 0) || before.some(({ fromMs }) => !kept.has(fromMs))) return NOTHING
  const sum = (list: typeof came): number => list.reduce((all, { count }) => all + count, 0)
  return { count: sum(came.filter(({ fromMs }) => fromMs >= overMs)), of: sum(came) }
}

function timesOf(arms: readonly Arm[]): Times {
  const all = new Map<number, Times[number]>()
  for (const each of arms.flatMap(({ connectTimes }) => connectTimes))
    all.set(each.fromMs, { ...each, count: each.count + (all.get(each.fromMs)?.count ?? 0) })
  return [...all.values()].toSorted((a, b) => a.fromMs - b.fromMs)
}

const plus = (a: Counts, b: Counts): Counts => ({ count: a.count + b.count, of: a.of + b.of })

const sums = (a: Sums, b: Sums): Sums => ({
  connections: a.connections + b.connections,
  dials: plus(a.dials, b.dials),
  resets: plus(a.resets, b.resets),
})

const added = (a: Pair<Sums>, b: Pair<Sums>): Pair<Sums> => ({
  target: sums(a.target, b.target),
  others: sums(a.others, b.others),
})

const sumOf = (arms: readonly Arm[]): Sums =>
  arms
    .map(({ connections, failedDials, resets }) => ({
      connections,
      dials: failedDials ?? NOTHING,
      resets: resets ?? NOTHING,
    }))
    .reduce(sums, NONE)

/** A gateway that has restarted counts anew. */
const isLess = (now: Pair<Sums>, before: Pair<Sums>): boolean =>
  now.target.dials.of < before.target.dials.of || now.others.dials.of < before.others.dials.of
