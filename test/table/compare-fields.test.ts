/**
 * Goal: `weir diff` tells of every value that a Plan can have. Method: a Plan with all fields,
 * which the compiler holds to their types; each value of it is changed by itself, and the
 * comparison of the two tables must not be empty. What may change unseen is listed, with the
 * reason.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cidr, parseCidr } from '../../src/address/address.ts'
import { compareTables } from '../../src/table/explain/compare.ts'
import type { AccessPolicy, PlannedLimit } from '../../src/table/plan/access.ts'
import type { Cluster, Listener, Plan, Route, Rule, Scope } from '../../src/table/plan/plan.ts'
import { DEFAULT_EJECTION, DEFAULT_POLICY, type Policy } from '../../src/table/plan/policy.ts'
import { tableOf } from '../support/tables.ts'

/** A field that is added to a type has to be given here, too. */
type Whole<T> = T extends Cidr | string
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Whole<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]-?: Whole<T[Field]> }
      : T

const cidr = (text: string) => parseCidr(text) ?? assert.fail(text)
const at = { file: 'a.yaml', line: 1 }
const TERMS = { alpn: ['h2'], minVersion: 'TLSV1_2', maxVersion: 'TLSV1_3' } as const

const rule: Omit<Whole<Rule>, 'never' | 'source'> & Pick<Rule, 'never' | 'source'> = {
  origin: { virtualService: 'shop/vs', block: 'tls', route: 0, match: null, ...at },
  destinations: [cidr('10.2.0.0/16')],
  port: 443,
  names: ['db.test'],
  clients: [cidr('10.0.0.0/8')],
  source: { namespace: 'shop', labels: { app: 'web' }, visibleTo: ['shop'] },
  route: 0,
  never: null,
}

const scope: Omit<Whole<Scope>, 'rules' | 'defaults'> & Pick<Scope, 'rules'> = {
  host: '',
  port: 0,
  addresses: [],
  takes: { names: ['*.test'], plain: false },
  serves: true,
  tls: {
    name: 'Gateway shop/edge servers[0]',
    material: 'pair',
    clients: 'required',
    verify: { insecureSkipVerify: false, subjectAltNames: ['a'], spki: ['b'], hashes: ['c'] },
    ciphers: ['ECDHE'],
    ...TERMS,
  },
  rules: [rule],
  defaultRoute: 1,
}

const { tls: _, ...passing } = scope

const listener: Omit<Whole<Listener>, 'shares' | 'scopes' | 'proxyProtocol'> &
  Pick<Listener, 'scopes' | 'proxyProtocol'> = {
  gateway: 'shop/edge',
  bind: '',
  port: 443,
  opens: true,
  destination: 'local',
  otherwise: 'close',
  proxyProtocol: { from: [cidr('10.0.0.0/8')], require: true, versions: [1], timeoutMs: 900, at },
  readTimeoutMs: 1000,
  reads: 'tls',
  policies: [0],
  limits: [0],
  tcp: { keepalive: { timeS: 9, intervalS: 8, probes: 7 }, userTimeoutMs: 6, writeTimeoutMs: 5 },
  scopes: [scope, { ...passing, takes: { names: ['*.plain.test'], plain: true } }],
}

type Drawn = Pick<Policy, 'balance' | 'hashSize' | 'warmup'>

