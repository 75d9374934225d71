import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr, parseCidr } from '../../src/address/address.ts'
import { type Diagnostic, Findings } from '../../src/config/findings/diagnostic.ts'
import { readSettings } from '../../src/config/settings/read.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings/settings.ts'
import { readDocuments } from '../../src/config/text/read-documents.ts'

type Outcome = { settings: Settings; found: string[]; list: readonly Diagnostic[] }

function read(text: string, isCluster = false): Outcome {
  const findings = new Findings()
  const resources = readDocuments([{ file: 's.yaml', bytes: Buffer.from(text) }], findings)
  const settings = readSettings(resources, findings, isCluster)
  const found = findings.list.map(({ line, column, code, field }) =>
    `${line}:${column} ${code} ${field ?? ''}`.trim(),
  )
  return { settings, found, list: findings.list }
}

/** Settings with this spec; its text starts on line 4, column 3. */
const spec = (text: string): Outcome =>
  read(`apiVersion: gateway.weir/v1\nkind: Settings\nspec:\n  ${text.replaceAll('\n', '\n  ')}\n`)

test('without a Settings document every setting has its default', () => {
  assert.deepEqual(read('').settings, DEFAULT_SETTINGS)
  const { settings, found } = read('apiVersion: gateway.weir/v1\nkind: Settings\n')
  assert.deepEqual(found, [])
  assert.deepEqual(settings, DEFAULT_SETTINGS)
})

test('with a cluster as the source the mesh listens only if it is asked for', () => {
  const capture = (text: string): string => read(text, true).settings.mesh.capture
  const document = 'apiVersion: gateway.weir/v1\nkind: Settings\n'
  assert.equal(capture(''), 'none')
  assert.equal(capture(`${document}spec: {workers: 2}\n`), 'none')
  assert.equal(capture(`${document}spec: {mesh: {bind: 127.0.0.1}}\n`), 'ports')
})

test('every setting is read', () => {
  const { settings, found } = spec(`workers: 4
engine: uring
profile: ambient
workload: {namespace: edge, labels: {app: gateway}}
locality: {region: us, zone: a, node: n1}
mesh: {bind: "::1", capture: redirect, port: 15006, outbound: REGISTRY_ONLY}
sources:
- {cidr: 10.1.2.3/8, namespace: shop, labels: {app: web}}
- cidr: 2001:db8::1
admin: {address: 0.0.0.0, port: 0, hosts: [weir.example], auth: {tokens: [{file: a.token}, {file: b, role: change}], peerUids: [1001]}, fleet: [gateways.svc, '10.0.0.2', '[2001:db8::2]:15021', 'a.test:15021']}
drain: {timeout: 1m30s, lameDuck: 15s}
accessLog: {path: a.log, format: text, open: true, every: 100ms}
reload: {guard: warn}
maxConnections: 1000
connectAttempts: 4
connectDeadline: 1m
keepalive: {time: 1m30s, probes: 2}
userTimeout: 45s
writeTimeout: 30s
reading: {timeout: 20s}
dns: {servers: [10.0.0.2, "127.0.0.1:8600", "2001:db8::53", "[::1]:5353"]}
kubernetes: { namespaces: [shop], gatewaySelector: { app: edge }, gatewayClass: inner, status: true, addresses: [edge.test] }
authorization: { identity: address, onChange: revoke, revokeOver: 1m }
limits: { perSource: { connections: 100, rate: 10, prefix4: 24 } }
proxyProtocol:
- {gateways: [shop/edge, mesh], ports: [9000], from: [10.0.0.0/8], require: false, versions: [2], timeout: 3s}`)
  assert.deepEqual(found, [])
  const { sources, ...rest } = settings
  assert.deepEqual(rest, {
    workers: 4,
    engine: 'uring',
    profile: 'ambient',
    workload: { namespace: 'edge', labels: { app: 'gateway' } },
    locality: { region: 'us', zone: 'a', subzone: '', node: 'n1', network: '' },
    mesh: { bind: '::1', capture: 'redirect', port: 15006, outbound: 'REGISTRY_ONLY' },
    admin: {
      address: '0.0.0.0',
      port: 0,
      socket: '',
      hosts: ['weir.example'],
      auth: {
        tokens: [
          { file: 'a.token', role: 'read' },
          { file: 'b', role: 'change' },
        ],
        peerUids: [1001],
      },
      fleet: ['gateways.svc', '10.0.0.2', '[2001:db8::2]:15021', 'a.test:15021'],
    },
    drain: { timeoutMs: 90_000, lameDuckMs: 15_000 },
    accessLog: { path: 'a.log', format: 'text', open: true, everyMs: 1_000 },
    reload: { guard: 'warn', history: null },
    maxConnections: 1000,
    connectAttempts: 4,
    connectDeadlineMs: 60_000,
    keepalive: { timeS: 90, intervalS: 15, probes: 2 },
    userTimeoutMs: 45_000,
    writeTimeoutMs: 30_000,
    reading: { timeoutMs: 20_000 },
    healthChecks: [],
    kubernetes: {
      namespaces: ['shop'],
      gatewaySelector: { app: 'edge' },
      gatewayClass: 'inner',
      status: true,
      addresses: ['edge.test'],
    },
    dns: { servers: ['10.0.0.2:53', '127.0.0.1:8600', '[2001:db8::53]:53', '[::1]:5353'] },
    authorization: { identity: 'address', onChange: 'revoke', revokeOverMs: 60_000 },
    limits: { perSource: { connections: 100, rate: 10, burst: 10, prefix4: 24, prefix6: 64 } },
    proxyProtocol: [
      {
        gateways: ['shop/edge', 'mesh'],
        ports: [9000],
        from: [parseCidr('10.0.0.0/8')],
        require: false,
        versions: [2],
        timeoutMs: 3_000,
      },
    ],
  })
  assert.deepEqual(
    sources.map(({ cidr, ...source }) => ({ ...source, cidr: formatCidr(cidr) })),
    [
      { cidr: '10.0.0.0/8', namespace: 'shop', labels: { app: 'web' } },
      { cidr: '2001:db8::1/128', namespace: 'default', labels: {} },
    ],
  )
})

