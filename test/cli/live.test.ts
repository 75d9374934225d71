/** The commands that speak with a running gateway, each through its admin listener. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { splitting } from '../admin/routes-kit.ts'
import { balanced, PROXY_HEADER, scene, talking } from '../admin/scene.ts'
import { echo, folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

async function gateway(t: TestContext, text = routing) {
  const served = await scene(t, text)
  const admin = `127.0.0.1:${served.where.port}`
  const ask = (...words: string[]) => weir([...words, '--admin', admin])
  return { ...served, admin, ask }
}

const READING = ['status', 'routes', 'connections', 'endpoints', 'names', 'certificates', 'log-level', 'top']
const COMMANDS = [...READING, 'diff', 'drain']

test('status says that the gateway is ready, and what it does', async t => {
  const { ask, port } = await gateway(t)
  await talking(t, port)
  const { code, out } = await ask('status')
  assert.equal(code, 0)
  assert.match(out, /^ready: weir 1\.2\.3, engine (uring|epoll|node), generation 1, up /)
  assert.match(out, /connections {2}1 open, 1 accepted/)
  assert.match(out, /bytes {8}5 B from clients, 11 B from upstreams/)
  assert.match(out, /reload {7}number 1, taken \d.* ago \(\d{4}-/)
  assert.match(out, new RegExp(`listeners {4}default/edge 127\\.0\\.0\\.1:${port}\\n`))
  const json = JSON.parse((await ask('status', '--output', 'json')).out)
  assert.deepEqual(
    [json.ready, json.counters.open, json.listeners.length, json.workers.length],
    [true, 1, 1, 1],
  )
})

test('routes shows rules with hits and shares, or as JSON', async t => {
  const { ask, port, root } = await gateway(t)
  await talking(t, port)
  const { code, out } = await ask('routes')
  assert.equal(code, 0)
  const [head, hits, share] = out.split('\n')
  assert.equal(head, `default/all tcp[0]  ${join(root, 'a.yaml')}:18`)
  assert.match(hits, /^ {2}1 connection, 1 open, the last \d+(\.\d)? m?s ago$/)
  assert.match(
    share,
    /^ {4}100 % {2}got 100\.0 % {2}\(100\.0 – 100\.0\) as asked {2}1 {2}backend\.example:9000$/,
  )
  const json = JSON.parse((await ask('routes', '--output', 'json')).out)
  assert.deepEqual([json.total, json.rules[0].connections], [1, 1])
  assert.equal((await ask('routes', '--no-hit')).out, '')
  assert.equal((await ask('routes', '--hit', '--order', 'hits', '--limit', '1')).out.split('\n').length, 4)
})

test('endpoints shows each with its state; endpoint drain and enable change it', async t => {
  const { ask, port, backend } = await gateway(t)
  await talking(t, port)
  const address = `127.0.0.1:${backend}`
  const { code, out } = await ask('endpoints')
  assert.equal(code, 0)
  const [head, line, ...more] = out.split('\n')
  assert.match(head, /^ENDPOINT +STATE +OPEN +P50 +P99 +CHECK +LAST ERROR +DESTINATION$/)
  assert.match(line, new RegExp(`^${address} +up +1 +[\\d.]+ ms +[\\d.]+ ms +backend\\.example:9000$`))
  assert.deepEqual(more, [''])
  const drained = await ask('endpoint', 'drain', address, '--close-over', '0s')
  assert.equal(drained.code, 0)
  assert.match(drained.out, /: out of rotation, until enabled or until weir restarts\n {2}1 connection reset/)
  assert.equal(drained.err, 'warning: backend.example:9000 has no endpoint left: its connections are reset\n')
  const json = JSON.parse((await ask('endpoints', '--output', 'json')).out)
  assert.deepEqual([json.total, json.endpoints[0].state], [1, 'draining'])
  assert.match((await ask('endpoints', '--state', 'draining')).out, /\n {2}an operator drains it/)
  assert.equal((await ask('endpoint', 'enable', address)).out, `${address}: in rotation again\n`)
  const again = await ask('endpoint', 'enable', address)
  assert.equal(again.code, 1)
  assert.match(again.err, /is not drained/)
  assert.equal((await ask('endpoint', 'remove', address)).code, 2)
})

test('connections lists what is open, line by line as JSON', async t => {
  const { ask, port, backend } = await gateway(t)
  const sockets = await Promise.all([talking(t, port), talking(t, port, '127.0.0.7')])
  const { code, out } = await ask('connections')
  assert.equal(code, 0)
  assert.match(out, /^CLIENT +TO +STATE +AGE +IDLE +FROM +SENT +GEN +RULE\n/)
  const row = new RegExp(
    `^127\\.0\\.0\\.7:${sockets[1].localPort} +127\\.0\\.0\\.1:${backend} +relaying .* 1 {2}default/all tcp\\[0\\]$`,
    'm',
  )
  assert.match(out, row)
  const lines = (await ask('connections', '--client', '127.0.0.7', '--output', 'json')).out.trim().split('\n')
  assert.equal(lines.length, 1)
  assert.equal(JSON.parse(lines[0]).client, `127.0.0.7:${sockets[1].localPort}`)
  assert.match((await ask('connections', '--limit', '1')).out, /and more: see --limit\n$/)
  const wrong = await ask('connections', '--client', 'nobody')
  assert.deepEqual([wrong.code, wrong.out], [2, ''])
  assert.match(wrong.err, /^error: client nobody: not an address/)
})

test('connections --ended lists what has ended, and why says what became of a client', async t => {
  const { ask, port, backend } = await gateway(t)
  const [first, second] = [await talking(t, port, '127.0.0.6'), await talking(t, port, '127.0.0.7')]
  const client = `127.0.0.7:${second.localPort}`
  second.end()
  let table = ''
  while (!table.includes(client)) table = (await ask('connections', '--ended', '--client', client)).out
  const [head, line, ...more] = table.split('\n')
  assert.match(head, /^CLIENT +TO +REASON +LASTED +AGO +FROM +SENT +GEN +RULE$/)
  assert.match(
    line,
    new RegExp(`^${client}  127.0.0.1:${backend}  client-closed .* 5 B  11 B    1  default/all tcp\\[0\\]$`),
  )
  assert.deepEqual(more, [''])
  assert.equal((await ask('connections', '--reason', 'no-route')).out, `${ENDED_HEAD}\n`)
  assert.equal((await ask('connections', '--ended', '--state', 'relaying')).code, 2)

  const { code, out } = await ask('why', client)
  assert.equal(code, 0)
  const lines = out.split('\n')
  assert.match(
    lines[0],
    new RegExp(`^${client} → 127.0.0.1:${port}  ended .* ago by the client: client-closed$`),
  )
  assert.equal(lines[1], '  why       Both sides ended in order, the client first.')
  assert.match(lines[2], /^ {2}rule {6}default\/all tcp\[0\] {2}.*a\.yaml:18, generation 1$/)
  assert.equal(lines[3], `  to        backend.example:9000, at 127.0.0.1:${backend}`)
  assert.match(
    lines[4],
    /^ {2}times {5}dialed once, connected in [\d.]+ ms, first byte after [\d.]+ ms, lasted \d/,
  )
  assert.equal(lines[5], '  bytes     5 B from the client, 11 B from the upstream; nothing was lost')
  assert.equal(lines[6], '  now       the same')

  const open = await ask('why', `127.0.0.6:${first.localPort}`)
  assert.match(open.out, /^127\.0\.0\.6:\d+ → .* {2}open for .*: relaying, idle for /)
  const json = JSON.parse((await ask('why', client, '--output', 'json')).out)
  assert.deepEqual([json.connection.reason, json.now.outcome], ['client-closed', 'route'])
  const nobody = await ask('why', '192.0.2.1:1')
  assert.deepEqual([nobody.code, nobody.out], [1, ''])
  assert.match(nobody.err, /^192\.0\.2\.1:1: no open connection/)
})

const ENDED_HEAD = 'CLIENT  TO  REASON  LASTED  AGO  FROM  SENT  GEN  RULE'

test('canary sets the destinations of a weighted rule beside each other', async t => {
  const { ask, port } = await gateway(t, splitting(50, 50))
  assert.match((await ask('canary')).out, /\n {2}50 % {2}backend\.example:9000 {2}no connection yet\n/)
  const sockets = [await talking(t, port), await talking(t, port)]
  for (const socket of sockets) socket.end()
  let out = ''
  while (out.match(/ 1 ended: /g)?.length !== 2) out = (await ask('canary', 'default/all tcp[2]')).out
  const [head, first, times, second, , ...comparisons] = out.split('\n')
  assert.match(head, /^default\/all tcp\[2\] {2}.*a\.yaml:\d+, since generation 1$/)
  assert.match(
    first,
    /^ {2}50 % {2}backend\.example:9000 {2}1 connection, 1 dial, 0 % fail; 1 ended: 0 % reset, .* % within a second, 0 % silent$/,
  )
  assert.match(times, /^ +connect p50 .* ms, p99 .*; first byte p50 .*; lasted p50 .*; 5 B in, 11 B out$/)
  assert.match(second, /^ {2}50 % {2}second\.example:9000 /)
  assert.match(
    comparisons[0],
    /^ {2}second\.example:9000: 0 % of dials fail, 0 % with .*: no difference seen yet; [\d ]+ more connections would show one of two points$/,
  )
  assert.equal(JSON.parse((await ask('canary', '--output', 'json')).out).rules.length, 1)
  assert.equal((await ask('canary', 'default/other')).out, 'no weighted rule is default/other\n')
})

test('why says what the same connection would get now, where that differs', async t => {
  const { ask, port, save, logged, backend } = await gateway(t)
  const socket = await talking(t, port)
  save(routing(port, backend).replace('- route:', '- match: [{port: 1}]\n      route:'))
  await logged('generation 2')
  const { out } = await ask('why', `127.0.0.1:${socket.localPort}`)
  assert.match(out, /\n {2}now {7}reset, no-route: /)
})

test('connections says who a client is, and by which load balancer it came', async t => {
  const { ask, port } = await gateway(t, balanced('127.0.0.9'))
  await talking(t, port)
  const { localPort } = await talking(t, port, '127.0.0.9', PROXY_HEADER)
  const { out } = await ask('connections', '--peer', '127.0.0.9')
  assert.match(out, new RegExp(`^CLIENT.*\\n192\\.0\\.2\\.7:5001 via 127\\.0\\.0\\.9:${localPort} .*\\n$`))
  const json = JSON.parse((await ask('connections', '--client', '192.0.2.7', '--output', 'json')).out)
  assert.deepEqual([json.client, json.peer], ['192.0.2.7:5001', `127.0.0.9:${localPort}`])
})

test('explain --live asks the gateway, one by one and in a batch', async t => {
  const { ask, admin, port, save, logged } = await gateway(t)
  const to = `127.0.0.1:${port}`
  const { code, out } = await ask('explain', '--live', '--gateway', 'edge', '--from', '10.0.0.7', '--to', to)
  assert.equal(code, 0)
  assert.match(out, /^route: default\/all tcp\[0\] matches\n/)
  const other = await echo(t, 'other')
  save(routing(port, other))
  await logged('generation 2')
  const line = JSON.stringify({
    gateway: 'edge',
    source: { labels: { a: 'b' } },
    destination: { ip: '127.0.0.1', port },
  })
  const batch = await weir(['explain', '--live', '--admin', admin, '--batch', '-', '--output', 'json'], {
    stdin: `${line}\n\nnonsense\n`,
  })
  const [first, second] = batch.out
    .trim()
    .split('\n')
    .map(each => JSON.parse(each))
  assert.deepEqual([batch.code, first.generation, first.client.labels.a], [1, 2, 'b'])
  assert.deepEqual(first.destinations[0].endpoints, [`127.0.0.1:${other}`])
  assert.match(second.error, /not JSON/)
  const both = await ask('explain', '--live', '--to', to, 'config/')
  assert.equal(both.code, 2)
  assert.match(both.err, /takes no PATH/)
})

test('diff says what would change, and is 1 where it is not valid', async t => {
  const { ask, port, backend } = await gateway(t)
  await talking(t, port)
  const root = folder(t, {
    'same.yaml': routing(port, backend),
    'new.yaml': routing(port, backend).replace(
      '- route:',
      '- match: [{sourceSubnet: 10.0.0.0/8}]\n      route:',
    ),
    'headers.yaml': `${routing(port, backend).replace(
      'admin: null}',
      'admin: null, proxyProtocol: [{from: [10.0.0.1]}]}',
    )}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend}
spec: {host: backend.example, trafficPolicy: {proxyProtocol: {}}}
`,
    'bad.yaml': 'kind: [',
    'policy.yaml': `${routing(port, backend).replace('kind: Gateway\nmetadata: {', 'kind: Gateway\nmetadata: {annotations: {gateway.weir/per-source: connections=9}, ')}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: who}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.0/8, 10.0.0.0/8]}}]}]}
`,
  })
  const same = await ask('diff', join(root, 'same.yaml'))
  assert.equal(same.code, 0)
  assert.match(same.out, /^rules: 0 added, 0 removed, 0 changed, 0 in another order$/m)
  assert.match(same.out, /^live connections: 1 open, 0 would move$/m)
  const changed = await ask('diff', join(root, 'new.yaml'))
  assert.equal(changed.code, 0)
  assert.match(
    changed.out,
    /^~ default\/all tcp\[0\]\.match\[0\] .*\n +any → .*\n +sourceSubnet 10\.0\.0\.0\/8 → /m,
  )
  assert.match(changed.out, /^rules: 0 added, 0 removed, 1 changed, 0 in another order$/m)
  assert.match(
    changed.out,
    /live connections: 1 open, 1 would move\n {4}1 {2}default\/all tcp\[0\] {2}backend\.example:9000 → refused\n/,
  )
  const json = JSON.parse((await ask('diff', '--output', 'json', join(root, 'new.yaml'))).out)
  assert.equal(json.changes.connections.refused, 1)
  const headers = await ask('diff', join(root, 'headers.yaml'))
  assert.match(
    headers.out,
    /^~ listener default\/edge .* {2}\S+headers\.yaml:\d+\n {4}reads no PROXY header\n {4}reads a PROXY header \(V1, V2\) from 10\.0\.0\.1\/32 within 5s, and resets all others$/m,
  )
  assert.match(headers.out, /^ {4}proxyProtocol: none → V1 {2}\S+headers\.yaml:\d+$/m)
  const denies = await ask('diff', join(root, 'policy.yaml'))
  assert.match(
    denies.out,
    /^\+ policy default\/who {2}\S+policy\.yaml:\d+\n {4}DENY at default\/edge \S+: from ipBlocks 127\.0\.0\.0\/8, 10\.0\.0\.0\/8$/m,
  )
  assert.match(denies.out, /^ {4}limits each source: 9 connections, for each \/32 or \/64$/m)
  assert.match(denies.out, /1 would move\n {4}1 {2}default\/all tcp\[0\] {2}backend\.example:9000 → denied\n/)
  const bad = await ask('diff', join(root, 'bad.yaml'))
  assert.equal(bad.code, 1)
  assert.match(bad.out, /bad\.yaml:1:\d+: error CFG/)
  const missing = await ask('diff', join(root, 'missing.yaml'))
  assert.equal(missing.code, 1)
  assert.match(missing.err, /^error: .*missing\.yaml: ENOENT/)
})

test('log-level reads and changes', async t => {
  const { ask, gateway: served } = await gateway(t)
  assert.deepEqual((await ask('log-level')).out, 'info\n')
  assert.deepEqual((await ask('log-level', 'warn')).out, 'warn\n')
  assert.equal(served.log.level, 'warn')
  const wrong = await ask('log-level', 'loud')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /trace, debug, info/)
})

test('a second weir at the same admin address ends at once, and says which one has it', async t => {
  const { admin, root } = await gateway(t)
  const socket = join(folder(t), 'weir.sock')
  const { code, out } = await weir(['run', '--admin', admin, root])
  assert.equal(code, 1)
  const lines = out.trim().split('\n')
  assert.equal(lines.length, 2)
  assert.ok(lines[0].includes(`starts: reads ${root}`))
  assert.match(lines[1], /another weir \(1\.2\.3, generation 1, up [^)]*\) has it/)
  const settings = `apiVersion: gateway.weir/v1\nkind: Settings\nmetadata: {name: weir}\nspec: {admin: {socket: ${socket}}}\n`
  const files = folder(t, { 'a.yaml': `kind: [\n---\n${settings}` })
  const other = createNetServer(caller => caller.end('hello')).listen(socket)
  await once(other, 'listening')
  t.after(() => other.close())
  const second = await weir(['run', files])
  assert.equal(second.code, 1)
  assert.match(second.out, /cannot open unix:.*weir\.sock, since another program has it/)
})

test('a gateway that is not there is one clear line, and 1', async t => {
  const nobody = `127.0.0.1:${await freePort()}`
  const root = folder(t, { 'a.yaml': routing(1, 2) })
  for (const command of COMMANDS) {
    const words = { diff: [command, root], drain: [command, '--all'] }[command] ?? [command]
    const { code, out, err } = await weir([...words, '--admin', nobody])
    assert.deepEqual([code, out], [1, ''], command)
    assert.equal(
      err,
      `error: no gateway answers at ${nobody} (ECONNREFUSED): is weir running, and is --admin right?\n`,
    )
  }
  const socket = join(root, 'none.sock')
  const { code, err } = await weir(['status'], { variables: { WEIR_ADMIN: `unix:${socket}` } })
  assert.equal(code, 1)
  assert.equal(
    err,
    `error: no gateway answers at unix:${socket} (ENOENT): is weir running, and is --admin right?\n`,
  )
})

test('WEIR_ADMIN says where the gateway is, --admin before it, and a UNIX socket will do', async t => {
  const { gateway: served, root, admin } = await gateway(t)
  const socket = join(root, 'weir.sock')
  const second = await openAdminOf(served, { ...DEFAULT_ADMIN, address: '', port: 0, socket }, '2.0.0')
  t.after(() => second.close())
  const variables = { WEIR_ADMIN: `unix:${socket}` }
  assert.match((await weir(['status'], { variables })).out, /weir 2\.0\.0/)
  assert.match((await weir(['status', '--admin', admin], { variables })).out, /weir 1\.2\.3/)
  const wrong = await weir(['status'], { variables: { WEIR_ADMIN: 'somewhere' } })
  assert.deepEqual([wrong.code, wrong.out], [2, ''])
  assert.match(wrong.err, /^error: WEIR_ADMIN is "somewhere"/)
})

test('another server at that address is told from a gateway', async t => {
  const server = createServer((_request, response) => response.end('<html>hello</html>'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const where = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, err } = await weir(['status', '--admin', where])
  assert.deepEqual([code, err], [1, `error: what answers at ${where} is no weir (status 200)\n`])
})

test('every command has examples, and tells a wrong option with a hint', async () => {
  for (const command of COMMANDS) {
    const { code, out } = await weir([command, '--help'])
    assert.equal(code, 0)
    assert.match(out, new RegExp(`Examples:\n {2}weir ${command}`), command)
    const wrong = await weir([command, '--admni', 'x'])
    assert.deepEqual([wrong.code, wrong.out], [2, ''])
    assert.match(wrong.err, /Did you mean --admin\?/)
  }
  const cases: [string[], RegExp][] = [
    [['status', '--admin', 'here'], /an IP address and a port/],
    [['routes', '--limit', '0'], /at least 1/],
    [['routes', '--order', 'random'], /Allowed choices are written, hits/],
    [['connections', '--state', 'open'], /Allowed choices are (reading, )?dialing/],
    [['connections', '--worker', 'x'], /whole number/],
    [['top', '--interval', '1ms'], /at least 10ms/],
  ]
  for (const [words, message] of cases) {
    const { code, err } = await weir(words)
    assert.equal(code, 2, words.join(' '))
    assert.match(err, message)
  }
})
