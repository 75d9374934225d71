/** The hits of each rule, and the delivered shares of its destinations. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ask } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { splitting, times } from './routes-kit.ts'
import { type Scene, scene } from './scene.ts'

/** The rules, once nothing is open any more and as many connections were counted. */
async function rulesAfter({ get }: Scene, connections: number) {
  for (;;) {
    const { body } = await get('/routes')
    const sum = body.rules.reduce((all: number, each: { connections: number }) => all + each.connections, 0)
    const open = body.rules.some((each: { open: number }) => each.open > 0)
    if (sum === connections && !open) return body
  }
}

test('each rule tells its hits and where it stands, a rule that cannot match says why', async t => {
  const where = await scene(t, splitting(80, 20))
  const { port } = where
  await times(3, () => ask(port, '127.0.0.1', '127.0.0.2'))
  const { rules, total, next } = await rulesAfter(where, 3)
  assert.deepEqual([total, next], [3, null])
  const [first, never, split] = rules
  assert.deepEqual(
    [first.connections, first.rule.virtualService, first.rule.route, first.rule.match],
    [3, 'default/all', 0, 0],
  )
  assert.ok(Math.abs(Date.parse(first.lastAt) - Date.now()) < 60_000)
  assert.deepEqual(first.listeners, [`default/edge 127.0.0.1:${port}`])
  assert.deepEqual([first.receivedBytes, first.sentBytes], [15, 33])
  assert.match(never.never, /mesh/)
  assert.deepEqual([never.connections, never.lastAt, never.destinations], [0, null, []])
  assert.deepEqual([split.split, split.connections, split.lastAt], ['exact', 0, null])
  assert.deepEqual(split.destinations[0].deliveredShare, null)
})

test('the delivered share stands beside the configured one, with its bounds and a verdict', async t => {
  const where = await scene(t, splitting(80, 20))
  await times(50, () => ask(where.port))
  const { rules } = await rulesAfter(where, 50)
  const [first, second] = rules[2].destinations
  assert.deepEqual([first.host, first.configuredShare, first.connections], ['backend.example', 0.8, 40])
  assert.deepEqual([second.host, second.configuredShare, second.connections], ['second.example', 0.2, 10])
  assert.deepEqual([first.deliveredShare.share, first.deliveredShare.verdict], [0.8, 'as-asked'])
  assert.ok(first.deliveredShare.low > 0.7 && first.deliveredShare.low < 0.8)
  assert.ok(first.deliveredShare.high > 0.8 && first.deliveredShare.high < 0.9)
})

test('a sticky split is judged by clients, each of which is one draw', async t => {
  const where = await scene(t, (port, backend) =>
    splitting(50, 50)(port, backend).replace('gateway.weir/split: exact', 'gateway.weir/split: sticky'),
  )
  await times(40, () => ask(where.port, '127.0.0.1', '127.0.1.1'))
  const one = (await rulesAfter(where, 40)).rules[2].destinations
  assert.deepEqual(one.map((each: { clients: number }) => each.clients).sort(), [0, 1])
  assert.deepEqual(
    one.map((each: { deliveredShare: { verdict: string } }) => each.deliveredShare.verdict),
    ['too-few', 'too-few'],
  )
  for (let client = 2; client < 42; client++) await ask(where.port, '127.0.0.1', `127.0.1.${client}`)
  const { rules } = await rulesAfter(where, 80)
  const [first, second] = rules[2].destinations
  assert.ok(first.clients > 8 && second.clients > 8, `${first.clients} and ${second.clients} clients`)
  assert.equal(first.clients + second.clients, 41)
  assert.equal(first.deliveredShare.share, first.clients / 41)
  assert.ok(first.deliveredShare.low > 0.1 && first.deliveredShare.high < 0.9)
  // Other weights are other draws.
  where.save(
    splitting(10, 90)(where.port, where.backend).replace(
      'gateway.weir/split: exact',
      'gateway.weir/split: sticky',
    ),
  )
  await where.logged('generation 2')
  const changed = (await where.get('/routes')).body.rules[2].destinations
  assert.deepEqual(
    changed.map((each: { clients: number; deliveredShare: unknown }) => [each.clients, each.deliveredShare]),
    [
      [0, null],
      [0, null],
    ],
  )
})

