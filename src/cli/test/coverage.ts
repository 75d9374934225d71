/**
 * Coverage: which of the rules that can match were reached by a test.
 *
 * A rule that lint has found to be never used (config/lint/review.ts) cannot be reached, so it does
 * not count.
 */

import { reviewPlan } from '../../config/lint/review.ts'
import type { Plan, RuleOrigin } from '../../table/plan/plan.ts'
import { ruleName } from '../../table/plan/rule-name.ts'

export type Coverage = {
  /** Rules that can match. */
  readonly rules: number
  readonly reached: number
  /** 0 – 100; without rules 100. */
  readonly percent: number
  /** In the order of evaluation, listener by listener. */
  readonly unreached: readonly RuleOrigin[]
}

/** @param reached  The rules that decided tests. */
export function coverageOf(plan: Plan, reached: Iterable<RuleOrigin>): Coverage {
  const { verdicts } = reviewPlan(plan)
  const all = plan.listeners.flatMap(({ scopes }) =>
    scopes.flatMap(scope => scope.rules.map(rule => rule.origin)),
  )
  const names = new Set([...reached].map(ruleName))
  const rules = [...new Map(all.map(each => [ruleName(each), each]))].filter(
    ([name, origin]) => names.has(name) || isUsed(verdicts.get(origin)),
  )
  const unreached = rules.filter(([name]) => !names.has(name)).map(([, origin]) => origin)
  const count = rules.length - unreached.length
  return {
    rules: rules.length,
    reached: count,
    percent: rules.length === 0 ? 100 : (100 * count) / rules.length,
    unreached,
  }
}

type Verdict = ReturnType<typeof reviewPlan>['verdicts'] extends ReadonlyMap<RuleOrigin, infer V> ? V : never

const isUsed = (verdict: Verdict | undefined): boolean =>
  verdict === undefined || verdict.fate.kind === 'used'
