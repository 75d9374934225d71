/**
 * AuthorizationPolicies from files to a decision: Istio's semantics at layer 4, case by case, and
 * which listeners a policy is for.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Explainer } from '../../src/table/explain/explain.ts'
import {
  codesOf,
  decide,
  ELSEWHERE,
  IN_TEN,
  load,
  NOT_EXAMPLE,
  operation,
  type Spec,
  source,
  TEN,
  TLS_GATEWAY,
} from '../support/authorizing.ts'
import { tableOf } from '../support/tables.ts'

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

test('a namespace that nobody can be in is found, unless the Settings have it', () => {
  const byAddress = { authorization: { identity: 'address' } }
  const rule = {
    ...source({ namespaces: ['Shop', 'shop', '*-prod', 'a*b', '*'], notNamespaces: ['a_b', '-a', 'A*'] }),
    when: [{ key: 'source.namespace', values: ['a.b'], notValues: ['c'] }],
  }
  const found = (settings: object) =>
    load([{ action: 'DENY', rules: [rule] }], settings)
      .diagnostics.filter(each => each.code === 'CFG437')
      .map(({ field, hint }) => [field?.replace('spec.rules[0].', ''), hint?.slice(0, 12)])
  const all = [
    ['from[0].source.namespaces[0]', 'did you mean'],
    ['from[0].source.notNamespaces[0]', undefined],
    ['from[0].source.notNamespaces[1]', undefined],
    ['from[0].source.notNamespaces[2]', 'did you mean'],
    ['when[0].values[0]', undefined],
  ]
  assert.deepEqual(found(byAddress), all)
  const sources = [{ cidr: '10.0.0.0/8', namespace: 'Shop' }]
  assert.deepEqual(found({ ...byAddress, sources }), all.slice(1))
  assert.deepEqual(found({}), [], 'where nobody has an identity, CFG432 says so')
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
