/** The rules for DestinationRule, each with cases of its own. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { findingsOf, istio, type Json, rules } from './validate-kit.ts'

const rule = (fields: Json): Json => ({ host: 'd.example.com', ...fields })
const policy = (fields: unknown): Json => rule({ trafficPolicy: fields })
const tcp = (fields: Json): Json => policy({ connectionPool: { tcp: fields } })
const http = (fields: Json): Json => policy({ connectionPool: { http: fields } })
const outlier = (fields: Json): Json => policy({ outlierDetection: fields })
const balancer = (fields: Json, more: Json = {}): Json => policy({ loadBalancer: fields, ...more })
const hash = (fields: Json): Json => balancer({ consistentHash: fields })
const cookie = (fields: Json): Json => hash({ httpCookie: fields })
const tls = (fields: Json): Json => policy({ tls: fields })
const locality = (fields: Json): Json => balancer({ localityLbSetting: fields }, { outlierDetection: {} })
const zoneAware = (fields: unknown): Json =>
  balancer({ zoneAwareLbSetting: fields }, { outlierDetection: {} })
const from = (...places: string[]): Json =>
  locality({ distribute: places.map(place => ({ from: place, to: { x: 100 } })) })
const shares = (to: Json): Json => locality({ distribute: [{ from: 'a', to }] })
const tunnel = (fields: Json): Json => policy({ tunnel: fields })

const POOL = 'spec.trafficPolicy.connectionPool'
const OUTLIER = 'spec.trafficPolicy.outlierDetection'
const BALANCER = 'spec.trafficPolicy.loadBalancer'
const TLS = 'spec.trafficPolicy.tls'
const LOCALITY = `${BALANCER}.localityLbSetting`
const ZONE = `${BALANCER}.zoneAwareLbSetting`
const certificate = { clientCertificate: '/c', privateKey: '/k' }

rules('DestinationRule', {
  'the host is a name, perhaps with a wildcard': [
    ['a short name', { host: 'd' }],
    ['a wildcard', { host: '*.d.com' }],
    ['everything', { host: '*' }],
    ['none', {}, 'CFG103 spec.host'],
    ['an empty one', { host: '' }, 'CFG201 spec.host'],
    ['an address', { host: '10.0.0.1' }, 'CFG201 spec.host'],
  ],
  'subsets have unique names that are DNS labels': [
    ['two', rule({ subsets: [{ name: 'v1', labels: { version: 'v1' } }, { name: 'v2' }] })],
    ['no name', rule({ subsets: [{ labels: {} }] }), 'CFG103 spec.subsets[0].name'],
    ['an empty name', rule({ subsets: [{ name: '' }] }), 'CFG217 spec.subsets[0].name'],
    ['a dot', rule({ subsets: [{ name: 'v1.1' }] }), 'CFG217 spec.subsets[0].name'],
    ['the same name', rule({ subsets: [{ name: 'v1' }, { name: 'v1' }] }), 'CFG209 spec.subsets[1].name'],
    [
      'a bad label',
      rule({ subsets: [{ name: 'v1', labels: { '^': 'x' } }] }),
      'CFG204 spec.subsets[0].labels["^"]',
    ],
    [
      'an empty policy',
      rule({ subsets: [{ name: 'v1', trafficPolicy: {} }] }),
      'CFG211 spec.subsets[0].trafficPolicy',
    ],
    [
      'warnings in a subset are lost, as in Istio',
      rule({ subsets: [{ name: 'v1', trafficPolicy: { outlierDetection: { consecutiveErrors: 1 } } }] }),
    ],
  ],
  'a policy says something, and tunnel excludes proxyProtocol': [
    ['null', policy(null)],
    ['nothing', policy({}), 'CFG211 spec.trafficPolicy'],
    ['an empty list', policy({ portLevelSettings: [] }), 'CFG211 spec.trafficPolicy'],
    ['a retry budget only', policy({ retryBudget: { percent: 10, budgetInterval: '1s' } })],
    [
      'an interval of another type',
      policy({ retryBudget: { budgetInterval: 1 } }),
      'CFG101 spec.trafficPolicy.retryBudget.budgetInterval',
    ],
    ['a version', policy({ proxyProtocol: { version: 'V2' } })],
    [
      'both',
      policy({ proxyProtocol: {}, tunnel: { targetHost: 'a.com', targetPort: 1 } }),
      'CFG210 spec.trafficPolicy',
    ],
  ],
  'policies for ports name the port': [
    ['good', policy({ portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'RANDOM' } }] })],
    [
      'any number, as in Istio',
      policy({ portLevelSettings: [{ port: { number: 65536 }, loadBalancer: { simple: 'RANDOM' } }] }),
    ],
    [
      'no port',
      policy({ portLevelSettings: [{ loadBalancer: { simple: 'RANDOM' } }] }),
      'CFG103 spec.trafficPolicy.portLevelSettings[0].port',
    ],
    [
      'nothing else',
      policy({ portLevelSettings: [{ port: { number: 80 } }] }),
      'CFG211 spec.trafficPolicy.portLevelSettings[0]',
    ],
    [
      'a mistake inside',
      policy({ portLevelSettings: [{ port: { number: 80 }, connectionPool: {} }] }),
      'CFG211 spec.trafficPolicy.portLevelSettings[0].connectionPool',
    ],
  ],
  'TCP pools have limits of at least 0 and durations of at least 1ms': [
    [
      'all',
      tcp({
        maxConnections: 1,
        connectTimeout: '1s',
        maxConnectionDuration: '1h',
        idleTimeout: '30s',
        tcpKeepalive: { probes: 1, time: '1s', interval: '1s' },
      }),
    ],
    ['empty', tcp({})],
    ['neither tcp nor http', policy({ connectionPool: {} }), `CFG211 ${POOL}`],
    ['negative', tcp({ maxConnections: -1 }), `CFG208 ${POOL}.tcp.maxConnections`],
    ['Go syntax', tcp({ connectTimeout: '1m30s' })],
    ['1ms', tcp({ connectTimeout: '0.001s' })],
    ['a fraction that is whole milliseconds', tcp({ connectTimeout: '1.001s' })],
    ['0', tcp({ connectTimeout: '0s' }), `CFG207 ${POOL}.tcp.connectTimeout`],
    ['negative', tcp({ connectTimeout: '-1s' }), `CFG207 ${POOL}.tcp.connectTimeout`],
    ['finer than a millisecond', tcp({ connectTimeout: '1.0005s' }), `CFG207 ${POOL}.tcp.connectTimeout`],
    ['a nanosecond more', tcp({ connectTimeout: '1.000000001s' }), `CFG207 ${POOL}.tcp.connectTimeout`],
    ['no unit', tcp({ connectTimeout: '10' }), `CFG207 ${POOL}.tcp.connectTimeout`],
    ['a number', tcp({ connectTimeout: 10 }), `CFG101 ${POOL}.tcp.connectTimeout`],
    ['an idle timeout of 0 is off', tcp({ idleTimeout: '0s' })],
    ['and so is one below 1ms', tcp({ idleTimeout: '0.5ms' })],
    ['but not a negative one', tcp({ idleTimeout: '-1s' }), `CFG207 ${POOL}.tcp.idleTimeout`],
    [
      'keepalive 0',
      tcp({ tcpKeepalive: { time: '0s', interval: '0s' } }),
      `CFG207 ${POOL}.tcp.tcpKeepalive.time`,
      `CFG207 ${POOL}.tcp.tcpKeepalive.interval`,
    ],
    ['a maximum of 0', tcp({ maxConnectionDuration: '0s' }), `CFG207 ${POOL}.tcp.maxConnectionDuration`],
  ],
  'HTTP pools are checked though not served': [
    [
      'all',
      http({
        http1MaxPendingRequests: 1,
        http2MaxRequests: 1,
        idleTimeout: '1s',
        http2KeepAlive: { interval: '1s', timeout: '1s' },
      }),
    ],
    [
      'negative',
      http({ http1MaxPendingRequests: -1, maxRetries: -1 }),
      `CFG208 ${POOL}.http.http1MaxPendingRequests`,
      `CFG208 ${POOL}.http.maxRetries`,
    ],
    [
      'an upgrade of the client protocol',
      http({ h2UpgradePolicy: 'UPGRADE', useClientProtocol: true }),
      `CFG210 ${POOL}.http.useClientProtocol`,
    ],
    [
      'half a keepalive',
      http({ http2KeepAlive: { interval: '1s' } }),
      `CFG103 ${POOL}.http.http2KeepAlive.timeout`,
    ],
    [
      'a keepalive too fine',
      http({ http2KeepAlive: { interval: '1.0000005s', timeout: '0s' } }),
      `CFG207 ${POOL}.http.http2KeepAlive.interval`,
      `CFG207 ${POOL}.http.http2KeepAlive.timeout`,
    ],
    [
      'a keepalive of numbers',
      http({ http2KeepAlive: { interval: 1, timeout: '1s' } }),
      `CFG101 ${POOL}.http.http2KeepAlive.interval`,
    ],
  ],
  'outlier detection': [
    ['codes of answers', outlier({ outlierDetectionHttpErrorCodes: [429, 503] })],
    [
      'no codes of answers',
      outlier({ outlierDetectionHttpErrorCodes: [99, 'a'] }),
      `CFG101 ${OUTLIER}.outlierDetectionHttpErrorCodes[1]`,
      `CFG208 ${OUTLIER}.outlierDetectionHttpErrorCodes[0]`,
    ],
    [
      'all',
      outlier({
        interval: '10s',
        baseEjectionTime: '30s',
        maxEjectionPercent: 100,
        minHealthPercent: 0,
        consecutive5xxErrors: 5,
      }),
    ],
    [
      'durations',
      outlier({ interval: '0s', baseEjectionTime: '0s' }),
      `CFG207 ${OUTLIER}.baseEjectionTime`,
      `CFG207 ${OUTLIER}.interval`,
    ],
    [
      'percentages',
      outlier({ maxEjectionPercent: 101, minHealthPercent: -1 }),
      `CFG208 ${OUTLIER}.maxEjectionPercent`,
      `CFG208 ${OUTLIER}.minHealthPercent`,
    ],
    [
      'local failures alone',
      outlier({ consecutiveLocalOriginFailures: 5 }),
      `CFG211 ${OUTLIER}.consecutiveLocalOriginFailures`,
    ],
    ['local failures of 0', outlier({ consecutiveLocalOriginFailures: 0 })],
    [
      'local failures, split',
      outlier({ consecutiveLocalOriginFailures: 5, splitExternalLocalOriginErrors: true }),
    ],
    ['the deprecated count', outlier({ consecutiveErrors: 5 }), `CFG251 ${OUTLIER}.consecutiveErrors`],
  ],
  balancers: [
    ['each', balancer({ simple: 'LEAST_REQUEST' })],
    ['unknown', balancer({ simple: 'FOO' }), `CFG101 ${BALANCER}.simple`],
    ['in lower case', balancer({ simple: 'random' }), `CFG101 ${BALANCER}.simple`],
    [
      'and a hash',
      balancer({ simple: 'RANDOM', consistentHash: { useSourceIp: true } }),
      `CFG104 ${BALANCER}`,
    ],
    ['two hash keys', hash({ useSourceIp: true, httpHeaderName: 'x' }), `CFG104 ${BALANCER}.consistentHash`],
    [
      'two algorithms',
      hash({ useSourceIp: true, ringHash: {}, maglev: { tableSize: 11 } }),
      `CFG104 ${BALANCER}.consistentHash`,
    ],
    ['a warmup', balancer({ simple: 'ROUND_ROBIN', warmup: { duration: '10s' } })],
    [
      'of a balancer that has none',
      balancer({ simple: 'RANDOM', warmup: { duration: '10s' } }),
      `CFG252 ${BALANCER}.warmup`,
    ],
    [
      'the older one',
      balancer({ simple: 'PASSTHROUGH', warmupDurationSecs: '10s' }),
      `CFG252 ${BALANCER}.warmupDurationSecs`,
    ],
    ['a hash without a key', hash({}), `CFG252 ${BALANCER}.consistentHash`],
    ['a key that is off', hash({ useSourceIp: false }), `CFG252 ${BALANCER}.consistentHash`],
    ['a ring', hash({ useSourceIp: true, ringHash: { minimumRingSize: 2 ** 20 } })],
    [
      'a ring of more than weir makes',
      hash({ useSourceIp: true, ringHash: { minimumRingSize: 2 ** 20 + 1 } }),
      `CFG253 ${BALANCER}.consistentHash.ringHash.minimumRingSize`,
    ],
    [
      'a maglev of more than weir makes',
      hash({ useSourceIp: true, maglev: { tableSize: 4_999_999 } }),
      `CFG253 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    ['maglev', hash({ useSourceIp: true, maglev: { tableSize: 65537 } })],
    ['maglev of 2', hash({ useSourceIp: true, maglev: { tableSize: 2 } })],
    [
      'maglev without size',
      hash({ useSourceIp: true, maglev: {} }),
      `CFG211 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    [
      'maglev of an even size',
      hash({ useSourceIp: true, maglev: { tableSize: 65536 } }),
      `CFG208 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    [
      'maglev of a square',
      hash({ useSourceIp: true, maglev: { tableSize: 25 } }),
      `CFG208 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    [
      'maglev of 0',
      hash({ useSourceIp: true, maglev: { tableSize: 0 } }),
      `CFG208 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    [
      'maglev too large',
      hash({ useSourceIp: true, maglev: { tableSize: 5000011 } }),
      `CFG208 ${BALANCER}.consistentHash.maglev.tableSize`,
    ],
    [
      'the deprecated ring size',
      hash({ useSourceIp: true, minimumRingSize: 1024 }),
      `CFG251 ${BALANCER}.consistentHash.minimumRingSize`,
    ],
    [
      'and an algorithm',
      hash({ useSourceIp: true, minimumRingSize: 1, ringHash: {} }),
      `CFG251 ${BALANCER}.consistentHash.minimumRingSize`,
      `CFG210 ${BALANCER}.consistentHash.minimumRingSize`,
    ],
    ['a cookie', cookie({ name: 'c', ttl: '0s', attributes: [{ name: 'Secure' }] })],
    ['a cookie without name', cookie({ name: '' }), `CFG211 ${BALANCER}.consistentHash.httpCookie.name`],
    [
      'a cookie with a bad ttl',
      cookie({ name: 'c', ttl: 'x' }),
      `CFG207 ${BALANCER}.consistentHash.httpCookie.ttl`,
    ],
    [
      'attributes twice',
      cookie({ name: 'c', attributes: [{ name: 'a' }, { name: 'a' }] }),
      `CFG209 ${BALANCER}.consistentHash.httpCookie.attributes[1].name`,
    ],
    [
      'an attribute without name',
      cookie({ name: 'c', attributes: [{ name: '' }] }),
      `CFG211 ${BALANCER}.consistentHash.httpCookie.attributes[0].name`,
    ],
    [
      'warm-up',
      balancer({ simple: 'ROUND_ROBIN', warmup: { duration: '10s', minimumPercent: 100, aggression: 1 } }),
    ],
    ['warm-up without duration', balancer({ warmup: {} }), `CFG103 ${BALANCER}.warmup.duration`],
    ['warm-up of 0', balancer({ warmup: { duration: '0s' } }), `CFG207 ${BALANCER}.warmup.duration`],
    [
      'warm-up above 100',
      balancer({ warmup: { duration: '1s', minimumPercent: 101 } }),
      `CFG101 ${BALANCER}.warmup.minimumPercent`,
    ],
    [
      'warm-up too gentle',
      balancer({ warmup: { duration: '1s', aggression: 0.3 } }),
      `CFG208 ${BALANCER}.warmup.aggression`,
    ],
    ['the older warm-up', balancer({ warmupDurationSecs: '1.0005s' })],
    ['one of 0', balancer({ warmupDurationSecs: '0s' }), `CFG207 ${BALANCER}.warmupDurationSecs`],
    ['one in words', balancer({ warmupDurationSecs: 'soon' }), `CFG207 ${BALANCER}.warmupDurationSecs`],
    ['null is no choice', balancer({ simple: null, consistentHash: { useSourceIp: true } })],
  ],
  'localities do not overlap, and shares add up to 100': [
    ['apart', from('a', 'b/*', 'c/d', 'c/e/*', 'c/f/g')],
    ['a wildcard after', from('a/b/c', 'a/*')],
    ['a star in a name', from('a*', 'a', 'b/c*', 'b/c')],
    ['the same', from('a/b', 'a/b'), `CFG218 ${LOCALITY}.distribute[1].from`],
    ['inside a region', from('a', 'a/b'), `CFG218 ${LOCALITY}.distribute[1].from`],
    ['inside a wildcard', from('a/*', 'a/b/c'), `CFG218 ${LOCALITY}.distribute[1].from`],
    ['around', from('a/b/c', 'a'), `CFG218 ${LOCALITY}.distribute[1].from`],
    ['after everything', from('*', 'a'), `CFG218 ${LOCALITY}.distribute[1].from`],
    ['a wildcard inside', from('*/b'), `CFG218 ${LOCALITY}.distribute[0].from`],
    ['a step missing', from('a//c'), `CFG218 ${LOCALITY}.distribute[0].from`],
    ['shares', shares({ a: 80, 'b/c': 20 })],
    ['shares of 95', shares({ a: 80, b: 15 }), `CFG218 ${LOCALITY}.distribute[0].to`],
    ['a share of 0', shares({ a: 0, b: 100 }), `CFG218 ${LOCALITY}.distribute[0].to.a`],
    ['no share', shares({}), `CFG218 ${LOCALITY}.distribute[0].to`],
    [
      'shares of overlapping places',
      shares({ a: 50, 'a/b': 50 }),
      `CFG218 ${LOCALITY}.distribute[0].to["a/b"]`,
    ],
    [
      'distribute and failover',
      locality({ distribute: [{ from: 'a', to: { a: 100 } }], failover: [{ from: 'a', to: 'b' }] }),
      `CFG210 ${LOCALITY}`,
    ],
  ],
  'failover leads from a region to another': [
    ['good', locality({ failover: [{ from: 'a', to: 'b' }] })],
    ['the same', locality({ failover: [{ from: 'a', to: 'a' }] }), `CFG218 ${LOCALITY}.failover[0]`],
    ['a zone', locality({ failover: [{ from: 'a/b', to: 'c' }] }), `CFG218 ${LOCALITY}.failover[0].from`],
    ['a wildcard', locality({ failover: [{ from: 'a', to: '*' }] }), `CFG218 ${LOCALITY}.failover[0].to`],
    [
      'with a priority by region',
      locality({ failover: [{ from: 'a', to: 'b' }], failoverPriority: ['topology.kubernetes.io/region'] }),
      `CFG210 ${LOCALITY}.failoverPriority[0]`,
    ],
    [
      'with another priority',
      locality({ failover: [{ from: 'a', to: 'b' }], failoverPriority: ['topology.istio.io/network'] }),
    ],
    [
      'without outlier detection',
      balancer({ localityLbSetting: { failover: [{ from: 'a', to: 'b' }] } }),
      `CFG252 ${LOCALITY}.failover`,
    ],
  ],
  'zone-aware balancing': [
    ['good', zoneAware({ failover: [{ from: 'a', to: 'b' }], failoverPriority: ['version'] })],
    ['the same region', zoneAware({ failover: [{ from: 'a', to: 'a' }] }), `CFG218 ${ZONE}.failover[0]`],
    ['a zone', zoneAware({ failover: [{ from: 'a', to: 'b/c' }] }), `CFG218 ${ZONE}.failover[0].to`],
    [
      'a priority by zone',
      zoneAware({ failoverPriority: ['topology.kubernetes.io/zone'] }),
      `CFG210 ${ZONE}.failoverPriority[0]`,
    ],
    [
      'without outlier detection',
      balancer({ zoneAwareLbSetting: { failoverPriority: ['version'] } }),
      `CFG252 ${ZONE}.failoverPriority`,
    ],
    ['a size', zoneAware({ minClusterSize: 1 })],
    ['a size of none', zoneAware({ minClusterSize: 0 }), `CFG208 ${ZONE}.minClusterSize`],
    ['beside localities', balancer({ zoneAwareLbSetting: {}, localityLbSetting: {} }), `CFG210 ${ZONE}`],
    ['a wrong type', zoneAware(5), `CFG101 ${ZONE}`],
  ],
  'TLS settings go together': [
    ['off', tls({ mode: 'DISABLE' })],
    ['simple', tls({ mode: 'SIMPLE' })],
    ['Istio mutual', tls({ mode: 'ISTIO_MUTUAL' })],
    ['mutual', tls({ mode: 'MUTUAL', ...certificate })],
    ['mutual by credential', tls({ mode: 'MUTUAL', credentialName: 'c' })],
    [
      'mutual without',
      tls({ mode: 'MUTUAL' }),
      `CFG211 ${TLS}.clientCertificate`,
      `CFG211 ${TLS}.privateKey`,
    ],
    [
      'a credential and files',
      tls({ mode: 'SIMPLE', credentialName: 'c', caCertificates: '/a', caCrl: '/r' }),
      `CFG210 ${TLS}.caCertificates`,
      `CFG210 ${TLS}.caCrl`,
    ],
    ['no verification', tls({ mode: 'SIMPLE', insecureSkipVerify: true })],
    [
      'no verification with what verifies',
      tls({ mode: 'SIMPLE', insecureSkipVerify: true, caCertificates: '/a', subjectAltNames: ['a'] }),
      `CFG210 ${TLS}.caCertificates`,
      `CFG210 ${TLS}.subjectAltNames`,
    ],
    ['mutual without verification', tls({ mode: 'MUTUAL', insecureSkipVerify: true, credentialName: 'c' })],
    [
      'mutual with names to verify',
      tls({ mode: 'MUTUAL', ...certificate, insecureSkipVerify: true, subjectAltNames: ['a'] }),
      `CFG210 ${TLS}.subjectAltNames`,
    ],
    ['a ConfigMap', tls({ mode: 'SIMPLE', credentialName: 'configmap://bar/c' })],
    [
      'a ConfigMap elsewhere',
      tls({ mode: 'SIMPLE', credentialName: 'configmap://other/c' }),
      `CFG210 ${TLS}.credentialName`,
    ],
  ],
  'a tunnel has a target': [
    ['good', tunnel({ protocol: 'CONNECT', targetHost: 'a.com', targetPort: 443 })],
    ['to an address', tunnel({ targetHost: '10.0.0.1', targetPort: 443 })],
    [
      'nothing',
      tunnel({}),
      'CFG103 spec.trafficPolicy.tunnel.targetHost',
      'CFG103 spec.trafficPolicy.tunnel.targetPort',
    ],
    [
      'a wildcard',
      tunnel({ targetHost: '*.a.com', targetPort: 443 }),
      'CFG201 spec.trafficPolicy.tunnel.targetHost',
    ],
    ['port 0', tunnel({ targetHost: 'a.com', targetPort: 0 }), 'CFG202 spec.trafficPolicy.tunnel.targetPort'],
    [
      'another protocol',
      tunnel({ protocol: 'GET', targetHost: 'a.com', targetPort: 1 }),
      'CFG213 spec.trafficPolicy.tunnel.protocol',
    ],
  ],
  'a workload selector has labels without wildcards, and keeps the rule at home': [
    ['good', rule({ workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['.'] })],
    ['by its namespace', rule({ workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['bar'] })],
    ['empty', rule({ workloadSelector: {} }), 'CFG252 spec.workloadSelector'],
    [
      'a wildcard',
      rule({ workloadSelector: { matchLabels: { app: '*' } } }),
      'CFG204 spec.workloadSelector.matchLabels.app',
    ],
    [
      'an empty key',
      rule({ workloadSelector: { matchLabels: { '': 'a' } } }),
      'CFG204 spec.workloadSelector.matchLabels[""]',
    ],
    [
      'a long value',
      rule({ workloadSelector: { matchLabels: { app: 'a'.repeat(64) } } }),
      'CFG101 spec.workloadSelector.matchLabels.app',
    ],
    [
      'exported',
      rule({ workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['other'] }),
      'CFG212 spec.exportTo',
    ],
    [
      'exported at home and elsewhere',
      rule({ workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['.', 'other'] }),
      'CFG212 spec.exportTo',
    ],
  ],
})

