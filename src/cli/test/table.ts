/**
 * The report of `weir test` for people.
 *
 *   shop/orders
 *     ok    everybody else gets the stable version
 *     miss  one in five gets the new one  tests.yaml:12
 *             share  expected 20 % of orders.shop subset gray, got 50 % …
 *             rule   expected …, got …
 */

import { styleText } from 'node:util'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import type { Explanation } from '../../table/explain/explanation.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { type Miss, round } from './judge.ts'
import { isCovered, type Tested, type TestReport } from './report.ts'

/** How many rules a miss lists as passed over, and how many unreached rules are listed. */
const REJECTED_MAX = 5
const UNREACHED_MAX = 200

type Paint = (style: 'green' | 'red' | 'yellow' | 'bold', text: string) => string

export function tableReport(report: TestReport, colours: boolean): string {
  const paint: Paint = (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text)
  if (report.coverage === null) return ''
  const groups = Map.groupBy(report.tested, each => each.test.routeTest)
  const lines = [...groups].flatMap(([name, tested]) => [
    paint('bold', printable(name)),
    ...tested.flatMap(each => testLines(each, paint)),
    '',
  ])
  return `${[...lines, ...summaryLines(report, paint)].join('\n')}\n`
}

function testLines({ test, misses, answer }: Tested, paint: Paint): string[] {
  const name = printable(test.name)
  if (misses.length === 0) return [`  ${paint('green', 'ok')}    ${name}`]
  const { file, line } = test.place
  return [
    `  ${paint('red', 'miss')}  ${name}  ${printable(whereText(file, line))}`,
    ...[...misses.map(missLine), ...rejectedLines(misses, answer)].map(
      each => `          ${printable(each)}`,
    ),
  ]
}

const missLine = ({ field, expected, got }: Miss): string =>
  `${field.padEnd(11)}  expected ${expected}, got ${got}`

/** Why the expected rule was passed over, if it was; else the first few that were. */
function rejectedLines(misses: readonly Miss[], { rejected }: Explanation): string[] {
  const wanted = misses.find(each => each.field === 'rule')?.expected
  const named = rejected.filter(each => wanted !== undefined && ruleName(each).startsWith(wanted))
  const shown = (named.length > 0 ? named : rejected).slice(0, REJECTED_MAX)
  return shown.map(each => `${'rejected'.padEnd(11)}  ${ruleName(each)}  ${each.because}`)
}

function summaryLines(report: TestReport, paint: Paint): string[] {
  const { tested, coverage, minCoverage } = report
  if (coverage === null) return []
  const missed = tested.filter(each => each.misses.length > 0).length
  const tests = `${plural(tested.length, 'test')}: ${tested.length - missed} passed, ${missed} missed`
  const least = minCoverage === null ? '' : `, of ${round(minCoverage)} % asked for`
  const rules = `${coverage.reached} of ${plural(coverage.rules, 'rule')} reached: ${round(coverage.percent)} %${least}`
  const shown = coverage.unreached.slice(0, UNREACHED_MAX)
  const more = coverage.unreached.length - shown.length
  return [
    paint(missed === 0 ? 'green' : 'red', tests),
    isCovered(report) ? rules : paint('red', rules),
    ...shown.map(each => printable(`  not reached: ${ruleName(each)}  ${whereText(each.file, each.line)}`)),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ]
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
