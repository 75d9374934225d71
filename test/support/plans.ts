/**
 * Random Plans and connections for property tests: small worlds, in which rules overlap, nest and
 * miss often, so that a wrong order or a wrong condition shows within a few hundred runs.
 */

import fc from 'fast-check'
import type { Listener, Plan, Rule, Scope } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { rangeOf } from './addresses.ts'

/** msgpackr gives back plain objects, so the plans are made of plain objects. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>

/** Mostly `usual`, now and then what `rare` makes. */
const mostly = <T>(usual: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 3 }, { arbitrary: rare, weight: 2 })

/**
 * Few bits vary, so that addresses fall into prefixes by chance: 10.0.{0–3}.{0–3}, and the like in
 * IPv6.
 */
const quad = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3))
export const address = fc.oneof(
  quad.map(([a, b, c]) => `10.${a}.${b}.${c}`),
  quad.map(([a, b, c]) => `2001:db8:${a}:${b}::${c}`),
)
const cidr = fc
  .tuple(
    address,
    fc.nat(32),
    fc.constantFrom(0, 8, 14, 15, 16, 22, 24, 30, 31, 32, 33, 48, 63, 64, 65, 96, 126, 128),
  )
  .map(([text, any, likely]) => {
    const most = text.includes(':') ? 128 : 32
    return rangeOf(`${text}/${Math.min(most, most === 32 && any % 3 === 0 ? any : likely)}`)
  })
const cidrs = mostly([] as Rule['destinations'][number][], fc.array(cidr, { maxLength: 3 }))

export const port = fc.constantFrom(80, 443, 9000)
const namespace = fc.constantFrom('default', 'foo', 'bar')
const labels = fc.dictionary(fc.constantFrom('app', 'version'), fc.constantFrom('a', 'b', ''), {
  maxKeys: 2,
  noNullPrototype: true,
})

/** Few labels, so that names and patterns meet: "a.x.test", "*.x.test", "*". */
const word = fc.constantFrom('a', 'b', 'x', 'test')
const domain = fc.array(word, { minLength: 1, maxLength: 3 }).map(labels => labels.join('.'))
/** '' is a client that names no server. */
export const serverName = fc.oneof(
  { arbitrary: domain, weight: 9 },
  { arbitrary: fc.constant(''), weight: 1 },
)
const pattern = fc.oneof(
  { arbitrary: domain, weight: 3 },
  { arbitrary: domain.map(each => `*.${each}`), weight: 3 },
  { arbitrary: fc.constant('*'), weight: 1 },
)
const patterns = fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 })

const ROUTES = 4

const rule: fc.Arbitrary<Rule> = record({
  origin: record({
    virtualService: fc.constant('default/vs'),
    block: fc.constant('tcp' as const),
    route: fc.nat(9),
    match: fc.option(fc.nat(3)),
    file: fc.constant('a.yaml'),
    line: fc.nat(99),
  }),
  destinations: cidrs,
  port: mostly(0, port),
  clients: cidrs,
  source: record({
    namespace: mostly<string | null>(null, namespace),
    labels: mostly<Record<string, string>>({}, labels),
    visibleTo: mostly<string[] | null>(null, fc.array(namespace, { minLength: 1, maxLength: 2 })),
  }),
  route: fc.nat(ROUTES - 1),
  never: mostly<string | null>(null, fc.constant('gateways: mesh is not in [default/other]')),
})

/** Among the first rules, in order. */
const defaultsOf = fc
  .array(
    record({
      after: fc.nat(8),
      visibleTo: fc.array(fc.constantFrom('default', 'foo', 'bar', ''), { minLength: 1, maxLength: 2 }),
      route: fc.nat(ROUTES - 1),
    }),
    { maxLength: 3 },
  )
  .map(list => list.toSorted((a, b) => a.after - b.after))

const scopeOf = (rules: fc.Arbitrary<Rule[]>): fc.Arbitrary<Scope> =>
  record({
    host: fc.constantFrom('a.default.svc.cluster.local', 'b.default.svc.cluster.local'),
    port: mostly(0, port),
    addresses: cidrs,
    rules,
    defaults: mostly([], defaultsOf),
    defaultRoute: fc.integer({ min: -3, max: ROUTES - 1 }),
  })

const listenerOf = (scopes: fc.Arbitrary<Scope[]>): fc.Arbitrary<Listener> =>
  record({
    gateway: fc.constantFrom('mesh', 'default/gw'),
    bind: fc.constantFrom('', '10.0.0.1', '10.1.1.1'),
    port,
    opens: fc.boolean(),
    destination: fc.constantFrom('local' as const, 'original' as const),
    scopes,
    otherwise: fc.constantFrom('close' as const, 'passthrough' as const, 'deny' as const),
  })

const planOf = (listeners: fc.Arbitrary<Listener[]>): fc.Arbitrary<Plan> =>
  record({
    listeners,
    routes: fc.constant(
      Array.from({ length: ROUTES }, (_, index) => ({
        identity: `route ${index}`,
        destinations: [{ cluster: index, weight: 1 }],
        split: 'random' as const,
      })),
    ),
    clusters: fc.constant(
      Array.from({ length: ROUTES }, (_, index) => ({
        host: `cluster-${index}.default.svc.cluster.local`,
        subset: null,
        port: 80,
        kind: 'static' as const,
        endpoints: [{ address: `10.9.9.${index + 1}`, port: 80, weight: 1 }],
        names: [],
        labels: {},
        policy: DEFAULT_POLICY,
      })),
    ),
    sources: fc.array(record({ cidr, namespace, labels }), { maxLength: 5 }),
  })

