/**
 * AuthorizationPolicies from files to a decision: Istio's semantics at layer 4, case by case, and
 * which listeners a policy is for.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseInto } from '../../src/address/address.ts'
import { loadConfig } from '../../src/config/load.ts'
import { Explainer } from '../../src/table/explain/explain.ts'
import { authorize, createVerdict, NO_ROW } from '../../src/table/match/authorize.ts'
import { queryOf, tableOf } from '../support/tables.ts'

type Spec = Readonly<Record<string, unknown>>
type Written = Spec & { readonly in?: string; readonly dryRun?: true; readonly name?: string }

const resource = (kind: string, apiVersion: string, metadata: object, spec: object) => ({
  apiVersion,
  kind,
  metadata,
  spec,
})
const policy = ({ in: namespace = 'edge', dryRun, name, ...spec }: Written, index: number) =>
  resource(
    'AuthorizationPolicy',
    'security.istio.io/v1',
    {
      name: name ?? `p${index}`,
      namespace,
      annotations: dryRun ? { 'istio.io/dry-run': 'true' } : {},
    },
    spec,
  )
const gateway = (port: number) =>
  resource(
    'Gateway',
    'networking.istio.io/v1',
    { name: `gw-${port}`, namespace: 'edge' },
    {
      selector: { app: 'edge' },
      servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
    },
  )
const settings = (spec: object) =>
  resource('Settings', 'gateway.weir/v1', { name: 'weir' }, { mesh: { capture: 'none' }, ...spec })

function load(policies: readonly Written[], spec: object = {}, others: readonly object[] = []) {
  const all = [
    settings(spec),
    gateway(7000),
    gateway(7001),
    gateway(8000),
    ...others,
    ...policies.map(policy),
  ]
  const files = all.map((each, index) => ({
    file: `${index}.json`,
    bytes: new TextEncoder().encode(JSON.stringify(each)),
  }))
  return loadConfig(files, { names: new Map() })
}

type Client = {
  readonly peer?: string
  readonly client?: string
  readonly port?: number
  readonly sni?: string
}

/** "allow" or "deny", and the other findings. */
function decide(
  policies: readonly Written[],
  connection: Client = {},
  spec: object = {},
  others: readonly object[] = [],
) {
  const { plan, diagnostics } = load(policies, spec, others)
  assert.ok(plan, JSON.stringify(diagnostics))
  const table = tableOf(plan)
  if (table.access === null) return 'allow'
  const { peer = '192.0.2.1', client, port = 7000, sni = '' } = connection
  const listener = table.sockets.findIndex(each => each.port === port)
  const query = queryOf(listener, client ?? peer, '203.0.113.1', port, { isTls: sni !== '', serverName: sni })
  if (client !== undefined) query.peerFamily = parseInto(peer, query.peer, 0)
  const verdict = createVerdict()
  const may = authorize(table, table.access, listener, query, null, verdict)
  const marks = [
    ...(verdict.tried === NO_ROW ? [] : ['would deny']),
    ...(verdict.audited === NO_ROW ? [] : ['audited']),
  ]
  return [may ? 'allow' : 'deny', ...marks].join(', ')
}

const codesOf = (policies: readonly Written[], spec: object = {}): string[] =>
  load(policies, spec)
    .diagnostics.map(each => each.code)
    .filter(code => code !== 'CFG462')

const source = (fields: Spec) => ({ from: [{ source: fields }] })
const operation = (fields: Spec) => ({ to: [{ operation: fields }] })
const TEN = source({ ipBlocks: ['10.0.0.0/8'] })
const IN_TEN = { peer: '10.1.1.1' }
const ELSEWHERE = { peer: '192.0.2.1' }

test('without a policy everybody may connect; ALLOW without a rule lets in nobody, with an empty rule all', () => {
  assert.equal(decide([]), 'allow')
  assert.equal(decide([{ action: 'ALLOW' }]), 'deny')
  assert.equal(decide([{}]), 'deny', 'the action is ALLOW where none is written')
  assert.equal(decide([{ action: 'ALLOW', rules: [{}] }]), 'allow')
  assert.equal(
    decide([
      { action: 'DENY', rules: [{}] },
      { action: 'ALLOW', rules: [{}] },
    ]),
    'deny',
  )
})

