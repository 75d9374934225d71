/**
 * Goal: a rule that is reported as never used never is, and a rule that is never used is reported.
 * Method: random rules, compared with the naive matcher; for the second, over all possible
 * questions in a small world.
 *
 * test/support/full.ts sets the number of random plans.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, contains, parseAddress, parseCidr } from '../../src/address/address.ts'
import type { Verdict } from '../../src/config/lint/found.ts'
import { reviewPlan } from '../../src/config/lint/review.ts'
import type { Plan, Rule, RuleOrigin, Scope } from '../../src/table/plan/plan.ts'
import { takesName } from '../../src/table/plan/server-name.ts'
import { enoughRuns, runs } from '../support/full.ts'
import { naiveMatch } from '../support/naive-match.ts'
import * as arbitrary from '../support/plans.ts'
import { splitPlan } from '../support/plans.ts'

const RUNS = runs(400)

const cidr = (text: string): Cidr => parseCidr(text) as Cidr

/**
 * Whether a rule may decide a connection to `destination`, by the server name `asked`, going by
 * what is said of it.
 */
function mayDecide(
  rule: Rule,
  destination: string,
  asked: string | null,
  verdict: Verdict | undefined,
): boolean {
  if (verdict === undefined) return true
  if (verdict.fate.kind !== 'used') return false
  const idle = new Set(verdict.fate.ranges.map(each => each.range))
  const idleNames = new Set(verdict.fate.names.map(each => each.name))
  const { family, words } = parseAddress(destination) as NonNullable<ReturnType<typeof parseAddress>>
  const takes = (name: string) => name === '*' || (!!asked && takesName(name, asked))
  return (
    (rule.destinations.length === 0 ||
      rule.destinations.some((range, index) => !idle.has(index) && contains(range, family, words))) &&
    (!rule.names || rule.names.some((name, index) => !idleNames.has(index) && takes(name)))
  )
}

test('a rule, range or name that is reported as never used never decides a connection', t => {
  const asked = fc.option(arbitrary.serverName)
  const connection = fc.record({
    client: arbitrary.address,
    destination: arbitrary.address,
    port: fc.oneof(arbitrary.port, fc.constant(443)),
    asked,
  })
  let decided = 0
  let reported = 0
  let names = 0
  const check = (
    plan: Plan,
    connections: readonly { client: string; destination: string; port: number; asked: string | null }[],
  ) => {
    const { verdicts } = reviewPlan(plan)
    reported += verdicts.size
    for (const { fate } of verdicts.values())
      if (fate.kind === 'unnamed' || (fate.kind === 'used' && fate.names.length > 0)) names++
    for (const { asked, ...each } of connections) {
      for (const gateway of new Set(plan.listeners.map(listener => listener.gateway))) {
        const { rule } = naiveMatch(plan, {
          gateway,
          ...each,
          isTls: asked !== null,
          serverName: asked ?? '',
        })
        if (!rule) continue
        decided++
        assert.ok(mayDecide(rule, each.destination, asked, verdicts.get(rule.origin)))
      }
    }
  }
  fc.assert(
    fc.property(
      fc.oneof(arbitrary.plan, arbitrary.namedPlan),
      fc.array(connection, { minLength: 300, maxLength: 400 }),
      check,
    ),
    {
      numRuns: RUNS,
    },
  )
  t.diagnostic(`${decided} connections decided by a rule; ${reported} verdicts, ${names} of names`)
  assert.ok(
    decided > RUNS * 10 && reported > RUNS && names > RUNS / 4,
    'the generator must make rules that match, and rules that cannot',
  )
})

/** A world small enough for all questions: a few addresses, clients and identities. */
const NEAR = Array.from({ length: 8 }, (_, index) => [`10.0.0.${index}`, `2001:db8::${index}`]).flat()
const DESTINATIONS = [
  ...NEAR,
  '10.0.0.9',
  '10.0.1.0',
  '10.9.9.9',
  '198.51.100.1',
  '2001:db8::9',
  '192.0.2.1',
  '2001:db8:1::',
]
const CLIENTS = ['203.0.113.1', '172.16.0.1', '172.17.0.1', '192.0.2.7']
const NAMESPACES = ['shop', 'audit', 'other']
const VALUES = [undefined, 'a', 'b', 'other']
const IDENTITIES = NAMESPACES.flatMap(namespace =>
  VALUES.flatMap(app =>
    VALUES.map(tier => ({
      namespace,
      labels: { ...(app === undefined ? {} : { app }), ...(tier === undefined ? {} : { tier }) },
    })),
  ),
)

/** Often `usual`, so that rules have something in common. */
const often = <T>(usual: T, ...rare: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 4 }, { arbitrary: fc.constantFrom(...rare), weight: 1 })

const near = fc
  .tuple(fc.constantFrom(...NEAR.slice(0, 8), ...NEAR), fc.nat(3))
  .map(([address, wider]) => cidr(`${address}/${(address.includes(':') ? 128 : 32) - wider}`))
const far = fc.constantFrom('10.0.0.0/8', '10.0.0.0/23', '0.0.0.0/0', '::/0', '192.0.2.0/24').map(cidr)
const ranges = fc.array(fc.oneof({ arbitrary: near, weight: 5 }, { arbitrary: far, weight: 1 }), {
  maxLength: 3,
})
/**
 * Ranges that never fill one another: what several client ranges cover together is not looked for.
 */
