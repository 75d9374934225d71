/**
 * Goal: a table that is built after others has the bytes of one that is built alone, whatever has
 * changed; and the classifier is built anew only if what rules ask for has.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Cidr } from '../../src/address/address.ts'
import { BuildMemory, buildTable } from '../../src/table/build/builder.ts'
import { RulesPacker } from '../../src/table/format/cold-rules.ts'
import type { Listener, Plan, Rule, Scope } from '../../src/table/plan/plan.ts'
import { rangeOf } from '../support/addresses.ts'
import { runs } from '../support/full.ts'
import * as arbitrary from '../support/plans.ts'

const PLANS = runs(1_500)

/** One of the list, in place of itself: several, another, or none. */
type Edit = { readonly at: number; readonly kind: 'drop' | 'double' | 'swap' | 'other' }
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('drop', 'double', 'swap', 'other'),
})

function edited<Item>(list: readonly Item[], { at, kind }: Edit, other: (item: Item) => Item): Item[] {
  if (list.length === 0) return []
  const index = at % list.length
  const item = list[index]
  const next = list[(index + 1) % list.length]
  const instead = { drop: [], double: [item, item], swap: [next, item], other: [other(item)] }[kind]
  return [...list.slice(0, index), ...instead, ...list.slice(index + 1)]
}

/** The same of ranges, of which none means any. */
const editedRanges = (list: readonly Cidr[], edit: Edit, other: Cidr): Cidr[] =>
  list.length === 0 ? [other] : edited(list, edit, () => other)

/** A change of something that the classifier has, or of what it has not. */
const change: fc.Arbitrary<(plan: Plan) => Plan> = fc
  .record({
    edit,
    listener: fc.nat(),
    scope: fc.nat(),
    what: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5, 6, 7, 9),
    by: fc.nat(3),
  })
  .map(({ edit, listener, scope, what, by }) => {
    const other = rangeOf(`10.${by}.0.0/16`)
    const inListener = (change: (one: Listener) => Listener) => (plan: Plan) => ({
      ...plan,
      listeners: plan.listeners.map((each, at) =>
        at === listener % plan.listeners.length ? change(each) : each,
      ),
    })
    const inScope = (change: (one: Scope) => Scope) =>
      inListener(each => ({
        ...each,
        scopes: each.scopes.map((one, at) => (at === scope % each.scopes.length ? change(one) : one)),
      }))
    const inRules = (other: (rule: Rule) => Rule) =>
      inScope(one => ({ ...one, rules: edited(one.rules, edit, other) }))
    return [
      (plan: Plan) => ({ ...plan, sources: edited(plan.sources, edit, each => each) }),
      (plan: Plan) => ({ ...plan, routes: plan.routes.toReversed() }),
      (plan: Plan) => ({
        ...plan,
        clusters: plan.clusters.map(each => ({ ...each, host: `${by}-${each.host}` })),
      }),
      inRules(rule => ({ ...rule, route: by })),
      inRules(rule =>
        by < 2 ? { ...rule, port: 80 + by } : { ...rule, source: { ...rule.source, namespace: `n${by}` } },
      ),
      inRules(rule => ({ ...rule, clients: editedRanges(rule.clients, edit, other) })),
      inRules(rule => ({ ...rule, destinations: editedRanges(rule.destinations, edit, other) })),
      inScope(one => ({ ...one, addresses: editedRanges(one.addresses, edit, other) })),
      inRules(rule => (rule.names ? { ...rule, names: [`*.${'abcd'[by]}`] } : rule)),
      inScope(one => ({ ...one, defaultRoute: by, defaults: [], port: by === 0 ? one.port : 80 })),
      inRules(rule => ({ ...rule, never: rule.never === null ? 'never' : null })),
    ][what]
  })

function bytesOf(plan: Plan, memory?: BuildMemory): string[] {
  const { routing, endpoints, clients } = buildTable(plan, 7, () => 0, memory)
  return [routing, endpoints, clients].map(each => Buffer.from(new Uint8Array(each)).toString('base64'))
}

