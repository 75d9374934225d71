/**
 * Whether an answer is what a route test expects.
 *
 * Shares are the configured ones; no destination is picked. A destination without endpoints counts
 * as reached, since routes are often tested without Pods. An undefined destination does not, unless
 * the test expects it.
 */

import type { Expectation } from '../../config/route-tests/route-tests.ts'
import { isSameRule } from '../../config/route-tests/route-tests.ts'
import type { ExplainedDestination, Explanation } from '../../table/explain/explanation.ts'
import { destinationName } from '../../table/plan/destination.ts'
import { type RuleName, ruleName } from '../../table/plan/rule-name.ts'

export type Miss = {
  /** Which part of the expectation. */
  readonly field: 'destination' | 'share' | 'reason' | 'rule'
  readonly expected: string
  readonly got: string
}

/** Shares are sums of quotients of weights. */
const EXACT = 1e-6

/**
 * Half of the last digit that `weir explain` and a miss show of a share: 33.33 is right for one
 * third.
 */
const SHOWN = 0.005 + EXACT

/** 0 and 100 are exact. */
const roundingOf = (percent: number): number => (percent === 0 || percent === 100 ? EXACT : SHOWN)

/** Every difference between `answer` and the expectation; none: the test passes. */
export function judge(expect: Expectation, answer: Explanation): Miss[] {
  return [...judgeRule(expect, answer), ...judgeDestinations(expect, answer), ...judgeReason(expect, answer)]
}

function judgeRule({ rule }: Expectation, answer: Explanation): Miss[] {
  if (rule === null) return []
  const isRight =
    typeof rule === 'string'
      ? answer.rule === null && answer.outcome === rule
      : answer.rule !== null && isSameRule(rule, answer.rule)
  return isRight ? [] : [{ field: 'rule', expected: wantedRule(rule), got: ruleOf(answer) }]
}

export const wantedRule = (rule: RuleName | string): string =>
  typeof rule === 'string' ? rule : ruleName(rule)

/** The rule that decided, or what happened without one. */
export const ruleOf = ({ rule, outcome }: Explanation): string => (rule ? ruleName(rule) : outcome)

function judgeDestinations(expect: Expectation, { destinations, outcome }: Explanation): Miss[] {
  if (!isAboutDestination(expect)) return []
  const chosen = chosenOf(expect, destinations)
  const percent = shareOf(chosen)
  const wanted = wantedDestination(expect)
  const got = destinations.length === 0 ? outcome : destinations.map(gotText).join(', ')
  if (expect.share) {
    const { share } = expect
    const within = share.within === 0 ? '' : ` ± ${round(share.within)}`
    if (Math.abs(percent - share.percent) > share.within + roundingOf(share.percent))
      return [{ field: 'share', expected: `${round(share.percent)}${within} % of ${wanted}`, got }]
  } else if (percent === 0) return [{ field: 'destination', expected: wanted, got }]
  const lost = expect.reason === null ? chosen.find(each => each.share > 0 && isLost(each)) : undefined
  return lost ? [{ field: 'destination', expected: wanted, got: gotText(lost) }] : []
}

/** The end reason of the expected destination, or of the connection if the test names none. */
function judgeReason(expect: Expectation, answer: Explanation): Miss[] {
  const { reason } = expect
  if (reason === null) return []
  const chosen = isAboutDestination(expect)
    ? chosenOf(expect, answer.destinations).filter(each => each.share > 0)
    : null
  if (chosen?.length === 0) return [] // the missing destination is reported already
  const reasons = chosen?.map(each => each.ends) ?? [answer.ends]
  const other = reasons.find(each => each !== reason)
  return other === undefined ? [] : [{ field: 'reason', expected: reason, got: other ?? 'it is served' }]
}

const isAboutDestination = ({ destination, port, subset, share }: Expectation): boolean =>
  destination !== null || port !== null || subset !== null || share !== null

function chosenOf(
  expect: Expectation,
  destinations: readonly ExplainedDestination[],
): ExplainedDestination[] {
  const { destination, port, subset } = expect
  return destinations.filter(
    each =>
      (destination === null || each.host === destination) &&
      (port === null || each.port === port) &&
      (subset === null || each.subset === subset),
  )
}

/** Whether connections to a destination would be reset even with endpoints. */
const isLost = ({ ends }: ExplainedDestination): boolean => ends === 'unknown-destination' || ends === 'loop'

/** In percent. */
const shareOf = (destinations: readonly ExplainedDestination[]): number =>
  destinations.reduce((sum, each) => sum + each.share, 0) * 100

const wantedDestination = ({ destination, port, subset }: Expectation): string =>
  destinationName({ host: destination ?? 'any host', port, subset })

/** "80 % a.shop:9000 subset prod (reset, unknown-destination)". */
function gotText(destination: ExplainedDestination): string {
  const { share, ends } = destination
  return `${round(share * 100)} % ${destinationName(destination)}${ends === null ? '' : ` (reset, ${ends})`}`
}

export const round = (value: number): string => String(Number(value.toFixed(2)))
