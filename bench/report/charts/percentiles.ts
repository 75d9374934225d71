/** Latency by percentile, as curves. */

import type { Percentiles } from '../../chart.ts'
import type { Distribution } from '../../harness.ts'
import { RUNGS } from '../../ladder.ts'
import { summarise } from '../../statistics.ts'
import { shower } from '../../units.ts'
import { BAND, drawCurves, type Look, lookOf, type Point, scaleFor } from './curves.ts'
import type { Drawing } from './drawing.ts'

export const labelOf = ({ label, name }: Percentiles['curves'][number]): string => label ?? name

export function drawPercentiles(
  chart: Percentiles,
  distributions: readonly Distribution[],
  order: readonly string[],
): Drawing {
  const found = chart.curves.flatMap(curve => {
    const { group, name } = curve
    const distribution = distributions.find(each => each.group === group && each.name === name)
    return distribution ? [{ label: labelOf(curve), distribution }] : []
  })
  const { unit } = found[0].distribution
  const curves = found.map(({ label, distribution }) => ({
    label,
    look: lookOf(label, found, order),
    points: pointsOf(distribution),
  }))
  const values = curves.flatMap(({ points }) => points.map(({ y }) => y))
  const showIn = shower(unit, values)
  const look: Look = {
    curves,
    x: { label: 'percentile', scale: 'log', shown: percentileText },
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
    draw: frame => drawCurves(look, frame),
  }
}

const COLUMNS = [50, 90, 99, 99.9, 99.99, 100] as const

/** The position of a percentile: 90 % at 10, 99 % at 100, 99.9 % at 1000. */
const placeOf = (percentile: number): number => 100 / (100 - percentile)

const percentileText = (place: number): string => `${Number((100 - 100 / place).toPrecision(12))} %`

/** The longest is at the position where one of all operations is left. */
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
