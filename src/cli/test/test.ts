/**
 * `weir test`: routes as tested code.
 *
 * The configuration is compiled as for serving, and the table that workers would read answers each
 * test (table/explain/explain.ts). RouteTests are read beside it
 * (config/route-tests/route-tests.ts); what their answers should be is compared in judge.ts.
 */

import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import { renderText } from '../../config/findings/render.ts'
import { loadConfig } from '../../config/load.ts'
import type { RouteTest } from '../../config/route-tests/route-tests.ts'
import { readSources, type Sources } from '../../source/files/files.ts'
import { buildTable } from '../../table/build/builder.ts'
import { Explainer } from '../../table/explain/explain.ts'
import { openTable } from '../../table/format/table.ts'
import type { Plan, RuleOrigin } from '../../table/plan/plan.ts'
import { sourcesOf } from '../check.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import { coverageOf } from './coverage.ts'
import { jsonReport } from './json.ts'
import { judge } from './judge.ts'
import { junitReport } from './junit.ts'
import { isOk, type Tested, type TestReport } from './report.ts'
import { tableReport } from './table.ts'

/** Misses that name the rules that were passed over, which takes a scan of all rules. */
const TOLD_MAX = 100

export type TestFormat = 'table' | 'junit' | 'json'

export type TestFlags = {
  readonly format?: TestFormat
  /** Another name of `format`. */
  readonly output?: TestFormat
  /** In percent. */
  readonly minCoverage?: number
}

export function test(sources: Sources, flags: TestFlags, env: Env): number {
  const { files, unread } = readSources(sources)
  const { plan, diagnostics, routeTests } = loadConfig(files, {
    names: new Map(),
    unread,
    from: sources.paths[0],
    routeTests: true,
    objects: sources.objects,
  })
  const isTold = routeTests.length === 0 ? isAboutFiles : isAboutTests
  const findings = diagnostics.filter(each => each.severity === 'error' || isTold(each))
  const report: TestReport = { ...run(plan, routeTests), minCoverage: flags.minCoverage ?? null, findings }
  if (findings.length > 0) {
    const colours = wantsColours(env, env.stderr)
    env.stderr.write(`${renderText(findings, { sourceOf: sourcesOf(files), colours })}\n`)
  }
  if (plan && routeTests.length === 0) env.stderr.write('error: no RouteTest found: nothing to test\n')
  env.stdout.write(textOf(report, flags.format ?? flags.output ?? 'table', wantsColours(env, env.stdout)))
  return isOk(report) ? Exit.ok : Exit.failed
}

const isAboutTests = ({ resource }: Diagnostic): boolean => resource?.startsWith('RouteTest ') === true

/**
 * A hint why no test was read: there are no files, or they lie in folders that weir does not read.
 */
const isAboutFiles = ({ code }: Diagnostic): boolean => code === 'CFG014' || code === 'CFG015'

function run(plan: Plan | null, tests: readonly RouteTest[]): Pick<TestReport, 'tested' | 'coverage'> {
  if (plan === null) return { tested: [], coverage: null }
  const explainer = new Explainer(openTable(buildTable(plan, 1, () => 0)))
  const told = { left: TOLD_MAX }
  const tested = tests.map(each => runOne(each, explainer, told))
  const reached = tested.map(each => each.answer.rule).filter((rule): rule is RuleOrigin => rule !== null)
  return { tested, coverage: coverageOf(plan, reached) }
}

/** Only misses list the rules that were passed over, and only the first of them. */
function runOne(test: RouteTest, explainer: Explainer, told: { left: number }): Tested {
  const answer = explainer.answer(test.question, 0)
  const misses = judge(test.expect, answer)
  if (misses.length === 0 || told.left-- <= 0) return { test, misses, answer }
  return { test, misses, answer: explainer.answer(test.question) }
}

function textOf(report: TestReport, format: TestFormat, colours: boolean): string {
  if (format === 'json') return jsonReport(report)
  return format === 'junit' ? junitReport(report) : tableReport(report, colours)
}
