import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder, routing } from '../control/scene.ts'
import { weir } from './kit.ts'

/** A mesh with a service on port 9000. */
const PASSING = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db}
spec:
  hosts: [db.example]
  addresses: [10.0.0.9]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.1.1}]
`

test('the answer names the rule with its line, the destinations and their endpoints', async t => {
  const root = folder(t, { 'a.yaml': routing(9000, 9001) })
  const { code, out } = await weir([
    'explain',
    root,
    '--gateway',
    'edge',
    '--from',
    '10.0.0.1:5',
    '--to',
    '127.0.0.1:9000',
  ])
  assert.equal(code, 0)
  assert.match(out, /^route: default\/all tcp\[0\] matches\n/)
  assert.match(out, /rule {6}default\/all tcp\[0\] {2}\S+a\.yaml:\d+\n/)
  assert.match(out, /100 % {2}backend\.example:9000\n\s+127\.0\.0\.1:9001\n/)
})

test('rejected rules are told with what failed', async t => {
  const rules = routing(9000, 9001).replace(
    '    - route:',
    '    - match: [{sourceNamespace: foo}]\n      route:',
  )
  const root = folder(t, { 'a.yaml': rules })
  const ask = ['explain', root, '--gateway', 'default/edge', '--to', ':9000', '--output', 'json']
  const refused = JSON.parse((await weir(ask)).out)
  assert.equal(refused.outcome, 'no-route')
  assert.equal(refused.rejected.length, 1)
  const admitted = JSON.parse((await weir([...ask, '--namespace', 'foo', '--labels', 'app=web'])).out)
  assert.equal(admitted.outcome, 'route')
  assert.deepEqual(admitted.client, { namespace: 'foo', labels: { app: 'web' } })
})

test('a batch is answered line by line; bad lines are told in their place, and make it 1', async t => {
  const root = folder(t, { 'a.yaml': routing(9000, 9001) })
  const good = '{"gateway":"edge","destination":{"ip":"127.0.0.1","port":9000}}'
  const bad = ['{', '[]', '{"destination":{"port":0}}', '{"source":{"ip":"x"},"destination":{"port":1}}']
  const stdin = [good, ...bad, '', good].join('\n')
  const { code, out } = await weir(['explain', root, '--batch', '-', '--output', 'json'], { stdin })
  const answers = out
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(code, 1)
  assert.deepEqual(
    answers.map(each => each.outcome ?? 'error'),
    ['route', 'error', 'error', 'error', 'error', 'route'],
  )
  assert.deepEqual(answers[4], { error: 'source.ip is not an IP address', line: 5 })
})

test('an IPv6 address that a connection is passed on to is written in brackets', async t => {
  const root = folder(t, { 'a.yaml': PASSING })
  const { out } = await weir(['explain', root, '--to', '[fd00::9]:9000'])
  assert.match(out, /\n {2}to {8}100 % {2}\[fd00::9\]:9000\n/)
})

test('in a batch a null is as good as absent', async t => {
  const root = folder(t, { 'a.yaml': routing(9000, 9001) })
  const source = '"source":{"ip":null,"namespace":null,"labels":null}'
  const stdin = `{"gateway":"edge",${source},"destination":{"ip":null,"port":9000},"sni":null}`
  const { code, out } = await weir(['explain', root, '--batch', '-', '--output', 'json'], { stdin })
  assert.equal(code, 0)
  assert.equal(JSON.parse(out).outcome, 'route')
})

test('a batch can be a file, and one that is not there is a usage error', async t => {
  const root = folder(t, { 'a.yaml': routing(9000, 9001), 'batch.jsonl': '{"destination":{"port":9000}}\n' })
  const { code, out } = await weir([
    'explain',
    root,
    '--batch',
    join(root, 'batch.jsonl'),
    '--output',
    'json',
  ])
  assert.equal(code, 0)
  assert.equal(JSON.parse(out).outcome, 'no-route')
  assert.equal((await weir(['explain', root, '--batch', join(root, 'missing')])).code, 2)
})

test('a gateway name that two namespaces have must be written in full', async t => {
  const gateway = (namespace: string, port: number) =>
    routing(port, 1).split('---')[0].replace('name: edge', `name: edge, namespace: ${namespace}`)
  const root = folder(t, { 'a.yaml': gateway('one', 9000), 'b.yaml': gateway('two', 9001) })
  const { code, err } = await weir(['explain', root, '--gateway', 'edge', '--to', ':9000'])
  assert.equal(code, 2)
  assert.match(err, /one\/edge or two\/edge/)
  assert.equal((await weir(['explain', root, '--gateway', 'one/edge', '--to', ':9000'])).code, 0)
})

test('a configuration with errors explains nothing: findings on stderr, and 1', async t => {
  const { code, out, err } = await weir(['explain', folder(t, { 'a.yaml': 'a: [' }), '--to', ':1'])
  assert.deepEqual({ code, out }, { code: 1, out: '' })
  assert.match(err, /a\.yaml:1:/)
})

const mesh = `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.0.0.7, ports: [{name: tcp-db, port: 5432}]}
`
const gatewayOn = (name: string, port: number): string =>
  `${routing(port, 1).split('---')[0].replace('name: edge', `name: ${name}`)}---${closed}`
const closed =
  '\napiVersion: gateway.weir/v1\nkind: Settings\nmetadata: {name: weir}\nspec: {mesh: {capture: none}}\n'

test('without --gateway it is the mesh if that listens, else the only Gateway, else a usage error with the names', async t => {
  const asked = ['--to', '10.0.0.7:5432', '--output', 'json']
  const both = folder(t, { 'a.yaml': mesh, 'b.yaml': gatewayOn('edge', 9000).split('---')[0] })
  assert.equal(JSON.parse((await weir(['explain', both, ...asked])).out).listener, 'mesh *:5432')
  const one = folder(t, { 'a.yaml': gatewayOn('edge', 5432) })
  assert.match(
    JSON.parse((await weir(['explain', one, ...asked])).out).reason,
    /default\/edge does not listen on 10\.0\.0\.7:5432/,
  )
  const two = folder(t, {
    'a.yaml': gatewayOn('edge', 9000),
    'b.yaml': gatewayOn('inner', 9001).split('---')[0],
  })
  const { code, out, err } = await weir(['explain', two, ...asked])
  assert.deepEqual([code, out], [2, ''])
  assert.equal(err, 'error: choose a gateway with --gateway: there are default/edge and default/inner\n')
})

test('an unknown gateway is a usage error; one that is known and does not listen there is an answer', async t => {
  const root = folder(t, { 'a.yaml': gatewayOn('edge', 9000) })
  const asked = ['--to', '127.0.0.1:9000']
  const unknown = await weir(['explain', root, '--gateway', 'egde', ...asked])
  assert.equal(unknown.code, 2)
  assert.match(unknown.err, /^error: --gateway egde: there is no gateway "egde" \(did you mean "edge"\?\)\n$/)
  for (const [gateway, reason] of [
    ['mesh', 'gateway mesh listens nowhere'],
    ['edge', 'gateway default/edge does not listen on 127.0.0.1:1'],
  ]) {
    const { code, out } = await weir([
      'explain',
      root,
      '--gateway',
      gateway,
      '--to',
      '127.0.0.1:1',
      '--output',
      'json',
    ])
    const said = JSON.parse(out)
    assert.deepEqual([code, said.outcome, said.ends, said.reason], [0, 'no-route', 'no-route', reason])
  }
  const other = gatewayOn('edge', 9000).replace('servers:', 'selector: {app: other}\n  servers:')
  const workload = closed.replace('spec: {', 'spec: {workload: {labels: {app: this}}, ')
  const elsewhere = folder(t, { 'a.yaml': `${other.split('---')[0]}---${workload}` })
  const { code, out } = await weir(['explain', elsewhere, '--gateway', 'edge', ...asked])
  assert.equal(code, 0)
  assert.match(out, /^no-route: gateway default\/edge listens nowhere\n/)
})

test('what is wrong is named by its flag, and in a batch by its field', async t => {
  const root = folder(t, { 'a.yaml': gatewayOn('edge', 9000) })
  for (const [flags, message] of [
    [['--to', '999.1.1.1:80'], '--to 999.1.1.1:80: that is not an address and port, like 10.0.0.1:9000'],
    [['--to', '10.0.0.1:0'], 'the port of --to 10.0.0.1:0 is no number from 1 to 65535'],
    [['--to', '10.0.0.1:80', '--from', 'here'], '--from here: that is not an IP address'],
    [['--to', '10.0.0.1:80', '--namespace', ''], '--namespace is no name'],
    [[], 'say with --to where the client connects to, like 10.0.0.1:9000'],
  ] as const) {
    const { code, err } = await weir(['explain', root, ...flags])
    assert.deepEqual([code, err], [2, `error: ${message}\n`])
  }
  const stdin = '{"gateway":"egde","destination":{"port":9000}}\n{"destination":{"ip":"x","port":1}}'
  const { out } = await weir(['explain', root, '--batch', '-'], { stdin })
  assert.match(out, /^error: <stdin>:1: gateway egde: there is no gateway "egde"/)
  assert.match(out, /\nerror: <stdin>:2: destination\.ip is not an IP address\n/)
})
