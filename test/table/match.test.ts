/**
 * The matcher of the data plane against the naive one, on random plans and connections.
 *
 * test/support/full.ts sets the number of plans.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rulesPlan } from '../../bench/generate-plans.ts'
import { type Cidr, parseCidr } from '../../src/address/address.ts'
import { explain } from '../../src/table/explain/explain.ts'
import { DIRECTORY_MAX, Part, PartRule } from '../../src/table/format/classifier-layout.ts'
import { NO_ROUTE } from '../../src/table/format/outcome.ts'
import { readCold, type Table } from '../../src/table/format/table.ts'
import { match } from '../../src/table/match/match.ts'
import type { Plan, Rule } from '../../src/table/plan/plan.ts'
import { enoughRuns, runs } from '../support/full.ts'
import { naiveMatch } from '../support/naive-match.ts'
import * as arbitrary from '../support/plans.ts'
import { splitPlan } from '../support/plans.ts'
import { queryOf, tableOf } from '../support/tables.ts'

const PLANS = runs(4500)

const connection = fc.record({
  client: arbitrary.address,
  destination: arbitrary.address,
  port: arbitrary.port,
})

/** How often tables and connections were of the kind that a test is about. */
type Seen = { pairs: number; matched: number; inParts: number; inLargeParts: number }
const nothingSeen = (): Seen => ({ pairs: 0, matched: 0, inParts: 0, inLargeParts: 0 })

function assertSame(
  plan: Plan,
  connections: readonly { client: string; destination: string; port: number }[],
  seen: Seen,
) {
  const table = tableOf(plan)
  const hasLarge = hasLargePart(table)
  const cold = readCold(table)
  const origins = cold.scopes.flatMap(scope => scope.rules.filter(rule => rule.row >= 0))
  for (const each of connections) {
    const [gateway] = plan.listeners.map(listener => listener.gateway)
    const expected = naiveMatch(plan, { gateway, ...each })
    if (expected.listener < 0) continue
    const query = queryOf(expected.listener, each.client, each.destination, each.port)
    assert.equal(match(table, query), expected.route)
    const origin = origins.find(rule => rule.row === query.rule)?.origin ?? null
    assert.deepEqual(origin, expected.rule?.origin ?? null)
    seen.pairs++
    if (query.rule >= 0) seen.matched++
    if (table.parts.length > 0) seen.inParts++
    if (hasLarge) seen.inLargeParts++
  }
}

test('the matcher decides as the naive one does, for plans and connections of both families', t => {
  const seen = nothingSeen()
  fc.assert(
    fc.property(
      arbitrary.plan,
      fc.array(connection, { minLength: 300, maxLength: 400 }),
      (plan, connections) => assertSame(plan, connections, seen),
    ),
    { numRuns: PLANS },
  )
  t.diagnostic(`${seen.pairs} connections, ${seen.matched} of them matched a rule`)
  assert.ok(seen.matched > seen.pairs / 20, 'the generator must make rules that match')
})

test('the matcher decides as the naive one does where more rules can match than a shortlist holds', t => {
  const seen = nothingSeen()
  fc.assert(
    fc.property(
      arbitrary.crowdedPlan,
      fc.array(connection, { minLength: 300, maxLength: 400 }),
      (plan, connections) => assertSame(plan, connections, seen),
    ),
    { numRuns: Math.ceil(PLANS / 5) },
  )
  t.diagnostic(
    `${seen.pairs} connections, ${seen.matched} of them matched a rule, ${seen.inParts} needed parts`,
  )
  assert.ok(seen.matched > seen.pairs / 5, 'the generator must make rules that match')
  assert.ok(seen.inParts > seen.pairs / 5, 'the generator must make shortlists that would be long')
  assert.ok(seen.inParts < (seen.pairs * 19) / 20, 'the generator must make shortlists that are not')
})

test('the matcher decides as the naive one does where many rules ask the same of the client', t => {
  const seen = nothingSeen()
  fc.assert(
    fc.property(
      arbitrary.hugePlan,
      fc.array(connection, { minLength: 300, maxLength: 400 }),
      (plan, connections) => assertSame(plan, connections, seen),
    ),
    { numRuns: Math.ceil(PLANS / 25) },
  )
  t.diagnostic(
    `${seen.pairs} connections, ${seen.matched} of them matched a rule, ${seen.inLargeParts} by large parts`,
  )
  assert.ok(seen.matched > seen.pairs / 5, 'the generator must make rules that match')
  if (enoughRuns) assert.ok(seen.inLargeParts > seen.pairs / 2, 'the generator must make large parts')
})

/** Connections to one of the gateways on port 443, and to the mesh, by clients of each kind. */
const namedConnection = fc
  .record({
    client: arbitrary.address,
    destination: arbitrary.address,
    asks: fc.option(arbitrary.serverName, { freq: 8 }),
    gateway: fc.constantFrom('mesh', 'default/gw-0', 'default/gw-1'),
  })
  .map(({ asks, gateway, ...each }) => ({
    ...each,
    gateway,
    port: gateway === 'mesh' ? 80 : 443,
    isTls: asks !== null,
    serverName: asks ?? '',
  }))

