/** Each chart of a run as an SVG file that stands alone, for documents. */

import type { Chart } from '../../chart.ts'
import { slug } from '../markup.ts'
import type { BenchRun, Run } from '../run.ts'
import { drawingOf, standaloneSvg } from './draw.ts'

/** Named so that the next run's take the place of this one's. */
export const chartFile = ({ name }: BenchRun, { id }: Chart): string => `${slug(name)}-${slug(id)}.svg`

export const chartFiles = ({ benches }: Run): { name: string; svg: string }[] =>
  benches.flatMap(bench =>
    bench.charts.map(chart => ({
      name: chartFile(bench, chart),
      svg: standaloneSvg(drawingOf(chart, bench)),
    })),
  )
