/** One row of bars: each bar or point, the thin line over what its rounds lie apart, its figure, and the goal. */

import type { CustomSeriesRenderItemAPI } from 'echarts'
import { number, type Step, show, type Unit } from '../../units.ts'
import type { Figure } from '../run.ts'
import { FADED_OPACITY, isTooWide } from './drawing.ts'
import { colour, lineColour } from './style.ts'

export type Mark = {
  readonly figure: Figure
  /** Where it begins: 0, or where the parts before it end. */
  readonly start: number
  /** Whose rounds are shown at its end; null where another part follows. */
  readonly whisker: Figure | null
  /** What it is a part of, or itself. */
  readonly of: Figure
}

export type Look = {
  readonly names: readonly string[]
  readonly series: readonly { readonly label: string; readonly marks: readonly (Mark | null)[] }[]
  readonly step: Step
  readonly isLog: boolean
  readonly isStacked: boolean
  readonly unit: Unit
}

const THICKNESS_MAX = 20
const THICKNESS_SHARE = 0.66
const GAP = 3
/** About what a figure takes beside its bar. */
const LABEL = 60

export const isSideBySide = ({ isStacked, series }: Look): boolean => !isStacked && series.length > 1

export const barColour = (index: number, of: number): string =>
  of > 2 ? lineColour(index) : colour(index === 0 ? 'ours' : 'peer')

/** All in the step of the scale, which names the unit; over powers of ten each in a step of its own. */
export const inStep = (value: number, { step, isLog, unit }: Look): string =>
  isLog ? show(value, unit) : number(value / step.factor)

type Shapes = { readonly type: 'group'; readonly children: never[] }

export function renderRow(look: Look, index: number, row: number, api: CustomSeriesRenderItemAPI): Shapes {
  const { names, series, step, isStacked } = look
  const mark = series[index].marks[row]
  if (!mark) return { type: 'group', children: [] }
  const beside = isSideBySide(look) ? series.length : 1
  const [, band] = (api.size as (of: readonly number[]) => number[])([0, 1])
  const thickness = Math.min(THICKNESS_MAX, (band * THICKNESS_SHARE) / beside)
  const at = (value: number): number => api.coord([value / step.factor, row])[0]
  const [, middle] = api.coord([mark.figure.median / step.factor, row])
  const y = middle + (isSideBySide(look) ? (index - (beside - 1) / 2) * (thickness + GAP) : 0)
  const children = [bar(mark, at, y, thickness, look, fillOf(names, row, index, series.length))]
  if (mark.whisker) children.push(...whisker(mark.whisker, at, y), figureText(mark.whisker, at, y, look))
  if (mark.figure.goal !== null && !isStacked) {
    children.push(upright(at(mark.figure.goal), y, thickness / 2 + 4, colour('line-2'), 2.5))
  }
  return { type: 'group', children: children as never[] }
}

type Place = (value: number) => number

/** Where weir is among others, it stands out. */
function fillOf(names: readonly string[], row: number, index: number, of: number): string {
  const isOurs = (name: string): boolean => /^weir\b/.test(name)
  return of > 1 || isOurs(names[row]) || !names.some(isOurs) ? barColour(index, of) : colour('peer')
}

function bar(
  { figure, start, of }: Mark,
  at: Place,
  y: number,
  height: number,
  { isLog }: Look,
  fill: string,
): object {
  const style = { fill, opacity: isTooWide(of) ? FADED_OPACITY : 1 }
  if (isLog) return { type: 'circle', shape: { cx: at(figure.median), cy: y, r: 5 }, style }
  const [from, to] = [at(start), at(start + figure.median)]
  const shape = { x: Math.min(from, to), y: y - height / 2, width: Math.abs(to - from), height, r: 2 }
  return { type: 'rect', shape, style }
}

function whisker({ low, high, samples }: Figure, at: Place, y: number): object[] {
  if (samples.length === 1) return []
  const [left, right] = [at(low), at(high)]
  const ends = [left, right].map(x => upright(x, y, 4, colour('ink'), 1))
  return [line(left, y, right, y, colour('ink'), 1), ...ends]
}

/** Right of all that belongs to the bar, the goal's mark included where it would be written over. */
function figureText(figure: Figure, at: Place, y: number, look: Look): object {
  const end = at(Math.max(figure.high, figure.median))
  const goal = figure.goal === null || look.isStacked ? end : at(figure.goal)
  const x = (goal > end && goal < end + LABEL ? goal : end) + 8
  const text = inStep(figure.median, look)
  const style = { x, y, text, fill: colour('ink'), font: '600 12px sans-serif', textVerticalAlign: 'middle' }
  return { type: 'text', style }
}

const upright = (x: number, y: number, half: number, stroke: string, width: number): object =>
  line(x, y - half, x, y + half, stroke, width)

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, lineWidth: number): object => ({
  type: 'line',
  shape: { x1, y1, x2, y2 },
  style: { stroke, lineWidth, fill: 'none' },
})
