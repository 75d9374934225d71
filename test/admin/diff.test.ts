/** What would change if other files were served. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { routing } from '../control/scene.ts'
import { call } from './kit.ts'
import { scene } from './scene.ts'

const files = (text: string) => ({ files: [{ path: 'new.yaml', text }] })

test('the same files change nothing', async t => {
  const { send, port, backend } = await scene(t)
  const { status, body } = await send('POST /diff', files(routing(port, backend)))
  assert.equal(status, 200)
  assert.deepEqual([body.valid, body.errors], [true, 0])
  assert.deepEqual(body.changes, {
    listeners: { added: [], removed: [] },
    rules: { added: 0, removed: 0, changed: 0, reordered: 0, list: [] },
    destinations: [],
  })
})

test('a rule in front is an added one, and the others stay what they are', async t => {
  const { send, port, backend } = await scene(t)
  const changed = routing(port, backend).replace(
    '  tcp:\n',
    '  tcp:\n    - match: [{sourceSubnet: 10.0.0.0/8}]\n      route: [{destination: {host: backend.example}}]\n',
  )
  const { rules, destinations } = (await send('POST /diff', files(changed))).body.changes
  assert.deepEqual([rules.added, rules.removed, rules.changed], [1, 0, 0])
  const [added] = rules.list
  assert.deepEqual(
    [added.change, added.rule.route, added.rule.file, added.before, added.after],
    ['added', 0, 'new.yaml', null, 'sourceSubnet 10.0.0.0/8 → 100 % backend.example:9000'],
  )
  assert.deepEqual(destinations, [])
})

test('another endpoint is another destination, another port another listener', async t => {
  const { send, port, backend } = await scene(t)
  const { changes } = (await send('POST /diff', files(routing(port, backend + 1)))).body
  assert.equal(changes.rules.list.length, 0)
  const [{ change, destination, before, after }] = changes.destinations
  assert.deepEqual([change, destination], ['changed', 'backend.example:9000'])
  assert.ok(before.startsWith(`127.0.0.1:${backend}; `) && after.startsWith(`127.0.0.1:${backend + 1}; `))
  const moved = (await send('POST /diff', files(routing(port + 1, backend)))).body.changes
  assert.deepEqual(moved.listeners, {
    added: [`default/edge 127.0.0.1:${port + 1}`],
    removed: [`default/edge 127.0.0.1:${port}`],
  })
  assert.deepEqual([moved.rules.added, moved.rules.removed], [1, 1])
})

test('files with errors are told as weir check tells them', async t => {
  const { send } = await scene(t)
  const { status, body } = await send('POST /diff', files('kind: ['))
  assert.equal(status, 200)
  assert.deepEqual([body.valid, body.changes], [false, null])
  assert.equal(body.findings[0].file, 'new.yaml')
  assert.equal((await send('POST /diff', { files: [] })).body.findings[0].code, 'CFG014')
})

test('what is no list of files is refused, and the next one is answered', async t => {
  const { send, where, port, backend } = await scene(t)
  for (const body of [{}, { files: [{ path: 'a' }] }, { files: 'a' }, [], null, 7, { files: [null] }]) {
    const { status, body: said } = await send('POST /diff', body)
    assert.deepEqual([status, said.code], [400, 'bad-request'], JSON.stringify(body))
  }
  const host = { host: 'localhost' }
  const json = { ...host, 'content-type': 'application/json' }
  assert.equal((await call(where, 'POST /diff', json, '{')).status, 400)
  assert.equal((await call(where, 'POST /diff', json)).status, 400)
  assert.equal((await call(where, 'POST /diff', json, '\xff{}')).status, 400)
  assert.equal((await call(where, 'POST /diff', host, '{}')).status, 415)
  assert.equal((await call(where, 'GET /diff', host)).status, 405)
  const huge = { ...json, 'content-length': String(65 * 2 ** 20) }
  assert.equal((await call(where, 'POST /diff', huge)).status, 413)
  assert.equal((await send('POST /diff', files(routing(port, backend)))).status, 200)
})

test('one at a time; who goes away makes room', async t => {
  const { send, where, port, backend } = await scene(t)
  const slow = connect(where)
  slow.write(
    'POST /diff HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n',
  )
  const first = async (): Promise<number> => {
    const { status } = await send('POST /diff', files(routing(port, backend)))
    return status === 429 ? status : first() // the slow one may not have arrived yet
  }
  assert.equal(await first(), 429)
  slow.destroy()
  await once(slow, 'close')
  const then = async (): Promise<number> => {
    const { status } = await send('POST /diff', files(routing(port, backend)))
    return status === 200 ? status : then() // its going may not have arrived yet
  }
  assert.equal(await then(), 200)
})
