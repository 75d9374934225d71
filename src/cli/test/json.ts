/** The report of `weir test` for programs; docs/testing-routes.md shows its shape. */

import { safeJson, toReport } from '../../config/findings/render.ts'
import type { Expectation } from '../../config/route-tests/route-tests.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { ruleOf, wantedRule } from './judge.ts'
import { isOk, type Tested, type TestReport } from './report.ts'

export function jsonReport(report: TestReport): string {
  const { tested, coverage, minCoverage, findings } = report
  const misses = tested.filter(each => each.misses.length > 0).length
  const value = {
    ok: isOk(report),
    valid: coverage !== null,
    summary: { tests: tested.length, passed: tested.length - misses, missed: misses },
    coverage: coverage && {
      rules: coverage.rules,
      reached: coverage.reached,
      percent: Number(coverage.percent.toFixed(2)),
      minimum: minCoverage,
      unreached: coverage.unreached.map(each => ({ rule: ruleName(each), file: each.file, line: each.line })),
    },
    tests: tested.map(toJson),
    messages: toReport(findings).messages,
  }
  return `${safeJson(value)}\n`
}

function toJson({ test, answer, misses }: Tested): object {
  const { routeTest, name, place, question, expect } = test
  const { outcome, ends, listener, client, destinations } = answer
  return {
    routeTest,
    name,
    ...place,
    passed: misses.length === 0,
    misses,
    connection: question,
    expect: toWritten(expect),
    got: {
      rule: ruleOf(answer),
      outcome,
      ends,
      listener,
      client,
      destinations: destinations.map(({ host, port, subset, share, ends }) => ({
        host,
        port,
        subset,
        percent: Number((share * 100).toFixed(4)),
        ends,
      })),
    },
  }
}

/** The expectation, with complete names. */
function toWritten({ rule, ...expect }: Expectation): object {
  const given = { ...expect, rule: rule === null ? null : wantedRule(rule) }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}
