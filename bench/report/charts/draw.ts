/** Charts as SVG, drawn by ECharts without a browser. */

import { CustomChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent } from 'echarts/components'
import { init, setPlatformAPI, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Chart } from '../../chart.ts'
import { escaped } from '../markup.ts'
import type { BenchRun } from '../run.ts'
import { drawBars } from './bars.ts'
import type { Drawing, Frame } from './drawing.ts'
import { drawLines } from './lines.ts'
import { drawPercentiles, labelOf } from './percentiles.ts'
import { colour, variables } from './style.ts'

use([SVGRenderer, GridComponent, LegendComponent, CustomChart, LineChart])

/** There is no font to ask here, and a reader's may be a wide one: labels get the room of DejaVu Sans. */
setPlatformAPI({
  measureText: (text, font = '12px') => {
    const size = Number(/([\d.]+)px/.exec(font)?.[1] ?? 12)
    return { width: [...text].reduce((sum, character) => sum + widthOf(character), 0) * size }
  },
})

const widthOf = (character: string): number =>
  /[ijlI.,:;'|()[\] ]/.test(character) ? 0.36 : /[mwMW%]/.test(character) ? 0.95 : 0.63

export function drawingOf(chart: Chart, { figures, distributions, charts }: BenchRun): Drawing {
  if (chart.kind === 'bars') return drawBars(chart, figures)
  const order = orderOf(charts)
  return chart.kind === 'lines'
    ? drawLines(chart, figures, order)
    : drawPercentiles(chart, distributions, order)
}

/** All that has a curve, as it first appears: whoever is in several charts has one colour in all of them. */
const orderOf = (charts: readonly Chart[]): string[] => [
  ...new Set(
    charts.flatMap(chart => {
      if (chart.kind === 'bars') return []
      return chart.kind === 'lines' ? chart.lines.map(({ label }) => label) : chart.curves.map(labelOf)
    }),
  ),
]

const FRAMES = { wide: { width: 860, isNarrow: false }, narrow: { width: 360, isNarrow: true } } as const
const FONT = 'system-ui, -apple-system, sans-serif'

/** For a page, which defines the colours: `id` tells it from the page's others. */
export function inlineSvg(drawing: Drawing, size: keyof typeof FRAMES, id: string): string {
  return named(render(drawing, FRAMES[size]), drawing, `${id}-${size}`, `class="${size}"`)
}

/** For a file of its own, which has its colours with it. */
export function standaloneSvg(drawing: Drawing): string {
  const svg = named(render(drawing, FRAMES.wide), drawing, 'chart', '')
  const style = `<style>${variables('svg')}svg{background:var(--paper)}</style>`
  return svg.replace(/(<svg[^>]*>)/, `$1${style}`)
}

function render(drawing: Drawing, frame: Frame): string {
  const height = drawing.height(frame)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: frame.width, height })
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: FONT, color: colour('ink') },
      ...drawing.option(frame),
    })
    return withoutHooks(chart.renderToSVGString())
  } finally {
    chart.dispose() // or its timer keeps the process alive
  }
}

/** What ECharts leaves for a script, which there is none of: classes with their rules for the pointer, and its notes. */
const withoutHooks = (svg: string): string =>
  svg
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/ (class|ecmeta_\w+)="[^"]*"/g, '')
    .replace(/ pointer-events="visible"/g, '')
    .replaceAll('fill="#fff"', `fill="${colour('paper')}"`) // of symbols that are empty

/** With a name and a description, for those who do not see it. */
function named(svg: string, { title, about }: Drawing, id: string, attributes: string): string {
  const head = `role="img" aria-labelledby="${id}-title ${id}-desc" ${attributes}`.trimEnd()
  const names = `<title id="${id}-title">${escaped(title)}</title><desc id="${id}-desc">${escaped(about)}</desc>`
  return svg.replace(/<svg ([^>]*)>/, (_, rest: string) => `<svg ${head} ${rest}>${names}`)
}