const cluster = (
  host: string,
  drawn: Drawn,
): Omit<Whole<Cluster>, 'places' | 'policy' | 'policyAt' | 'forbidden'> &
  Pick<Cluster, 'policy' | 'policyAt'> => ({
  host,
  subset: 'v1',
  port: 80,
  kind: 'static',
  endpoints: [
    { address: '10.1.0.1', port: 80, weight: 2, priority: 0, locality: 0, share: 40 },
    { address: '10.1.0.2', port: 80, weight: 3, priority: 0, locality: 1, share: 40 },
  ],
  names: [],
  localities: ['us/a', 'us/b'],
  labels: { app: 'db' },
  policy: {
    ...DEFAULT_POLICY,
    ...drawn,
    maxConnections: 9,
    keepalive: { timeS: 9, intervalS: 8, probes: 7 },
    ejection: { ...DEFAULT_EJECTION, gatewayFailures: 7 },
  },
  policyAt: { idleTimeout: at },
  check: {
    kind: 'tcp',
    intervalMs: 1000,
    timeoutMs: 500,
    rise: 1,
    fall: 2,
    send: 'a',
    expect: { bytes: 'b', isPrefix: true },
    onDown: 'keep',
  },
  tls: { material: 'own', trust: 'system', serverName: 'db.test', names: ['db.test'], ...TERMS },
  onRemoveMs: 1000,
})

const route = (identity: string): Whole<Route> => ({
  identity,
  destinations: [
    { cluster: 0, weight: 1 },
    { cluster: 1, weight: 1 },
  ],
  split: 'random',
  onDead: 'fail',
})

const policy: AccessPolicy = {
  name: 'shop/deny',
  action: 'DENY',
  dryRun: false,
  rules: [
    {
      never: null,
      from: [[{ field: 'ipBlocks', not: false, of: 'peer', cidrs: [cidr('10.3.0.0/16')] }]],
      to: [],
      when: [],
    },
  ],
  ...at,
}

const limit: Whole<PlannedLimit> = {
  gateway: 'shop/edge',
  connections: 4,
  rate: 5,
  burst: 6,
  prefix4: 32,
  prefix6: 64,
}

const PLAN: Omit<Whole<Plan>, keyof Plan> & Plan = {
  listeners: [listener],
  routes: [route('one'), { ...route('two'), destinations: [{ cluster: 1, weight: 1 }] }],
  clusters: [
    cluster('a.test', { balance: 'RING_HASH', hashSize: 1024, warmup: null }),
    cluster('b.test', {
      balance: 'ROUND_ROBIN',
      hashSize: 0,
      warmup: { durationMs: 1000, minimumPercent: 10, aggression: 1 },
    }),
  ],
  sources: [],
  policies: [policy],
  limits: [limit],
  removals: [],
}

const BEFORE = tableOf(PLAN)

/** Other values for fields that have only some. */
const OTHERS: Readonly<Record<string, unknown>> = {
  address: '10.1.0.9',
  bind: '127.0.0.1',
  block: 'tcp',
  destination: 'original',
  otherwise: 'deny',
  versions: [1, 2],
  reads: 'postgres',
  clients: 'optional',
  minVersion: 'TLSV1_3',
  maxVersion: 'TLSV1_2',
  split: 'sticky',
  onDead: 'redistribute',
  balance: 'RANDOM',
  kind: 'redis',
  onDown: 'close',
  trust: 'none',
  action: 'ALLOW',
  defaultRoute: 0,
  remembersFailures: false,
  proxyVersion: 2,
  never: 'gateways: not here',
}

/** What may change unseen, by the last fields of its path. */
const UNSEEN: Readonly<Record<string, string>> = {
  line: 'a place in the files',
  file: 'a place in the files',
  'origin.virtualService': 'a rule stays the same one under another name',
  'origin.block': 'where a rule is written',
  'origin.route': 'where a rule is written',
  'origin.match': 'where a rule is written',
  'scopes.0.port': "a Gateway's own port, which its listener's name has",
  'scopes.1.port': "a Gateway's own port, which its listener's name has",
  'tls.name': 'where a server is written',
  identity: 'what counters are kept under',
  'labels.app': 'names in metrics',
  'policies.0': 'tested with the policy',
  'limits.0': 'tested with the limit',
  'limits.0.gateway': 'whose limit it is, at the same listeners',
  cluster: 'an index: another destination is seen where a rule has another route',
  'routes.1.destinations.0.weight': 'a single destination has no share',
  'clusters.0.policy.remembersFailures': 'follows from outlierDetection, which is told',
  'clusters.1.policy.remembersFailures': 'the same',
  'routes.1.split': 'a single destination has no share',
  'routes.1.onDead': 'a single destination has no others',
  'scopes.0.takes.plain': 'a server that terminates TLS takes no plain text',
  'clusters.0.policy.warmup': 'not with a hash',
  'clusters.1.policy.hashSize': 'not without one',
  locality: 'an index: another locality is seen',
  'from.0.0.field': 'a name for people',
}