test('a table after others has the bytes of one alone', t => {
  let [built, reused, rules, kept] = [0, 0, 0, 0]
  const plans = fc.oneof(arbitrary.plan, arbitrary.namedPlan, arbitrary.crowdedPlan)
  fc.assert(
    fc.property(plans, fc.array(change, { minLength: 1, maxLength: 6 }), (first, changes) => {
      const memory = new BuildMemory()
      let plan = first
      deepEqual(bytesOf(plan, memory), bytesOf(plan))
      for (const change of changes) {
        plan = change(plan)
        deepEqual(bytesOf(plan, memory), bytesOf(plan))
        built++
        for (const { scopes } of plan.listeners) for (const scope of scopes) rules += scope.rules.length
      }
      reused += memory.reused
      kept += memory.rules
    }),
    { numRuns: PLANS },
  )
  t.diagnostic(`${built} tables, ${reused} with the classifier of the one before`)
  t.diagnostic(`${kept} of ${rules} rules with the row of the one before`)
  ok(reused > built / 5 && reused < built * 0.9, 'the generator must make changes of both kinds')
  ok(kept > rules / 3, 'many rows must be taken over')
})

test('where rules lead, and who clients are, builds no classifier', () => {
  const [plan] = fc.sample(arbitrary.crowdedPlan, 1)
  const memory = new BuildMemory()
  bytesOf(plan, memory)
  bytesOf({ ...plan, routes: plan.routes.toReversed() }, memory)
  bytesOf({ ...plan, sources: [] }, memory)
  equal(memory.reused, 2)
  const [listener] = plan.listeners
  bytesOf({ ...plan, listeners: [listener, { ...listener, gateway: 'default/another', port: 1 }] }, memory)
  equal(memory.reused, 2)
})

test('any number of rules that can never match are taken over', () => {
  const rules = 200_000
  const origin = { virtualService: 'a/b', block: 'tcp', route: 0, match: null, file: 'f', line: 1 } as const
  const [packer, copy] = [new RulesPacker(rules), new RulesPacker(rules)]
  for (let rule = 0; rule < rules; rule++) packer.add(origin, 'never', -1, undefined)
  const packed = packer.finish()
  deepEqual(copy.copy(packed, 0, rules, 7), { firstRow: 0, count: 0 })
  equal(copy.finish().never.length, rules)
})

test('rules keep their rows where others before them come, go or lead elsewhere', () => {
  const [first] = fc.sample(arbitrary.crowdedPlan, { numRuns: 1, seed: 1 })
  const [listener] = first.listeners
  const [rule] = listener.scopes.flatMap(each => each.rules)
  /** Of so many rules, whose conditions are few and whose routes have moved. */
  const planOf = (rules: number, from: number): Plan => ({
    ...first,
    listeners: [
      {
        ...listener,
        scopes: [
          {
            ...listener.scopes[0],
            defaults: [],
            rules: Array.from({ length: rules }, (_, at) => ({ ...many[from + at], route: (from + at) % 2 })),
          },
        ],
      },
    ],
    routes: [first.routes[0], first.routes[0]],
  })
  const many = Array.from({ length: 40 }, (_, at) => ({
    ...rule,
    never: at % 7 === 3 ? 'never' : null,
    destinations: at % 5 === 0 ? [] : [rangeOf(`10.${at}.0.0/16`)],
    clients: at % 3 === 0 ? [rangeOf(`10.0.${at}.0/24`)] : [],
    source: { namespace: at % 4 === 0 ? `n${at % 3}` : null, labels: {}, visibleTo: null },
    origin: { ...rule.origin, virtualService: `default/v${at >> 3}`, route: at, line: at },
  }))
  const memory = new BuildMemory()
  for (const [rules, from] of [
    [30, 0],
    [29, 1],
    [30, 0],
    [40, 0],
    [38, 2],
    [1, 39],
    [40, 0],
  ]) {
    const plan = planOf(rules, from)
    deepEqual(bytesOf(plan, memory), bytesOf(plan))
  }
  ok(memory.rules > 100, `${memory.rules} rows were taken over`)
})
