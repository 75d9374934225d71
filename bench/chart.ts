/**
 * Which charts a bench wants, as plain values that are kept with its figures.
 *
 * A chart names figures by their group and name, and holds none itself; the report draws it
 * (report/charts/) and puts the same figures into a table below it. Every figure is drawn with the
 * spread of its rounds.
 */

type Common = {
  /** The name of its file, after the bench's name: the same in each run, whatever the figures. */
  readonly id: string
  readonly title: string
  /**
   * One or two sentences: what is measured, and which way is better. Also what a screen reader
   * says.
   */
  readonly about: string
}

/** Which figure of this bench. */
export type Reference = { readonly group: string; readonly name: string }

/** A row for each name in the groups, and in it a bar for each group. */
export type Bars = Common & {
  readonly kind: 'bars'
  /** `label` is for the legend, if there are several. */
  readonly groups: readonly { readonly group: string; readonly label: string }[]
  /** Parts of a whole, end to end; `stacked` names the group of the whole. */
  readonly stacked?: string
  /** Only these rows, in this order. */
  readonly names?: readonly string[]
  /** What one operation is, for the scale: "a request" makes it "µs a request". */
  readonly per?: string
  /** Shown as a rate instead: times become so many of `rate` per second. */
  readonly rate?: string
  /** `log` shows points instead of bars, since the length of a bar would mean nothing. */
  readonly scale?: 'linear' | 'log'
}

/** How figures grow with a number. */
export type Lines = Common & {
  readonly kind: 'lines'
  readonly x: { readonly label: string; readonly scale: 'linear' | 'log' }
  readonly y: { readonly label: string; readonly scale: 'linear' | 'log' }
  readonly lines: readonly {
    readonly label: string
    readonly points: readonly (Reference & { readonly x: number })[]
  }[]
  /** The range of good values: drawn behind the lines. */
  readonly expected?: {
    readonly label: string
    readonly points: readonly { readonly x: number; readonly low: number; readonly high: number }[]
  }
}

/** Latency by percentile, on the scale of 1 / (1 − p), from distributions. */
export type Percentiles = Common & {
  readonly kind: 'percentiles'
  /** `label` if the distribution's own name does not distinguish the curves. */
  readonly curves: readonly (Reference & { readonly label?: string })[]
}

export type Chart = Bars | Lines | Percentiles

/** The first figure that a chart names and that is missing, or null. */
export function missingIn(
  chart: Chart,
  figures: readonly Reference[],
  distributions: readonly Reference[],
): string | null {
  if (chart.kind === 'bars') {
    const groups = [
      ...chart.groups.map(({ group }) => group),
      ...(chart.stacked === undefined ? [] : [chart.stacked]),
    ]
    return groups.find(group => !figures.some(each => each.group === group)) ?? null
  }
  const [there, wanted]: [readonly Reference[], readonly Reference[]] =
    chart.kind === 'lines'
      ? [figures, chart.lines.flatMap(({ points }) => points)]
      : [distributions, chart.curves]
  const isThere = ({ group, name }: Reference): boolean =>
    there.some(each => each.group === group && each.name === name)
  const missing = wanted.find(each => !isThere(each))
  return missing ? `${missing.group}: ${missing.name}` : null
}
