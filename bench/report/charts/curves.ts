/** Curves over a scale: figures that grow with a number, and latency by percentile. Bands show what the rounds lie apart. */

import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts'
import type { Lines, Percentiles } from '../../chart.ts'
import type { Distribution } from '../../harness.ts'
import { RUNGS } from '../../ladder.ts'
import { summarise } from '../../statistics.ts'
import { number, shower, tick, tickIn, type Unit } from '../../units.ts'
import type { Figure } from '../run.ts'
import { cellOf, type Drawing, type Frame, scaleFor } from './drawing.ts'
import {
  aboveGrid,
  atLeft,
  below,
  colour,
  grid,
  legend,
  legendHeight,
  lineColour,
  symbol,
  valueAxis,
  wholePower,
} from './style.ts'

type Point = { readonly x: number; readonly low: number; readonly y: number; readonly high: number }
type Curve = { readonly label: string; readonly points: readonly Point[] }

type Look = {
  readonly curves: readonly Curve[]
  readonly x: {
    readonly label: string
    readonly scale: 'linear' | 'log'
    readonly formatter: (value: number) => string
  }
  readonly y: { readonly label: string; readonly scale: 'linear' | 'log'; readonly unit: Unit }
  /** Behind the curves: where they should lie. */
  readonly expected: { readonly label: string; readonly points: readonly Point[] } | null
}

const BAND = 'The band around a line spans the middle half of the rounds.'

export function drawLines(chart: Lines, figures: readonly Figure[]): Drawing {
  const find = ({ group, name }: { group: string; name: string }): Figure | undefined =>
    figures.find(each => each.group === group && each.name === name)
  const lines = chart.lines.map(({ label, points }) => ({
    label,
    points: points.flatMap(point => {
      const figure = find(point)
      return figure ? [{ x: point.x, figure }] : []
    }),
  }))
  const all = lines.flatMap(({ points }) => points)
  const unit = all[0].figure.unit
  const showIn = shower(
    unit,
    all.map(({ figure }) => figure.median),
  )
  const xs = [...new Set(all.map(({ x }) => x))].sort((a, b) => a - b)
  const { expected } = chart
  const cellAt = (points: (typeof lines)[number]['points'], x: number): string => {
    const found = points.find(point => point.x === x)
    return found ? cellOf(found.figure, showIn) : '–'
  }
  const expectedAt = (x: number): string => {
    const found = expected?.points.find(point => point.x === x)
    return found ? `${showIn(found.low)} … ${showIn(found.high)}` : '–'
  }
  const look: Look = {
    curves: lines.map(({ label, points }) => ({
      label,
      points: points.map(({ x, figure: { low, median, high } }) => ({ x, low, y: median, high })),
    })),
    x: { ...chart.x, formatter: tick },
    y: {
      label: chart.y.label,
      scale: chart.y.scale === 'log' ? scaleFor(all.map(({ figure }) => figure.median)) : 'linear',
      unit,
    },
    expected: expected
      ? { label: expected.label, points: expected.points.map(point => ({ ...point, y: point.low })) }
      : null,
  }
  return {
    title: chart.title,
    about: chart.about,
    notes: all.some(({ figure }) => figure.samples.length > 1) ? [BAND] : [],
    table: {
      head: [chart.x.label, ...lines.map(({ label }) => label), ...(expected ? [expected.label] : [])],
      rows: xs.map(x => [
        number(x).replace(/\.0+$/, ''),
        ...lines.map(({ points }) => cellAt(points, x)),
        ...(expected ? [expectedAt(x)] : []),
      ]),
    },
    option: frame => optionOf(look, frame),
    height: frame => heightOf(look, frame),
  }
}

export function drawPercentiles(chart: Percentiles, distributions: readonly Distribution[]): Drawing {
  const found = chart.curves.flatMap(({ group, name, label = name }) => {
    const distribution = distributions.find(each => each.group === group && each.name === name)
    return distribution ? [{ label, distribution }] : []
  })
  const { unit } = found[0].distribution
  const curves = found.map(({ label, distribution }) => ({ label, points: pointsOf(distribution) }))
  const values = curves.flatMap(({ points }) => points.map(({ y }) => y))
  const showIn = shower(unit, values)
  const look: Look = {
    curves,
    x: { label: 'percentile', scale: 'log', formatter: percentileText },
    y: { label: '', scale: scaleFor(values), unit },
    expected: null,
  }
  return {
    title: chart.title,
    about: chart.about,
    notes: [
      'The scale gives every further nine as much room as the one before; a curve ends with the longest of each round.',
      BAND,
    ],
    table: {
      head: ['', ...COLUMNS.map(percentile => (percentile === 100 ? 'longest' : `p${percentile}`))],
      rows: found.map(({ label, distribution }) => [
        label,
        ...COLUMNS.map(percentile => {
          const list = distribution.rounds.map(({ values }) => values[RUNGS.indexOf(percentile)])
          return isSeen(distribution, percentile) ? showIn(summarise(list).median) : '–'
        }),
      ]),
    },
    option: frame => optionOf(look, frame),
    height: frame => heightOf(look, frame),
  }
}

