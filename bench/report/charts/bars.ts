/**
 * Bars from left to right, a row for each name: the bar (a point on a logarithmic scale), a thin
 * line over the middle half of its rounds, its figure, and the goal.
 */

import type { Bars } from '../../chart.ts'
import { summarise } from '../../statistics.ts'
import { number, perSecond, type Step, show, stepFor, tick, tickIn, type Unit } from '../../units.ts'
import type { Figure } from '../run.ts'
import {
  AXIS_HEIGHT,
  axisBelow,
  cellOf,
  type Drawing,
  FADED,
  FADED_OPACITY,
  type Frame,
  isTooWide,
  legend,
  type Part,
  rectangle,
  swatchOf,
  tickCount,
} from './drawing.ts'
import { colour, lineColour } from './style.ts'
import { element, type Scale, scaleOf, stroke, text, widthOf, wrapped } from './svg.ts'

const WHISKER = 'The thin line spans the middle half of the rounds.'

type Mark = {
  readonly figure: Figure
  /** Where it begins: 0, or the end of the parts before it. */
  readonly start: number
  /** Whose rounds are shown at its end; null if another part follows. */
  readonly whisker: Figure | null
  /** What it is a part of, or itself. */
  readonly of: Figure
}

type Look = {
  readonly names: readonly string[]
  readonly series: readonly { readonly label: string; readonly marks: readonly (Mark | null)[] }[]
  readonly step: Step
  readonly isLog: boolean
  readonly isStacked: boolean
  readonly unit: Unit
  readonly least: number
  readonly largest: number
  /** The text of the scale below. */
  readonly scaleName: string
}

export function drawBars(chart: Bars, figures: readonly Figure[]): Drawing {
  const names = chart.names ?? [...new Set(chart.groups.flatMap(({ group }) => namesIn(figures, group)))]
  const find = (group: string, name: string): Figure | null => {
    const found = figures.find(each => each.group === group && each.name === name) ?? null
    return found && chart.rate !== undefined ? asRate(found) : found
  }
  const whole = chart.stacked === undefined ? [] : [{ label: 'together', group: chart.stacked }]
  const columns = [...chart.groups, ...whole].map(({ label, group }) => ({
    label,
    cells: names.map(name => find(group, name)),
  }))
  const shown = columns.flatMap(({ cells }) => cells).filter(each => each !== null)
  const goals = chart.stacked === undefined ? shown.flatMap(({ goal }) => goal ?? []) : []
  const look = lookOf(chart, names, find, shown, goals)
  const showIn = (value: number): string =>
    `${inStep(value, look)} ${look.isLog || chart.rate !== undefined ? '' : look.step.symbol}`.trimEnd()
  return {
    title: chart.title,
    about: chart.about,
    notes: [
      ...(shown.some(({ samples }) => samples.length > 1) ? [WHISKER] : []),
      ...(goals.length > 0 ? ['The upright mark is the goal.'] : []),
      ...(look.series.some(({ marks }) => marks.some(mark => mark && isTooWide(mark.of))) ? [FADED] : []),
    ],
    table: {
      head: ['', ...columns.map(({ label }) => label)],
      rows: names.map((name, row) => [
        name,
        ...columns.map(({ cells }) => (cells[row] ? cellOf(cells[row], showIn) : '–')),
      ]),
    },
    draw: frame => drawRows(look, frame),
  }
}

type Find = (group: string, name: string) => Figure | null

function lookOf(
  chart: Bars,
  names: readonly string[],
  find: Find,
  shown: readonly Figure[],
  goals: readonly number[],
): Look {
  const unit = shown[0]?.unit ?? 'count'
  const largest = Math.max(0, ...goals, ...shown.map(({ median, high }) => Math.max(median, high)))
  const least = shown.length > 0 ? Math.min(...shown.map(({ median, low }) => Math.min(median, low))) : 0
  const isLog = chart.scale === 'log' && least > 0
  const step =
    chart.rate === undefined ? stepFor(unit, isLog ? 0 : largest) : { symbol: chart.rate, factor: 1 }
  const series = chart.groups.map(({ group, label }) => ({
    label,
    marks: marksOf(chart, names, group, find),
  }))
  const scaleName = isLog ? '' : [step.symbol, chart.per].filter(Boolean).join(' ')
  const isStacked = chart.stacked !== undefined
  return { names, series, step, isLog, isStacked, unit, least, largest, scaleName }
}

