/** Who may connect, in the plans of a run: AuthorizationPolicies, and limits for each source. */

import { parseCidr } from '../../src/address/address.ts'
import type { AccessPolicy, AccessRule, PlannedLimit, Test } from '../../src/table/plan/access.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import type { Dice } from './dice.ts'
import { NAMES } from './hellos.ts'

export type AccessOptions = {
  readonly policies?: boolean
  /** Sources of connections have limits. */
  readonly perSource?: boolean
}

/** Where clients are: all of them, many, and few. */
const CLIENTS = ['10.0.0.0/24', '10.0.0.0/25', '10.0.0.64/26', '10.0.0.192/26', 'fd00::/120', 'fd00::/121']
const DESTINATIONS = ['10.1.0.1/32', '10.1.0.2/32', 'fd00:1::/64']
/** So that a plan has one of the two limits, or both. */
const LIMITED = [[0], [1], [0, 1]] as const

/** The plan, with what the run is about; without that no dice are thrown. */
export function withAccess(plan: Plan, dice: Dice, { policies, perSource }: AccessOptions): Plan {
  if (!policies && !perSource) return plan
  const some = Array.from({ length: policies ? dice.between(1, 4) : 0 }, (_, index) =>
    drawPolicy(dice, index),
  )
  const limits = perSource ? ['', 'test/own'].map(gateway => drawLimit(dice, gateway)) : []
  return {
    ...plan,
    policies: some,
    limits,
    listeners: plan.listeners.map(each => ({
      ...each,
      policies: [...some.keys()].filter(() => dice.chance(0.6)),
      limits: perSource && dice.chance(0.8) ? dice.pick(LIMITED) : [],
    })),
  }
}

const drawLimit = (dice: Dice, gateway: string): PlannedLimit => ({
  gateway,
  connections: dice.pick([1, 2, 3, 8]),
  rate: dice.pick([0, 0, 0, 2, 20]),
  burst: dice.between(1, 6),
  prefix4: dice.pick([24, 26, 32]),
  prefix6: dice.pick([64, 122, 128]),
})

function drawPolicy(dice: Dice, index: number): AccessPolicy {
  const action = dice.pick(['DENY', 'DENY', 'ALLOW', 'AUDIT'] as const)
  return {
    name: `test/policy-${index}`,
    action,
    dryRun: dice.chance(0.15),
    rules: Array.from({ length: dice.between(1, action === 'ALLOW' ? 4 : 2) }, () => drawRule(dice)),
    file: 'a.yaml',
    line: index + 1,
  }
}

const drawRule = (dice: Dice): AccessRule => ({
  never: null,
  from: Array.from({ length: dice.between(1, 2) }, () => [drawClient(dice)]),
  to: dice.chance(0.3)
    ? [[{ field: 'ports', not: dice.chance(0.3), of: 'port', ports: [dice.pick([80, 81, 82])] }]]
    : [],
  when: dice.chance(0.3) ? [drawCondition(dice)] : [],
})

const drawClient = (dice: Dice): Test =>
  dice.chance(0.2)
    ? {
        field: 'namespaces',
        not: false,
        of: 'namespace',
        patterns: [dice.pick(['shop', 'ba*'])],
        isKnown: true,
      }
    : drawRange(dice, dice.pick(['peer', 'client'] as const), CLIENTS)

const drawCondition = (dice: Dice): Test =>
  dice.chance(0.5)
    ? drawRange(dice, 'destination', DESTINATIONS)
    : {
        field: 'connection.sni',
        not: dice.chance(0.5),
        of: 'serverName',
        patterns: [dice.pick([...NAMES, '*.test'])],
      }

const drawRange = (dice: Dice, of: 'peer' | 'client' | 'destination', ranges: readonly string[]): Test => ({
  field: of,
  not: dice.chance(0.15),
  of,
  cidrs: [parseCidr(dice.pick(ranges))].filter(each => each !== null),
})
