/** Which DestinationRules apply to a destination, and how they are merged: as in Istio. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Written } from '../support/resources.ts'
import { most, routed, rule } from './policy-kit.ts'

const limit = (rules: Written[], destination: object = {}) => routed(rules, destination).policy.maxConnections

test("the proxy's namespace is asked before the service's, and that before the root namespace", () => {
  const edge = rule('edge/r', { trafficPolicy: most(1) })
  const data = rule('data/r', { trafficPolicy: most(2) })
  const root = rule('istio-system/r', { trafficPolicy: most(3) })
  const other = rule('other/r', { trafficPolicy: most(4) })
  assert.equal(limit([root, data, edge, other]), 1)
  assert.equal(limit([root, data, other]), 2)
  assert.equal(limit([root, other]), 3)
  assert.equal(limit([other]), 0)
})

test('for a proxy in the root namespace its public rules come last, and its private ones first', () => {
  const workload = { namespace: 'istio-system', labels: {} }
  const limitThere = (rules: Written[]) => routed(rules, {}, { workload }).policy.maxConnections
  const data = rule('data/r', { trafficPolicy: most(2) })
  const all = rule('istio-system/all', { host: '*.local', trafficPolicy: most(3) })
  const own = rule('istio-system/own', { host: '*.local', exportTo: ['.'], trafficPolicy: most(4) })
  assert.equal(limitThere([all, data]), 2)
  assert.equal(limitThere([all]), 3)
  assert.equal(limitThere([all, own, data]), 4)
})

test('a rule that is exported to other namespaces alone does not apply in its own', () => {
  assert.equal(limit([rule('edge/r', { exportTo: ['data'], trafficPolicy: most(1) })]), 0)
  assert.equal(limit([rule('edge/r', { exportTo: ['edge'], trafficPolicy: most(1) })]), 1)
})

test('a rule for chosen workloads is for its own namespace alone, whatever it says', () => {
  const workloadSelector = { matchLabels: { app: 'gw' } }
  const limitIn = (namespace: string, rules: Written[]) =>
    routed(rules, {}, { workload: { namespace, labels: { app: 'gw' } } }).policy.maxConnections
  const chosen = (id: string, exportTo?: string[]) =>
    rule(id, { host: '*.local', workloadSelector, exportTo, trafficPolicy: most(1) })
  const data = rule('data/r', { trafficPolicy: most(2) })
  assert.equal(limitIn('istio-system', [chosen('istio-system/r'), data]), 1)
  assert.equal(limitIn('edge', [chosen('edge/r', ['data']), data]), 1)
})

test('of the rules that a namespace exports, only those of the most specific host are asked', () => {
  const elsewhere = rule('data/r', { exportTo: ['other'], trafficPolicy: most(1) })
  const all = rule('data/all', { host: '*.local', trafficPolicy: most(2) })
  const root = rule('istio-system/all', { host: '*.local', trafficPolicy: most(3) })
  const own = rule('data/own', { exportTo: ['.'], trafficPolicy: most(4) })
  assert.equal(limit([elsewhere, all, root]), 3)
  assert.equal(limit([elsewhere, all]), 0)
  assert.equal(limit([own, all, root]), 2)
})

test("a rule that is private to the service's namespace does not reach a gateway elsewhere", () => {
  assert.equal(limit([rule('data/r', { exportTo: ['.'], trafficPolicy: most(2) })]), 0)
  assert.equal(limit([rule('data/r', { exportTo: ['edge'], trafficPolicy: most(2) })]), 2)
})

test('the most specific host wins inside a namespace', () => {
  const wide = rule('data/wide', { host: '*.cluster.local', trafficPolicy: most(1) })
  const narrow = rule('data/narrow', { host: '*.data.svc.cluster.local', trafficPolicy: most(2) }, 1)
  const exact = rule('data/exact', { host: 'db', trafficPolicy: most(3) }, 2)
  assert.equal(limit([wide, narrow, exact]), 3)
  assert.equal(limit([wide, narrow]), 2)
  assert.equal(limit([wide]), 1)
})

test('rules for one host merge: the oldest policy, every subset, the oldest of a name', () => {
  const subset = (name: string, version: string) => ({ name, labels: { version } })
  const rules = [
    rule('data/young', { trafficPolicy: most(9), subsets: [subset('a', 'v2'), subset('b', 'v2')] }, 5),
    rule('data/old', { subsets: [subset('a', 'v1')] }, 1),
  ]
  assert.equal(limit(rules), 9)
  assert.deepEqual(
    routed(rules, { subset: 'a' }).endpoints.map(each => each.address),
    ['10.1.0.1'],
  )
  assert.deepEqual(
    routed(rules, { subset: 'b' }).endpoints.map(each => each.address),
    ['10.1.0.2'],
  )
})

test("a port's entry stands instead of the top level, with what it leaves out", () => {
  const portLevelSettings = [{ port: { number: 5432 }, loadBalancer: { simple: 'RANDOM' } }]
  const { policy } = routed([rule('data/r', { trafficPolicy: { ...most(5), portLevelSettings } })])
  assert.deepEqual([policy.balance, policy.maxConnections], ['RANDOM', 0])
})

test("a subset's block replaces the inherited block whole; an absent block is inherited", () => {
  const top = {
    connectionPool: { tcp: { maxConnections: 5, idleTimeout: '5s' } },
    loadBalancer: { simple: 'RANDOM' },
  }
  const subsets = [{ name: 'v1', trafficPolicy: most(7) }]
  const { policy } = routed([rule('data/r', { trafficPolicy: top, subsets })], { subset: 'v1' })
  assert.deepEqual([policy.maxConnections, policy.idleTimeoutMs, policy.balance], [7, 3_600_000, 'RANDOM'])
})

test("a subset's entry for the port replaces everything, also by leaving it out", () => {
  const trafficPolicy = {
    ...most(7),
    portLevelSettings: [{ port: { number: 5432 }, loadBalancer: { simple: 'ROUND_ROBIN' } }],
  }
  const rules = [rule('data/r', { trafficPolicy: most(5), subsets: [{ name: 'v1', trafficPolicy }] })]
  const { policy } = routed(rules, { subset: 'v1' })
  assert.deepEqual([policy.maxConnections, policy.balance], [0, 'ROUND_ROBIN'])
})

test('a rule for chosen workloads applies to the workload of the Settings alone, before others', () => {
  const rules = [
    rule('edge/all', { trafficPolicy: most(1) }),
    rule('edge/some', { trafficPolicy: most(2), workloadSelector: { matchLabels: { app: 'gw' } } }, 5),
  ]
  const workload = { namespace: 'edge', labels: { app: 'gw' } }
  assert.equal(routed(rules).policy.maxConnections, 1)
  assert.equal(routed(rules, {}, { workload }).policy.maxConnections, 2)
})

test('a rule for chosen workloads is merged with none that chooses others, or nobody', () => {
  const workloadSelector = { matchLabels: { app: 'gw' } }
  const rules = [
    rule('edge/all', { trafficPolicy: most(1), subsets: [{ name: 'v1' }] }),
    rule('edge/some', { workloadSelector, subsets: [{ name: 'v2' }] }, 5),
    rule('edge/more', { workloadSelector, subsets: [{ name: 'v3' }] }, 6),
  ]
  const kinds = (labels: Record<string, string>) =>
    ['v1', 'v2', 'v3'].map(
      subset => routed(rules, { subset }, { workload: { namespace: 'edge', labels } }).kind,
    )
  assert.deepEqual(kinds({ app: 'gw' }), ['unknown', 'static', 'static'])
  assert.deepEqual(kinds({ app: 'web' }), ['static', 'unknown', 'unknown'])
})