const COLUMNS = [50, 90, 99, 99.9, 99.99, 100] as const

/** Where a percentile stands: 90 % at 10, 99 % at 100, 99.9 % at 1000. */
const placeOf = (percentile: number): number => 100 / (100 - percentile)

/** Only at whole nines. */
function percentileText(place: number): string {
  if (place <= 1) return '0 %'
  return wholePower(place, `${Number((100 - 100 / place).toPrecision(12))} %`)
}

/** The longest stands where one of all operations is left. */
function pointsOf(distribution: Distribution): Point[] {
  const leastCount = Math.min(...distribution.rounds.map(({ count }) => count))
  return RUNGS.flatMap((percentile, rung) => {
    const { low, median, high } = summarise(distribution.rounds.map(({ values }) => values[rung]))
    const x = percentile === 100 ? leastCount : placeOf(percentile)
    return isSeen(distribution, percentile) && low > 0 ? [{ x, low, y: median, high }] : []
  })
}

/** Whether at least one operation of each round lies above it. */
const isSeen = ({ rounds }: Distribution, percentile: number): boolean =>
  percentile === 100 || rounds.every(({ count }) => count > placeOf(percentile))

const HEIGHT = 330
const HEIGHT_NARROW = 290

const labelsOf = ({ curves, expected }: Look): string[] => [
  ...curves.map(({ label }) => label),
  ...(expected ? [expected.label] : []),
]

const heightOf = (look: Look, frame: Frame): number =>
  (frame.isNarrow ? HEIGHT_NARROW : HEIGHT) + legendHeight(labelsOf(look), frame)

function optionOf(look: Look, frame: Frame): object {
  const { curves, x, y, expected } = look
  const labels = labelsOf(look)
  const isNamed = y.label !== ''
  return {
    legend: legend(labels),
    grid: grid(labels, frame, isNamed ? 28 : 14),
    xAxis: { ...valueAxis(x, frame), ...below, ...(x.scale === 'log' ? ends(curves) : {}) },
    yAxis: {
      ...valueAxis({ scale: y.scale, label: y.label, formatter: value => tickIn(value, y.unit) }, frame),
      ...atLeft,
      nameTextStyle: { color: colour('soft'), fontSize: 12, ...aboveGrid },
    },
    series: [
      ...(expected
        ? [{ ...band(expected.label, expected.points, colour('soft'), 0.16), name: expected.label }]
        : []),
      ...curves
        .filter(({ points }) => points.some(({ low, high }) => low !== high))
        .map(({ label, points }) =>
          band(label, points, lineColour(curves.findIndex(each => each.label === label)), 0.14),
        ),
      ...curves.map(({ label, points }, index) => ({
        type: 'line',
        name: label,
        silent: true,
        color: lineColour(index),
        symbol: symbol(index),
        symbolSize: 7,
        lineStyle: { width: 2, color: lineColour(index) },
        itemStyle: { color: lineColour(index), borderColor: lineColour(index) },
        data: points.map(point => [point.x, point.y]),
      })),
    ],
  }
}

/** From the first point to the last, and not to the next power of ten. */
function ends(curves: readonly Curve[]): object {
  const xs = curves.flatMap(({ points }) => points.map(({ x }) => x))
  return xs.length > 0 ? { min: Math.min(...xs), max: Math.max(...xs) } : {}
}

/** What lies between the low and the high of each point. */
function band(name: string, points: readonly Point[], fill: string, opacity: number): object {
  return {
    type: 'custom',
    name: `${name}, band`, // none of the legend, which shows the line
    silent: true,
    clip: true,
    z: 1,
    itemStyle: { color: fill, opacity },
    data: points.map(({ x, high }) => [x, high]),
    renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      if (params.dataIndex !== 0) return { type: 'group', children: [] }
      const upper = points.map(({ x, high }) => api.coord([x, high]))
      const lower = points.map(({ x, low }) => api.coord([x, low])).reverse()
      return { type: 'polygon', shape: { points: [...upper, ...lower] }, style: { fill, opacity } }
    },
  }
}
