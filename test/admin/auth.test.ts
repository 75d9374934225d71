/** Who may read and change by admin.auth: tokens, users of the UNIX socket, and the audit lines. */

import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Authority } from '../../src/admin/authority.ts'
import { type Change, startAdmin } from '../../src/admin/http.ts'
import { knowsPeers } from '../../src/admin/peer-uid.ts'
import type { AdminAuth } from '../../src/config/settings/settings.ts'
import { folder } from '../control/scene.ts'
import { call } from './kit.ts'

const SECRET = 'a secret of more than sixteen characters'.replaceAll(' ', '-')
const READS = 'another-secret-that-only-reads'

async function scene(t: TestContext, auth: (root: string) => AdminAuth, socket = false) {
  const root = folder(t, { change: `${SECRET}\n`, read: READS, short: 'short' })
  const changes: Change[] = []
  const errors: string[] = []
  const given = auth(root)
  const admin = await startAdmin({
    address: '127.0.0.1',
    port: 0,
    ...(socket ? { socket: join(root, 'weir.sock') } : {}),
    isForOthers: given.peerUids.length > 0,
    readiness: () => ({ ready: true }),
    authority: new Authority(given, { error: (_: unknown, text?: string) => void errors.push(String(text)) }),
    onChange: change => changes.push(change),
    api: async (app, grantedTo) => {
      app.get('/thing', async request => grantedTo(request))
      app.get('/page', { schema: { hide: true } as object }, async () => ({ page: 1 }))
      app.post('/thing', async () => ({ done: 1 }))
    },
  })
  t.after(() => admin.close())
  const where = socket ? { path: admin.socket } : { host: '127.0.0.1', port: admin.port }
  const ask = async (line: string, token?: string) => {
    const headers = {
      host: 'localhost',
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const { status, body } = await call(where, line, headers, line.startsWith('POST') ? '{"what":1}' : '')
    return [status, body.code ?? body.who ?? 'done']
  }
  return { root, ask, changes, errors, admin }
}

test('a token lets change from anywhere, and being on this machine does not', async t => {
  const { ask, changes } = await scene(t, root => ({
    tokens: [{ file: join(root, 'change'), role: 'change' }],
    peerUids: [],
  }))
  assert.deepEqual(await ask('GET /thing'), [200, '127.0.0.1'])
  assert.deepEqual(await ask('POST /thing'), [401, 'no-token'])
  assert.deepEqual(await ask('POST /thing', 'a-guess-of-sixteen-characters'), [403, 'not-allowed'])
  assert.deepEqual(changes, [], 'a refusal is counted, not audited')
  assert.deepEqual(await ask('POST /thing', SECRET), [200, 'done'])
  assert.deepEqual(await ask('POST /nothing', SECRET), [404, 'unknown-path'])
  const audited = { who: 'token change', from: '127.0.0.1', method: 'POST' }
  assert.deepEqual(changes, [
    { ...audited, path: '/thing', status: 200, body: { what: 1 } },
    { ...audited, path: '/nothing', status: 404, body: null },
  ])
})

test('once a token only reads, reading needs one; probes and the page do not', async t => {
  const { ask } = await scene(t, root => ({
    tokens: [
      { file: join(root, 'change'), role: 'change' },
      { file: join(root, 'read'), role: 'read' },
    ],
    peerUids: [],
  }))
  assert.deepEqual(await ask('GET /thing'), [401, 'no-token'])
  assert.deepEqual(await ask('GET /thing', READS), [200, 'token read'])
  assert.deepEqual(await ask('POST /thing', READS), [403, 'not-allowed'])
  assert.deepEqual(await ask('GET /thing', SECRET), [200, 'token change'])
  assert.deepEqual(await ask('GET /ready'), [200, 'done'])
  assert.deepEqual(await ask('GET /page'), [200, 'done'])
})

test('a renewed token counts at once; one that is short, or gone, lets nobody in', async t => {
  const { root, ask, errors } = await scene(t, root => ({
    tokens: ['change', 'short', 'gone'].map(name => ({ file: join(root, name), role: 'change' })),
    peerUids: [],
  }))
  assert.equal(errors.length, 2)
  assert.match(errors.toSorted().join(), /gone cannot be read \(ENOENT\).*short must have 16 to 4096 char/s)
  assert.deepEqual(await ask('POST /thing', 'short'), [403, 'not-allowed'])
  writeFileSync(join(root, 'change'), 'the-next-secret-is-longer-than-the-first-one')
  assert.deepEqual(await ask('POST /thing', SECRET), [403, 'not-allowed'])
  assert.deepEqual(await ask('POST /thing', 'the-next-secret-is-longer-than-the-first-one'), [200, 'done'])
  assert.equal(errors.length, 2, 'each mistake is told once')
})

test('a user of the UNIX socket is known to the kernel', {
  skip: !knowsPeers() && 'needs node:ffi',
}, async t => {
  const own = process.getuid?.() ?? 0
  const { ask, changes, admin } = await scene(t, () => ({ tokens: [], peerUids: [4242] }), true)
  assert.equal(statSync(admin.socket).mode & 0o777, 0o666)
  assert.deepEqual(await ask('GET /thing'), [200, `uid ${own}`])
  assert.deepEqual(await ask('POST /thing'), [200, 'done'])
  assert.equal(changes[0].from, `the UNIX socket, uid ${own}`)
  const stranger = { isLocal: true, uid: 4243, from: 'the UNIX socket, uid 4243' }
  const authority = new Authority({ tokens: [], peerUids: [4242] })
  const role = async (uid: number) => (await authority.granted({ headers: {} }, { ...stranger, uid })).role
  assert.deepEqual([await role(4242), await role(4243), await role(0)], ['change', 'none', 'change'])
})
