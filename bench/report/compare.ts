/**
 * Compares two runs, figure by figure.
 *
 * A figure is better or worse if the whole 95 % interval of the ratio of medians (statistics.ts) is
 * further from 1 than two runs of the same program are. A time that was taken only once proves
 * nothing, and neither do figures of different work.
 */

import { factsOf } from '../machine.ts'
import { type Interval, ratioOfMedians } from '../statistics.ts'
import type { Figure, Run } from './run.ts'

/**
 * Two runs of the same program differ by up to this factor: memory and compiled code are placed
 * differently, and neighbours on the machine vary. (Of 259 figures on a shared machine, 5 differed
 * by more.)
 */
const BETWEEN_RUNS = 1.2

/** `different`: for a figure without a better direction. */
export type Verdict = 'worse' | 'better' | 'different' | 'same'

export type Change = {
  readonly bench: string
  readonly before: Figure
  readonly after: Figure
  readonly ratio: Interval
  readonly verdict: Verdict
}

export type Comparison = {
  /** What else differs: the machine, the options. */
  readonly warnings: readonly string[]
  /** Of figures that can be compared; the worst first, then the best. */
  readonly changes: readonly Change[]
  /** Figures that cannot be compared, and why. */
  readonly incomparable: readonly { readonly axis: string; readonly why: string }[]
}

export const METHOD = `better or worse: the 95 % interval of the ratio of medians (bootstrap of the rounds) lies wholly beyond a factor of ${BETWEEN_RUNS} either way, by which two runs of the same program differ`

export function compareRuns(before: Run, after: Run): Comparison {
  const [old, now] = [axesOf(before), axesOf(after)]
  const changes: Change[] = []
  const incomparable: { axis: string; why: string }[] = []
  for (const [axis, { bench, figure }] of now) {
    const match = old.get(axis)?.figure
    const why = match ? hindrance(match, figure) : 'only in this run'
    if (match && why === '') changes.push(changeOf(bench, match, figure))
    else incomparable.push({ axis, why })
  }
  for (const axis of old.keys())
    if (!now.has(axis)) incomparable.push({ axis, why: 'only in the earlier run' })
  return { warnings: warningsOf(before, after), changes: changes.sort(byWeight), incomparable }
}

export const axisOf = (bench: string, { group, name }: Pick<Figure, 'group' | 'name'>): string =>
  `${bench}: ${group}: ${name}`

const axesOf = ({ benches }: Run): Map<string, { bench: string; figure: Figure }> =>
  new Map(
    benches.flatMap(({ name, figures }) =>
      figures.map(figure => [axisOf(name, figure), { bench: name, figure }] as const),
    ),
  )

/** Why two figures of one name cannot be compared; '' if they can. */
function hindrance(before: Figure, after: Figure): string {
  if (before.unit !== after.unit) return `another unit: ${before.unit} then, ${after.unit} now`
  if (before.checksum !== after.checksum) return 'other work: the answers are not the same'
  return isTimedOnce(before) || isTimedOnce(after) ? 'taken only once' : ''
}

/** Counts are exact, as far as they go. */
const isTimedOnce = ({ unit, samples }: Figure): boolean =>
  samples.length === 1 && unit !== 'bytes' && unit !== 'count'

function changeOf(bench: string, before: Figure, after: Figure): Change {
  const ratio = ratioOfMedians(before.samples, after.samples)
  return { bench, before, after, ratio, verdict: verdictOf(ratio, after.better) }
}

function verdictOf({ low, high }: Interval, better: Figure['better']): Verdict {
  const [isMore, isLess] = [low > BETWEEN_RUNS, high < 1 / BETWEEN_RUNS]
  if (!isMore && !isLess) return 'same'
  if (better === 'neither') return 'different'
  return isLess === (better === 'less') ? 'better' : 'worse'
}

const ORDER: readonly Verdict[] = ['worse', 'better', 'different', 'same']

/** By verdict, and in each the ones furthest from 1 first. */
function byWeight(a: Change, b: Change): number {
  return ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || weightOf(b) - weightOf(a)
}

function weightOf({ ratio: { value } }: Change): number {
  return value > 0 ? Math.abs(Math.log(value)) : Number.POSITIVE_INFINITY
}

const OF_ALL = ['processor', 'governor', 'congestion control', 'memory', 'kernel', 'node', 'peers']

function warningsOf(before: Run, after: Run): string[] {
  const now = new Map(factsOf(after.machine))
  const machines = factsOf(before.machine)
    .filter(([name, fact]) => OF_ALL.includes(name) && now.get(name) !== fact)
    .map(([name, fact]) => `another ${name}: ${fact} then, ${now.get(name)} now`)
  const size = ({ options }: Run): string => (options.isQuick ? 'in small (--quick)' : 'in full')
  const sizes =
    before.options.isQuick !== after.options.isQuick
      ? [`another size: ${size(before)} then, ${size(after)} now`]
      : after.options.isQuick
        ? ['both runs are in small (--quick): their figures mean little']
        : []
  return [...machines, ...sizes]
}

/** "3 better, 1 worse, 40 the same within the noise; 2 can't be compared". */
export function summaryOf({ changes, incomparable }: Comparison): string {
  const count = (wanted: Verdict): number => changes.filter(({ verdict }) => verdict === wanted).length
  return [
    `${changes.length} figures in both runs: ${count('better')} better, ${count('worse')} worse, `,
    count('different') > 0 ? `${count('different')} different, ` : '',
    `${count('same')} the same within the noise`,
    incomparable.length > 0 ? `; ${incomparable.length} can’t be compared` : '',
  ].join('')
}