test('ipBlocks is the other end of the socket, mapped addresses included; remoteIpBlocks the client', () => {
  const office = [{ action: 'ALLOW', rules: [TEN] }]
  assert.equal(decide(office, IN_TEN), 'allow')
  assert.equal(decide(office, ELSEWHERE), 'deny')
  assert.equal(decide(office, { peer: '::ffff:10.1.1.1' }), 'allow')
  const remote = [{ action: 'ALLOW', rules: [source({ remoteIpBlocks: ['198.51.100.0/24'] })] }]
  assert.equal(decide(remote, { peer: '10.1.1.1', client: '198.51.100.9' }), 'allow')
  assert.equal(decide(remote, IN_TEN), 'deny')
  assert.equal(
    decide([{ action: 'DENY', rules: [source({ notIpBlocks: ['10.0.0.0/8'] })] }], IN_TEN),
    'allow',
  )
  assert.equal(
    decide([{ action: 'DENY', rules: [source({ notIpBlocks: ['10.0.0.0/8'] })] }], ELSEWHERE),
    'deny',
  )
})

test('from and to of one rule must both hold; rules and policies are alternatives', () => {
  const both = [
    { action: 'ALLOW', rules: [{ ...TEN, ...operation({ ports: ['7000'] }) }] },
    { action: 'ALLOW', rules: [source({ ipBlocks: ['192.0.2.0/24'] })] },
  ]
  assert.equal(decide(both, { peer: '192.0.2.1', port: 8000 }), 'allow')
  assert.equal(decide(both, { peer: '10.1.1.1', port: 8000 }), 'deny')
  assert.equal(decide(both, { peer: '10.1.1.1', port: 7000 }), 'allow')
})

test('what only HTTP has: ALLOW loses the rule, DENY the attribute', () => {
  const methods = { methods: ['GET'], ports: ['7000'] }
  const allow = [{ action: 'ALLOW', rules: [operation(methods)] }]
  const deny = [{ action: 'DENY', rules: [operation(methods)] }]
  const only = [{ action: 'DENY', rules: [operation({ methods: ['GET'] })] }]
  assert.equal(decide(allow), 'deny')
  assert.equal(decide(deny, { port: 7000 }), 'deny')
  assert.equal(decide(deny, { port: 7001 }), 'allow')
  assert.equal(decide(only), 'deny')
  assert.deepEqual(
    [allow, deny, only].map(each => codesOf(each)),
    [['CFG309'], ['CFG309'], ['CFG253', 'CFG309']],
  )
  assert.equal(
    decide([{ action: 'DENY', rules: [{ when: [{ key: 'request.headers[a]', values: ['b'] }] }] }]),
    'deny',
  )
})

test('without mutual TLS nobody has an identity, and what asks for none holds for all', () => {
  const any = [{ action: 'ALLOW', rules: [source({ principals: ['*'] })] }]
  const not = [{ action: 'ALLOW', rules: [source({ notPrincipals: ['td/ns/a/sa/b'] })] }]
  assert.equal(decide(any), 'deny')
  assert.equal(decide(not), 'allow')
  assert.deepEqual([codesOf(any), codesOf(not)], [['CFG432'], ['CFG433']])
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'b-0', namespace: 'a', labels: {} },
    spec: { serviceAccountName: 'b' },
    status: { podIP: '10.1.1.1' },
  }
  const byAddress = { authorization: { identity: 'address' } }
  const expected: readonly [Spec, string][] = [
    [{ principals: ['*'] }, 'allow'],
    [{ principals: ['cluster.local/ns/a/sa/b'] }, 'allow'],
    [{ principals: ['cluster.local/ns/a/sa/c'] }, 'deny'],
    [{ namespaces: ['a'] }, 'allow'],
    [{ notNamespaces: ['a'] }, 'deny'],
    [{ serviceAccounts: ['a/b'] }, 'allow'],
    [{ serviceAccounts: ['b'] }, 'deny'], // of the policy's own namespace
    [{ trustDomains: ['cluster.*'] }, 'allow'],
  ]
  for (const [fields, decision] of expected) {
    const policies = [{ action: 'ALLOW', rules: [source(fields)] }]
    assert.equal(decide(policies, IN_TEN, byAddress, [pod]), decision, JSON.stringify(fields))
    assert.deepEqual(codesOf(policies, byAddress), [])
  }
  assert.equal(decide(any, ELSEWHERE, byAddress, [pod]), 'deny')
})

