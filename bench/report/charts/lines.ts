/** Figures that grow with a number, as curves. */

import type { Lines } from '../../chart.ts'
import { number, shower, tick } from '../../units.ts'
import type { Figure } from '../run.ts'
import { BAND, drawCurves, type Look, lookOf, scaleFor } from './curves.ts'
import { cellOf, type Drawing } from './drawing.ts'

export function drawLines(chart: Lines, figures: readonly Figure[], order: readonly string[]): Drawing {
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
      look: lookOf(label, lines, order),
      points: points.map(({ x, figure: { low, median, high } }) => ({ x, low, y: median, high })),
    })),
    x: { ...chart.x, shown: tick },
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
    draw: frame => drawCurves(look, frame),
  }
}
