/** The result of every kind of chart: an SVG for a width, and a table of the same figures. */

import { SPREAD_MAX } from '../../statistics.ts'
import type { Figure } from '../run.ts'
import { spreadText } from '../text.ts'
import { colour } from './style.ts'
import { element, type Scale, stroke, text, widthOf } from './svg.ts'

export type Table = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

/** As wide as a page, or as a telephone. */
export type Frame = { readonly width: number; readonly isNarrow: boolean }

/** The drawing, and its size. */
export type Part = { readonly height: number; readonly svg: string }

export type Drawing = {
  readonly title: string
  readonly about: string
  /** Sentences on how to read it. */
  readonly notes: readonly string[]
  readonly table: Table
  readonly draw: (frame: Frame) => Part
}

/** A figure whose rounds are spread too wide to claim anything. */
export const FADED = 'Faded: the rounds lie too far apart to claim anything.'
export const FADED_OPACITY = 0.4
export const isTooWide = ({ spread }: Pick<Figure, 'spread'>): boolean => spread > SPREAD_MAX

/** "389 ns ± 1 %". */
export const cellOf = (figure: Figure, shown: (value: number) => string): string =>
  `${shown(figure.median)} ${spreadText(figure, shown)}`.trimEnd()

/** Lines and labels of an axis. */
export const tickCount = ({ isNarrow }: Frame): number => (isNarrow ? 3 : 5)

const LEGEND_ROW = 22
const SWATCH = 18

/** Above the chart: `swatch` draws the sign of each label, from x and the middle of its line. */
export function legend(
  labels: readonly string[],
  { width }: Frame,
  swatch: (index: number, x: number, y: number) => string,
): Part {
  if (labels.length < 2) return { height: 0, svg: '' }
  let [x, y, svg] = [0, LEGEND_ROW / 2, '']
  for (const [index, label] of labels.entries()) {
    const item = SWATCH + 6 + widthOf(label)
    if (x > 0 && x + item > width) [x, y] = [0, y + LEGEND_ROW]
    svg += swatch(index, x, y) + text(x + SWATCH + 6, y, label)
    x += item + 14
  }
  return { height: y + LEGEND_ROW / 2, svg }
}

export const rectangle = (
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  opacity = 1,
): string =>
  element('rect', {
    x,
    y,
    width,
    height,
    rx: Math.min(2, width / 2),
    fill,
    ...(opacity < 1 ? { opacity } : {}),
  })

export const swatchOf = (x: number, y: number, fill: string, opacity = 1): string =>
  rectangle(x, y - 5, SWATCH, 10, fill, opacity)

type Plot = { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }

/** What the scale below takes: its labels, and its name. */
export const AXIS_HEIGHT = 44

/** Upright lines, their labels below, and the scale's name in the middle below them. */
export function axisBelow(
  { at, ticks }: Scale,
  shown: (value: number) => string,
  name: string,
  plot: Plot,
): string {
  const { left, right, top, bottom } = plot
  const lines = ticks.map(tick => stroke(colour('rule'), 1, 'M', at(tick), top, 'V', bottom))
  const labels: string[] = []
  let free = Number.NEGATIVE_INFINITY
  for (const tick of ticks) {
    const words = shown(tick)
    const half = widthOf(words) / 2
    const x = Math.min(at(tick), right + 14 - half)
    if (x - half < free) continue // it would cover the one before
    free = x + half + 6
    labels.push(text(x, bottom + 13, words, { anchor: 'middle', tone: 'soft' }))
  }
  const title =
    name === '' ? '' : text((left + right) / 2, bottom + 33, name, { anchor: 'middle', tone: 'soft' })
  return [...lines, ...labels, title].join('')
}

/** Level lines, their labels at the left, and the scale's name above them. */
export function axisAtLeft(
  { at, ticks }: Scale,
  shown: (value: number) => string,
  name: string,
  plot: Plot,
): string {
  const { left, right, top } = plot
  const lines = ticks.map(tick => stroke(colour('rule'), 1, 'M', left, at(tick), 'H', right))
  const labels = ticks.map(tick => text(left - 6, at(tick), shown(tick), { anchor: 'end', tone: 'soft' }))
  return [...lines, ...labels, name === '' ? '' : text(0, top - 16, name, { tone: 'soft' })].join('')
}
