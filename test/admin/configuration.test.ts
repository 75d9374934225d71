/** The admin listener's answers about the configuration and its changes. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { echo, routing } from '../control/scene.ts'
import { reading, scene } from './scene.ts'

test('/config names each resource with its place, by pages', async () => {
  const { get, root } = await reading()
  const { status, body } = await get('/config')
  assert.equal(status, 200)
  assert.equal(body.generation, 1)
  assert.equal(body.total, 4)
  assert.equal(body.next, null)
  assert.match(body.checksum, /^[\da-f]{64}$/)
  assert.ok(Date.parse(body.loadedAt) > 0)
  const [gateway, service] = body.resources
  assert.deepEqual(
    { ...gateway, digest: '' },
    { title: 'Gateway default/edge', file: join(root, 'a.yaml'), line: 2, digest: '' },
  )
  assert.equal(service.line, 11)
  const first = (await get('/config?limit=3')).body
  assert.equal(first.resources.length, 3)
  const rest = (await get(`/config?limit=3&cursor=${first.next}`)).body
  assert.deepEqual([rest.next, [...first.resources, ...rest.resources]], [null, body.resources])
})

test('a cursor is no longer good after a reload, and a wrong one never is', async t => {
  const { get, save, port, logged } = await scene(t)
  const { next } = (await get('/config?limit=1')).body
  save(routing(port, await echo(t, 'other')))
  await logged('generation 2')
  const { status, body } = await get(`/config?limit=1&cursor=${next}`)
  assert.deepEqual([status, body.code], [410, 'old-cursor'])
  for (const query of [
    'cursor=x',
    'cursor=2.-1',
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1&limit=2',
    'page=2',
  ])
    assert.equal((await get(`/config?${query}`)).status, 400, query)
})

test('/reloads tells each change, and what was wrong with those that were refused', async t => {
  const { get, save, port, backend, logged } = await scene(t)
  const first = (await get('/reloads')).body
  assert.deepEqual(first.counts, { taken: 1, refused: 0, guarded: 0, emptied: 0, failed: 0 })
  assert.equal(first.reloads[0].resources.added.length, 4)
  assert.deepEqual(first.reloads[0].listeners.added, [`default/edge 127.0.0.1:${port}`])
  save(routing(port, await echo(t, 'other')))
  await logged('generation 2')
  save(routing(port, backend).replace('tcp:', 'tpc:'))
  await logged('the change is refused')
  const { counts, reloads } = (await get('/reloads')).body
  assert.deepEqual(counts, { taken: 2, refused: 1, guarded: 0, emptied: 0, failed: 0 })
  const { lastReload, generation } = (await get('/config')).body
  assert.deepEqual([generation, lastReload.outcome, lastReload.number], [2, 'refused', 3])
  assert.ok(lastReload.findings.length > 0)
  const [refused, taken] = reloads
  assert.deepEqual(
    [taken.outcome, taken.generation, taken.resources.changed],
    ['taken', 2, ['ServiceEntry default/backend']],
  )
  assert.deepEqual(Object.keys(taken.stagesMs), [
    'read',
    'parse',
    'validate',
    'plan',
    'lint',
    'build',
    'publish',
  ])
  assert.deepEqual([refused.outcome, refused.generation, refused.number], ['refused', 2, 3])
  const error = refused.findings.find((each: { code: string }) => each.code === 'CFG102')
  assert.match(error.hint, /did you mean "tcp"/)
  assert.ok(error.line > 10 && error.file.endsWith('a.yaml'))
  assert.equal((await get('/reloads?limit=1')).body.reloads.length, 1)
})

test('/summary, /workers and /listeners say what is there', async () => {
  const { get, port } = await reading()
  const { body } = await get('/summary')
  assert.deepEqual(
    [body.version, body.workers, body.generation, body.ready, body.draining],
    ['1.2.3', 1, 1, true, false],
  )
  assert.equal(body.lastReload.outcome, 'taken')
  assert.ok((await get('/summary')).body.monotonicMs > body.monotonicMs)
  const { workers } = (await get('/workers')).body
  assert.deepEqual([workers.length, workers[0].state, workers[0].counters.open], [1, 'accepting', 0])
  const { listeners } = (await get('/listeners')).body
  assert.deepEqual(listeners, [
    {
      listener: `default/edge 127.0.0.1:${port}`,
      gateway: 'default/edge',
      bind: '127.0.0.1',
      port,
      redirect: false,
      failures: [],
    },
  ])
})

test('/explain answers as the table that is served does', async t => {
  const { get, save, port, logged, backend } = await scene(t)
  const ask = () => get(`/explain?gateway=edge&from=10.0.0.7&to=127.0.0.1:${port}`)
  const { body } = await ask()
  assert.deepEqual([body.outcome, body.generation, body.rule.virtualService], ['route', 1, 'default/all'])
  assert.deepEqual(body.destinations[0].endpoints, [`127.0.0.1:${backend}`])
  const other = await echo(t, 'other')
  save(routing(port, other))
  await logged('generation 2')
  assert.deepEqual((await ask()).body.destinations[0].endpoints, [`127.0.0.1:${other}`])
  assert.equal((await get('/explain?gateway=mesh&to=:9')).body.outcome, 'no-route')
  const nobody = await get('/explain?gateway=nobody&to=:9')
  assert.deepEqual([nobody.status, nobody.body.code], [400, 'unclear-gateway'])
  assert.equal((await get(`/explain?to=127.0.0.1:${port}`)).body.outcome, 'route')
})

test('/explain tells the first thousand of the rules that were tried, and says that there are more', async t => {
  const rules = (count: number) =>
    Array.from(
      { length: count },
      (_, index) =>
        `    - match: [{sourceSubnet: 10.${index >> 8}.${index & 255}.0/24}]\n      route: [{destination: {host: backend.example}}]\n`,
    ).join('')
  const many = (count: number) => (port: number, backend: number) =>
    routing(port, backend).replace('  tcp:\n', `  tcp:\n${rules(count)}`)
  const { get, port, backend, save, logged } = await scene(t, many(1_000))
  const ask = async () => {
    const { body } = await get(`/explain?gateway=edge&from=192.0.2.1&to=127.0.0.1:${port}`)
    return [body.outcome, body.rejected.length, body.rejectedCut]
  }
  assert.deepEqual(await ask(), ['route', 1_000, false])
  save(many(1_001)(port, backend))
  await logged('generation 2')
  assert.deepEqual(await ask(), ['route', 1_000, true])
})

test('/explain says what is wrong with a question', async () => {
  const { get } = await reading()
  const cases: [string, RegExp][] = [
    ['', /must have required property 'to'/],
    ['?to=nowhere', /to nowhere: that is not an address/],
    ['?to=:9&from=x', /from x: that is not an IP address/],
    ['?to=:9&labels=app', /labels app: must look like app=web/],
    ['?to=:9&form=10.0.0.1', /the unknown field "form"/],
    ['?to=:99999', /to :99999|no number from 1 to 65535/],
  ]
  for (const [query, message] of cases) {
    const { status, body } = await get(`/explain${query}`)
    assert.deepEqual(
      [status, body.code === 'bad-request' || body.code === 'unknown-field'],
      [400, true],
      query,
    )
    assert.match(body.message, message)
  }
})

test('/log-level makes the log say less, and is not changed by GET', async t => {
  const { get, send, save, port, records, logged } = await scene(t)
  assert.deepEqual((await get('/log-level')).body, { level: 'info' })
  assert.equal((await get('/log-level?level=error')).body.level, 'info')
  assert.deepEqual((await send('PUT /log-level', { level: 'error' })).body, { level: 'error' })
  const before = records.length
  save(routing(port, await echo(t, 'other')))
  save('a: [')
  await logged('the change is refused', before)
  assert.ok(records.slice(before).every(each => each.level === 'error'))
  for (const body of [{ level: 'loud' }, {}, { level: 'info', more: 1 }, [], 7])
    assert.equal((await send('PUT /log-level', body)).status, 400, JSON.stringify(body))
})

test('/openapi.json describes every path that there is, and only those', async () => {
  const { get } = await reading()
  const { body } = await get('/openapi.json')
  assert.equal(body.openapi, '3.1.0')
  for (const [path, methods] of Object.entries<Record<string, { responses: object }>>(body.paths)) {
    const { status, body: answer } = await get(path)
    assert.ok(status !== 404 || answer.code === 'no-fleet', path)
    for (const [method, { responses }] of Object.entries(methods))
      assert.ok('200' in responses || path === '/openapi.json', `${method} ${path}`)
  }
})