test('the matcher decides by server names as the naive one does', t => {
  let [pairs, matched, unserved, elsewhere] = [0, 0, 0, 0]
  fc.assert(
    fc.property(
      arbitrary.namedPlan,
      fc.array(namedConnection, { minLength: 200, maxLength: 300 }),
      (plan, connections) => {
        const table = tableOf(plan)
        const rules = readCold(table).scopes.flatMap(scope => scope.rules.filter(rule => rule.row >= 0))
        for (const each of connections) {
          const asked = plan.listeners.findIndex(listener => listener.gateway === each.gateway)
          if (asked < 0) continue
          const expected = naiveMatch(plan, each)
          const query = queryOf(asked, each.client, each.destination, each.port, each)
          assert.equal(match(table, query), expected.route)
          assert.equal(query.listener, expected.listener)
          const origin = rules.find(rule => rule.row === query.rule)?.origin ?? null
          assert.deepEqual(origin, expected.rule?.origin ?? null)
          pairs++
          if (query.rule >= 0) matched++
          if (query.scope < 0) unserved++
          if (query.listener !== asked) elsewhere++
        }
      },
    ),
    { numRuns: Math.ceil(PLANS / 3) },
  )
  t.diagnostic(`${pairs} connections, ${matched} matched a rule, ${unserved} no server`)
  assert.ok(matched > pairs / 10, 'the generator must make rules that match')
  assert.ok(unserved > pairs / 20, 'the generator must make names that nobody takes')
  assert.ok(elsewhere > pairs / 50, "the generator must make names that another Gateway's server takes")
})

/** Whether a part has more rules than are listed. */
function hasLargePart({ parts }: Table): boolean {
  for (let at = 0; at < parts.length; ) {
    const count = parts[at + Part.count]
    if (count === 0) return true
    at += Part.WORDS + count * PartRule.WORDS
  }
  return false
}

test('explain decides as the matcher does, and says why of every rule before', () => {
  const local = arbitrary.plan.map(plan => ({
    ...plan,
    listeners: plan.listeners.map(each => ({ ...each, destination: 'local' as const })),
  }))
  fc.assert(
    fc.property(local, connection, (plan: Plan, each) => {
      const [{ gateway }] = plan.listeners
      const expected = naiveMatch(plan, { gateway, ...each })
      const said = explain(tableOf(plan), {
        gateway,
        source: { ip: each.client },
        destination: { ip: each.destination, port: each.port },
      })
      assert.equal(said.listener === null, expected.listener < 0)
      assert.deepEqual(said.rule, expected.rule?.origin ?? null)
      assert.equal(said.outcome === 'no-route', expected.route === NO_ROUTE)
      assert.ok(said.rejected.every(rule => rule.because !== ''))
    }),
    { numRuns: runs(500) },
  )
})

test('without a destination address explain assumes the only service on the port, and no other', () => {
  const scope = (host: string, cidr: string, route: number) => ({
    host,
    port: 80,
    addresses: [parseCidr(cidr) as Cidr],
    rules: [],
    defaultRoute: route,
  })
  const mesh = (scopes: Plan['listeners'][number]['scopes']): Plan => ({
    ...splitPlan([1], 'random'),
    listeners: [
      { gateway: 'mesh', bind: '', port: 80, opens: true, destination: 'local', scopes, otherwise: 'deny' },
    ],
  })
  const asked = { gateway: 'mesh', source: {}, destination: { port: 80 } }
  const one = explain(tableOf(mesh([scope('a', '10.0.0.1', 0)])), asked)
  assert.equal(one.outcome, 'default')
  const two = explain(tableOf(mesh([scope('a', '10.0.0.1', 0), scope('b', '10.0.0.2', 0)])), asked)
  assert.equal(two.outcome, 'denied')
})

/** A rule for a port (0: any) and a prefix. */
const rule = (port: number, prefix: string): Rule => ({
  origin: { virtualService: 'a/b', block: 'tcp', route: port, match: null, file: '', line: 1 },
  destinations: [parseCidr(prefix) as Cidr],
  port,
  clients: [],
  source: { namespace: null, labels: {}, visibleTo: null },
  route: port,
  never: null,
})

test('rules that earlier ones hide take no room where a match looks', () => {
  const hidden = Array.from({ length: 500 }, (_, index) => rule(80, `10.0.${index >> 4}.${index & 15}/32`))
  const hides = [rule(443, '10.0.0.0/24'), rule(80, '10.0.0.0/8')]
  const { destinations, shortlists } = tableOf(rulesPlan([...hides, ...hidden]))
  const few = tableOf(rulesPlan(hides))
  assert.deepEqual(destinations, few.destinations)
  assert.deepEqual(shortlists, few.shortlists)
})

test('a prefix has rules for any number of ports', () => {
  for (const ports of [1, 2, DIRECTORY_MAX - 1, DIRECTORY_MAX, DIRECTORY_MAX + 1, 40]) {
    const some = Array.from({ length: ports }, (_, index) => rule(index + 1, '10.0.0.0/24'))
    const table = tableOf(rulesPlan([...some, rule(0, '10.0.0.0/8')]))
    for (let port = 1; port <= ports + 1; port++) {
      const query = queryOf(0, '127.0.0.1', '10.0.0.7', port)
      assert.equal(match(table, query), port <= ports ? port : 0, `port ${port} of ${ports}`)
    }
  }
})
