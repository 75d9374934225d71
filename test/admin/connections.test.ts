/** The connections that are open, as the admin listener lists them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { echo, moveIn, routing } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import type { Answer } from './kit.ts'
import { balanced, PROXY_HEADER, type Scene, scene, talking } from './scene.ts'

/** The answer once the reply is counted, too: the client has it a moment before. */
async function delivered(get: Scene['get']): Promise<Answer['body']> {
  const { body } = await get('/connections')
  return body.connections[0].toClientBytes > 0 ? body : delivered(get)
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: a connection is listed with what routed it, while it lives`, async t => {
    const { get, port, backend } = await scene(t, routing, engine)
    assert.deepEqual((await get('/connections')).body, { total: 0, next: null, connections: [] })
    const socket = await talking(t, port)
    const { total, connections } = await delivered(get)
    assert.deepEqual([total, connections.length], [1, 1])
    const [{ rule, acceptedAt, ageMs, idleMs, decideUs, connectMs, id, ...rest }] = connections
    assert.deepEqual(rest, {
      worker: 0,
      state: 'relaying',
      attempts: 1,
      generation: 1,
      outcome: 'rule',
      client: `127.0.0.1:${socket.localPort}`,
      peer: null,
      serverName: null,
      identity: null,
      asked: `127.0.0.1:${port}`,
      endpoint: `127.0.0.1:${backend}`,
      listener: `default/edge 127.0.0.1:${port}`,
      destination: { host: 'backend.example', subset: null, port: 9000 },
      source: { namespace: null, labels: {} },
      fromClientBytes: 5,
      toUpstreamBytes: 5,
      fromUpstreamBytes: 11,
      toClientBytes: 11,
      clientEnded: false,
      upstreamEnded: false,
    })
    assert.deepEqual(
      [rule.virtualService, rule.block, rule.route, rule.match],
      ['default/all', 'tcp', 0, null],
    )
    assert.ok(rule.line > 10 && rule.file.endsWith('a.yaml'))
    assert.ok(ageMs >= idleMs && decideUs > 0 && connectMs > 0 && id > 0)
    assert.ok(Math.abs(Date.parse(acceptedAt) - Date.now()) < 60_000)
    socket.destroy()
    while ((await get('/connections')).body.connections.length > 0);
  })
}

test('what is asked for is found, and nothing else', async t => {
  const { get, port, save, logged, backend } = await scene(t)
  const first = await talking(t, port, '127.0.0.3')
  save(routing(port, await echo(t, 'other')))
  await logged('generation 2')
  await talking(t, port, '127.0.1.4')
  const all = (await get('/connections')).body.connections
  const [older, newer] = all.map((each: { id: number }) => each.id)
  const found = async (query: string): Promise<number[]> => {
    const { status, body } = await get(`/connections?${query}`)
    assert.equal(status, 200, `${query}: ${body.message}`)
    return body.connections.map((each: { id: number }) => each.id)
  }
  const cases: [string, number[]][] = [
    ['client=127.0.0.3', [older]],
    ['client=127.0.1.0/24', [newer]],
    [`client=127.0.0.3:${first.localPort}`, [older]],
    [`client=127.0.0.3:1`, []],
    ['client=::1', []],
    ['client=[::1]:80', []],
    ['generation=2', [newer]],
    [`endpoint=127.0.0.1:${backend}`, [older]],
    ['endpoint=127.0.0.1', [older, newer]],
    ['rule=default/all', [older, newer]],
    ['rule=default/all%20tcp[0]', [older, newer]],
    ['rule=default/al', []],
    ['destination=backend.example', [older, newer]],
    ['destination=backend.example:9000', [older, newer]],
    ['destination=backend.example:9001', []],
    ['destination=backend.example%20subset%20v1', []],
    ['listener=default/edge', [older, newer]],
    [`listener=default/edge%20127.0.0.1:${port}`, [older, newer]],
    ['state=relaying', [older, newer]],
    ['state=dialing', []],
    ['worker=0', [older, newer]],
    ['generation=1&state=relaying&client=127.0.0.0/8', [older]],
  ]
  for (const [query, ids] of cases) assert.deepEqual(await found(query), ids, query)
  for (const query of [
    'client=x',
    'endpoint=1.2.3',
    'state=open',
    'worker=x',
    'rulse=a',
    'cursor=7',
    'cursor=1.x',
  ])
    assert.equal((await get(`/connections?${query}`)).status, 400, query)
  for (const path of ['/connections', '/connections/ended'])
    for (const [query, code, hint] of [
      ['worker=1', 'unknown-worker', 'there is only worker 0'],
      ['listener=default/egde', 'unknown-listener', 'did you mean "default/edge"?'],
      ['listener=none', 'unknown-listener', 'see weir status, or /listeners'],
    ]) {
      const { status, body } = await get(`${path}?${query}`)
      assert.deepEqual([status, body.code, body.hint], [404, code, hint], query)
    }
})

test('whom a PROXY header named is the client, and the load balancer is the peer', async t => {
  const { get, port } = await scene(t, balanced('127.0.0.9'))
  const direct = await talking(t, port, '127.0.0.8')
  const named = await talking(t, port, '127.0.0.9', PROXY_HEADER)
  const { connections } = (await get('/connections')).body
  const [own, other] = connections
  assert.deepEqual([own.client, own.peer], [`127.0.0.8:${direct.localPort}`, null])
  assert.deepEqual(
    [other.client, other.peer, other.asked],
    ['192.0.2.7:5001', `127.0.0.9:${named.localPort}`, '203.0.113.5:443'],
  )
  const cases: [string, object[]][] = [
    ['peer=127.0.0.9', [other]],
    [`peer=127.0.0.9:${named.localPort}`, [other]],
    ['peer=127.0.0.8', [own]],
    ['peer=192.0.2.7', []],
    ['client=127.0.0.9', []],
    ['client=192.0.2.0/24', [other]],
  ]
  for (const [query, found] of cases) {
    const ids = (await get(`/connections?${query}`)).body.connections.map((each: { id: number }) => each.id)
    assert.deepEqual(
      ids,
      found.map(each => (each as { id: number }).id),
      query,
    )
  }
})

test('pages show each connection once, though others come and go', async t => {
  const { get, port } = await scene(t)
  const sockets = await Promise.all(Array.from({ length: 10 }, () => talking(t, port)))
  const seen: string[] = []
  let cursor = ''
  while (cursor !== 'null') {
    const { body } = await get(`/connections?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...body.connections.map((each: { client: string }) => each.client))
    assert.ok(body.connections.length <= 3)
    cursor = String(body.next)
    await talking(t, port)
  }
  assert.equal(new Set(seen).size, seen.length)
  for (const socket of sockets) assert.ok(seen.includes(`127.0.0.1:${socket.localPort}`))
})

test('a long connection is named by what routed it, after many reloads', async t => {
  const { get, port, root, logged, backend } = await scene(t)
  await talking(t, port)
  for (let generation = 2; generation <= 12; generation++) {
    moveIn(root, 'a.yaml', routing(port, backend).replace('{name: all}', `{name: vs-${generation}}`))
    await logged(`generation ${generation}:`)
  }
  const [{ generation, rule, destination }] = (await get('/connections')).body.connections
  assert.deepEqual([generation, rule.virtualService, destination.host], [1, 'default/all', 'backend.example'])
})