const isUnseen = (path: readonly string[]): boolean =>
  Object.keys(UNSEEN).some(each => path.join('.') === each || path.join('.').endsWith(`.${each}`))

/** Each value that is no object, with its path; ranges count as one. */
function* valuesOf(value: unknown, path: readonly string[] = []): Generator<string[]> {
  const isRange = typeof value === 'object' && value !== null && 'bits' in value
  const isOther = path.length > 0 && Object.hasOwn(OTHERS, path[path.length - 1]) && !isRange
  if (typeof value !== 'object' || value === null || isRange || (isOther && !isRanges(value))) yield [...path]
  else for (const [key, each] of Object.entries(value)) yield* valuesOf(each, [...path, key])
}

const isRanges = (value: unknown): boolean => Array.isArray(value) && typeof value[0] === 'object'

function otherThan(value: unknown, field: string): unknown {
  if (typeof value === 'object' && value !== null && 'bits' in value) return cidr('10.77.0.0/16')
  if (value === 'static') return 'original'
  if (Object.hasOwn(OTHERS, field)) return OTHERS[field]
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return `${value}x`
  return value === null ? 1 : assert.fail(`no other value for ${field}`)
}

function changed(value: unknown, [field, ...rest]: readonly string[], last = ''): unknown {
  if (field === undefined) return otherThan(value, last)
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...value]
    : { ...(value as object) }
  Reflect.set(copy, field, changed(Reflect.get(copy, field), rest, field))
  return copy
}

/** Whether the comparison tells of anything. */
function isTold(after: Plan): boolean {
  const { listeners, rules, destinations, policies } = compareTables(BEFORE, tableOf(after))
  const lists = [listeners.added, listeners.removed, listeners.changed, rules, destinations, policies]
  return lists.some(each => each.length > 0)
}

test('nothing is told of the same Plan, and something of each value that changes', () => {
  assert.equal(isTold(PLAN), false)
  const paths = [...valuesOf(PLAN)]
  assert.ok(paths.length > 120, `${paths.length} values`)
  const untold = paths.filter(path => !isUnseen(path) && !isTold(changed(PLAN, path) as Plan))
  assert.deepEqual(
    untold.map(path => path.join('.')),
    [],
  )
})

test('what comes and goes is told: TLS, checks, limits, weights', () => {
  const without = (path: readonly string[], value: unknown): Plan => {
    const set = (at: unknown, [field, ...rest]: readonly string[]): unknown =>
      field === undefined
        ? value
        : Object.assign(Array.isArray(at) ? [...at] : { ...(at as object) }, {
            [field]: set(Reflect.get(at as object, field), rest),
          })
    return set(PLAN, path) as Plan
  }
  const scopeAt = ['listeners', '0', 'scopes', '0']
  for (const path of [
    [...scopeAt, 'tls'],
    ['listeners', '0', 'proxyProtocol'],
    ['listeners', '0', 'reads'],
    ['listeners', '0', 'tcp'],
    ...['tls', 'check', 'onRemoveMs'].map(field => ['clusters', '0', field]),
  ])
    assert.ok(isTold(without(path, undefined)), path.join('.'))
  for (const field of ['keepalive', 'warmup', 'ejection'])
    assert.ok(isTold(without(['clusters', '1', 'policy', field], null)), field)
  const changes = compareTables(BEFORE, tableOf(without([...scopeAt, 'tls', 'alpn'], ['h3'])))
  const [{ before, after }] = changes.listeners.changed
  assert.match(before, /^server \*\.test: TLS: .*alpn h2,/)
  assert.match(after, /alpn h3,/)
})
