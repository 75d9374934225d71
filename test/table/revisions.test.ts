/**
 * A part that follows another of its generation answers as a table that was built anew would: on
 * random plans, beside the builder and the naive matcher.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, parseCidr } from '../../src/address/address.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { changeClients } from '../../src/table/build/clients.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { countEndpoints, runOf } from '../../src/table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../src/table/format/endpoints-layout.ts'
import { endpointsOf } from '../../src/table/format/rows.ts'
import {
  openTable,
  readCold,
  readWorkloads,
  type Table,
  withClients,
  withEndpoints,
} from '../../src/table/format/table.ts'
import { match } from '../../src/table/match/match.ts'
import type { Plan, Rule } from '../../src/table/plan/plan.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { runs } from '../support/full.ts'
import { naiveMatch } from '../support/naive-match.ts'
import * as arbitrary from '../support/plans.ts'
import { queryOf, tableOf } from '../support/tables.ts'

const endpoint = fc.record({
  address: arbitrary.address,
  port: fc.integer({ min: 1, max: 65_535 }),
  weight: fc.integer({ min: 1, max: 3 }),
})

/** The part's endpoints of each cluster, as text. */
const rowsOf = (table: Table, { clusters }: Plan) =>
  clusters.map((_, cluster) => {
    const run = runOf(table, cluster)
    const [first, count, equal] = table.endpoints.subarray(run, run + EndpointRun.WORDS)
    const rows = table.endpoints.subarray(first * Endpoint.WORDS, (first + count) * Endpoint.WORDS)
    return { rows: [...rows], equal }
  })

const endpointsOfAll = (plan: Plan) => {
  const table = tableOf(plan)
  return plan.clusters.map((_, cluster) => endpointsOf(table, readCold(table), cluster))
}

test('an endpoints part that follows is, but for its revision, what would be built anew', () => {
  const change = fc.tuple(fc.nat(), fc.array(endpoint, { maxLength: 4 }))
  fc.assert(
    fc.property(arbitrary.plan, fc.array(change, { maxLength: 3 }), (plan, changes) => {
      fc.pre(plan.clusters.length > 0)
      const { slotOf } = new Slots(createSlots(), 1, NO_COUNTS)
      const before = openTable(buildTable(plan, 1, slotOf))
      const first = rowsOf(before, plan)
      const changed = new Map(changes.map(([cluster, list]) => [cluster % plan.clusters.length, list]))
      const clusters = plan.clusters.map((each, cluster) => ({
        ...each,
        endpoints: changed.get(cluster) ?? each.endpoints,
      }))
      const buffer = changeEndpoints(before, changed, slotOf)
      const after = withEndpoints(before, buffer)
      const anew = openTable(buildTable({ ...plan, clusters }, 1, slotOf))
      assert.deepEqual(rowsOf(after, plan), rowsOf(anew, plan))
      assert.equal(countEndpoints(after), countEndpoints(anew))
      assert.deepEqual(rowsOf(before, plan), first, 'who holds the table before sees what it saw')
      assert.equal(after.endpointsRevision, before.endpointsRevision + 1)
      assert.equal(after.rules, before.rules, 'the same view: nothing of the routing part was rebuilt')
      assert.equal(after.buffers.clients, before.buffers.clients)
      assert.deepEqual(
        plan.clusters.map((_, cluster) => endpointsOf(after, readCold(after), cluster)),
        endpointsOfAll({ ...plan, clusters }),
      )
    }),
    { numRuns: runs(300) },
  )
})

test('a clients part that follows lets connections match as the plan with these clients would', () => {
  const connection = fc.record({
    client: arbitrary.address,
    destination: arbitrary.address,
    port: arbitrary.port,
  })
  let matched = 0
  fc.assert(
    fc.property(
      arbitrary.plan,
      arbitrary.plan,
      fc.array(connection, { minLength: 20, maxLength: 20 }),
      (plan, { sources }, connections) => {
        const before = tableOf(plan)
        const buffer = changeClients(before, sources)
        const after = withClients(before, buffer)
        assert.equal(after.shortlists, before.shortlists, 'no rule was rebuilt')
        const known = readWorkloads(before)
        assert.deepEqual(readWorkloads(after).slice(0, known.length), known, 'rows keep their meaning')
        const planned = { ...plan, sources }
        const [gateway] = plan.listeners.map(listener => listener.gateway)
        for (const each of connections) {
          const expected = naiveMatch(planned, { gateway, ...each })
          if (expected.listener < 0) continue
          const query = queryOf(expected.listener, each.client, each.destination, each.port)
          assert.equal(match(after, query), expected.route)
          if (expected.rule) matched++
        }
      },
    ),
    { numRuns: runs(600) },
  )
  assert.ok(matched > 20, `${matched} connections matched a rule`)
})

test('a part of another generation is refused: its rows would mean something else', () => {
  const plan = fc.sample(arbitrary.plan, 1)[0]
  const [one, two] = [tableOf(plan, 1), tableOf(plan, 2)]
  assert.throws(() => withEndpoints(one, two.buffers.endpoints), /endpoints of generation 2/)
  assert.throws(() => withClients(one, two.buffers.clients), /clients of generation 2/)
  assert.throws(() => withEndpoints(one, one.buffers.clients), /it is no endpoints part/)
})

test('clients are found as before though no server name leads to a rule that asks for some', () => {
  const cidr = (text: string) => parseCidr(text) as Cidr
  const ruleFor = (clients: readonly string[], names: readonly string[]): Rule => ({
    origin: { virtualService: 'a/b', block: 'tls', route: 0, match: 0, file: 'a.yaml', line: 1 },
    destinations: [],
    port: 0,
    names,
    clients: clients.map(cidr),
    route: 1,
    never: null,
    source: { namespace: null, labels: {}, visibleTo: null },
  })
  // What asks for c.test is a rule of a server that has b.test only.
  const rules = [ruleFor(['10.0.0.0/8'], ['c.test']), ruleFor(['10.1.0.0/16'], ['b.test'])]
  const scope = { host: '', port: 0, addresses: [], defaultRoute: 0, rules }
  const scopes = [{ ...scope, takes: { names: ['b.test'], plain: false } }]
  const listener = listenerOn(80, 0, { bind: '', reads: 'tls', scopes })
  const plan = planOf([listener], [clusterOf([]), clusterOf([], {}, 'other')])
  const before = tableOf(plan)
  const after = withClients(before, changeClients(before, plan.sources))
  assert.deepEqual(after.clientNodes, before.clientNodes)
})