const clients = often<string[]>(
  [],
  ['172.16.0.0/12'],
  ['172.16.0.0/16'],
  ['172.16.0.0/16', '192.0.2.0/24'],
).map(texts => texts.map(cidr))
const labels = often<Record<string, string>>(
  {},
  { app: 'a' },
  { app: 'b' },
  { tier: 'a' },
  { app: 'a', tier: 'a' },
)
const rule: fc.Arbitrary<Rule> = fc.record({
  origin: fc.record({
    virtualService: fc.constant('default/vs'),
    block: fc.constant('tcp' as const),
    route: fc.constant(0),
    match: fc.constant(0),
    file: fc.constant('a.yaml'),
    line: fc.constant(1),
  }) as fc.Arbitrary<RuleOrigin>,
  destinations: ranges,
  port: often(0, 80, 443),
  clients,
  source: fc.record({
    namespace: often<string | null>(null, 'shop', 'audit'),
    labels,
    visibleTo: often<string[] | null>(null, ['shop']),
  }),
  route: fc.constant(0),
  never: often<string | null>(null, 'gateways: another'),
})
const scope: fc.Arbitrary<Scope> = fc.record({
  host: fc.constant('a'),
  port: fc.constantFrom(0, 80),
  addresses: fc
    .constantFrom([], [], ['10.0.0.0/30'], ['10.0.0.5', '2001:db8::/126'])
    .map(texts => texts.map(cidr)),
  rules: fc.array(rule, { minLength: 2, maxLength: 12 }),
  defaultRoute: fc.constant(0),
})

/** The rules that decide any connection at all. */
function deciding(plan: Plan, ports: readonly number[]): Set<RuleOrigin> {
  const found = new Set<RuleOrigin>()
  for (const destination of DESTINATIONS) {
    for (const client of CLIENTS) {
      for (const identity of IDENTITIES) {
        for (const port of ports) {
          const { rule } = naiveMatch(plan, { gateway: 'mesh', client, destination, port, identity })
          if (rule) found.add(rule.origin)
        }
      }
    }
  }
  return found
}

test('of small lists, exactly the rules that no connection reaches are reported', t => {
  let unused = 0
  let together = 0
  const check = (scope: Scope, destination: 'local' | 'original') => {
    const listener = { gateway: 'mesh', bind: '', port: 80, opens: true, destination, scopes: [scope] }
    const plan: Plan = { ...splitPlan([1], 'random'), listeners: [{ ...listener, otherwise: 'deny' }] }
    const { verdicts, incomplete } = reviewPlan(plan)
    const used = deciding(plan, destination === 'local' ? [80] : [80, 443, 9000])
    assert.deepEqual(incomplete, [])
    for (const { origin } of scope.rules) {
      const fate = verdicts.get(origin)?.fate
      assert.equal(fate !== undefined && fate.kind !== 'used', !used.has(origin), fate?.kind ?? 'used')
      if (!used.has(origin)) unused++
      if (fate?.kind === 'taken' && fate.by.length > 1) together++
    }
  }
  fc.assert(fc.property(scope, fc.constantFrom('local' as const, 'original' as const), check), {
    numRuns: RUNS / 2,
  })
  t.diagnostic(`${unused} rules never used, ${together} of them because of several together`)
  if (enoughRuns)
    assert.ok(together > RUNS / 40 && unused > RUNS / 2, 'the generator must make rules that are never used')
})

test('one reported rule names rules that take it between them, and no idle one', () => {
  const check = (scope: Scope) => {
    const listener = {
      gateway: 'mesh',
      bind: '',
      port: 80,
      opens: true,
      destination: 'local',
      scopes: [scope],
    }
    const plan = { ...splitPlan([1], 'random'), listeners: [{ ...listener, otherwise: 'deny' }] } as Plan
    for (const [origin, { fate }] of reviewPlan(plan).verdicts) {
      if (fate.kind !== 'taken' || fate.by.length >= 8) continue
      const own = scope.rules.find(each => each.origin === origin) as Rule
      const only = { ...listener, scopes: [{ ...scope, rules: [...fate.by, own] }], otherwise: 'deny' }
      assert.ok(!deciding({ ...plan, listeners: [only] } as Plan, [80]).has(origin))
    }
  }
  fc.assert(fc.property(scope, check), { numRuns: Math.ceil(RUNS / 4) })
})

test('the same rules at another listener keep a rule used, if it is used there', () => {
  const origin = (route: number): RuleOrigin => ({
    virtualService: 'default/vs',
    block: 'tcp',
    route,
    match: null,
    file: 'a.yaml',
    line: route,
  })
  const make = (route: number, destinations: string[], never: string | null = null): Rule => ({
    origin: origin(route),
    destinations: destinations.map(cidr),
    port: 0,
    clients: [],
    route: 0,
    never,
    source: { namespace: null, labels: {}, visibleTo: null },
  })
  const [wide, narrow] = [make(0, ['10.0.0.0/8']), make(1, ['10.1.0.0/16'])]
  const listener = (port: number, rules: readonly Rule[]) => ({
    gateway: 'mesh',
    bind: '',
    port,
    opens: true,
    destination: 'local' as const,
    otherwise: 'deny' as const,
    scopes: [{ host: 'a', port, addresses: [], rules, defaultRoute: -1 }],
  })
  const review = (listeners: Plan['listeners']) =>
    reviewPlan({ ...splitPlan([1], 'random'), listeners }).verdicts
  assert.equal(review([listener(80, [wide, narrow])]).get(narrow.origin)?.fate.kind, 'taken')
  const elsewhere = { ...wide, never: 'gateways: another' }
  assert.equal(
    review([listener(80, [wide, narrow]), listener(81, [elsewhere, narrow])]).get(narrow.origin),
    undefined,
  )
})
