/**
 * Shares that several gateways have delivered together.
 *
 * The bands are those of one gateway (control/observe/share-verdict.ts) over the summed counts:
 * random splits of replicas are one random split. An exact split is exact on each replica, to less
 * than one connection, so N of them are to less than N, and what may be under way on their workers.
 * Sticky splits are judged by clients, who may come to several replicas: of these only the
 * connections are summed.
 */

import { chances, type DeliveredShare, deliveredShare } from '../../control/observe/share-verdict.ts'
import { destinationName } from '../../table/plan/destination.ts'
import type { Split } from '../../table/plan/plan.ts'
import { SPLITS } from '../../table/plan/plan.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import type { ReplicaSummary, WeightedRule } from './replica.ts'

type Counted = {
  readonly summary: Pick<ReplicaSummary, 'workers'>
  readonly rules: readonly WeightedRule[]
}

export type FleetRule = {
  readonly rule: string
  readonly split: Split | null
  readonly connections: number
  /** exact: connections are off by less than this; null: another split. */
  readonly exactTo: number | null
  readonly destinations: readonly {
    readonly destination: string
    readonly configuredShare: number | null
    readonly connections: number
    readonly deliveredShare: DeliveredShare | null
  }[]
}

/** Rules between two pieces of the work. */
const STEP = 64

/** @param replicas  Of one configuration. */
export function* fleetShares(replicas: readonly Counted[]): Generator<void, FleetRule[]> {
  const byRule = new Map<string, WeightedRule[]>()
  let all = 0
  for (const { rules } of replicas)
    for (const [index, each] of rules.entries()) {
      const known = byRule.getOrInsertComputed(ruleName(each.rule), () => [])
      if (known.push(each) === 1) all += chances(splitOf(each), each.destinations.length)
      if (index % STEP === 0) yield
    }
  const looks = { chances: all, underWay: replicas.reduce((sum, each) => sum + 1 + each.summary.workers, 0) }
  const found: FleetRule[] = []
  for (const [rule, rules] of byRule) {
    found.push(ruleOf(rule, rules, splitOf(rules[0]), looks))
    yield
  }
  return found
}

const splitOf = ({ split }: WeightedRule): Split | null => SPLITS.find(each => each === split) ?? null

function ruleOf(
  rule: string,
  rules: readonly WeightedRule[],
  split: Split | null,
  looks: { readonly chances: number; readonly underWay: number },
): FleetRule {
  const byName = Map.groupBy(
    rules.flatMap(each => each.destinations),
    each => destinationName(each),
  )
  const counts = [...byName].map(([destination, each]) => ({
    destination,
    configuredShare: each[0].configuredShare,
    connections: each.reduce((sum, one) => sum + one.connections, 0),
  }))
  const connections = counts.reduce((sum, each) => sum + each.connections, 0)
  return {
    rule,
    split,
    connections,
    exactTo: split === 'exact' ? rules.length : null,
    destinations: counts.map(each => ({
      ...each,
      deliveredShare:
        split === 'sticky'
          ? null
          : deliveredShare(each.connections, connections, each.configuredShare, split, looks),
    })),
  }
}
