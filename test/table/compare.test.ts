/**
 * The differences between two tables, as reported to an operator before the second replaces the
 * first.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseCidr } from '../../src/address/address.ts'
import { compareTables } from '../../src/table/explain/compare.ts'
import { DEFAULT_CHECK } from '../../src/table/plan/health-check.ts'
import type { Plan, ReadsProxy, Rule } from '../../src/table/plan/plan.ts'
import { DEFAULT_EJECTION, DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { runs } from '../support/full.ts'
import { tableOf } from '../support/tables.ts'

const rule = (name: string, place: number, more: Partial<Rule> = {}): Rule => ({
  origin: {
    virtualService: 'default/vs',
    block: 'tcp',
    route: place,
    match: null,
    file: 'a.yaml',
    line: place,
  },
  destinations: [],
  port: 0,
  clients: [parseCidr(`10.0.0.${name}`) as Rule['clients'][number]],
  source: { namespace: null, labels: {}, visibleTo: null },
  route: 0,
  never: null,
  ...more,
})

const plan = (rules: readonly Rule[], gateways: readonly string[] = ['default/a']): Plan => ({
  listeners: gateways.map((gateway, index) => ({
    gateway,
    bind: '',
    port: 80 + index,
    opens: true,
    destination: 'local',
    otherwise: 'close',
    scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: -1 }],
  })),
  routes: [{ identity: 'a', destinations: [{ cluster: 0, weight: 1 }], split: 'random' }],
  clusters: [
    {
      host: 'a.example',
      subset: null,
      port: 80,
      kind: 'static',
      names: [],
      labels: {},
      endpoints: [{ address: '10.1.0.1', port: 80, weight: 1 }],
      policy: DEFAULT_POLICY,
    },
  ],
  sources: [],
})

/** Rules by name, each at its place in the list. */
const rules = (names: readonly number[]): Rule[] => names.map((name, place) => rule(String(name), place))
const compare = (before: Plan, after: Plan) => compareTables(tableOf(before), tableOf(after))
const kinds = (before: readonly number[], after: readonly number[]): string[] =>
  compare(plan(rules(before)), plan(rules(after))).rules.map(each => `${each.change} ${each.rule.route}`)

test('a rule in front of others, or one less, changes no other', () => {
  assert.deepEqual(kinds([1, 2, 3], [9, 1, 2, 3]), ['added 0'])
  assert.deepEqual(kinds([1, 2, 3], [2, 3]), ['removed 0'])
  assert.deepEqual(kinds([1, 2, 3], [1, 9, 3]), ['changed 1'])
  assert.deepEqual(kinds([1, 1, 2], [1, 2]), ['removed 1'])
})

test('a rule with another destination is the same rule, wherever it stands and whatever its VirtualService is called', () => {
  const withTwo = (list: readonly Rule[]): Plan => {
    const { clusters, routes, ...rest } = plan(list)
    return {
      ...rest,
      clusters: [...clusters, { ...clusters[0], host: 'b.example' }],
      routes: [...routes, { ...routes[0], identity: 'b', destinations: [{ cluster: 1, weight: 1 }] }],
    }
  }
  const [one] = rules([1])
  const told = (after: readonly Rule[]): string[] =>
    compare(withTwo([one]), withTwo(after)).rules.map(each => `${each.change} ${each.rule.route}`)
  assert.deepEqual(told([rule('9', 0), rule('1', 1, { route: 1 })]), ['added 0', 'changed 1'])
  const renamed = { ...one, origin: { ...one.origin, virtualService: 'default/new' }, route: 1 }
  assert.deepEqual(told([renamed]), ['changed 0'])
})

test('rules that only change places are counted by how many would have to move', () => {
  const { rules: changes, reordered } = compare(plan(rules([1, 2, 3, 4])), plan(rules([4, 1, 2, 3])))
  assert.deepEqual([changes, reordered], [[], 1])
})

test('what happens at several listeners is told once, with all of them', () => {
  const gateways = ['default/a', 'default/b']
  const { rules: changes } = compare(plan(rules([1]), gateways), plan(rules([2]), gateways))
  assert.deepEqual(changes, [
    {
      change: 'changed',
      listeners: ['default/a *:80', 'default/b *:81'],
      rule: rule('2', 0).origin,
      was: rule('1', 0).origin,
      before: 'sourceSubnet 10.0.0.1/32 → 100 % a.example:80',
      after: 'sourceSubnet 10.0.0.2/32 → 100 % a.example:80',
    },
  ])
})

test('nothing is told of equal tables, and all of disjoint ones', () => {
  const names = fc.array(fc.nat(9), { maxLength: 12 })
  fc.assert(
    fc.property(names, names, (before, after) => {
      assert.deepEqual(kinds(before, before), [])
      const { rules: changes, reordered } = compare(plan(rules(before)), plan(rules(after)))
      const count = (change: string) => changes.filter(each => each.change === change).length
      const kept = before.length - count('removed') - count('changed')
      assert.equal(kept, after.length - count('added') - count('changed'))
      const common = new Set(before).intersection(new Set(after)).size
      assert.ok(kept >= common && reordered < Math.max(1, kept))
    }),
    { numRuns: runs(200) },
  )
})