/** In the unit of the scale; over powers of ten each in its own. */
const inStep = (value: number, { step, isLog, unit }: Look): string =>
  isLog ? show(value, unit) : number(value / step.factor)

const namesIn = (figures: readonly Figure[], group: string): string[] =>
  figures.filter(each => each.group === group).map(({ name }) => name)

/** The same rounds as a rate; the quickest round is the highest. A time of 0 has none. */
function asRate(figure: Figure): Figure | null {
  if (figure.samples.some(sample => sample <= 0)) return null
  const turn = (value: number): number => perSecond(value, figure.unit) ?? value
  const samples = figure.samples.map(turn)
  const { low, median, high, spread } = summarise(samples)
  const goal = figure.goal === null ? null : turn(figure.goal)
  return { ...figure, samples, low, median, high, spread, goal }
}

/** Parts begin where the parts before them end; the whisker is the whole's, at the last of them. */
function marksOf(chart: Bars, names: readonly string[], group: string, find: Find): (Mark | null)[] {
  const place = chart.groups.findIndex(each => each.group === group)
  const isLast = place === chart.groups.length - 1
  return names.map(name => {
    const figure = find(group, name)
    if (!figure) return null
    if (chart.stacked === undefined) return { figure, start: 0, whisker: figure, of: figure }
    const before = chart.groups.slice(0, place).map(each => find(each.group, name)?.median ?? 0)
    const start = before.reduce((sum, each) => sum + each, 0)
    const of = find(chart.stacked, name) ?? figure
    return { figure, start, whisker: isLast ? of : null, of }
  })
}

// ── drawing ────────────────────────────────────────────────────────────────

const ROW = 34
const ROW_MORE = 18
const LINE = 14
const GAP = 3
const THICKNESS_MAX = 20
const THICKNESS_SHARE = 0.66
/** The approximate width of a figure beside its bar. */
const LABEL = 60

const isSideBySide = ({ isStacked, series }: Look): boolean => !isStacked && series.length > 1

const barColour = (index: number, of: number): string =>
  of > 2 ? lineColour(index) : colour(index === 0 ? 'ours' : 'peer')

function drawRows(look: Look, frame: Frame): Part {
  const { names, series, scaleName } = look
  const labels = names.map(name => wrapped(name, frame.isNarrow ? 112 : 210))
  const lines = Math.max(1, ...labels.map(each => each.length))
  const bars = isSideBySide(look) ? ROW + (series.length - 1) * ROW_MORE : ROW
  const row = Math.max(bars, lines * LINE + 8)
  const head = legend(
    series.map(({ label }) => label),
    frame,
    (index, x, y) => swatchOf(x, y, barColour(index, series.length)),
  )
  const left = 10 + Math.max(0, ...labels.flat().map(widthOf))
  const plot = {
    left,
    right: frame.width - (frame.isNarrow ? 10 : 18),
    top: head.height + 4,
    bottom: head.height + 4 + names.length * row,
  }
  const scale = scaleFor(look, plot.left, plot.right, frame)
  const middleOf = (index: number): number => plot.top + (index + 0.5) * row
  const shown = (value: number): string =>
    look.isLog ? tickIn(value * look.step.factor, look.unit) : tick(value)
  const svg = [
    head.svg,
    axisBelow(scale, shown, scaleName, plot),
    ...labels.map((words, index) => nameOf(words, left - 10, middleOf(index))),
    ...series.flatMap(({ marks }, index) =>
      marks.map((mark, at) => (mark ? drawMark(look, mark, index, scale, middleOf(at), row, plot.left) : '')),
    ),
  ]
  return { height: plot.bottom + AXIS_HEIGHT, svg: svg.join('') }
}

