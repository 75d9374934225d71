/** What every kind of chart becomes before it is drawn: what ECharts is told, and a table of the same figures. */

import { SPREAD_MAX, summarise } from '../../statistics.ts'
import type { Figure } from '../run.ts'
import { spreadText } from '../text.ts'

export type Table = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

export type Drawing = {
  readonly title: string
  readonly about: string
  /** Sentences on how to read it. */
  readonly notes: readonly string[]
  readonly table: Table
  /** As wide as a page, or as a telephone. */
  readonly option: (frame: Frame) => object
  readonly height: (frame: Frame) => number
}

export type Frame = { readonly width: number; readonly isNarrow: boolean }

export const FADED = 'Faded: the rounds lie too far apart to claim anything by it.'
export const FADED_OPACITY = 0.4

export const isTooWide = ({ spread }: Pick<Figure, 'spread'>): boolean => spread > SPREAD_MAX

/** "389 ns ± 1 %". */
export const cellOf = (figure: Figure, shown: (value: number) => string): string =>
  `${shown(figure.median)} ${spreadText(figure, shown)}`.trimEnd()

/** The same rounds as a rate; the quickest round is the highest one. */
export function turned(figure: Figure, turn: (value: number) => number): Figure {
  const samples = figure.samples.map(turn)
  const { low, median, high, spread } = summarise(samples)
  return {
    ...figure,
    samples,
    low,
    median,
    high,
    spread,
    goal: figure.goal === null ? null : turn(figure.goal),
  }
}

/** From these on a scale with equal steps would squeeze the small ones into nothing. */
const LINEAR_MAX = 20

export const scaleFor = (values: readonly number[]): 'linear' | 'log' =>
  values.every(value => value > 0) && Math.max(...values) / Math.min(...values) > LINEAR_MAX
    ? 'log'
    : 'linear'
