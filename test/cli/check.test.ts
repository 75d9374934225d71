import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder, routing } from '../control/scene.ts'
import { weir } from './kit.ts'

test('a right configuration is 0', async t => {
  const { code, out, err } = await weir(['check', folder(t, { 'a.yaml': routing(9000, 9001) })])
  assert.deepEqual({ code, out, err }, { code: 0, out: '0 errors, 0 warnings\n', err: '' })
})

test('a wrong one is 1, and every mistake of every file is shown with its line', async t => {
  const root = folder(t, { 'a.yaml': 'a: [', 'b.yaml': 'kind: {' })
  const { code, out } = await weir(['check', root, join(root, 'missing')])
  assert.equal(code, 1)
  for (const name of ['a.yaml', 'b.yaml', 'missing']) assert.ok(out.includes(`${join(root, name)}:1:`), name)
  assert.match(out, /\| a: \[/)
})

test('--output json is one report for programs', async t => {
  const { code, out } = await weir(['check', '--output', 'json', folder(t, { 'a.yaml': 'a: [' })])
  const report = JSON.parse(out)
  assert.equal(code, 1)
  assert.equal(report.valid, false)
  assert.equal(report.errors, report.messages.length)
})

test('--strict makes errors of what does not fit together', async t => {
  const root = folder(t, {
    'a.yaml': routing(9000, 9001).replace('host: backend.example', 'host: other.example'),
  })
  assert.equal((await weir(['check', root])).code, 0)
  const strict = await weir(['check', '--strict', '--output', 'json', root])
  assert.equal(strict.code, 1)
  assert.equal(JSON.parse(strict.out).messages[0].severity, 'error')
})

test('--strict fails on a rule that is never used, and not on a note', async t => {
  const twice = (text: string) =>
    text.replace(
      '    - route:',
      "    - match: [{destinationSubnets: ['127.0.0.0/8']}]\n      route: [{destination: {host: backend.example}}]\n    - match: [{destinationSubnets: ['127.0.0.1', '127.0.0.1']}]\n      route:",
    )
  const unused = folder(t, { 'a.yaml': twice(routing(9000, 9001)) })
  const { code, out } = await weir(['check', unused])
  assert.equal(code, 0)
  assert.match(out, /warning IST0130: tcp\[1\] is never used: tcp\[0\]\.match\[0\] \(.*a\.yaml:\d+\)/)
  assert.match(out, /info CFG453: /)
  assert.match(out, /0 errors, 1 warning, 1 note in 1 file/)
  assert.equal((await weir(['check', '--strict', unused])).code, 1)
  const noted = folder(t, {
    'a.yaml': routing(9000, 9001).replace(
      '    - route:',
      "    - match: [{destinationSubnets: ['127.0.0.1', '127.0.0.1']}]\n      route:",
    ),
  })
  assert.equal((await weir(['check', '--strict', noted])).code, 0)
})

test('one slip in the syntax is one error, however much text follows it', async t => {
  const rest = '    - name: b\n      connection: {}\n      expect: {subset: v1}\n'.repeat(10)
  const root = folder(t, {
    'a.yaml': `apiVersion: gateway.weir/v1
kind: RouteTest
metadata: {name: slip}
spec:
  tests:
    - name: a
      connection: {}
      expect: {rule: shop/orders tcp[1]}
${rest}`,
  })
  const { code, out } = await weir(['check', root])
  assert.deepEqual([code, [...out.matchAll(/:(\d+):\d+: error CFG005/g)].map(found => found[1])], [1, ['8']])
})

test('--status prints what Gateway API’s resources are told, and findings aside', async t => {
  const root = folder(t, {
    'a.yaml': `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: weir}
spec: {controllerName: gateway.weir/controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, generation: 4}
spec: {gatewayClassName: weir, listeners: [{name: web, port: 80, protocol: HTTP}]}
`,
  })
  const { code, out, err } = await weir(['check', '--status', root])
  assert.equal(code, 0)
  const [, { kind, name, generation, status }] = JSON.parse(out)
  assert.deepEqual([kind, name, generation], ['Gateway', 'edge', 4])
  assert.equal(status.conditions[0].reason, 'ListenersNotValid')
  assert.match(err, /warning CFG522: weir serves TCP and TLS, not HTTP \(UnsupportedProtocol\)/)
})
