/** What a destination's policy comes to: blocks of a DestinationRule, annotations, Settings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settings } from '../../src/config/settings/settings.ts'
import { DEFAULT_EJECTION, DEFAULT_KEEPALIVE, DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { istio, planOf, type Written } from '../support/resources.ts'
import { annotated, base, HOST, most, routed, rule } from './policy-kit.ts'

test("without a DestinationRule Istio's defaults hold, but for keepalive", () => {
  assert.deepEqual(routed([]).policy, { ...DEFAULT_POLICY, keepalive: DEFAULT_KEEPALIVE })
})

test('every field of a policy is read', () => {
  const tcp = {
    maxConnections: 5,
    connectTimeout: '250ms',
    idleTimeout: '0s',
    maxConnectionDuration: '1h30m',
    tcpKeepalive: { time: '60s', probes: 3 },
  }
  assert.deepEqual(
    routed([
      rule('data/r', { trafficPolicy: { connectionPool: { tcp }, loadBalancer: { simple: 'ROUND_ROBIN' } } }),
    ]).policy,
    {
      balance: 'ROUND_ROBIN',
      hashSize: 0,
      warmup: null,
      connectTimeoutMs: 250,
      idleTimeoutMs: 0,
      maxDurationMs: 5_400_000,
      maxConnections: 5,
      keepalive: { timeS: 60, intervalS: 0, probes: 3 },
      userTimeoutMs: 0,
      writeTimeoutMs: 0,
      connectAttempts: 3,
      connectDeadlineMs: 15_000,
      remembersFailures: true,
      ejection: null,
      proxyVersion: 0,
      proxyTlvs: [],
    },
  )
})

for (const [simple, balance] of [
  ['LEAST_CONN', 'LEAST_REQUEST'],
  ['UNSPECIFIED', 'LEAST_REQUEST'],
  ['RANDOM', 'RANDOM'],
]) {
  test(`${simple} balances as ${balance}`, () => {
    assert.equal(
      routed([rule('data/r', { trafficPolicy: { loadBalancer: { simple } } })]).policy.balance,
      balance,
    )
  })
}

test('PASSTHROUGH goes to the address that was asked for', () => {
  const cluster = routed([rule('data/r', { trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } })])
  assert.deepEqual([cluster.kind, cluster.endpoints], ['original', []])
})

test('an unknown subset, port or host is a cluster that refuses', () => {
  assert.equal(routed([], { subset: 'v9' }).kind, 'unknown')
  assert.equal(routed([], { port: { number: 1 } }).kind, 'unknown')
  assert.equal(routed([], { host: 'ghost' }).kind, 'unknown')
})

const dialing = (rules: Written[], settings = {}) => {
  const { connectAttempts, connectDeadlineMs } = routed(rules, {}, settings).policy
  return [connectAttempts, connectDeadlineMs]
}

test('how a destination is dialed: annotations of its DestinationRules, then the Settings', () => {
  const both = { connectAttempts: 5, connectDeadlineMs: 7_000 }
  const attempts = { 'gateway.weir/connect-attempts': '2' }
  const deadline = { 'gateway.weir/connect-deadline': '1m30s' }
  assert.deepEqual(dialing([]), [3, 15_000])
  assert.deepEqual(dialing([], both), [5, 7_000])
  assert.deepEqual(dialing([annotated('data/r', attempts)], both), [2, 7_000])
  assert.deepEqual(dialing([annotated('data/r', deadline)], both), [5, 90_000])
  assert.deepEqual(dialing([annotated('data/a', attempts), annotated('data/b', deadline)], both), [2, 90_000])
  assert.deepEqual(dialing([annotated('other/r', attempts)], both), [5, 7_000])
})

test('keepalive, user and write timeout: the DestinationRule, then the Settings', () => {
  const of = (rules: Written[], settings: Partial<Settings> = {}) => {
    const { keepalive, userTimeoutMs, writeTimeoutMs } = routed(rules, {}, settings).policy
    return [keepalive, userTimeoutMs, writeTimeoutMs]
  }
  const own = { trafficPolicy: { connectionPool: { tcp: { tcpKeepalive: {} } } } }
  const general = {
    keepalive: { timeS: 9, intervalS: 8, probes: 7 },
    userTimeoutMs: 5_000,
    writeTimeoutMs: 6_000,
  }
  const hurried = { 'gateway.weir/user-timeout': '30s' }
  assert.deepEqual(of([]), [DEFAULT_KEEPALIVE, 0, 0])
  assert.deepEqual(of([], general), [general.keepalive, 5_000, 6_000])
  assert.deepEqual(of([], { keepalive: null }), [null, 0, 0])
  assert.deepEqual(of([rule('data/r', own)], general), [{ timeS: 0, intervalS: 0, probes: 0 }, 5_000, 6_000])
  assert.deepEqual(of([annotated('data/r', hurried)], general), [general.keepalive, 30_000, 6_000])
  const none = { 'gateway.weir/user-timeout': '0s', 'gateway.weir/write-timeout': '7s' }
  assert.deepEqual(of([annotated('data/r', none)], general), [general.keepalive, 0, 7_000])
})

test('a connect timeout that is longer than the default deadline is not cut off, but by a deadline that is written', () => {
  const spec = { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '20s' } } } }
  assert.deepEqual(dialing([annotated('data/r', {}, spec)]), [3, 20_000])
  assert.deepEqual(dialing([annotated('data/r', {}, spec)], { connectDeadlineMs: 15_000 }), [3, 15_000])
  const written = { 'gateway.weir/connect-deadline': '4s' }
  assert.deepEqual(dialing([annotated('data/r', written, spec)]), [3, 4_000])
})

test('where a policy has outlierDetection, at its own level or above, no failure is remembered', () => {
  const outlierDetection = { consecutive5xxErrors: 5 }
  const remembers = (spec: object, destination: object = {}) =>
    routed([rule('data/r', spec)], destination).policy.remembersFailures
  const subsets = (trafficPolicy?: object) => [{ name: 'v1', labels: { version: 'v1' }, trafficPolicy }]
  assert.equal(remembers({}), true)
  assert.equal(remembers({ trafficPolicy: { outlierDetection } }), false)
  assert.equal(remembers({ trafficPolicy: { outlierDetection: {} } }), false)
  assert.equal(
    remembers({ trafficPolicy: { outlierDetection }, subsets: subsets() }, { subset: 'v1' }),
    false,
  )
  assert.equal(remembers({ subsets: subsets({ outlierDetection }) }, { subset: 'v1' }), false)
  assert.equal(remembers({ subsets: subsets({ outlierDetection }) }), true)
  const portLevelSettings = [{ port: { number: 5432 }, connectionPool: { tcp: { maxConnections: 1 } } }]
  assert.equal(remembers({ trafficPolicy: { outlierDetection, portLevelSettings } }), true)
})

test('outlierDetection is read as Istio translates it for Envoy', () => {
  const read = (outlierDetection: object) =>
    routed([rule('data/r', { trafficPolicy: { outlierDetection } })]).policy.ejection
  assert.deepEqual(read({}), DEFAULT_EJECTION)
  assert.deepEqual(read({ maxEjectionPercent: 0, consecutiveErrors: 2 }), DEFAULT_EJECTION)
  assert.deepEqual(
    read({
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 3,
      interval: '5s',
      baseEjectionTime: '1m',
      maxEjectionPercent: 50,
      minHealthPercent: 30,
    }),
    {
      failures: 0,
      gatewayFailures: 3,
      intervalMs: 5_000,
      baseMs: 60_000,
      maxPercent: 50,
      minHealthPercent: 30,
    },
  )
  const split = { splitExternalLocalOriginErrors: true, consecutive5xxErrors: 1, consecutiveGatewayErrors: 1 }
  assert.deepEqual(read(split), DEFAULT_EJECTION)
  assert.deepEqual(read({ ...split, consecutiveLocalOriginFailures: 0 }), DEFAULT_EJECTION)
  const two = { ...DEFAULT_EJECTION, failures: 2 }
  assert.deepEqual(read({ ...split, consecutiveLocalOriginFailures: 2 }), two)
})

test('consistentHash by the address is a ring, or Maglev; by another key it is LEAST_REQUEST', () => {
  const read = (consistentHash: object) => {
    const { policy, policyAt } = routed([
      rule('data/r', { trafficPolicy: { loadBalancer: { consistentHash } } }),
    ])
    assert.ok(policyAt?.loadBalancer)
    return `${policy.balance} ${policy.hashSize}`
  }
  const useSourceIp = true
  assert.equal(read({ useSourceIp }), 'RING_HASH 1024')
  assert.equal(read({ useSourceIp, ringHash: {} }), 'RING_HASH 1024')
  assert.equal(read({ useSourceIp, minimumRingSize: 64 }), 'RING_HASH 64')
  assert.equal(read({ useSourceIp, ringHash: { minimumRingSize: 2 ** 23 } }), `RING_HASH ${2 ** 20}`)
  assert.equal(read({ useSourceIp, maglev: { tableSize: 65_537 } }), 'MAGLEV 65537')
  assert.equal(read({ useSourceIp, maglev: { tableSize: 4_999_999 } }), 'MAGLEV 1048573')
  assert.equal(read({ httpHeaderName: 'x-user', maglev: { tableSize: 11 } }), 'LEAST_REQUEST 0')
})

test('warmup, or the older warmupDurationSecs, is for LEAST_REQUEST and ROUND_ROBIN', () => {
  const read = (loadBalancer: object) => routed([rule('data/r', { trafficPolicy: { loadBalancer } })])
  const ten = { durationMs: 10_000, minimumPercent: 10, aggression: 1 }
  const warmup = { duration: '10s' }
  assert.deepEqual(read({ warmup }).policy.warmup, ten)
  assert.ok(read({ warmup }).policyAt?.loadBalancer)
  assert.deepEqual(read({ simple: 'ROUND_ROBIN', warmupDurationSecs: '10s' }).policy.warmup, ten)
  assert.deepEqual(read({ warmup: { duration: '10s' }, warmupDurationSecs: '90s' }).policy.warmup, ten)
  assert.deepEqual(read({ warmup: { duration: '1m', minimumPercent: 0, aggression: 1.5 } }).policy.warmup, {
    durationMs: 60_000,
    minimumPercent: 0,
    aggression: 1.5,
  })
  for (const other of [{ simple: 'RANDOM' }, { consistentHash: { useSourceIp: true } }, {}])
    assert.equal(
      read({ ...other, ...('simple' in other || 'consistentHash' in other ? { warmup } : {}) }).policy.warmup,
      null,
    )
})

test('outlierDetection that never ejects is told, with the percentage that would, and long timeouts', () => {
  const found = (outlierDetection: object, connectTimeout?: string) => {
    const connectionPool = { tcp: { maxConnections: 9, ...(connectTimeout && { connectTimeout }) } }
    const rules = [rule('data/r', { trafficPolicy: { outlierDetection, connectionPool } })]
    return planOf([...base({}), ...rules]).findings.list.filter(each => /CFG44[01]/.test(each.code))
  }
  const texts = (...args: Parameters<typeof found>) =>
    found(...args).map(each => `${each.code}: ${each.message}`)
  assert.deepEqual(texts({}), [
    `CFG440: ${HOST}:5432: 2 endpoints, maxEjectionPercent 10: never ejects; 50 would`,
  ])
  assert.deepEqual(texts({ maxEjectionPercent: 49 }), [
    `CFG440: ${HOST}:5432: 2 endpoints, maxEjectionPercent 49: never ejects; 50 would`,
  ])
  assert.deepEqual(texts({ maxEjectionPercent: 50 }, '1s'), [])
  assert.deepEqual(texts({ maxEjectionPercent: 50, consecutive5xxErrors: 0 }, '1s'), [
    `CFG440: ${HOST}:5432: never ejects: every threshold is 0`,
  ])
  assert.deepEqual(texts({ maxEjectionPercent: 50, consecutiveGatewayErrors: 3 }), [
    'CFG441: an endpoint that does not answer is ejected after 3 connect timeouts in a row, each of 10s',
  ])
})

const proxied = (trafficPolicy: object, subsetPolicy: object | null = null) => {
  const subsets = subsetPolicy ? [{ name: 's', labels: { version: 'v1' }, trafficPolicy: subsetPolicy }] : []
  const destination = subsetPolicy ? { subset: 's' } : {}
  return routed([rule('data/r', { trafficPolicy, subsets })], destination).policy.proxyVersion
}

test('proxyProtocol: version 1 where none is said, the subset before the rule', () => {
  assert.equal(proxied({ proxyProtocol: {} }), 1)
  assert.equal(proxied({ proxyProtocol: { version: 'V1' } }), 1)
  assert.equal(proxied({ proxyProtocol: { version: 'V2' } }), 2)
  assert.equal(proxied(most(1)), 0)
  assert.equal(proxied({ proxyProtocol: {} }, { proxyProtocol: { version: 'V2' } }), 2)
  assert.equal(proxied({ proxyProtocol: { version: 'V2' } }, most(1)), 2)
})

test('an annotation says what a header of version 2 has more, and version 1 has none', () => {
  const tlvsOf = (version: string, text: string) => {
    const trafficPolicy = { proxyProtocol: { version } }
    const annotations = { 'gateway.weir/proxy-tlvs': text }
    const written = istio('DestinationRule', 'data/r', { host: HOST, trafficPolicy }, { annotations })
    return routed([written], {}).policy.proxyTlvs
  }
  assert.deepEqual(tlvsOf('V2', 'crc32c, ssl'), ['ssl', 'crc32c'])
  assert.deepEqual(tlvsOf('V2', 'alpn,unique-id'), ['alpn', 'unique-id'])
  assert.deepEqual(tlvsOf('V1', 'ssl'), [])
})

test('an annotation that no header has a place for is said to have no effect', () => {
  const found = (...policies: readonly object[]): string[] => {
    const annotations = { 'gateway.weir/proxy-tlvs': 'ssl' }
    const written = policies.map((spec, index) =>
      istio('DestinationRule', `data/r${index}`, { host: HOST, ...spec }, index === 0 ? { annotations } : {}),
    )
    return planOf([...base({}), ...written], {})
      .findings.list.filter(each => each.code === 'CFG252')
      .map(each => each.message)
  }
  const of = (proxyProtocol: object) => ({ trafficPolicy: { proxyProtocol } })
  const second = of({ version: 'V2' })
  assert.deepEqual(found(second), [])
  assert.deepEqual(found(of({ version: 'V1' }), second), [], 'another rule for the host asks for it')
  assert.deepEqual(found({ subsets: [{ name: 'v2', ...second }] }), [])
  assert.match(found(of({ version: 'V1' })).join(), /of version V1, whose header has no place/)
  assert.match(found(of({})).join(), /of version V1/)
  assert.match(found({}).join(), /nothing asks for a PROXY header/)
})

test('a policy for the port does not lose proxyProtocol', () => {
  const ofPort = { portLevelSettings: [{ port: { number: 5432 }, ...most(2) }] }
  const policy = { proxyProtocol: { version: 'V2' }, ...ofPort }
  assert.equal(proxied(policy), 2)
  assert.equal(proxied({ proxyProtocol: {} }, policy), 2)
  assert.equal(routed([rule('data/r', { trafficPolicy: policy })]).policy.maxConnections, 2)
})
