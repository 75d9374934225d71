/**
 * The report of `weir test` as JUnit XML, which CI systems show: a suite for each RouteTest, a case
 * for each test.
 *
 * Failures outside tests have their own suite, so that a red build shows the reason: errors of the
 * configuration, and too little coverage. JUnit XML has no standard; this follows Jenkins' schema,
 * which others (GitLab, GitHub's reporters, Azure) read.
 */

import { whereText } from '../../base/where-text.ts'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { type Miss, round } from './judge.ts'
import { isCovered, type Tested, type TestReport } from './report.ts'

type Case = {
  readonly name: string
  readonly file?: string
  readonly line?: number
  readonly failure?: {
    readonly element: 'failure' | 'error'
    readonly type: string
    readonly message: string
    readonly text: string
  }
}

type Suite = { readonly name: string; readonly cases: readonly Case[] }

export function junitReport(report: TestReport): string {
  const byResource = Map.groupBy(report.tested, each => each.test.routeTest)
  const suites: Suite[] = [
    ...configurationSuite(report),
    ...[...byResource].map(([name, tested]) => ({ name, cases: tested.map(caseOf) })),
    ...coverageSuite(report),
  ]
  const cases = suites.flatMap(each => each.cases)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'weir test', ...countsOf(cases), time: 0 })}>`,
    ...suites.flatMap(suiteLines),
    '</testsuites>',
    '',
  ].join('\n')
}

function caseOf({ test, misses }: Tested): Case {
  const { file, line } = test.place
  const base = { name: test.name, file, line }
  if (misses.length === 0) return base
  const lines = misses.map(missText)
  return {
    ...base,
    failure: {
      element: 'failure',
      type: 'miss',
      message: lines[0],
      text: `${whereText(file, line)}\n${lines.join('\n')}`,
    },
  }
}

const missText = ({ field, expected, got }: Miss): string => `${field}: expected ${expected}, got ${got}`

function configurationSuite({ findings }: TestReport): Suite[] {
  const errors = findings.filter(each => each.severity === 'error')
  return errors.length === 0 ? [] : [{ name: 'configuration', cases: errors.map(errorCase) }]
}

function errorCase({ file, line, column, code, message, hint }: Diagnostic): Case {
  const text = [
    `${file}:${line}:${column}: ${code}: ${message}`,
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ]
  const failure = { element: 'error', type: code, message, text: text.join('\n') } as const
  return { name: `${code} ${file}:${line}:${column}`, file, line, failure }
}

function coverageSuite(report: TestReport): Suite[] {
  const { coverage, minCoverage } = report
  if (coverage === null || minCoverage === null) return []
  const name = `at least ${round(minCoverage)} % of the rules are reached`
  if (isCovered(report)) return [{ name: 'coverage', cases: [{ name }] }]
  const message = `${coverage.reached} of ${coverage.rules} rules are reached: ${round(coverage.percent)} %`
  const unreached = coverage.unreached.map(
    each => `not reached: ${ruleName(each)}  ${whereText(each.file, each.line)}`,
  )
  return [
    {
      name: 'coverage',
      cases: [
        { name, failure: { element: 'failure', type: 'coverage', message, text: unreached.join('\n') } },
      ],
    },
  ]
}

function suiteLines({ name, cases }: Suite): string[] {
  return [
    `  <testsuite${attributes({ name, ...countsOf(cases), skipped: 0, time: 0 })}>`,
    ...cases.flatMap(each => caseLines(name, each)),
    '  </testsuite>',
  ]
}

function caseLines(suite: string, { name, file, line, failure }: Case): string[] {
  const start = `    <testcase${attributes({ classname: suite, name, file, line, time: 0 })}`
  if (!failure) return [`${start}/>`]
  const { element, type, message, text } = failure
  return [
    `${start}>`,
    `      <${element}${attributes({ type, message })}>${escaped(text)}</${element}>`,
    '    </testcase>',
  ]
}

function countsOf(cases: readonly Case[]): { tests: number; failures: number; errors: number } {
  const count = (element: string): number => cases.filter(each => each.failure?.element === element).length
  return { tests: cases.length, failures: count('failure'), errors: count('error') }
}

const attributes = (values: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escaped(String(value)).replace(/[\t\n]/g, reference)}"`)
    .join('')

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/**
 * What XML 1.0 cannot hold even as a reference (section 2.2): controls, half surrogates, U+FFFE and
 * U+FFFF.
 */
const UNWRITABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu

const reference = (character: string): string => `&#${character.charCodeAt(0)};`

const escaped = (text: string): string =>
  text
    .replace(UNWRITABLE, '\uFFFD')
    .replace(/[&<>"']/g, found => ENTITIES[found])
    .replaceAll('\r', reference)
