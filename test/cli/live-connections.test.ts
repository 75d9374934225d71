/** `weir connections` and `weir why`: what is open, what has ended, and what became of a client. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balanced, PROXY_HEADER, talking } from '../admin/scene.ts'
import { routing } from '../control/scene.ts'
import { gateway } from './live-kit.ts'

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
  for (const words of [
    ['--listener', 'nope'],
    ['--ended', '--worker', '9'],
    ['--worker', '9'],
  ]) {
    const none = await ask('connections', ...words)
    assert.deepEqual([none.code, none.out], [1, ''], words.join(' '))
    assert.match(none.err, /^error: there is no (listener "nope"|worker 9) \(/)
  }
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
