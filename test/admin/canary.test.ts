/** The destinations of a weighted rule beside each other. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ask } from '../control/scene.ts'
import { splitting, times } from './routes-kit.ts'
import { type Scene, scene, talking } from './scene.ts'

/** A server that greets, and then resets. */
async function resetting(t: TestContext): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.write('hello')
    socket.once('data', () => socket.resetAndDestroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** One connection that says something, until it has ended. */
async function visit(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.on('data', () => socket.end())
  socket.write('hello\n')
  await new Promise(resolve => socket.once('close', resolve))
}

async function canaryAfter({ get }: Scene, connections: number) {
  for (;;) {
    const { body } = await get('/canary')
    const ended = body.rules[0].destinations.reduce(
      (sum: number, each: { resets: { of: number } | null }) => sum + (each.resets?.of ?? 0),
      0,
    )
    if (ended >= connections) return body
  }
}

test('a canary that resets is worse, surely, and one that has served nobody is not judged', async t => {
  const bad = await resetting(t)
  const where = await scene(t, (port, backend) =>
    splitting(50, 50)(port, backend).replace(/(name: second}.*?targetPort: )\d+/s, `$1${bad}`),
  )
  const { get, port } = where
  const { body: before } = await get('/canary')
  assert.equal(before.total, 1)
  assert.deepEqual(
    before.rules[0].destinations.map((each: { resets: unknown; connectMs: unknown }) => [
      each.resets,
      each.connectMs,
    ]),
    [
      [null, null],
      [null, null],
    ],
  )
  assert.deepEqual(before.rules[0].comparisons, [])
  for (let round = 0; round < 6; round++) await times(10, () => visit(port))
  const { rules } = await canaryAfter(where, 60)
  const [{ destinations, comparisons, rule }] = rules
  assert.equal(rule.virtualService, 'default/all')
  const [good, gray] = destinations
  assert.deepEqual([good.resets.count, gray.resets.count], [0, 30])
  assert.deepEqual([good.failedDials.of, gray.failedDials.of], [30, 30])
  assert.deepEqual([good.connectMs.count, gray.lastedMs.count], [30, 30])
  const verdicts = Object.fromEntries(
    comparisons.map((each: { rate: string; verdict: string }) => [each.rate, each.verdict]),
  )
  assert.deepEqual([verdicts.resets, verdicts.failedDials], ['worse', 'none-seen'])
  assert.ok(comparisons.find((each: { rate: string }) => each.rate === 'failedDials').needs > 0)
  assert.equal((await get('/canary?rule=default/other')).body.total, 0)
  assert.equal((await get(`/canary?rule=${encodeURIComponent('default/all tcp[2]')}`)).body.total, 1)
})

test('connections that were open before a change, and end after it, are no more than those since', async t => {
  const { port, backend, save, logged, get } = await scene(t, splitting(80, 20))
  const before = await Promise.all([talking(t, port), talking(t, port), talking(t, port)])
  save(splitting(50, 50)(port, backend))
  await logged('generation 2')
  await Promise.all([ask(port), ask(port)])
  for (const each of before) each.destroy()
  for (;;) {
    const { closed } = (await get('/summary')).body
    if (Object.values<number>(closed).reduce((sum, each) => sum + each, 0) === 5) break
  }
  const [{ destinations }] = (await get('/canary')).body.rules
  for (const { failedDials, resets, brief, silent } of destinations)
    for (const rate of [failedDials, resets, brief, silent]) assert.ok(rate === null || rate.count <= rate.of)
})
