/** Where the commands look for a gateway, and what they say if none is there. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { folder, routing } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'
import { gateway } from './live-kit.ts'

const READING = ['status', 'routes', 'connections', 'endpoints', 'names', 'certificates', 'log-level', 'top']
const COMMANDS = [...READING, 'diff', 'drain']

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
  const nowhere = join(root, 'none/weir.sock')
  const third = await weir(['run', '--admin', `unix:${nowhere}`, root])
  assert.deepEqual([third.code, third.out.includes(`(there is no folder ${root}/none): choose`)], [1, true])
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
    [['connections', '--reason', 'conect-refused'], /Did you mean connect-refused\?/],
    [['connections', '--reason', 'x'], /one of client-closed, upstream-closed, /],
    [['top', '--interval', '1ms'], /at least 10ms/],
  ]
  for (const [words, message] of cases) {
    const { code, err } = await weir(words)
    assert.equal(code, 2, words.join(' '))
    assert.match(err, message)
  }
})