const nameOf = (lines: readonly string[], x: number, middle: number): string =>
  lines
    .map((words, index) =>
      text(x, middle + (index - (lines.length - 1) / 2) * LINE, words, { anchor: 'end' }),
    )
    .join('')

/** How much longer than the longest bar, for its figure. */
const ROOM = { wide: 1.16, narrow: 1.32 }
const ROOM_LOG = { wide: 4, narrow: 20 }

function scaleFor({ isLog, step, least, largest }: Look, from: number, to: number, frame: Frame): Scale {
  const room = isLog ? ROOM_LOG : ROOM
  const end = (largest > 0 ? largest : 1) / step.factor
  const span = {
    least: isLog ? 10 ** Math.floor(Math.log10(least / step.factor)) : Math.min(0, least / step.factor),
    most: end * (frame.isNarrow ? room.narrow : room.wide),
  }
  return scaleOf(isLog ? 'log' : 'linear', span, { least: from, most: to }, tickCount(frame))
}

function drawMark(
  look: Look,
  mark: Mark,
  index: number,
  scale: Scale,
  middle: number,
  row: number,
  left: number,
): string {
  const { series, step, isStacked, isLog, names } = look
  const beside = isSideBySide(look) ? series.length : 1
  const thickness = Math.min(THICKNESS_MAX, (row * THICKNESS_SHARE) / beside)
  const at = (value: number): number => scale.at(value / step.factor)
  const y = middle + (isSideBySide(look) ? (index - (beside - 1) / 2) * (thickness + GAP) : 0)
  const { figure, start, whisker, of } = mark
  const opacity = isTooWide(of) ? FADED_OPACITY : 1
  const fill = fillOf(names, names.indexOf(figure.name), index, series.length)
  const [from, to] = [at(start), at(start + figure.median)]
  return [
    isLog
      ? stroke(colour('rule'), 1, 'M', left, y, 'H', at(figure.median)) +
        element('circle', { cx: at(figure.median), cy: y, r: 5, fill, opacity })
      : rectangle(Math.min(from, to), y - thickness / 2, Math.abs(to - from), thickness, fill, opacity),
    whisker && whisker.samples.length > 1 ? whiskerOf(at(whisker.low), at(whisker.high), y) : '',
    whisker ? figureText(whisker, at, y, look) : '',
    figure.goal !== null && !isStacked
      ? upright(at(figure.goal), y, thickness / 2 + 4, colour('line-2'), 2.5)
      : '',
  ].join('')
}

/** weir is highlighted among others. */
function fillOf(names: readonly string[], row: number, index: number, of: number): string {
  const isOurs = (name: string): boolean => /^weir\b/.test(name)
  return of > 1 || isOurs(names[row]) || !names.some(isOurs) ? barColour(index, of) : colour('peer')
}

const whiskerOf = (left: number, right: number, y: number): string =>
  stroke(
    colour('ink'),
    1,
    'M',
    left,
    y - 4,
    'V',
    y + 4,
    'M',
    left,
    y,
    'H',
    right,
    'M',
    right,
    y - 4,
    'V',
    y + 4,
  )

const upright = (x: number, y: number, half: number, name: string, width: number): string =>
  stroke(name, width, 'M', x, y - half, 'V', y + half)

/** Right of everything of the bar, including the goal's mark if the text would cover it. */
function figureText(figure: Figure, at: (value: number) => number, y: number, look: Look): string {
  const end = at(Math.max(figure.high, figure.median))
  const goal = figure.goal === null || look.isStacked ? end : at(figure.goal)
  const x = (goal > end && goal < end + LABEL ? goal : end) + 8
  return text(x, y, inStep(figure.median, look), { isBold: true })
}
