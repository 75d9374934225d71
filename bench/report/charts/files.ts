/** Each chart of a run as an SVG file that stands alone, for documents. */

import { slug } from '../markup.ts'
import type { Run } from '../run.ts'
import { drawingOf, standaloneSvg } from './draw.ts'

/** Named so that the next run's take the place of this one's. */
export const chartFiles = ({ benches }: Run): { name: string; svg: string }[] =>
  benches.flatMap(bench =>
    bench.charts.map(chart => ({
      name: `${slug(bench.name)}-${slug(chart.id)}.svg`,
      svg: standaloneSvg(drawingOf(chart, bench)),
    })),
  )
