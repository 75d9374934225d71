/** The admin listener as a UNIX socket: for its owner alone, and whole again after a crash. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startAdmin } from '../../src/admin/http.ts'
import { folder } from '../control/scene.ts'
import { call } from './kit.ts'

function scene(t: TestContext) {
  const socket = join(folder(t), 'weir.sock')
  const start = () => startAdmin({ address: '', port: 0, socket, readiness: () => ({ ready: true }) })
  return { socket, start, ask: () => call({ path: socket }, 'GET /ready', {}) }
}

test('only its owner may open it, whatever the umask, and it goes with its listener', async t => {
  const { socket, start, ask } = scene(t)
  const before = process.umask(0)
  t.after(() => process.umask(before))
  const admin = await start()
  assert.equal(process.umask(), 0)
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  assert.deepEqual((await ask()).body, { ready: true })
  await admin.close()
  assert.equal(existsSync(socket), false)
})

test('one that a dead process left is replaced', async t => {
  const { socket, start, ask } = scene(t)
  const crash = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`
  assert.throws(() => execFileSync(process.execPath, ['-e', crash]))
  assert.ok(existsSync(socket))
  const admin = await start()
  t.after(() => admin.close())
  assert.equal((await ask()).status, 200)
})

test('one that somebody listens at is left alone, and so is a file', async t => {
  const { start, ask } = scene(t)
  const admin = await start()
  t.after(() => admin.close())
  await assert.rejects(start(), { code: 'EADDRINUSE' })
  assert.equal((await ask()).status, 200)
  const file = scene(t)
  writeFileSync(file.socket, 'precious')
  await assert.rejects(file.start(), { code: 'EADDRINUSE' })
  assert.ok(statSync(file.socket).isFile())
})

test('a path that cannot be is told with the kernel’s word', async t => {
  const { socket } = scene(t)
  const start = (path: string) =>
    startAdmin({ address: '', port: 0, socket: path, readiness: () => ({ ready: true }) })
  await assert.rejects(start(join(socket, 'no-such-folder', 'a.sock')), { code: 'EACCES' })
  await assert.rejects(start(`/tmp/${'x'.repeat(200)}`), { code: /^E(INVAL|NAMETOOLONG)$/ })
})
