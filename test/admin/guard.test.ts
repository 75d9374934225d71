/**
 * Goal: no page of the web gets at the admin listener through a browser, and every mistake is
 * answered in JSON.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { callerAt } from '../../src/admin/guard.ts'
import { startAdmin } from '../../src/admin/http.ts'
import { call, raw } from './kit.ts'

async function scene(t: TestContext, hosts: readonly string[] = []) {
  const bugs: unknown[] = []
  const admin = await startAdmin({
    address: '127.0.0.1',
    port: 0,
    hosts,
    readiness: () => ({ ready: true }),
    onBug: error => bugs.push(error),
    api: async app => {
      app.get('/thing', async () => ({ thing: 1 }))
      app.post('/thing', async ({ body }) => ({ got: body }))
      app.get('/broken', async () => {
        throw new TypeError('a bug')
      })
    },
  })
  t.after(() => admin.close())
  const where = { host: '127.0.0.1', port: admin.port }
  const status = async (headers: Readonly<Record<string, string>>, line = 'GET /thing') =>
    (await call(where, line, headers)).status
  return { where, status, bugs, port: admin.port }
}

test('it answers to its own names and addresses, and to those that the operator allows', async t => {
  const { status, port } = await scene(t, ['weir.example'])
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    'LOCALHOST',
    'weir.localhost',
    '[::1]:1',
    '10.1.2.3:15021',
    'Weir.Example:80',
  ])
    assert.equal(await status({ host }), 200, host)
})

test('a name that someone else’s DNS may have pointed here is refused', async t => {
  const { where, status } = await scene(t, ['weir.example'])
  const hosts = [
    'evil.example',
    'weir.example.evil.example',
    'localhost.evil.example',
    'evil.example@127.0.0.1',
    '127.0.0.1.evil.example',
    '127.0.0.1:80:80',
    '127.0.0.1/',
    '[::1',
    '',
  ]
  for (const host of hosts) assert.equal(await status({ host }), 421, host)
  assert.equal(await status({}), 421, 'no host at all')
  const { body } = await call(where, 'GET /thing', { host: 'evil.example' })
  assert.equal(body.code, 'unknown-host')
  assert.match(body.hint, /admin\.hosts/)
})

test('what is not there is not told apart for a foreign name', async t => {
  const { status } = await scene(t)
  assert.equal(await status({ host: 'evil.example' }, 'GET /nothing'), 421)
  assert.equal(await status({ host: 'evil.example' }, 'DELETE /thing'), 421)
})

test('the probes ask for no name', async t => {
  const { status } = await scene(t)
  assert.equal(await status({}, 'GET /ready'), 200)
  assert.equal(await status({ host: 'evil.example', origin: 'http://evil.example' }, 'GET /healthz'), 200)
})

test('other pages are refused, our own and programs are not', async t => {
  const { status, port } = await scene(t)
  const host = `localhost:${port}`
  const refused: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `http://localhost:${port + 1}` },
    { origin: `http://127.0.0.1:${port}` },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
  ]
  for (const headers of refused) {
    assert.equal(await status({ host, ...headers }), 403, JSON.stringify(headers))
    assert.equal(await status({ host, ...headers }, 'POST /thing'), 403, JSON.stringify(headers))
  }
  assert.equal(await status({ host, origin: `http://${host}` }), 200)
  assert.equal(await status({ host, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }), 200)
  const followed = { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
  assert.equal(await status(followed), 200)
  assert.equal(await status(followed, 'POST /thing'), 403)
})

test('every answer forbids to keep, frame and sniff it', async t => {
  const { where } = await scene(t)
  for (const line of ['GET /thing', 'GET /nothing', 'GET /ready', 'PUT /thing']) {
    const { headers } = await call(where, line, { host: 'localhost' })
    assert.equal(headers['cache-control'], 'no-store', line)
    assert.equal(headers['x-content-type-options'], 'nosniff', line)
    assert.match(headers['content-security-policy'], /^default-src 'none';.*frame-ancestors 'none'/, line)
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
})

test('mistakes are told in JSON, with what to do', async t => {
  const { where } = await scene(t)
  const host = 'localhost'
  const typo = await call(where, 'GET /thign', { host })
  assert.deepEqual(
    [typo.status, typo.body],
    [404, { code: 'unknown-path', message: 'there is no /thign', hint: 'did you mean "/thing"?' }],
  )
  const method = await call(where, 'DELETE /thing', { host })
  assert.deepEqual(
    [method.status, method.body.code, method.headers.allow],
    [405, 'wrong-method', 'GET, HEAD, POST'],
  )
  const json = { host, 'content-type': 'application/json' }
  const cases: [Record<string, string>, string, number, string][] = [
    [json, '{', 400, 'bad-json'],
    [json, '{"__proto__": {"a": 1}}', 400, 'bad-json'],
    [{ host, 'content-type': 'text/plain' }, 'x', 415, 'not-json'],
    [{ host, 'content-type': 'application/x-www-form-urlencoded' }, 'x=1', 415, 'not-json'],
    [{ host }, '{}', 415, 'not-json'],
    [json, JSON.stringify('x'.repeat(70_000)), 413, 'body-too-large'],
  ]
  for (const [headers, body, status, code] of cases) {
    const answer = await call(where, 'POST /thing', headers, body)
    assert.deepEqual([answer.status, answer.body.code], [status, code], body.slice(0, 40))
  }
})

test('a bug of ours is a 500 that gives nothing away, and is told to the log', async t => {
  const { where, bugs } = await scene(t)
  const { status, body } = await call(where, 'GET /broken', { host: 'localhost' })
  assert.deepEqual([status, body.code], [500, 'bug'])
  assert.doesNotMatch(JSON.stringify(body), /a bug|TypeError/)
  assert.match(String(bugs[0]), /TypeError: a bug/)
})

test('tricks with paths lead nowhere', async t => {
  const { where } = await scene(t)
  const paths = [
    '//thing',
    '/./thing',
    '/x/../thing',
    '/thing/',
    '/THING',
    '/thing%2f',
    '/%74hing%00',
    '/..%2f..%2fetc/passwd',
    '/*',
    '/%',
  ]
  for (const path of paths) {
    const { status } = await call(where, `GET ${path}`, { host: 'localhost' })
    assert.ok(status === 404 || status === 400, `${path}: ${status}`)
  }
})

test('what is no HTTP is answered and closed', async t => {
  const { where } = await scene(t)
  assert.match(await raw(where, 'hello\r\n\r\n'), /^HTTP\/1\.1 400 .*"not-http"/s)
  assert.match(await raw(where, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'), /^HTTP\/1\.1 400 /)
  const twice = 'GET /thing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'
  assert.match(await raw(where, twice), /^HTTP\/1\.1 400 /)
})

/** The output of `script` in its own network namespace, or null if there can be none. */
const isolated = (script: string, ...words: string[]): string | null => {
  const { status, stdout } = spawnSync('unshare', ['-n', 'sh', '-ec', script, 'sh', ...words], {
    encoding: 'utf8',
  })
  return status === 0 ? stdout : null
}
const LOOPBACK = 'ip link set lo up; ip addr add 10.9.8.7/32 dev lo'
const needs = 'needs unshare -n and ip, and the right to use them'