test('part of an object leaves the rest at its default, and null counts as absent', () => {
  const { settings, found } = spec(
    'mesh: {bind: "*", port: null}\nworkers:\nadmin: {port: 9}\nworkload: {labels: {a: b}}',
  )
  assert.deepEqual(found, [])
  assert.deepEqual(settings, {
    ...DEFAULT_SETTINGS,
    admin: { address: '127.0.0.1', port: 9, socket: '', hosts: [], auth: null, fleet: [] },
    workload: { namespace: 'default', labels: { a: 'b' } },
  })
})

test('null turns the admin listener off, and keepalive', () => {
  assert.equal(spec('keepalive: null').settings.keepalive, null)
  assert.equal(spec('admin: null').settings.admin, null)
})

test('each wrong value is reported where it stands, and holds its default', () => {
  const cases: readonly [text: string, ...found: string[]][] = [
    ['workers: -1', '4:12 CFG032 spec.workers'],
    ['workers: 1.5', '4:12 CFG032 spec.workers'],
    ['workers: "2"', '4:12 CFG032 spec.workers'],
    ['engine: Uring', '4:11 CFG032 spec.engine'],
    ['profile: true', '4:12 CFG032 spec.profile'],
    ['workload: []', '4:13 CFG032 spec.workload'],
    ['workload: {labels: {a: 1}}', '4:26 CFG032 spec.workload.labels.a'],
    ['mesh: {bind: localhost}', '4:16 CFG032 spec.mesh.bind'],
    ['mesh: {bind: 5}', '4:16 CFG032 spec.mesh.bind'],
    ['mesh: {capture: all}', '4:19 CFG032 spec.mesh.capture'],
    ['mesh: {port: 0}', '4:16 CFG032 spec.mesh.port'],
    ['mesh: {port: 65536}', '4:16 CFG032 spec.mesh.port'],
    ['mesh: {outbound: allow_any}', '4:20 CFG032 spec.mesh.outbound'],
    ['sources: {}', '4:12 CFG032 spec.sources'],
    ['sources: [5]', '4:13 CFG032 spec.sources[0]'],
    ['sources: [{namespace: a}]', '4:13 CFG032 spec.sources[0]'],
    ['sources: [{cidr: 10.0.0.0/33}]', '4:20 CFG032 spec.sources[0].cidr'],
    ['admin: {port: -1}', '4:17 CFG032 spec.admin.port'],
    ['admin: off', '4:10 CFG032 spec.admin'],
    ['admin: {fleet: [a.test, "a b"]}', '4:27 CFG032 spec.admin.fleet[1]'],
    ['admin: {fleet: ["a.test:70000"]}', '4:19 CFG032 spec.admin.fleet[0]'],
    ['drain: {timeout: 30}', '4:20 CFG032 spec.drain.timeout'],
    ['drain: {timeout: -1s}', '4:20 CFG032 spec.drain.timeout'],
    ['drain: {timeout: 25h}', '4:20 CFG032 spec.drain.timeout'],
    ['maxConnections: 1e9', '4:19 CFG032 spec.maxConnections'],
    ['connectAttempts: 0', '4:20 CFG032 spec.connectAttempts'],
    ['connectDeadline: 0s', '4:20 CFG032 spec.connectDeadline'],
    ['connectDeadline: 61m', '4:20 CFG032 spec.connectDeadline'],
    ['keepalive: {time: 500ms}', '4:21 CFG032 spec.keepalive.time'],
    ['keepalive: {probes: 128}', '4:23 CFG032 spec.keepalive.probes'],
    ['userTimeout: 25h', '4:16 CFG032 spec.userTimeout'],
    ['workers: 1\nengine: x\nmesh: {port: x}', '5:11 CFG032 spec.engine', '6:16 CFG032 spec.mesh.port'],
  ]
  for (const [text, ...expected] of cases) assert.deepEqual(spec(text).found, expected, text)
  const { settings } = spec(
    'workers: -1\nengine: node\nmesh: {port: x, bind: 127.0.0.1}\nsources: [{cidr: x}, {cidr: ::/0}]',
  )
  assert.equal(settings.workers, 0)
  assert.equal(settings.engine, 'node')
  assert.deepEqual(settings.mesh, { ...DEFAULT_SETTINGS.mesh, bind: '127.0.0.1' })
  assert.deepEqual(
    settings.sources.map(({ cidr }) => formatCidr(cidr)),
    ['::/0'],
  )
})

