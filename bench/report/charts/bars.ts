/** Bars from left to right, one row for each name: what they are of, the scale below them, and their figures as a table. */

import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts'
import type { Bars } from '../../chart.ts'
import { perSecond, type Step, stepFor, tick, tickIn } from '../../units.ts'
import type { Figure } from '../run.ts'
import { barColour, inStep, isSideBySide, type Look, type Mark, renderRow } from './bar-marks.ts'
import { cellOf, type Drawing, FADED, type Frame, isTooWide, turned } from './drawing.ts'
import { axisText, below, CHARACTER, grid, legend, legendHeight, valueAxis, wholePower } from './style.ts'

const WHISKER = 'The thin line spans the middle half of the rounds.'

export function drawBars(chart: Bars, figures: readonly Figure[]): Drawing {
  const names = chart.names ?? [...new Set(chart.groups.flatMap(({ group }) => namesIn(figures, group)))]
  const find = (group: string, name: string): Figure | null => {
    const found = figures.find(each => each.group === group && each.name === name) ?? null
    return found && chart.rate !== undefined ? asRate(found) : found
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
  const unit = shown[0]?.unit ?? 'count'
  const goals = chart.stacked === undefined ? shown.flatMap(({ goal }) => goal ?? []) : []
  const largest = Math.max(0, ...goals, ...shown.map(({ median, high }) => Math.max(median, high)))
  const least = shown.length > 0 ? Math.min(...shown.map(({ median, low }) => Math.min(median, low))) : 0
  const isLog = chart.scale === 'log' && least > 0
  const step = stepOf(chart.rate, unit, isLog ? 0 : largest)
  const showIn = (value: number): string =>
    `${inStep(value, look)} ${isLog || chart.rate !== undefined ? '' : step.symbol}`.trimEnd()
  const look: Look = { names, series, step, isLog, isStacked: chart.stacked !== undefined, unit }
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
    option: frame => optionOf(look, scaleOf(chart, look, least, largest), frame),
    height: frame => heightOf(look, frame),
  }
}

function stepOf(rate: string | undefined, unit: Figure['unit'], largest: number): Step {
  return rate === undefined ? stepFor(unit, largest) : { symbol: rate, factor: 1 }
}

const namesIn = (figures: readonly Figure[], group: string): string[] =>
  figures.filter(each => each.group === group).map(({ name }) => name)

/** What took no time has no rate. */
function asRate(figure: Figure): Figure | null {
  const { unit, samples } = figure
  return samples.every(sample => sample > 0) ? turned(figure, value => perSecond(value, unit) ?? value) : null
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

const ROW = 34
const ROW_MORE = 18
const AXIS = 64
const LINE = 14
const nameWidth = ({ isNarrow }: Frame): number => (isNarrow ? 112 : 210)

const labelsOf = ({ series }: Look): string[] => series.map(({ label }) => label)

function heightOf(look: Look, frame: Frame): number {
  const bars = isSideBySide(look) ? ROW + (look.series.length - 1) * ROW_MORE : ROW
  const lines = Math.ceil(Math.max(...look.names.map(name => name.length * CHARACTER)) / nameWidth(frame))
  const row = Math.max(bars, lines * LINE + 8)
  return legendHeight(labelsOf(look), frame) + look.names.length * row + AXIS
}

/** The scale below: what it says, and from where to where it goes. */
type Scale = { readonly label: string; readonly min: number; readonly max: (frame: Frame) => number }

/** How much longer than the longest bar, for its figure. */
const ROOM = { wide: 1.16, narrow: 1.32 }
const ROOM_LOG = { wide: 4, narrow: 20 }

function scaleOf(chart: Bars, { isLog, step }: Look, least: number, largest: number): Scale {
  const room = isLog ? ROOM_LOG : ROOM
  const end = (largest > 0 ? largest : 1) / step.factor
  return {
    label: isLog ? '' : [step.symbol, chart.per].filter(Boolean).join(' '),
    min: isLog ? 10 ** Math.floor(Math.log10(least / step.factor)) : Math.min(0, least / step.factor),
    max: ({ isNarrow }) => end * (isNarrow ? room.narrow : room.wide),
  }
}

function optionOf(look: Look, { label, min, max }: Scale, frame: Frame): object {
  const { names, series, step, isLog, unit } = look
  const labels = labelsOf(look)
  const formatter = (value: number): string =>
    isLog ? wholePower(value, tickIn(value * step.factor, unit)) : tick(value)
  return {
    legend: legend(labels),
    grid: grid(labels, frame),
    yAxis: {
      type: 'category',
      inverse: true,
      data: names,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...axisText, width: nameWidth(frame), overflow: 'break', lineHeight: LINE },
    },
    xAxis: {
      ...valueAxis({ scale: isLog ? 'log' : 'linear', label, hasOpenEnd: true, formatter }, frame),
      ...below,
      min,
      max: max(frame),
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
