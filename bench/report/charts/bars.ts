/** Bars from left to right, one row for each name, with what the rounds lie apart and the goal. */

import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts'
import type { Bars } from '../../chart.ts'
import { number, perSecond, type Step, show, stepFor, tick, tickIn } from '../../units.ts'
import type { Figure } from '../run.ts'
import { cellOf, type Drawing, FADED, FADED_OPACITY, type Frame, isTooWide, turned } from './drawing.ts'
import {
  axisText,
  below,
  colour,
  grid,
  legend,
  legendHeight,
  lineColour,
  valueAxis,
  wholePower,
} from './style.ts'

type Mark = {
  readonly figure: Figure
  readonly start: number
  readonly whisker: Figure | null
  readonly of: Figure
}

const WHISKER = 'The thin line spans the middle half of the rounds.'

export function drawBars(chart: Bars, figures: readonly Figure[]): Drawing {
  const names = chart.names ?? [...new Set(chart.groups.flatMap(({ group }) => namesIn(figures, group)))]
  const find = (group: string, name: string): Figure | null => {
    const found = figures.find(each => each.group === group && each.name === name)
    return found && chart.rate !== undefined ? asRate(found) : (found ?? null)
  }
  const series = chart.groups.map(({ group, label }) => ({
    label,
    marks: marksOf(chart, names, group, find),
  }))
  const whole = chart.stacked === undefined ? [] : [{ label: 'together', group: chart.stacked }]
  const columns = [...chart.groups, ...whole].map(({ label, group }) => ({
    label,
    cells: names.map(name => find(group, name)),
  }))
  const shown = columns.flatMap(({ cells }) => cells).filter(each => each !== null)
  const unit = shown[0].unit
  const goals = chart.stacked === undefined ? shown.flatMap(({ goal }) => goal ?? []) : []
  const largest = Math.max(...goals, ...shown.map(({ median, high }) => Math.max(median, high)))
  const step = stepOf(chart, unit, largest)
  const least = Math.min(...shown.map(({ median, low }) => Math.min(median, low)))
  const showIn = (value: number): string => inStep(value, chart, step, unit)
  const look = { chart, names, series, step, largest, least, unit }
  return {
    title: chart.title,
    about: chart.about,
    notes: [
      ...(shown.some(({ samples }) => samples.length > 1) ? [WHISKER] : []),
      ...(goals.length > 0 ? ['The upright mark is the goal.'] : []),
      ...(series.some(({ marks }) => marks.some(mark => mark && isTooWide(mark.of))) ? [FADED] : []),
    ],
    table: {
      head: ['', ...columns.map(({ label }) => label)],
      rows: names.map((name, row) => [
        name,
        ...columns.map(({ cells }) => (cells[row] ? cellOf(cells[row], showIn) : '–')),
      ]),
    },
    option: frame => optionOf(look, frame),
    height: frame => heightOf(look, frame),
  }
}

/** A scale with powers of ten has each in a step of its own. */
function stepOf({ rate, scale }: Bars, unit: Figure['unit'], largest: number): Step {
  if (rate !== undefined) return { symbol: rate, factor: 1 }
  return scale === 'log' ? { symbol: '', factor: 1 } : stepFor(unit, largest)
}

const namesIn = (figures: readonly Figure[], group: string): string[] =>
  figures.filter(each => each.group === group).map(({ name }) => name)

function asRate(figure: Figure): Figure {
  return turned(figure, value => perSecond(value, figure.unit) ?? value)
}

type Find = (group: string, name: string) => Figure | null

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

type Look = {
  readonly chart: Bars
  readonly names: readonly string[]
  readonly series: readonly { readonly label: string; readonly marks: readonly (Mark | null)[] }[]
  readonly step: Step
  readonly largest: number
  readonly least: number
  readonly unit: Figure['unit']
}

const ROW = 34
const ROW_MORE = 18
const AXIS = 64
/** Room at the right of the longest bar, for its figure. */
const ROOM = { wide: 1.16, narrow: 1.32 }
const ROOM_LOG = { wide: 4, narrow: 20 }

const LABEL = 60

const labelsOf = ({ series }: Look): string[] => series.map(({ label }) => label)

const isSideBySide = ({ chart, series }: Look): boolean => chart.stacked === undefined && series.length > 1

function heightOf(look: Look, frame: Frame): number {
  const row = isSideBySide(look) ? ROW + (look.series.length - 1) * ROW_MORE : ROW
  return legendHeight(labelsOf(look), frame) + look.names.length * row + AXIS
}