test('orders are taken from this machine only', { skip: isolated(LOOPBACK) === null && needs }, () => {
  const child = fileURLToPath(new URL('../support/remote-caller.ts', import.meta.url))
  const found = JSON.parse(isolated(`${LOOPBACK}; exec "$1" "$2"`, process.execPath, child) ?? '{}')
  for (const caller of ['127.0.0.1', '127.9.9.9', '::1', '10.9.8.7']) {
    const isHere = caller !== '10.9.8.7'
    const statuses = (line: string) => found[`${caller} ${line}`].slice(0, 2)
    assert.deepEqual(statuses('GET /thing'), [200, ''])
    assert.deepEqual(statuses('HEAD /thing'), [200, ''])
    assert.deepEqual(statuses('POST /ready'), [405, 'wrong-method'])
    for (const line of ['POST /thing', 'PUT /thing'])
      assert.deepEqual(statuses(line), isHere ? [200, ''] : [403, 'local-only'], `${caller} ${line}`)
    assert.deepEqual(statuses('DELETE /nothing'), isHere ? [404, 'unknown-path'] : [403, 'local-only'])
  }
  assert.match(found['10.9.8.7 POST /thing'][2], /port-forward/)
  assert.notEqual(found['gone POST /thing'][0], 200)
})

test('what is this machine: loopback in every spelling, and nothing that is not known', () => {
  const local = (remoteAddress: string | undefined) => callerAt({ remoteAddress } as Socket, false).isLocal
  for (const address of ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'])
    assert.ok(local(address), address)
  for (const address of [
    '128.0.0.1',
    '10.0.0.1',
    '0.0.0.0',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    'fe80::1%lo',
    '',
    'x',
  ])
    assert.ok(!local(address), address)
  assert.ok(!local(undefined))
  assert.ok(callerAt({ remoteAddress: undefined } as unknown as Socket, true).isLocal)
})