test('a changed rule is counted anew, one that says the same is not, and what is open stays open', async t => {
  const where = await scene(t, splitting(80, 20))
  const { port, backend, save, logged, get } = where
  await times(10, () => ask(port))
  await rulesAfter(where, 10)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('test\n')
  await once(socket, 'data')
  save(splitting(80, 20)(port, backend).replace('name: second}', 'name: second, labels: {a: b}}'))
  await logged('generation 2')
  const same = (await get('/routes')).body.rules[2]
  assert.deepEqual([same.connections, same.sinceGeneration, same.open], [11, 1, 1])
  save(splitting(50, 50)(port, backend))
  await logged('generation 3')
  const changed = (await get('/routes')).body.rules[2]
  assert.deepEqual(
    [changed.connections, changed.sinceGeneration, changed.open, changed.lastAt],
    [0, 3, 1, null],
  )
  assert.ok(Date.parse(changed.sinceAt) > Date.parse(same.sinceAt))
  await times(20, () => ask(port))
  socket.destroy()
  const { rules } = await rulesAfter(where, 20)
  assert.deepEqual(
    rules[2].destinations.map((each: { connections: number }) => each.connections),
    [10, 10],
  )
})

test('rules are found by VirtualService, listener and hits, and ordered by hits', async t => {
  const where = await scene(t, splitting(80, 20))
  const { port, get } = where
  await times(2, () => ask(port, '127.0.0.1', '127.0.0.2'))
  await times(5, () => ask(port))
  await rulesAfter(where, 7)
  const routes = async (query: string): Promise<number[]> =>
    (await get(`/routes?${query}`)).body.rules.map((each: { rule: { route: number } }) => each.rule.route)
  assert.deepEqual(await routes('order=hits'), [2, 0, 1])
  assert.deepEqual(await routes('hit=true'), [0, 2])
  assert.deepEqual(await routes('hit=false'), [1])
  assert.deepEqual(await routes('virtualService=default/other'), [])
  assert.deepEqual(await routes('virtualService=default/all&limit=1'), [0])
  assert.deepEqual(
    await routes(`listener=${encodeURIComponent(`default/edge 127.0.0.1:${port}`)}`),
    [0, 1, 2],
  )
  assert.deepEqual(await routes('listener=default/edge'), [0, 1, 2])
  const { status, body } = await get('/routes?listener=default/ed')
  assert.deepEqual([status, body.code, body.hint], [404, 'unknown-listener', 'did you mean "default/edge"?'])
  for (const query of ['order=random', 'hit=maybe', 'rules=1'])
    assert.equal((await get(`/routes?${query}`)).status, 400, query)
})

test('rules are found by each listener that they name, those of the mesh among them', async t => {
  const meshPort = await freePort()
  const { get } = await scene(t, (port, backend) =>
    splitting(80, 20)(port, backend)
      .replace('mesh: {capture: none}, ', '')
      .replace("  hosts: ['*']\n  gateways: [edge]", '  hosts: [backend.example]\n  gateways: [edge, mesh]')
      .replaceAll(/\b9000\b/g, String(meshPort)),
  )
  const { rules } = (await get('/routes')).body
  const named: string[] = rules.flatMap((each: { listeners: string[] }) => each.listeners)
  assert.ok(
    named.some(each => each.startsWith(`mesh *:${meshPort} `)),
    named.join(),
  )
  for (const listener of [...named, 'mesh', `mesh *:${meshPort}`]) {
    const { status, body } = await get(`/routes?listener=${encodeURIComponent(listener)}`)
    assert.equal(status, 200, listener)
    assert.ok(body.rules.length > 0, listener)
  }
})
