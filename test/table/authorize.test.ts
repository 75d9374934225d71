/**
 * Access control: the table's answer against the naive one, on random policies and connections.
 *
 * test/support/full.ts sets the number of plans.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, parseCidr, parseInto } from '../../src/address/address.ts'
import { AccessCandidate, AccessList, AccessRow } from '../../src/table/format/access-layout.ts'
import { readCold, type Table } from '../../src/table/format/table.ts'
import { authorize, createVerdict, NO_ROW } from '../../src/table/match/authorize.ts'
import type { AccessPolicy, AccessRule, Test } from '../../src/table/plan/access.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { runs } from '../support/full.ts'
import { type Connecting, naiveAuthorize } from '../support/naive-authorize.ts'
import { address, port, serverName } from '../support/plans.ts'
import { queryOf, tableOf } from '../support/tables.ts'

const PLANS = runs(1500)

const prefix = fc
  .tuple(address, fc.constantFrom(0, 8, 15, 16, 22, 24, 30, 31, 32))
  .map(([text, bits]) => parseCidr(`${text}/${text.includes(':') ? bits * 2 : bits}`) as Cidr)
const cidrs = fc.array(prefix, { minLength: 1, maxLength: 3 })
const not = fc.boolean()
const patterns = (...texts: string[]) =>
  fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 2 })
const identity = { not, field: fc.constant('identity') }

const aTest: fc.Arbitrary<Test> = fc.oneof(
  {
    arbitrary: fc.record({
      field: fc.constant('a'),
      not,
      of: fc.constantFrom('peer' as const, 'client' as const, 'destination' as const),
      cidrs,
    }),
    weight: 6,
  },
  fc.record({
    field: fc.constant('p'),
    not,
    of: fc.constant('port' as const),
    ports: fc.array(port, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    field: fc.constant('n'),
    not,
    of: fc.constant('serverName' as const),
    patterns: patterns('*', 'a*', '*.test', 'a.test', 'x'),
  }),
  fc.record({
    ...identity,
    of: fc.constant('namespace' as const),
    patterns: patterns('*', 'f*o', 'foo', 'ba*'),
    isKnown: fc.boolean(),
  }),
  fc.record({
    ...identity,
    of: fc.constant('principal' as const),
    patterns: patterns('*', 'cluster.local/ns/foo/*', '*/sa/a'),
    isKnown: fc.boolean(),
  }),
  fc.record({
    ...identity,
    of: fc.constant('serviceAccount' as const),
    patterns: patterns('foo/a', 'bar/a', 'foo/b'),
    isKnown: fc.boolean(),
  }),
  fc.record({
    ...identity,
    of: fc.constant('trustDomain' as const),
    patterns: patterns('*', '*.local', 'other'),
    isKnown: fc.boolean(),
  }),
)
const tests = fc.array(aTest, { maxLength: 2 })

const rule: fc.Arbitrary<AccessRule> = fc.record({
  never: fc.oneof({ arbitrary: fc.constant(null), weight: 8 }, fc.constant('no connection has methods')),
  from: fc.array(tests, { maxLength: 2 }),
  to: fc.array(tests, { maxLength: 2 }),
  when: fc.array(aTest, { maxLength: 1 }),
})

/** Of a port: many of them have lists of their own. */
const portTest: fc.Arbitrary<Test> = fc.record({
  field: fc.constant('p'),
  not: fc.constant(false),
  of: fc.constant('port' as const),
  ports: fc.array(port, { minLength: 1, maxLength: 2 }),
})
const portRule: fc.Arbitrary<AccessRule> = fc.record({
  never: fc.constant(null),
  from: fc.array(tests, { maxLength: 1 }),
  to: fc.array(fc.tuple(portTest), { minLength: 1, maxLength: 2 }),
  when: fc.oneof(fc.constant([]), fc.tuple(portTest)),
})

const policiesOf = (rules: fc.Arbitrary<AccessRule[]>) =>
  fc.array(
    fc.record({
      action: fc.constantFrom('ALLOW' as const, 'DENY' as const, 'AUDIT' as const),
      isTried: fc.nat(3),
      rules,
    }),
    { maxLength: 6 },
  )

