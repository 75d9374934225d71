/** A chart and the figures of its bench → a drawing → SVG in the page. */

import type { Chart } from '../../chart.ts'
import { escaped } from '../markup.ts'
import type { BenchRun } from '../run.ts'
import { drawBars } from './bars.ts'
import type { Drawing } from './drawing.ts'
import { drawLines } from './lines.ts'
import { drawPercentiles, labelOf } from './percentiles.ts'
import { element } from './svg.ts'

export function drawingOf(chart: Chart, { figures, distributions, charts }: BenchRun): Drawing {
  if (chart.kind === 'bars') return drawBars(chart, figures)
  const order = orderOf(charts)
  return chart.kind === 'lines'
    ? drawLines(chart, figures, order)
    : drawPercentiles(chart, distributions, order)
}

/** All curves in the order of their first appearance: a contender has one colour in all charts. */
const orderOf = (charts: readonly Chart[]): string[] => [
  ...new Set(
    charts.flatMap(chart => {
      if (chart.kind === 'bars') return []
      return chart.kind === 'lines' ? chart.lines.map(({ label }) => label) : chart.curves.map(labelOf)
    }),
  ),
]

const FRAMES = { wide: { width: 860, isNarrow: false }, narrow: { width: 360, isNarrow: true } } as const

/** With a name and a description, for screen readers; `id` is unique on the page. */
export function inlineSvg(drawing: Drawing, size: keyof typeof FRAMES, id: string): string {
  const { width } = FRAMES[size]
  const { height, svg } = drawing.draw(FRAMES[size])
  const own = `${id}-${size}`
  const attributes = {
    class: size,
    viewBox: `0 0 ${width} ${Math.ceil(height)}`,
    role: 'img',
    'aria-labelledby': `${own}-title ${own}-desc`,
  }
  const names =
    element('title', { id: `${own}-title` }, escaped(drawing.title)) +
    element('desc', { id: `${own}-desc` }, escaped(drawing.about))
  return element('svg', attributes, names + svg)
}
