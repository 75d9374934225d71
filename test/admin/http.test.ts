import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { type Readiness, startAdmin } from '../../src/admin/http.ts'

async function scene(t: TestContext, readiness: () => Readiness = () => ({ ready: true })) {
  const admin = await startAdmin({ address: '127.0.0.1', port: 0, readiness })
  t.after(() => admin.close())
  const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${admin.port}${path}`, init)
  return { get, port: admin.port }
}

test('/ready is 200 or 503 as the gateway is, with what is missing', async t => {
  let now: Readiness = { ready: false, failures: ['mesh *:19000'] }
  const { get } = await scene(t, () => now)
  const before = await get('/ready')
  assert.equal(before.status, 503)
  assert.deepEqual(await before.json(), now)
  now = { ready: true }
  assert.equal((await get('/ready')).status, 200)
})

test('/healthz is 200 while the process lives, ready or not', async t => {
  const { get } = await scene(t, () => ({ ready: false }))
  const response = await get('/healthz?from=kubelet')
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { alive: true })
})

test('HEAD says the same without a body', async t => {
  const { get } = await scene(t)
  const response = await get('/ready', { method: 'HEAD' })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), '')
})

test('other methods and paths are refused', async t => {
  const { get } = await scene(t)
  const posted = await get('/ready', { method: 'POST', body: 'x' })
  assert.equal(posted.status, 405)
  assert.equal(posted.headers.get('allow'), 'GET, HEAD')
  assert.equal((await get('/')).status, 404)
  assert.equal((await get('/ready/')).status, 404)
  assert.equal((await get('/__proto__')).status, 404)
})

/** The answer to these bytes, until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return await text(socket)
}

test('a body is not waited for, and a header too large is refused', async t => {
  const { port } = await scene(t)
  const unfinished = await raw(port, 'POST /ready HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n')
  assert.match(unfinished, /^HTTP\/1\.1 405 /)
  const large = await raw(port, `GET /ready HTTP/1.1\r\nx: ${'x'.repeat(10_000)}\r\n\r\n`)
  assert.match(large, /^HTTP\/1\.1 431 /)
})

test('an address that is taken rejects with the reason', async t => {
  const { port } = await scene(t)
  await assert.rejects(startAdmin({ address: '127.0.0.1', port, readiness: () => ({ ready: true }) }), {
    code: 'EADDRINUSE',
  })
})