const policies: fc.Arbitrary<AccessPolicy[]> = fc
  .oneof(
    { arbitrary: policiesOf(fc.array(rule, { maxLength: 3 })), weight: 3 },
    { arbitrary: policiesOf(fc.array(fc.oneof(portRule, portRule, rule), { maxLength: 16 })), weight: 1 },
  )
  .map(all =>
    all.map(({ action, isTried, rules }, index) => ({
      name: `default/p${index}`,
      action,
      rules,
      dryRun: isTried === 0 && action !== 'AUDIT',
      file: 'a.yaml',
      line: index + 1,
    })),
  )

const SOURCES = [
  { cidr: '10.0.0.0/16', namespace: 'foo', serviceAccount: 'a' },
  { cidr: '10.1.0.0/16', namespace: 'bar', serviceAccount: 'a' },
  { cidr: '2001:db8:1::/48', namespace: 'bar', serviceAccount: '' },
]

const MUTUAL = {
  name: 'a',
  material: 'a',
  clients: 'optional',
  alpn: [],
  minVersion: 'TLSV1_2',
  maxVersion: 'TLSV1_3',
  ciphers: [],
  verify: null,
} as const

/** Two listeners: which policies each has is drawn. */
const planOf = (all: readonly AccessPolicy[], own: readonly number[]): Plan => {
  const scope = { host: '', port: 0, addresses: [], rules: [], defaultRoute: 0 }
  const listener = {
    bind: '',
    opens: true,
    destination: 'local',
    scopes: [scope],
    otherwise: 'close',
  } as const
  return {
    listeners: [
      { ...listener, gateway: 'default/edge', port: 443, policies: own },
      {
        ...listener,
        gateway: 'default/tls',
        port: 8443,
        scopes: [{ ...scope, takes: { names: ['a.test'], plain: false }, tls: MUTUAL }],
      },
      { ...listener, gateway: 'mesh', port: 80, policies: [...all.keys()] },
    ],
    routes: [{ identity: 'r', destinations: [{ cluster: 0, weight: 1 }], split: 'random' }],
    clusters: [
      {
        host: 'a',
        subset: null,
        port: 80,
        kind: 'static',
        endpoints: [],
        names: [],
        labels: {},
        policy: DEFAULT_POLICY,
      },
    ],
    sources: SOURCES.map(({ cidr, namespace, serviceAccount }) => ({
      cidr: parseCidr(cidr) as Cidr,
      namespace,
      labels: {},
      ...(serviceAccount !== '' && { serviceAccount }),
    })),
    policies: all,
  }
}

/** "default/p0 rules[1]", or the policy alone. */
function nameOf(table: Table, row: number): string | null {
  if (row === NO_ROW || table.access === null) return null
  const at = row * AccessRow.WORDS
  const rule = table.access.rows[at + AccessRow.rule]
  const name = readCold(table).policies?.[table.access.rows[at + AccessRow.policy]].name
  return rule === NO_ROW ? `${name}` : `${name} rules[${rule}]`
}

const workloadAt = (client: string) => {
  const at = SOURCES.find(({ cidr }) => {
    const words = new Uint32Array(4)
    const family = parseInto(client, words, 0)
    const { words: of, bits, family: its } = parseCidr(cidr) as Cidr
    if (family !== its) return false
    const wide = family === 4 ? 32 : 128
    const text = (all: Cidr['words']) =>
      [...all]
        .map(word => word.toString(2).padStart(32, '0'))
        .join('')
        .slice(0, Math.min(bits, wide))
    return text(words) === text(of)
  })
  return at ?? null
}

const connection = fc.record({
  peer: fc.option(address, { nil: null }),
  client: address,
  destination: address,
  port,
  serverName,
  certificate: fc.option(
    fc.constantFrom(
      [],
      ['DNS:foo', 'URI:https://cluster.local/ns/foo/sa/a'],
      ['URI:spiffe://cluster.local/ns/foo/sa/a'],
      ['URI:spiffe://other/ns/bar/sa/a', 'URI:spiffe://cluster.local/ns/foo/sa/b'],
      ['URI:spiffe://other/foo'],
    ),
    { nil: null },
  ),
  isMesh: fc.boolean(),
})