test('how destinations are dialed may be annotated on a DestinationRule, and nowhere else', () => {
  const said = (kind: string, name: string, value: string) =>
    findingsOf(istio(kind, rule({}), { annotations: { [`gateway.weir/${name}`]: value } }))
      .filter(({ code }) => code === 'CFG219' || code === 'CFG307')
      .map(({ code, message }) => `${code} ${message}`)
  for (const value of ['1', '3', '32']) deepEqual(said('DestinationRule', 'connect-attempts', value), [])
  for (const value of ['', '0', '33', '3.0', '1e1', '-1', ' 3', 'three']) {
    deepEqual(said('DestinationRule', 'connect-attempts', value), [
      `CFG219 gateway.weir/connect-attempts must be a whole number from 1 to 32, not "${value}"`,
    ])
  }
  for (const value of ['1ms', '15s', '1m30s', '1h']) {
    deepEqual(said('DestinationRule', 'connect-deadline', value), [])
  }
  for (const value of ['', '0s', '0.5ms', '-1s', '15', '61m', 'soon']) {
    deepEqual(said('DestinationRule', 'connect-deadline', value), [
      `CFG219 gateway.weir/connect-deadline must be a duration from 1ms to 1h, not "${value}"`,
    ])
  }
  for (const [kind, name] of [
    ['DestinationRule', 'user-timeout'],
    ['Gateway', 'user-timeout'],
    ['DestinationRule', 'write-timeout'],
  ]) {
    for (const value of ['0s', '30s', '24h']) deepEqual(said(kind, name, value), [])
    for (const value of ['', '-1s', '30', '25h', 'off']) {
      deepEqual(said(kind, name, value), [
        `CFG219 gateway.weir/${name} must be a duration up to 24h, 0s for none, not "${value}"`,
      ])
    }
  }
  for (const value of ['off', 'time=60s', 'time=1m; interval=5s ;probes=127', 'probes=1'])
    deepEqual(said('Gateway', 'keepalive', value), [])
  for (const value of [
    '',
    'on',
    'time=60',
    'time=0s',
    'probes=0',
    'probes=128',
    'time=60s;time=60s',
    'idle=1s',
  ])
    deepEqual(said('Gateway', 'keepalive', value).length, 1, value)
  deepEqual(said('DestinationRule', 'keepalive', 'off').length, 1)
  deepEqual(said('VirtualService', 'connect-attempts', '3').length, 1)
  deepEqual(said('DestinationRule', 'connect-attempt', '3').length, 1)
})

test('a hash key that only HTTP has is told with the one that helps', () => {
  for (const key of [
    { httpHeaderName: 'x' },
    { httpQueryParameterName: 'x' },
    { httpCookie: { name: 'x', ttl: '1s' } },
  ]) {
    const found = findingsOf(istio('DestinationRule', hash(key)))
    deepEqual(
      found.map(each => [each.code, each.hint?.startsWith('set useSourceIp: true')]),
      [['CFG302', true]],
    )
  }
})
