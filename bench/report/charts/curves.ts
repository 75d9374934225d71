/**
 * Curves over a scale, with bands for the spread of the rounds: their looks, whatever they show.
 */

import { tickIn, type Unit } from '../../units.ts'
import {
  AXIS_HEIGHT,
  axisAtLeft,
  axisBelow,
  type Frame,
  legend,
  type Part,
  swatchOf,
  tickCount,
} from './drawing.ts'
import { colour, LOOKS, lineColour } from './style.ts'
import {
  element,
  pathOf,
  type Scale,
  type ScaleKind,
  type Span,
  scaleOf,
  stroke,
  toTicks,
  widthOf,
} from './svg.ts'

export type Point = { readonly x: number; readonly low: number; readonly y: number; readonly high: number }
export type Curve = { readonly label: string; readonly look: number; readonly points: readonly Point[] }

/** Its index among all of the bench's charts, or in this one if two would look alike. */
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
  readonly x: { readonly label: string; readonly scale: ScaleKind; readonly shown: (value: number) => string }
  readonly y: { readonly label: string; readonly scale: ScaleKind; readonly unit: Unit }
  /** Behind the curves: the range of good values. */
  readonly expected: { readonly label: string; readonly points: readonly Point[] } | null
}

export const BAND = 'The band around a line spans the middle half of the rounds.'

/** From these on a scale with equal steps would squeeze the small ones into nothing. */
const LINEAR_MAX = 20

export const scaleFor = (values: readonly number[]): ScaleKind =>
  values.every(value => value > 0) && Math.max(...values) / Math.min(...values) > LINEAR_MAX
    ? 'log'
    : 'linear'

const HEIGHT = 330
const HEIGHT_NARROW = 290

export function drawCurves(look: Look, frame: Frame): Part {
  const { curves, x, y, expected } = look
  const labels = [...curves.map(({ label }) => label), ...(expected ? [expected.label] : [])]
  const head = legend(labels, frame, (index, at, middle) => swatch(curves[index], at, middle))
  const height = head.height + (frame.isNarrow ? HEIGHT_NARROW : HEIGHT)
  const shown = (value: number): string => tickIn(value, y.unit)
  const span = toTicks(y.scale, spanOf(look), tickCount(frame))
  const [top, bottom] = [head.height + (y.label === '' ? 14 : 28), height - AXIS_HEIGHT]
  const upward = scaleOf(y.scale, span, { least: bottom, most: top }, tickCount(frame))
  const left = 8 + Math.max(...upward.ticks.map(tick => widthOf(shown(tick))))
  const plot = { left, right: frame.width - (frame.isNarrow ? 16 : 24), top, bottom }
  const xs = curves.flatMap(({ points }) => points.map(point => point.x))
  const ends = xs.length > 0 ? { least: Math.min(...xs), most: Math.max(...xs) } : { least: 1, most: 10 }
  const across = scaleOf(x.scale, ends, { least: left, most: plot.right }, tickCount(frame))
  const svg = [
    head.svg,
    axisBelow(across, x.shown, x.label, plot),
    axisAtLeft(upward, shown, y.label, plot),
    ...(expected ? [band(expected.points, across, upward, colour('soft'), 0.16)] : []),
    ...curves
      .filter(({ points }) => points.some(({ low, high }) => low !== high))
      .map(curve => band(curve.points, across, upward, lineColour(curve.look), 0.14)),
    ...curves.map(curve => drawCurve(curve, across, upward)),
  ]
  return { height, svg: svg.join('') }
}

/** A logarithmic scale shows only values above 0: a band may begin below it. */
function spanOf({ curves, expected, y: { scale } }: Look): Span {
  const points = [...curves, ...(expected ? [expected] : [])].flatMap(each => each.points)
  const values = points.flatMap(({ low, y, high }) => [low, y, high])
  const fit = scale === 'log' ? values.filter(value => value > 0) : values
  return fit.length > 0 ? { least: Math.min(...fit), most: Math.max(...fit) } : { least: 1, most: 10 }
}

function drawCurve({ look, points }: Curve, across: Scale, upward: Scale): string {
  const places = points.map(({ x, y }) => [across.at(x), upward.at(y)] as const)
  const steps = places.flatMap(([x, y], index) => [index === 0 ? 'M' : 'L', x, y])
  const line = steps.length > 0 ? stroke(lineColour(look), 2, ...steps) : ''
  return line + places.map(([x, y]) => symbol(look, x, y)).join('')
}

/** What lies between the low and the high of each point. */
function band(points: readonly Point[], across: Scale, upward: Scale, fill: string, opacity: number): string {
  const upper = points.map(({ x, high }) => [across.at(x), upward.at(high)])
  const lower = points.map(({ x, low }) => [across.at(x), upward.at(low)]).reverse()
  const steps = [...upper, ...lower].flatMap(([x, y], index) => [index === 0 ? 'M' : 'L', x, y])
  return element('path', { d: pathOf([...steps, 'Z']), fill, opacity })
}

const swatch = (curve: Curve | undefined, x: number, y: number): string =>
  curve
    ? stroke(lineColour(curve.look), 2, 'M', x, y, 'H', x + 18) + symbol(curve.look, x + 9, y)
    : swatchOf(x, y, colour('soft'), 0.3)

/** Lines differ by more than their colour: four shapes, and three of them empty. */
function symbol(look: number, x: number, y: number): string {
  const shape = [
    ['M', x - 3.5, y, 'a 3.5 3.5 0 1 0 7 0 a 3.5 3.5 0 1 0 -7 0 Z'],
    ['M', x - 3.2, y - 3.2, 'h 6.4 v 6.4 h -6.4 Z'],
    ['M', x, y - 4, 'l 4 7 h -8 Z'],
    ['M', x, y - 4.5, 'l 4.5 4.5 l -4.5 4.5 l -4.5 -4.5 Z'],
  ][(look % LOOKS) % 4]
  const fill = look % LOOKS < 4 ? lineColour(look) : colour('paper')
  return element('path', { d: pathOf(shape), fill, stroke: lineColour(look), 'stroke-width': 1.5 })
}
