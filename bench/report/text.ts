/**
 * A run for the terminal: a table for each group of figures, and what became better or worse since
 * an earlier run.
 */

import { factsOf, type Machine } from '../machine.ts'
import { SPREAD_MAX, verdict } from '../statistics.ts'
import { number, percent, show, shower } from '../units.ts'
import { axisOf, type Change, type Comparison, METHOD, summaryOf } from './compare.ts'
import { answersOf, type BenchRun, type Figure, type Run } from './run.ts'

/** Colours, or none: node:util's styleText, or what returns the text as it is. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string

export const plain: Paint = (_, text) => text

export const machineText = (machine: Machine, paint: Paint): string =>
  factsOf(machine)
    .map(([name, fact]) => `${paint('dim', name.padEnd(10))} ${fact}`)
    .join('\n')

/** What a run has to say first; '' if it has nothing. */
export const answersText = (run: Pick<Run, 'benches'>, paint: Paint): string =>
  answersOf(run)
    .map(each => paint('bold', each))
    .join('\n')

/** One heading for each group, one line for each figure. */
export function benchText({ name, figures, statements, failures }: BenchRun, paint: Paint): string {
  const groups = [...Map.groupBy(figures, ({ group }) => group)].map(([group, list]) =>
    [paint('bold', `${name}: ${group}`), ...linesOf(list, paint)].join('\n'),
  )
  const said = statements.map(each => `${name}: ${each}`).join('\n')
  const failed = failures.map(each => paint('red', `${name} failed: ${each}`)).join('\n')
  return [...groups, said, failed].filter(each => each !== '').join('\n\n')
}

type Column = { readonly cells: readonly string[]; readonly align: 'left' | 'right' }

function linesOf(figures: readonly Figure[], paint: Paint): string[] {
  const showIn = shower(
    figures[0].unit,
    figures.map(({ median }) => median),
  )
  const shown = (figure: Figure, value: number): string =>
    figure.unit === figures[0].unit ? showIn(value) : show(value, figure.unit)
  const columns: readonly Column[] = [
    { align: 'left', cells: figures.map(({ name }) => name) },
    { align: 'right', cells: figures.map(figure => shown(figure, figure.median)) },
    { align: 'left', cells: figures.map(figure => spreadText(figure, value => shown(figure, value))) },
    { align: 'right', cells: figures.map(figure => besideText(figure, figures)) },
    { align: 'left', cells: figures.map(figure => claimText(figure, value => shown(figure, value))) },
    { align: 'left', cells: figures.map(({ checksum }) => checksumText(checksum)) },
  ]
  return rowsOf(columns).map(row => colour(row, paint))
}

/** Each column as wide as its widest cell; a column without any is left out. */
function rowsOf(columns: readonly Column[]): string[] {
  const filled = columns
    .map(({ cells, align }) => ({ cells, align, width: Math.max(...cells.map(cell => cell.length)) }))
    .filter(({ width }) => width > 0)
  return filled[0].cells.map((_, row) =>
    filled
      .map(({ cells, align, width }) => cells[row][align === 'left' ? 'padEnd' : 'padStart'](width))
      .join('  ')
      .trimEnd()
      .replace(/^/, '  '),
  )
}

const colour = (row: string, paint: Paint): string =>
  row
    .replace(/: met\b/, text => paint('green', text))
    .replace(/: missed\b/, text => paint('red', text))
    .replace(TOO_WIDE, text => paint('yellow', text))
    .replace(/ #[0-9a-f]{8}$/, text => paint('dim', text))

const TOO_WIDE = 'spread too wide'

/**
 * ± half the distance of the quartiles; the quartiles themselves where that is more than the
 * figure.
 */
export function spreadText({ samples, spread, low, high }: Figure, shown: (value: number) => string): string {
  if (samples.length === 1) return ''
  return spread <= 1 ? `± ${(spread * 100).toFixed(0)} %` : `(${shown(low)} … ${shown(high)})`
}

/** As a multiple of another figure of the group. */
export function besideText({ median, beside }: Figure, group: readonly Figure[]): string {
  const other = group.find(each => each.name === beside)
  return other && other.median !== 0 ? `${number(median / other.median)} ×` : ''
}

/** The verdict on the figure: whether it keeps its goal, unless the spread is too wide. */
export function claimText(figure: Figure, shown: (value: number) => string): string {
  const { goal, better, spread } = figure
  const isWide = spread > SPREAD_MAX
  if (goal === null) return isWide ? TOO_WIDE : ''
  return `goal ${shown(goal)}: ${isWide ? TOO_WIDE : verdict(figure, goal, better)}`
}

export const checksumText = (checksum: number | null): string =>
  checksum === null ? '' : `#${(checksum >>> 0).toString(16).padStart(8, '0')}`

/** At most this many lines of changes; the rest is counted. */
const CHANGES_MAX = 40

export function comparisonText(comparison: Comparison, paint: Paint): string {
  const { warnings, changes, incomparable } = comparison
  const changed = changes.filter(({ verdict }) => verdict !== 'same')
  const rest = changed.length - CHANGES_MAX
  const reasons = Map.groupBy(incomparable, ({ why }) => why)
  return [
    ...warnings.map(warning => paint('yellow', `careful: ${warning}`)),
    paint('bold', summaryOf(comparison)),
    METHOD,
    ...rowsOfChanges(changed.slice(0, CHANGES_MAX), paint),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...[...reasons].map(([why, list]) => {
      const [first, ...more] = list.map(({ axis }) => axis)
      return paint(
        'dim',
        `not compared, ${why}: ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`,
      )
    }),
  ].join('\n')
}

function rowsOfChanges(changes: readonly Change[], paint: Paint): string[] {
  if (changes.length === 0) return []
  const rows = rowsOf([
    { align: 'left', cells: changes.map(({ verdict }) => verdict) },
    { align: 'right', cells: changes.map(({ ratio }) => ratioText(ratio.value)) },
    {
      align: 'left',
      cells: changes.map(({ ratio }) => `(${ratioText(ratio.low)} to ${ratioText(ratio.high)})`),
    },
    { align: 'left', cells: changes.map(({ before, after }) => fromTo(before, after)) },
    { align: 'left', cells: changes.map(({ bench, after }) => axisOf(bench, after)) },
  ])
  return rows.map(row =>
    row
      .replace(/^ {2}worse\b/, text => paint('red', text))
      .replace(/^ {2}better\b/, text => paint('green', text)),
  )
}

/** +12 %, −30 %. */
export const ratioText = (ratio: number): string =>
  `${ratio >= 1 ? '+' : ''}${percent(Math.round((ratio - 1) * 100) / 100)}`

export function fromTo(before: Figure, after: Figure): string {
  const shown = shower(after.unit, [before.median, after.median])
  return `${shown(before.median)} → ${shown(after.median)}`
}
