/** Results in words: a table for the terminal, and what became better or worse since an earlier run. */

import type { Result, Unit } from './harness.ts'
import type { Machine } from './machine.ts'
import { change, SPREAD_MAX, type Summary, summarise, verdict } from './statistics.ts'

/** What --json writes and --compare reads. */
export type Report = { readonly machine: Machine; readonly results: readonly Result[] }

const UNITS: Readonly<Record<Unit, string>> = { ns: 'ns', ms: 'ms', bytes: 'B', times: '×', count: '' }

export const machineText = (machine: Machine): string =>
  Object.entries(machine)
    .map(([name, value]) => `${name.padEnd(10)} ${value}`)
    .join('\n')

/** One heading for each group, one line for each figure. */
export function resultsText(results: readonly Result[]): string {
  const groups = Map.groupBy(results, ({ bench, group }) => `${bench}: ${group}`)
  return [...groups]
    .map(([title, list]) => [title, ...list.map(each => lineOf(each, list))].join('\n'))
    .join('\n\n')
}

function lineOf(result: Result, group: readonly Result[]): string {
  const summary = summarise(result.rounds)
  const beside = group.find(each => each.name === result.beside)
  const cells = [
    `  ${result.name.padEnd(46)}`,
    figure(summary.median, result.unit).padStart(12),
    spreadText(result, summary).padEnd(9),
    (beside ? `${number(summary.median / summarise(beside.rounds).median)} ×` : '').padStart(8),
    result.checksum === null ? ''.padEnd(10) : `  ${(result.checksum >>> 0).toString(16).padStart(8, '0')}`,
    result.goal === null
      ? ''
      : `  goal ${figure(result.goal, result.unit)}: ${verdict(summary, result.goal)}`,
    summary.spread > SPREAD_MAX ? '  spread too wide to claim anything' : '',
  ]
  return cells.join(' ').trimEnd()
}

const spreadText = ({ rounds }: Result, { spread }: Summary): string =>
  rounds.length === 1 ? '' : `± ${(spread * 100).toFixed(0)} %`

const figure = (value: number, unit: Unit): string => `${number(value)} ${UNITS[unit]}`.trimEnd()

const number = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en').replaceAll(',', ' ') : value.toPrecision(3)

/** What changed by more than the noise, axis by axis; a time that was taken only once says nothing. */
export function comparisonText(before: Report, after: Report): string {
  const earlier = new Map(before.results.map(each => [axisOf(each), each]))
  const pairs = after.results.flatMap(result => {
    const match = earlier.get(axisOf(result))
    return match && !wasTakenOnce(result)
      ? [{ result, old: summarise(match.rounds), now: summarise(result.rounds) }]
      : []
  })
  const changed = pairs.flatMap(({ result, old, now }) => {
    const what = change(old, now)
    const figures = `${figure(old.median, result.unit)} → ${figure(now.median, result.unit)}`
    return what === 'same' ? [] : [`${what.padEnd(6)} ${axisOf(result)}: ${figures}`]
  })
  const count = `${pairs.length} figures in both runs, ${changed.length} differ beyond the noise`
  return [...otherMachine(before, after), count, ...changed].join('\n')
}

const wasTakenOnce = ({ unit, rounds }: Result): boolean => unit !== 'bytes' && rounds.length === 1

const axisOf = ({ bench, group, name }: Result): string => `${bench}: ${group}: ${name}`

const otherMachine = (before: Report, after: Report): string[] =>
  ['processor', 'kernel', 'node']
    .filter(name => before.machine[name] !== after.machine[name])
    .map(name => `careful: another ${name}: ${before.machine[name]} then, ${after.machine[name]} now`)
