/**
 * Goal: an access log's connections are decided again, and none is lost: each is counted as one
 * that moves, stays, or cannot be replayed. Method: the command, on lines as the two formats have
 * them.
 */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'
import { CONFIG } from './log-kit.ts'

type Fields = {
  readonly client?: string
  readonly to?: string
  readonly reason?: string
  readonly rule?: string
  readonly name?: string
}

const json = ({
  client = '10.0.0.7:5001',
  to = 'first',
  reason = 'client-closed',
  rule,
  name,
}: Fields = {}) =>
  JSON.stringify({
    start_time: '2026-11-23T07:36:27.123Z',
    access_log_type: 'TcpConnectionEnd',
    downstream_remote_address: client,
    ...(name === undefined ? {} : { requested_server_name: name }),
    downstream_local_address: '192.0.2.1:7000',
    route_name: rule ?? 'default/all tcp[1]',
    upstream_cluster: to === '' ? null : `outbound|9000||${to}.example`,
    listener: 'default/edge *:7000',
    reason,
  })

const text = ({ client = '10.0.0.7:5001', to = 'first', reason = 'client-closed' }: Fields = {}) =>
  `[2026-11-23T07:36:27.123Z] ${client} -> 192.0.2.1:7000 -> 10.0.0.11:9000 ${reason} after 12 ms, 9 bytes in, 5 out, by default/all tcp[1] (a.yaml:7)${to === '' ? '' : `, outbound|9000||${to}.example`}, generation 3, connection 7`

function scene(t: TestContext, lines: readonly string[]) {
  const root = folder(t, { 'next/a.yaml': CONFIG, 'access.log': `${lines.join('\n')}\n` })
  const log = join(root, 'access.log')
  const ask = (...words: string[]) => weir(['diff', '--log', log, ...words, join(root, 'next')])
  return {
    root,
    log,
    ask,
    replayed: async () => {
      const { out, err } = await ask('-o', 'json')
      return JSON.parse(out || JSON.stringify(err))
    },
    /** Texts, and each is followed by what takes its place. */
    change: (...pairs: readonly string[]) => {
      const froms = pairs.filter((_, index) => index % 2 === 0)
      const text = froms.reduce((all, from, index) => all.replace(from, pairs[2 * index + 1]), CONFIG)
      writeFileSync(join(root, 'next/a.yaml'), text)
    },
  }
}

test('connections that go where they went move nowhere, in either format', async t => {
  const lines = [json(), json({ to: 'second' }), text(), text({ to: 'second', client: '10.0.0.8:1' })]
  const { ask } = scene(t, lines)
  const { code, out } = await ask()
  assert.deepEqual([code, out], [0, '4 connections: 4 would go where they went\n'])
})

test('what would go elsewhere is told by rule and client, with counts', async t => {
  const clients = ['10.0.0.7:1', '10.0.0.7:2', '10.0.0.8:1', '[2001:db8::1]:5']
  const { ask, change, replayed } = scene(t, [...clients.map(client => json({ client })), text()])
  change('weight: 80', 'weight: 0')
  const { out } = await ask()
  assert.equal(
    out,
    `5 connections: 0 would go where they went, 5 elsewhere
  5  default/all tcp[1]  first.example:9000 → second.example:9000
     3 clients: 10.0.0.7 (3), 10.0.0.8 (1), 2001:db8::1 (1)
`,
  )
  const { moves, elsewhere, connections } = await replayed()
  assert.deepEqual([connections, elsewhere, moves[0].clients.list[0].connections], [5, 5, 3])
})

test('refused, denied, unlistened, and served at last', async t => {
  const refused = json({ to: '', reason: 'no-route' })
  const { replayed, change } = scene(t, [json(), text(), refused])
  change('- route:', '- match: [{port: 1}]\n      route:')
  const fates = async () => {
    const { same, elsewhere, refused, denied, unlistened, served } = await replayed()
    return { same, elsewhere, refused, denied, unlistened, served }
  }
  const none = { same: 0, elsewhere: 0, refused: 0, denied: 0, unlistened: 0, served: 0 }
  assert.deepEqual(await fates(), { ...none, same: 1, refused: 2 })
  change('number: 7000', 'number: 7001')
  assert.deepEqual(await fates(), { ...none, unlistened: 3 })
  change(
    '---\n',
    `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}
---
`,
  )
  assert.deepEqual(await fates(), { ...none, same: 1, denied: 2 })
  change('', '')
  const { moves } = await replayed()
  assert.deepEqual(
    [moves[0].fate, moves[0].from, moves[0].to],
    ['served', 'no-route', ['first.example:9000', 'second.example:9000']],
  )
})

test('a line that cannot be replayed is counted with the reason', async t => {
  const { ask } = scene(t, [
    json(),
    'nonsense',
    '{"level":30,"msg":"a line of the ordinary log"}',
    json().replace('TcpConnectionEnd', 'TcpPeriodic'),
    text().replace('client-closed', 'goes on'),
    text({ to: '', reason: 'proxy-timeout' }),
    text().replace('192.0.2.1:7000', '-'),
  ])
  const { out, code } = await ask()
  assert.equal(code, 0)
  assert.equal(
    out,
    `1 connection: 1 would go where they went
not replayed, 2 lines: no line of an access log
not replayed, 2 lines: of a connection that was open: its end is a line of its own
not replayed, 1 line: ended before weir decided about it
not replayed, 1 line: the address that the client connected to is unknown
`,
  )
})

test('whether a client spoke TLS matters where rules ask for server names', async t => {
  const { change, replayed } = scene(t, [
    json(),
    json({ rule: 'default/all tls[0]', name: 'a.example' }),
    json({ rule: 'default/all tls[0]', name: 'b.example' }),
  ])
  change(
    "protocol: TCP}, hosts: ['*']}]}",
    "protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ['*']}]}",
    '  tcp:\n',
    `  tls:
    - match: [{sniHosts: [a.example]}]
      route: [{destination: {host: first.example}}]
    - match: [{sniHosts: [b.example]}]
      route: [{destination: {host: second.example}}]
    - match: [{sniHosts: ['*']}]
      route: [{destination: {host: first.example}}]
  tcp:
`,
  )
  const { same, elsewhere, refused, notReplayed } = await replayed()
  assert.deepEqual([same, elsewhere, refused, notReplayed.tls], [2, 1, 0, 0])
})

test('logs are read from standard input, compressed, and several at once', async t => {
  const { root, log, ask } = scene(t, [json()])
  writeFileSync(`${log}.gz`, gzipSync(readFileSync(log)))
  assert.match((await ask('--log', `${log}.gz`)).out, /^2 connections: 2 would/)
  const stdin = await weir(['diff', '--log', '-', join(root, 'next')], { stdin: `${json()}\n${text()}\n` })
  assert.match(stdin.out, /^2 connections: 2 would/)
  assert.equal((await weir(['diff', '--log', '-', '-'])).code, 2)
  const missing = await weir(['diff', '--log', `${log}.1`, join(root, 'next')])
  assert.deepEqual([missing.code, missing.out], [2, ''])
  assert.match(missing.err, /^error: --log .*access\.log\.1: ENOENT/)
  writeFileSync(join(root, 'next/a.yaml'), 'kind: [')
  const broken = await ask()
  assert.deepEqual([broken.code, broken.out], [1, ''])
})
