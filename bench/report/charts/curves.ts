/** Curves over a scale, with bands for what the rounds lie apart: how they look, whatever they are of. */

import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts'
import { tickIn, type Unit } from '../../units.ts'
import type { Frame } from './drawing.ts'
import {
  aboveGrid,
  atLeft,
  below,
  colour,
  grid,
  LOOKS,
  legend,
  legendHeight,
  lineColour,
  symbol,
  valueAxis,
} from './style.ts'

export type Point = { readonly x: number; readonly low: number; readonly y: number; readonly high: number }
export type Curve = { readonly label: string; readonly look: number; readonly points: readonly Point[] }

/** Its place among all of the bench's charts, or in this one where two would look alike. */
export function lookOf(
  label: string,
  curves: readonly { label: string }[],
  order: readonly string[],
): number {
  const places = curves.map(each => order.indexOf(each.label) % LOOKS)
  const index = curves.findIndex(each => each.label === label)
  return new Set(places).size === curves.length ? places[index] : index
}

export type Look = {
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

export const BAND = 'The band around a line spans the middle half of the rounds.'

const HEIGHT = 330
const HEIGHT_NARROW = 290

const labelsOf = ({ curves, expected }: Look): string[] => [
  ...curves.map(({ label }) => label),
  ...(expected ? [expected.label] : []),
]

export const heightOf = (look: Look, frame: Frame): number =>
  (frame.isNarrow ? HEIGHT_NARROW : HEIGHT) + legendHeight(labelsOf(look), frame)

export function optionOf(look: Look, frame: Frame): object {
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
        .map(({ label, look, points }) => band(label, points, lineColour(look), 0.14)),
      ...curves.map(({ label, look, points }) => ({
        type: 'line',
        name: label,
        silent: true,
        color: lineColour(look),
        symbol: symbol(look),
        symbolSize: 7,
        lineStyle: { width: 2, color: lineColour(look) },
        itemStyle: { color: lineColour(look), borderColor: lineColour(look) },
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