test('a server name, by a condition; a connection without one asks for none', () => {
  const deny = [
    { action: 'DENY', rules: [{ when: [{ key: 'connection.sni', notValues: ['*.example.com'] }] }] },
  ]
  assert.equal(decide(deny, { sni: 'a.example.com' }), 'allow')
  assert.equal(decide(deny, { sni: 'x.test' }), 'deny')
  assert.equal(decide(deny), 'deny')
})

test('policies of the root namespace are for all; targets of the Gateway API are for none', () => {
  const root = {
    in: 'istio-system',
    action: 'DENY',
    selector: { matchLabels: { app: 'edge' } },
    rules: [source({ ipBlocks: ['203.0.113.0/24'] })],
  }
  assert.equal(decide([root, { action: 'ALLOW', rules: [{}] }], { peer: '203.0.113.5' }), 'deny')
  const target = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'foo' }
  const targets = [{ action: 'ALLOW', targetRefs: [target] }]
  assert.equal(decide(targets), 'allow')
  assert.deepEqual(codesOf(targets), ['CFG431'])
  assert.equal(decide([{ in: 'shop', action: 'DENY', rules: [{}] }]), 'allow', 'another namespace')
  assert.equal(decide([{ action: 'DENY', selector: { matchLabels: { app: 'x' } }, rules: [{}] }]), 'allow')
})

test('a workload has the policies of its namespace and labels, at its Gateways and at the mesh', () => {
  const workload = { workload: { namespace: 'front', labels: { app: 'edge', tier: 'one' } } }
  const own = { in: 'front', action: 'DENY', selector: { matchLabels: { tier: 'one' } }, rules: [{}] }
  assert.equal(decide([own], {}, workload), 'deny')
  assert.equal(decide([{ ...own, in: 'edge' }], {}, workload), 'allow', 'that of the Gateway is another')
  const meshOf = (spec: object) => {
    const { plan } = load([own, { ...own, in: 'istio-system', name: 'root' }], {
      mesh: { capture: 'redirect' },
      ...spec,
    })
    return plan?.listeners.find(each => each.gateway === 'mesh')?.policies ?? []
  }
  assert.deepEqual(meshOf(workload), [0, 1])
  assert.deepEqual(meshOf({}), [])
})

test('CUSTOM is an error where it applies; AUDIT and dry runs deny nothing', () => {
  const custom = { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] }
  assert.deepEqual(codesOf([custom]), ['CFG430'])
  assert.deepEqual(codesOf([{ ...custom, in: 'shop' }]), ['CFG431'])
  assert.equal(decide([{ action: 'AUDIT', rules: [{}] }]), 'allow, audited')
  assert.equal(decide([{ action: 'DENY', dryRun: true, rules: [TEN] }], IN_TEN), 'allow, would deny')
  assert.equal(decide([{ action: 'ALLOW', dryRun: true, rules: [TEN] }], ELSEWHERE), 'allow, would deny')
  const beside = [{ action: 'ALLOW', dryRun: true, rules: [TEN] } as const, { action: 'ALLOW', rules: [{}] }]
  assert.equal(decide(beside, ELSEWHERE), 'allow', 'the other one would still let it in')
})