test('what a listener reads is told where it differs, of many ranges the ones that do', () => {
  const range = (text: string) => parseCidr(text) ?? assert.fail(text)
  const from = Array.from({ length: 300 }, (_, index) => range(`10.${index >> 8}.${index & 255}.0/24`))
  const reading = (proxyProtocol?: ReadsProxy): Plan => {
    const { listeners, ...rest } = plan([])
    const [listener] = listeners
    return { ...rest, listeners: [{ ...listener, ...(proxyProtocol && { proxyProtocol }) }] }
  }
  const reads = (more: Partial<ReadsProxy> = {}): ReadsProxy => ({
    from,
    require: true,
    versions: [1, 2],
    timeoutMs: 5_000,
    at: { file: 'a.yaml', line: 7 },
    ...more,
  })
  const told = (before?: ReadsProxy, after?: ReadsProxy) =>
    compare(reading(before), reading(after)).listeners.changed
  const listener = 'default/a *:80'
  const none = 'reads no PROXY header'
  const all = 'reads a PROXY header (V1, V2) from 300 ranges within 5s, and resets all others'
  const at = { file: 'a.yaml', line: 7 }
  assert.deepEqual(told(undefined, reads()), [{ listener, ...at, before: none, after: all }])
  assert.deepEqual(told(reads(), undefined), [{ listener, ...at, before: all, after: none }])
  assert.deepEqual(told(reads(), reads({ from: from.toReversed(), at: { file: 'b.yaml', line: 1 } })), [])
  const other = reads({ from: [...from.slice(1), range('192.0.2.0/24')] })
  assert.deepEqual(told(reads(), other), [
    {
      listener,
      ...at,
      before: all.replace('ranges', 'ranges (10.0.0.0/24 among them)'),
      after: all.replace('ranges', 'ranges (192.0.2.0/24 among them)'),
    },
  ])
  const variants = [{ require: false }, { versions: [2] as const }, { timeoutMs: 4_999 }]
  for (const each of variants) assert.equal(told(reads(), reads(each)).length, 1, JSON.stringify(each))
})

test('every condition and every limit counts', () => {
  const base = rule('1', 0)
  const variants: Partial<Rule>[] = [
    { port: 9000 },
    { destinations: [parseCidr('10.2.0.0/16') as Rule['clients'][number]] },
    { clients: [] },
    { source: { namespace: 'foo', labels: {}, visibleTo: null } },
    { source: { namespace: null, labels: { a: 'b' }, visibleTo: null } },
    { source: { namespace: null, labels: {}, visibleTo: ['foo'] } },
    { never: 'gateways: not here' },
  ]
  for (const variant of variants) {
    const { rules: changes } = compare(plan([base]), plan([{ ...base, ...variant }]))
    assert.deepEqual(
      changes.map(each => each.change),
      ['changed'],
      JSON.stringify(variant),
    )
  }
  const slower = plan([base])
  const [cluster] = slower.clusters
  const changed = { ...slower, clusters: [{ ...cluster, policy: { ...DEFAULT_POLICY, idleTimeoutMs: 1 } }] }
  const { rules: none, destinations } = compare(slower, changed)
  assert.deepEqual([none, destinations.map(each => each.change)], [[], ['changed']])
})

test('annotations count: on-dead, split, health checks, and how peers are found to be gone', () => {
  const base = plan([rule('1', 0)])
  const [cluster] = base.clusters
  const [listener] = base.listeners
  const two = { ...base.routes[0], destinations: [0, 0].map(each => ({ cluster: each, weight: 1 })) }
  const routed = (more: object): Plan => ({ ...base, routes: [{ ...two, ...more }] })
  const dialed = (more: object): Plan => ({ ...base, clusters: [{ ...cluster, ...more }] })
  const texts = (after: Plan) => compare(routed({}), after).rules.map(each => each.after?.split('; ')[1])
  assert.deepEqual(texts(routed({})), [])
  assert.deepEqual(texts(routed({ onDead: 'redistribute' })), ['on-dead redistribute'])
  assert.deepEqual(texts(routed({ split: 'exact' })), ['split exact'])
  const fields = (after: Plan) =>
    compare(base, after).destinations.flatMap(({ policy }) =>
      policy.map(({ field, before, after: now }) => `${field}: ${before} → ${now}`),
    )
  assert.deepEqual(fields(base), [])
  assert.deepEqual(fields(dialed({ check: { kind: 'redis', ...DEFAULT_CHECK } })), [
    'healthCheck: none → redis every 2s, timeout 1s, rise 2, fall 3, onDown keep',
  ])
  assert.deepEqual(fields(dialed({ onRemoveMs: 30_000 })), ['onRemove: keep → close over 30s'])
  const ejecting = { ...DEFAULT_POLICY, ejection: DEFAULT_EJECTION, remembersFailures: false }
  assert.match(fields(dialed({ policy: ejecting }))[0], /^outlierDetection: none → /)
  const tcp = { keepalive: null, userTimeoutMs: 30_000, writeTimeoutMs: 0 }
  const [{ after }] = compare(base, { ...base, listeners: [{ ...listener, tcp }] }).listeners.changed
  assert.equal(after, 'of its clients: tcpKeepalive off, userTimeout 30s, writeTimeout none')
})
