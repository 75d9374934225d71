// Goal: `ends` is what a worker would count. Method: the workers' own decision, drawn many times,
// on random plans.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseInto } from '../../src/address/address.ts'
import { createDecider, decide } from '../../src/engine/decide/decide.ts'
import { ADMITTED, createDecision } from '../../src/engine/decide/decision.ts'
import { machine } from '../../src/kernel/machine.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { createStats } from '../../src/stats/stats.ts'
import { EARLY_ENDS } from '../../src/table/explain/ends.ts'
import { Explainer } from '../../src/table/explain/explain.ts'
import type { Table } from '../../src/table/format/table.ts'
import { ownListeners } from '../../src/table/match/own-listeners.ts'
import { createQuery } from '../../src/table/match/query.ts'
import type { Cluster, Plan } from '../../src/table/plan/plan.ts'
import { enoughRuns, runs } from '../support/full.ts'
import * as arbitrary from '../support/plans.ts'
import { tableOf } from '../support/tables.ts'

const DRAWS = 40

/** Plans whose four clusters are of any kind, and whose routes draw from two of them. */
const plan = fc
  .record({
    plan: arbitrary.plan,
    kinds: fc.array(fc.constantFrom('static', 'empty', 'named', 'original', 'unknown'), {
      minLength: 4,
      maxLength: 4,
    }),
    second: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
  })
  .map(({ plan, kinds, second }): Plan => {
    const clusters = plan.clusters.map((cluster, index): Cluster => {
      const kind = kinds[index]
      if (kind === 'static') return cluster
      const names = kind === 'named' ? [{ name: 'not-resolved.example', port: 80 }] : []
      const isStatic = kind === 'empty' || kind === 'named'
      return { ...cluster, kind: isStatic ? 'static' : kind, endpoints: [], names }
    })
    const routes = plan.routes.map((route, index) => {
      const clusters = [...new Set([index, second[index]])]
      return { ...route, destinations: clusters.map(cluster => ({ cluster, weight: 1 })) }
    })
    return { ...plan, clusters, routes }
  })

const connection = fc.record({
  client: arbitrary.address,
  destination: fc.oneof(arbitrary.address, fc.constant('127.0.0.1')),
  port: arbitrary.port,
})

const decider = createDecider({
  index: 0,
  stats: createStats(1),
  limits: { maxConnections: 1 },
  world: machine,
})

/** All that workers answered, as reasons; null: it is dialled. */
function drawn(
  table: Table,
  listener: string | null,
  asked: { client: string; destination: string; port: number },
) {
  const query = createQuery()
  query.listener = table.sockets.findIndex(socket => socket.key === listener)
  query.clientFamily = parseInto(asked.client, query.client, 0)
  query.destinationFamily = parseInto(asked.destination, query.destination, 0)
  query.destinationPort = asked.port
  decider.own = ownListeners(table, machine.ownAddresses())
  const results = Array.from({ length: DRAWS }, () => decide(decider, table, query, createDecision()))
  return new Set(results.map(result => (result === ADMITTED ? null : REASON_NAMES[result])))
}

const ELSEWHERE: readonly string[] = [
  'proxy-untrusted',
  'tls-client-certificate',
  'denied-by-policy',
  'no-sni',
  'not-tls',
]

test('a connection ends as explain says, or is dialled where it says nothing', t => {
  const seen = new Map<string | null, number>()
  fc.assert(
    fc.property(plan, fc.array(connection, { minLength: 10, maxLength: 20 }), (plan, connections) => {
      const table = tableOf(plan)
      const explainer = new Explainer(table, {
        own: ownListeners(table, machine.ownAddresses()),
        namesResolved: true,
      })
      for (const each of connections) {
        const said = explainer.answer({
          gateway: plan.listeners[0].gateway,
          source: { ip: each.client },
          destination: { ip: each.destination, port: each.port },
        })
        if (said.listener === null) continue
        const results = drawn(table, said.listener, each)
        const told = said.destinations.map(destination => destination.ends)
        assert.deepEqual(results, new Set(told.length === 0 ? [said.ends] : told))
        assert.equal(said.ends === null, results.has(null))
        seen.set(said.ends, (seen.get(said.ends) ?? 0) + 1)
      }
    }),
    { numRuns: runs(150) },
  )
  t.diagnostic([...seen].map(each => each.join(' ')).join(', '))
  if (enoughRuns)
    assert.deepEqual(
      new Set(seen.keys()),
      // No question has a peer, and no plan reads names: match.test.ts has those. Nor has a plan
      // policies: authorize.test.ts.
      new Set([...EARLY_ENDS.filter(end => !ELSEWHERE.includes(end)), null]),
      'the generator must make every end',
    )
})

test('each is a reason that workers count', () => {
  for (const end of EARLY_ENDS) assert.ok(REASON_NAMES.includes(end), end)
})

test('a name counts as an endpoint until somebody has asked DNS', () => {
  const one: Plan = {
    listeners: [
      {
        gateway: 'default/gw',
        bind: '',
        port: 80,
        opens: true,
        destination: 'local',
        otherwise: 'close',
        scopes: [{ host: '', port: 0, addresses: [], rules: [], defaultRoute: 0 }],
      },
    ],
    sources: [],
    routes: [{ identity: 'a', destinations: [{ cluster: 0, weight: 1 }], split: 'random' }],
    clusters: [
      {
        ...arbitrary.splitPlan([1], 'random').clusters[0],
        names: [{ name: 'backend.example', port: 80 }],
      },
    ],
  }
  const asked = { gateway: 'gw', source: {}, destination: { port: 80 } }
  assert.equal(new Explainer(tableOf(one)).answer(asked).ends, null)
  assert.equal(new Explainer(tableOf(one), { namesResolved: true }).answer(asked).ends, 'no-endpoint')
})