test('explain names the policy, the rule and what did not hold', () => {
  const { plan } = load([
    { name: 'allow-office', action: 'ALLOW', rules: [{ ...TEN, ...operation({ ports: ['7000'] }) }] },
  ])
  assert.ok(plan)
  const explainer = new Explainer(tableOf(plan))
  const ask = (ip: string, port = 7000) =>
    explainer.answer({ gateway: `edge/gw-${port}`, source: { ip }, destination: { port } })
  const denied = ask('192.0.2.1')
  assert.equal(
    denied.reason,
    'denied by edge/allow-office rules[0]: ipBlocks: 192.0.2.1 is outside 10.0.0.0/8',
  )
  assert.deepEqual(
    [denied.outcome, denied.ends, denied.listener],
    ['denied', 'denied-by-policy', 'edge/gw-7000 *:7000'],
  )
  assert.equal(ask('10.1.1.1', 8000).authorization?.because, 'ports: 8000 is none of 7000')
  assert.equal(ask('10.1.1.1').authorization?.deniedBy, null)
  const { plan: other } = load([{ name: 'scanners', action: 'DENY', rules: [TEN] }])
  assert.ok(other)
  const { reason } = new Explainer(tableOf(other)).answer({
    gateway: 'edge/gw-7000',
    source: { ip: '10.1.1.1' },
    destination: { port: 7000 },
  })
  assert.equal(reason, 'denied by edge/scanners rules[0]: ipBlocks: 10.1.1.1 is in 10.0.0.0/8')
})

const TLS_GATEWAY = resource(
  'Gateway',
  'networking.istio.io/v1',
  { name: 'gw-8443', namespace: 'edge' },
  {
    selector: { app: 'edge' },
    servers: [
      {
        port: { number: 8443, name: 'tls', protocol: 'TLS' },
        hosts: ['*.example.com', 'x.test'],
        tls: { mode: 'PASSTHROUGH' },
      },
    ],
  },
)

const NOT_EXAMPLE = { when: [{ key: 'connection.sni', notValues: ['*.example.com'] }] }
const OTHER = { peer: '192.0.2.1' }
const LOCAL_ONLY = source({ ipBlocks: ['192.0.2.0/24'] })
const GET = ['GET']

