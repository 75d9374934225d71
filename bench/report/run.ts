/**
 * A run: the document that run.json holds, that --compare and --show read, and that every report is
 * made from.
 *
 * One JSON document. `version` is raised whenever a reader of the old one would misread the new
 * one; a document of another version is refused by name.
 */

import type { Chart } from '../chart.ts'
import type { Bench, Distribution, Result } from '../harness.ts'
import type { Machine } from '../machine.ts'
import { type Summary, summarise } from '../statistics.ts'
import type { Better } from '../units.ts'
import { isUnit, type Unit } from '../units.ts'

const FORMAT = 'weir-bench'
const VERSION = 1

export type Run = {
  readonly format: typeof FORMAT
  readonly version: typeof VERSION
  readonly machine: Machine
  readonly options: { readonly names: readonly string[]; readonly isQuick: boolean }
  readonly benches: readonly BenchRun[]
}

export type BenchRun = {
  readonly name: string
  readonly about: string
  readonly tookMs: number
  /**
   * Failures, independent of the figures; a bench that ended early has kept its figures up to then.
   */
  readonly failures: readonly string[]
  readonly figures: readonly Figure[]
  readonly distributions: readonly Distribution[]
  readonly charts: readonly Chart[]
  /** The bench's sentences. */
  readonly statements: readonly string[]
  /** What reports begin with; missing in older documents. */
  readonly answers?: readonly string[]
}

/** One figure, with every sample that it was made from: one for each round. */
export type Figure = Pick<Summary, 'low' | 'median' | 'high' | 'spread'> & {
  readonly group: string
  readonly name: string
  readonly unit: Unit
  readonly better: Better
  readonly samples: readonly number[]
  /** The goal: at most this much (at least, if more is better); null: none. */
  readonly goal: number | null
  /** Another figure of the group, to show this one as a multiple of it. */
  readonly beside: string | null
  /** Checksum of the answers: two runs with different ones did different work. */
  readonly checksum: number | null
}

export const runOf = (machine: Machine, options: Run['options'], benches: readonly BenchRun[]): Run => ({
  format: FORMAT,
  version: VERSION,
  machine,
  options,
  benches,
})

export function benchRunOf(
  bench: Bench,
  { name, about, tookMs }: Pick<BenchRun, 'name' | 'about' | 'tookMs'>,
): BenchRun {
  const { results, failures, distributions, charts, statements, answers } = bench
  const figures = results.map(figureOf)
  return { name, about, tookMs, failures, figures, distributions, charts, statements, answers }
}

export function figureOf({ group, name, unit, better, rounds, goal, beside, checksum }: Result): Figure {
  const { low, median, high, spread } = summarise(rounds)
  return { group, name, unit, better, median, low, high, spread, goal, beside, checksum, samples: rounds }
}

/** What the run has to say first. */
export const answersOf = ({ benches }: Pick<Run, 'benches'>): readonly string[] =>
  benches.flatMap(({ answers = [] }) => answers)

export const writeRun = (run: Run): string => `${JSON.stringify(run, null, 2)}\n`

/** The run in `text`, or why it is none. */
export function readRun(text: string): Run | string {
  let found: Partial<Run>
  try {
    found = JSON.parse(text)
  } catch (error) {
    return `not JSON: ${(error as Error).message}`
  }
  if (found?.format !== FORMAT)
    return `not a run of weir's benches: its format is ${quote(found?.format)}, not "${FORMAT}"`
  if (found.version !== VERSION) {
    return `a run of version ${quote(found.version)}; this bench reads version ${VERSION} only: measure anew, or use the weir that wrote it`
  }
  const isWhole = Array.isArray(found.benches) && found.benches.every(isBench)
  return isWhole && found.machine && found.options ? summarised(found as Run) : 'a run with parts missing'
}

const LISTS = ['failures', 'figures', 'distributions', 'charts', 'statements'] as const

const isBench = (bench: Partial<BenchRun>): boolean =>
  LISTS.every(list => Array.isArray(bench[list])) && bench.figures?.every(isFigure) === true

/** From the samples, since JSON has no Infinity, which a spread around 0 is. */
const summarised = (run: Run): Run => ({
  ...run,
  benches: run.benches.map(bench => ({
    ...bench,
    figures: bench.figures.map(figure => {
      const { low, median, high, spread } = summarise(figure.samples)
      return { ...figure, low, median, high, spread }
    }),
  })),
})

const quote = (value: unknown): string => JSON.stringify(value) ?? 'not there'

const isFigure = ({ unit, samples }: Figure): boolean =>
  isUnit(unit) && samples?.length > 0 && samples.every(Number.isFinite)