test('the table lets in whom the naive evaluator does, and names the same rule', t => {
  const seen = { denied: 0, allowed: 0, tried: 0, audited: 0 }
  const verdict = createVerdict()
  fc.assert(
    fc.property(
      policies,
      fc.array(fc.nat(5), { maxLength: 6 }),
      fc.array(connection, { minLength: 100, maxLength: 150 }),
      (all, drawn, connections) => {
        const own = [...new Set(drawn)].filter(index => index < all.length).sort((a, b) => a - b)
        const table = tableOf(planOf(all, own))
        for (const each of connections) {
          const listener = each.isMesh ? 2 : 0
          const query = queryOf(listener, each.client, each.destination, each.port, {
            isTls: true,
            serverName: each.serverName,
          })
          if (each.certificate !== null)
            query.identity = { subject: 'CN=a', uri: '', names: each.certificate }
          if (each.peer !== null) query.peerFamily = parseInto(each.peer, query.peer, 0)
          const asked: Connecting = {
            ...each,
            peer: each.peer ?? each.client,
            port: each.isMesh ? each.port : 443,
            workload: workloadAt(each.client),
          }
          const applied = each.isMesh ? all : own.map(index => all[index])
          const expected = naiveAuthorize(applied, asked)
          const may = table.access === null || authorize(table, table.access, listener, query, null, verdict)
          if (table.access === null) Object.assign(verdict, createVerdict())
          assert.equal(may, expected.denied === null)
          const said = {
            denied: nameOf(table, verdict.denied),
            tried: nameOf(table, verdict.tried),
            audited: nameOf(table, verdict.audited),
          }
          assert.deepEqual(said, expected)
          if (!may) seen.denied++
          else seen.allowed++
          if (said.tried !== null) seen.tried++
          if (said.audited !== null) seen.audited++
        }
      },
    ),
    { numRuns: PLANS },
  )
  t.diagnostic(JSON.stringify(seen))
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 100, `${what}: ${count}`)
})

function longestList(lists: Uint32Array): number {
  let longest = 0
  for (let at = 0; at < lists.length; at += AccessList.WORDS + AccessCandidate.WORDS * lists[at])
    longest = Math.max(longest, lists[at + AccessList.count])
  return longest
}

test('of ten thousand policies for a port each as few are tried as ask for the port', () => {
  const denying = (index: number): AccessPolicy => ({
    name: `default/p${index}`,
    action: 'DENY',
    dryRun: false,
    rules: [
      {
        never: null,
        from: [],
        to: [[{ field: 'ports', not: false, of: 'port', ports: [index + 1] }]],
        when: [],
      },
    ],
    file: 'a.yaml',
    line: 1,
  })
  const policies = Array.from({ length: 10_000 }, (_, index) => denying(index))
  const table = tableOf(planOf(policies, [...policies.keys()]))
  const { access } = table
  assert.ok(access)
  assert.equal(longestList(access.lists), 1)
  const verdict = createVerdict()
  assert.equal(authorize(table, access, 0, queryOf(0, '10.3.4.5', '192.0.2.1', 443), null, verdict), false)
  assert.equal(nameOf(table, verdict.denied), 'default/p442 rules[0]')
  assert.equal(authorize(table, access, 2, queryOf(2, '10.3.4.5', '192.0.2.1', 10_001), null, verdict), true)
})

test('of ten thousand policies, or blocks of one, as few are tried as have the address', () => {
  const blocks = Array.from(
    { length: 10_000 },
    (_, index) => parseCidr(`10.${index >> 8}.${index & 255}.0/24`) as Cidr,
  )
  const denying = (name: string, cidrs: readonly Cidr[]): AccessPolicy => ({
    name,
    action: 'DENY',
    dryRun: false,
    rules: [
      { never: null, from: [[{ field: 'ipBlocks', not: false, of: 'peer', cidrs }]], to: [], when: [] },
    ],
    file: 'a.yaml',
    line: 1,
  })
  const many = blocks.map((block, index) => denying(`default/p${index}`, [block]))
  for (const policies of [many, [denying('default/all', blocks)]]) {
    const table = tableOf(planOf(policies, [...policies.keys()]))
    const { access } = table
    assert.ok(access)
    assert.equal(longestList(access.lists), 1, 'each block has a list of one')
    const verdict = createVerdict()
    assert.equal(authorize(table, access, 0, queryOf(0, '10.3.4.5', '192.0.2.1', 443), null, verdict), false)
    assert.equal(
      nameOf(table, verdict.denied),
      `${policies[policies.length > 1 ? 3 * 256 + 4 : 0].name} rules[0]`,
    )
    assert.equal(authorize(table, access, 0, queryOf(0, '11.3.4.5', '192.0.2.1', 443), null, verdict), true)
  }
})
