/** The commands that ask a running gateway, each through its admin listener. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { splitting } from '../admin/routes-kit.ts'
import { talking } from '../admin/scene.ts'
import { echo, folder, routing } from '../control/scene.ts'
import { weir } from './kit.ts'
import { gateway } from './live-kit.ts'

test('status says that the gateway is ready, and what it does', async t => {
  const { ask, port } = await gateway(t)
  await talking(t, port)
  const { code, out } = await ask('status')
  assert.equal(code, 0)
  assert.match(out, /^ready: weir 1\.2\.3, engine (uring|epoll|node), generation 1, up /)
  assert.match(out, /connections {2}1 open of at most [\d ]+, 1 accepted/)
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
  assert.equal((await ask('routes', '--no-hit')).out, 'no rule\n')
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