test('an unknown field is an error that names the nearest known one', () => {
  const { found, list } = spec(
    'wrokers: 1\nmesh: {captrue: ports}\nadmin: {adress: "::1"}\nnothing-like-it: 1',
  )
  assert.deepEqual(found, [
    '4:12 CFG031 spec.wrokers',
    '5:19 CFG031 spec.mesh.captrue',
    '6:19 CFG031 spec.admin.adress',
    '7:20 CFG031 spec.nothing-like-it',
  ])
  assert.deepEqual(
    list.map(({ hint }) => hint),
    ['did you mean "workers"?', 'did you mean "capture"?', 'did you mean "address"?', undefined],
  )
  const top = read('apiVersion: gateway.weir/v1\nkind: Settings\nspecs: {}\n')
  assert.deepEqual(top.found, ['3:8 CFG031 specs'])
})

test('a choice that is spelt wrongly is hinted at', () => {
  assert.equal(spec('mesh: {outbound: allow-any}').list[0].hint, 'did you mean "ALLOW_ANY"?')
})

test('another version of Settings is an error', () => {
  assert.deepEqual(read('apiVersion: gateway.weir/v2\nkind: Settings\n').found, ['1:13 CFG032 apiVersion'])
  assert.deepEqual(
    read('apiVersion: other/v1\nkind: Settings\nmetadata: {name: a}\nspec: {x: 1}\n').found,
    [],
  )
})

test('two Settings documents are an error, whatever their names, and the first holds', () => {
  const settings = (name: string, workers: number) =>
    `apiVersion: gateway.weir/v1\nkind: Settings\nmetadata: {${name}}\nspec: {workers: ${workers}}\n---\n`
  const named = read(settings('name: a', 1) + settings('name: b', 2))
  assert.deepEqual(named.found, ['6:1 CFG030'])
  assert.equal(named.settings.workers, 1)
  const unnamed = read(settings('', 3) + settings('', 4))
  assert.deepEqual(unnamed.found, ['8:11 CFG027 metadata.name'])
  assert.equal(unnamed.settings.workers, 3)
})