function optionOf(look: Look, frame: Frame): object {
  const { chart, names, series, step, largest, least } = look
  const isLog = chart.scale === 'log'
  const room = isLog ? ROOM_LOG : ROOM
  const top = (largest * (frame.isNarrow ? room.narrow : room.wide)) / step.factor
  const labels = labelsOf(look)
  const width = frame.isNarrow ? 112 : 210
  const unitLabel = [step.symbol, chart.per].filter(Boolean).join(' ')
  return {
    legend: legend(labels),
    grid: grid(labels, frame),
    yAxis: {
      type: 'category',
      inverse: true,
      data: names,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...axisText, width, overflow: 'break', lineHeight: 14 },
    },
    xAxis: {
      ...valueAxis(
        {
          scale: isLog ? 'log' : 'linear',
          label: isLog ? '' : unitLabel,
          hasOpenEnd: true,
          formatter: value =>
            isLog ? wholePower(value, tickIn(value * step.factor, look.unit)) : tick(value),
        },
        frame,
      ),
      ...below,
      ...(isLog
        ? { min: 10 ** Math.floor(Math.log10(least / step.factor)), max: top }
        : { min: 0, max: top }),
    },
    series: series.map(({ label, marks }, index) => ({
      type: 'custom',
      name: label,
      silent: true,
      clip: false,
      itemStyle: { color: barColour(index, series.length) },
      data: marks.map((mark, row) => [mark ? (mark.start + mark.figure.median) / step.factor : null, row]),
      renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) =>
        renderRow(look, index, params.dataIndex, api),
    })),
  }
}

const barColour = (index: number, of: number): string =>
  of > 2 ? lineColour(index) : colour(index === 0 ? 'ours' : 'peer')

/** One bar of one row. */
function renderRow(
  look: Look,
  index: number,
  row: number,
  api: CustomSeriesRenderItemAPI,
): { type: 'group'; children: never[] } {
  const { chart, names, series, step } = look
  const mark = series[index].marks[row]
  if (!mark) return { type: 'group', children: [] }
  const { figure, start, whisker, of } = mark
  const isLog = chart.scale === 'log'
  const beside = isSideBySide(look) ? series.length : 1
  const [, band] = (api.size as (of: readonly number[]) => number[])([0, 1])
  const thickness = Math.min(20, (band * 0.66) / beside)
  const at = (value: number): number => api.coord([value / step.factor, row])[0]
  const middle =
    api.coord([figure.median / step.factor, row])[1] +
    (beside > 1 ? (index - (beside - 1) / 2) * (thickness + 3) : 0)
  const isOurs = /^weir\b/.test(names[row]) || !names.some(name => /^weir\b/.test(name))
  const fill = series.length > 1 || isOurs ? barColour(index, series.length) : colour('peer')
  const opacity = isTooWide(of) ? FADED_OPACITY : 1
  const end = start + figure.median
  const children: object[] = isLog
    ? [{ type: 'circle', shape: { cx: at(figure.median), cy: middle, r: 5 }, style: { fill, opacity } }]
    : [
        {
          type: 'rect',
          shape: {
            x: at(start),
            y: middle - thickness / 2,
            width: at(end) - at(start),
            height: thickness,
            r: 2,
          },
          style: { fill, opacity },
        },
      ]
  if (whisker) children.push(...whiskerOf(whisker, at, middle), labelOf(whisker, at, middle, look))
  if (figure.goal !== null && chart.stacked === undefined) {
    children.push(upright(at(figure.goal), middle, thickness / 2 + 4, colour('line-2'), 2.5))
  }
  return { type: 'group', children: children as never[] }
}

function whiskerOf({ low, high, samples }: Figure, at: (value: number) => number, y: number): object[] {
  if (samples.length === 1) return []
  const [left, right] = [at(low), at(high)]
  const ends = [left, right].map(x => upright(x, y, 4, colour('ink'), 1))
  return [line(left, y, right, y, colour('ink'), 1), ...ends]
}

/** All in the step of the scale; over a scale with powers of ten each in its own. */
const inStep = (
  value: number,
  { scale, rate }: Bars,
  { symbol, factor }: Step,
  unit: Figure['unit'],
): string =>
  scale === 'log'
    ? show(value, unit)
    : `${number(value / factor)} ${rate === undefined ? symbol : ''}`.trimEnd()

/** The goal's mark is not written over. */
function labelOf(
  figure: Figure,
  at: (value: number) => number,
  y: number,
  { step, chart, unit }: Look,
): object {
  const end = at(Math.max(figure.high, figure.median))
  const goal = figure.goal === null || chart.stacked !== undefined ? end : at(figure.goal)
  const x = (goal > end && goal < end + LABEL ? goal : end) + 8
  const text = inStep(figure.median, chart, { ...step, symbol: '' }, unit)
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
