/**
 * Goal: a rule is found by its row, and read by its index, as if all rules of the table were read,
 * whether somebody has asked for all of them or not.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Generations } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable, readCold } from '../../src/table/format/table.ts'
import type { Plan, Rule } from '../../src/table/plan/plan.ts'
import { runs } from '../support/full.ts'
import * as arbitrary from '../support/plans.ts'

const NOBODY = { endpoint: '', listener: -1, scope: -1, route: -1, cluster: -1, instead: -1, workload: -1 }

/** The same rules of several VirtualServices in several files. */
const ofSeveral = (plan: Plan): Plan => ({
  ...plan,
  listeners: plan.listeners.map(listener => ({
    ...listener,
    scopes: listener.scopes.map(scope => ({ ...scope, rules: scope.rules.map(ofAny) })),
  })),
})
const ofAny = (rule: Rule): Rule => ({
  ...rule,
  origin: {
    ...rule.origin,
    virtualService: `default/v${rule.origin.line % 3}`,
    file: `${rule.origin.route % 2}.yaml`,
  },
})

test('rules are found by their rows, and read one by one', () => {
  let found = 0
  const plans = fc.oneof(arbitrary.plan, arbitrary.namedPlan, arbitrary.crowdedPlan).map(ofSeveral)
  fc.assert(
    fc.property(plans, plan => {
      const buffers = buildTable(plan, 1, () => 0)
      const table = openTable(buffers)
      const generations = new Generations(new LiveConnections([]))
      generations.add(buffers)
      const [one, all] = [readCold(table), readCold(table)]
      const byRow = new Map(all.scopes.flatMap(({ rules }) => rules.map(({ row, origin }) => [row, origin])))
      byRow.delete(-1)
      for (let row = 0; row < table.rules.length; row++) {
        const { rule } = generations.seriesName({ ...NOBODY, generation: 1, rule: row })
        deepEqual(rule, byRow.get(row) ?? null)
        if (rule) found++
      }
      for (const [index, { columns }] of one.scopes.entries()) {
        const written = plan.listeners.flatMap(({ scopes }) => scopes)[index]
        const { rules } = all.scopes[index]
        equal(columns.count, written.rules.length)
        deepEqual(
          Array.from({ length: columns.count }, (_, at) => columns.at(at)),
          rules,
        )
        deepEqual(
          rules.map(({ origin, never, names }) => ({ origin, never, names })),
          written.rules.map(({ origin, never, names }) => ({ origin, never, names })),
        )
      }
    }),
    { numRuns: runs(300) },
  )
  ok(found > 200, `only ${found} rules were found`)
})