export const plan: fc.Arbitrary<Plan> = planOf(
  fc.uniqueArray(listenerOf(fc.array(scopeOf(fc.array(rule, { maxLength: 8 })), { maxLength: 4 })), {
    minLength: 1,
    maxLength: 3,
    selector: each => `${each.gateway} ${each.bind} ${each.port}`,
  }),
)

/** What a rule asks besides a name: mostly much, which few connections fulfil, else nothing. */
const asked: fc.Arbitrary<Rule> = fc.tuple(rule, fc.nat(3)).map(([each, kind]) => {
  if (kind > 0) return each
  const source = { namespace: null, labels: {}, visibleTo: null }
  return { ...each, destinations: [], port: 0, clients: [], source, never: null }
})

const namedRule: fc.Arbitrary<Rule> = fc
  .tuple(asked, mostly<string[] | undefined>(undefined, patterns), patterns, fc.boolean())
  .map(([each, rare, usual, isUsual]) => {
    const names = isUsual ? usual : rare
    return names === undefined ? each : { ...each, names }
  })

/** A Gateway's server. */
const serverScope: fc.Arbitrary<Scope> = record({
  host: fc.constant(''),
  port: fc.constant(0),
  addresses: fc.constant([]),
  takes: record({ names: fc.uniqueArray(pattern, { maxLength: 3 }), plain: fc.boolean() }),
  rules: fc.array(namedRule, { maxLength: 5 }),
  defaultRoute: fc.integer({ min: -1, max: ROUTES - 1 }),
})

/** Gateways whose servers share a socket, and a mesh whose rules ask for names. */
export const namedPlan: fc.Arbitrary<Plan> = planOf(
  fc
    .tuple(
      fc.array(fc.array(serverScope, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      fc.array(scopeOf(fc.array(namedRule, { maxLength: 8 })), { maxLength: 3 }),
    )
    .map(([gateways, mesh]): Listener[] => {
      const common = { bind: '', destination: 'local', otherwise: 'close' } as const
      return [
        { ...common, gateway: 'mesh', port: 80, opens: true, scopes: mesh, reads: 'tls' },
        ...gateways.map((scopes, index): Listener => {
          const shares = index === 0 ? {} : { shares: 1 }
          const own = { gateway: `default/gw-${index}`, port: 443, opens: index === 0, scopes }
          return { ...common, ...own, ...shares, reads: 'tls' }
        }),
      ]
    }),
)

const label = fc.constantFrom('a', 'b', '')

/**
 * A rule that asks a lot of the client, and so leaves much to the rules behind it; a few leave
 * nothing in their prefix.
 */
const pickyRule = fc
  .record({ rule, kind: fc.nat(59), only: namespace, client: cidr, prefix: cidr, app: label, version: label })
  .map(({ rule, kind, only, client, prefix, app, version }): Rule => {
    const anyone = { clients: [], source: { namespace: null, labels: {}, visibleTo: null }, never: null }
    if (kind < 3) return { ...rule, ...anyone, destinations: [prefix] }
    if (kind < 20) return { ...rule, clients: [client] }
    return { ...rule, ...anyone, source: { ...anyone.source, namespace: only, labels: { app, version } } }
  })

/** One listener with one scope, for everything. */
const oneScope = (rules: fc.Arbitrary<Rule[]>): fc.Arbitrary<Plan> =>
  planOf(fc.tuple(listenerOf(fc.tuple(scopeOf(rules).map(each => ({ ...each, port: 0, addresses: [] }))))))

/** About as many rules as a shortlist holds, up to several times as many. */
export const crowdedPlan: fc.Arbitrary<Plan> = oneScope(
  fc.array(pickyRule, { minLength: 10, maxLength: 120, size: 'max' }),
)

/** A rule that asks of the client what many others do. */
const commonRule = fc.tuple(rule, cidr, fc.constantFrom('foo', 'bar'), fc.nat(9)).map(
  ([each, prefix, only, kind]): Rule => ({
    ...each,
    destinations: kind === 0 ? [] : [prefix],
    clients: [],
    source: { namespace: only, labels: {}, visibleTo: null },
    never: null,
  }),
)

/**
 * Many rules that ask the same of the client, among others of which more can match than a shortlist
 * holds.
 */
export const hugePlan: fc.Arbitrary<Plan> = oneScope(
  fc
    .tuple(
      fc.array(pickyRule, { minLength: 60, maxLength: 90, size: 'max' }),
      fc.array(commonRule, { minLength: 150, maxLength: 250, size: 'max' }),
    )
    .map(([picky, common]) =>
      common.flatMap((each, index) => (index < picky.length ? [each, picky[index]] : [each])),
    ),
)

/** A plan with one route, to as many clusters as there are weights. */
export function splitPlan(weights: readonly number[], split: Plan['routes'][number]['split']): Plan {
  const clusters = weights.map((_, index) => ({
    host: `cluster-${index}.default.svc.cluster.local`,
    subset: null,
    port: 80,
    kind: 'static' as const,
    endpoints: [],
    names: [],
    labels: {},
    policy: DEFAULT_POLICY,
  }))
  const destinations = weights.map((weight, cluster) => ({ cluster, weight }))
  return { listeners: [], routes: [{ identity: 'split', destinations, split }], clusters, sources: [] }
}