/** The cases of Istio at layer 4, in order; without mutual TLS nobody has an identity. */
const CASES: readonly (readonly [string, readonly Written[], readonly (readonly [Client, string])[]])[] = [
  ['1 no policy', [], [[OTHER, 'allow']]],
  ['2 ALLOW without rules', [{ action: 'ALLOW' }], [[OTHER, 'deny']]],
  ['3 ALLOW with an empty rule', [{ action: 'ALLOW', rules: [{}] }], [[OTHER, 'allow']]],
  [
    '4 DENY comes before ALLOW',
    [
      { action: 'DENY', rules: [{}] },
      { action: 'ALLOW', rules: [{}] },
    ],
    [[OTHER, 'deny']],
  ],
  [
    '5 ALLOW ipBlocks',
    [{ action: 'ALLOW', rules: [TEN] }],
    [
      [{ peer: '10.1.1.1' }, 'allow'],
      [OTHER, 'deny'],
    ],
  ],
  ['6 a mapped peer', [{ action: 'ALLOW', rules: [TEN] }], [[{ peer: '::ffff:10.1.1.1' }, 'allow']]],
  [
    '7 ALLOW remoteIpBlocks',
    [{ action: 'ALLOW', rules: [source({ remoteIpBlocks: ['198.51.100.0/24'] })] }],
    [
      [{ peer: '10.1.1.1', client: '198.51.100.9' }, 'allow'],
      [{ peer: '10.1.1.1' }, 'deny'],
    ],
  ],
  [
    '8 two ALLOW policies',
    [
      { action: 'ALLOW', rules: [{ ...TEN, ...operation({ ports: ['7000'] }) }] },
      { action: 'ALLOW', rules: [LOCAL_ONLY] },
    ],
    [
      [{ peer: '192.0.2.1', port: 8000 }, 'allow'],
      [{ peer: '10.1.1.1', port: 8000 }, 'deny'],
    ],
  ],
  [
    '9 DENY notIpBlocks',
    [{ action: 'DENY', rules: [source({ notIpBlocks: ['10.0.0.0/8'] })] }],
    [
      [{ peer: '10.1.1.1' }, 'allow'],
      [OTHER, 'deny'],
    ],
  ],
  [
    '10 ALLOW with methods',
    [{ action: 'ALLOW', rules: [operation({ methods: GET, ports: ['7000'] })] }],
    [[{ port: 7000 }, 'deny']],
  ],
  [
    '11 DENY with methods and ports',
    [{ action: 'DENY', rules: [operation({ methods: GET, ports: ['7000'] })] }],
    [
      [{ port: 7000 }, 'deny'],
      [{ port: 7001 }, 'allow'],
    ],
  ],
  [
    '12 DENY with methods only',
    [{ action: 'DENY', rules: [operation({ methods: GET })] }],
    [[{ port: 8000 }, 'deny']],
  ],
  ['13 ALLOW principals', [{ action: 'ALLOW', rules: [source({ principals: ['*'] })] }], [[OTHER, 'deny']]],
  [
    '14 ALLOW notPrincipals',
    [{ action: 'ALLOW', rules: [source({ notPrincipals: ['td/ns/a/sa/b'] })] }],
    [[OTHER, 'allow']],
  ],
  [
    '15 DENY by server name',
    [{ action: 'DENY', rules: [NOT_EXAMPLE] }],
    [
      [{ port: 8443, sni: 'a.example.com' }, 'allow'],
      [{ port: 8443, sni: 'x.test' }, 'deny'],
      [{ port: 8443 }, 'deny'],
    ],
  ],
  [
    '16 the root namespace',
    [
      {
        in: 'istio-system',
        action: 'DENY',
        selector: { matchLabels: { app: 'edge' } },
        rules: [source({ ipBlocks: ['203.0.113.0/24'] })],
      },
      { action: 'ALLOW', rules: [{}] },
    ],
    [
      [{ peer: '203.0.113.5' }, 'deny'],
      [OTHER, 'allow'],
    ],
  ],
  [
    '17 targetRefs',
    [
      {
        action: 'ALLOW',
        targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'foo' }],
      },
    ],
    [[OTHER, 'allow']],
  ],
  ['19 AUDIT', [{ action: 'AUDIT', rules: [{}] }], [[OTHER, 'allow, audited']]],
  [
    '20 a DENY that is tried',
    [{ action: 'DENY', dryRun: true, rules: [TEN] }],
    [
      [{ peer: '10.1.1.1' }, 'allow, would deny'],
      [OTHER, 'allow'],
    ],
  ],
]

test('each case of authorization at layer 4 is decided as in Istio', () => {
  for (const [name, policies, connections] of CASES)
    for (const [connection, decision] of connections)
      assert.equal(
        decide(policies, connection, {}, [TLS_GATEWAY]),
        decision,
        `${name}: ${JSON.stringify(connection)}`,
      )
  const custom = { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] }
  assert.equal(load([custom]).plan, null, '18 a CUSTOM policy that applies is not served')
})

test('check says where a server name is asked for that nobody reads', () => {
  const codes = (rule: object) =>
    load([{ action: 'DENY', rules: [rule] }], {}, [TLS_GATEWAY])
      .diagnostics.filter(each => each.code === 'CFG436')
      .map(each => each.message)
  const rest = 'of edge/gw-7000:7000 and 2 more, which read no server name: it denies'
  const values = { when: [{ key: 'connection.sni', values: ['a.example.com'] }] }
  assert.deepEqual(codes(values), [`connection.sni holds for no client ${rest} nobody`])
  assert.deepEqual(codes(NOT_EXAMPLE), [`connection.sni holds for every client ${rest} all of them`])
  assert.deepEqual(codes({ ...NOT_EXAMPLE, ...operation({ ports: ['8443'] }) }), [])
  assert.deepEqual(codes({ ...NOT_EXAMPLE, ...operation({ notPorts: ['7000', '7001', '8000'] }) }), [])
})
