/** The connections that ended last, as the admin listener lists them. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ask, routing } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { type Scene, scene, talking } from './scene.ts'

/** So many of them, as soon as they have ended. */
async function endedOnes({ get }: Scene, count: number, query = '') {
  for (;;) {
    const { body } = await get(`/connections/ended${query}`)
    if (body.connections.length >= count) return body.connections
  }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: a connection that has ended is listed with what routed it, and why it ended`, async t => {
    const where = await scene(t, routing, engine)
    const { get, port, backend } = where
    assert.deepEqual((await get('/connections/ended')).body, { next: null, connections: [] })
    const socket = await talking(t, port)
    const client = `127.0.0.1:${socket.localPort}`
    socket.end()
    const [found] = await endedOnes(where, 1)
    const { rule, acceptedAt, endedAt, lastedMs, firstByteMs, decideUs, connectMs, id, ...rest } = found
    assert.deepEqual(rest, {
      worker: 0,
      attempts: 1,
      generation: 1,
      outcome: 'rule',
      client,
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
      clientEnded: true,
      upstreamEnded: true,
      reason: 'client-closed',
      meaning: 'Both sides ended in order, the client first.',
      endedBy: 'client',
      errno: null,
      deniedBy: null,
      lostBytes: 0,
    })
    assert.equal(rule.virtualService, 'default/all')
    assert.ok(lastedMs >= 0 && firstByteMs >= 0 && decideUs > 0 && connectMs > 0 && id > 0)
    assert.ok(Math.abs(Date.parse(endedAt) - Date.parse(acceptedAt) - lastedMs) <= 2)
  })
}

test('what is asked for is found: by client, reason and rule, page after page', async t => {
  const where = await scene(t)
  const { get, port } = where
  for (const [index, client] of ['127.0.0.3', '127.0.0.4', '127.0.0.5'].entries()) {
    await ask(port, '127.0.0.1', client)
    await endedOnes(where, index + 1)
  }
  const { body } = await get('/connections/ended?limit=2')
  const rest = (await get(`/connections/ended?limit=2&cursor=${body.next}`)).body
  const clients = [...body.connections, ...rest.connections].map(({ client }) => client.split(':')[0])
  assert.deepEqual(clients, ['127.0.0.5', '127.0.0.4', '127.0.0.3'])
  const count = async (query: string) => (await get(`/connections/ended?${query}`)).body.connections.length
  assert.equal(await count('client=127.0.0.4'), 1)
  assert.equal(await count('rule=default/all'), 3)
  assert.equal(await count('rule=default/other'), 0)
  assert.equal(await count('reason=no-route'), 0)
  assert.equal((await get('/connections/ended?reason=tired')).status, 400)
  assert.equal((await get('/connections/ended?cursor=1.x')).status, 400)
})

test('a connection that is refused is listed with its reason', async t => {
  const where = await scene(t, (port, backend) =>
    routing(port, backend).replace('host: backend.example}', 'host: nobody.example}'),
  )
  connect(where.port, '127.0.0.1').on('error', () => {})
  const [{ reason, endpoint, endedBy, rule }] = await endedOnes(where, 1)
  assert.deepEqual(
    [reason, endpoint, endedBy, rule.virtualService],
    ['unknown-destination', null, 'weir', 'default/all'],
  )
})

test('it keeps its names after its table is gone, and that of the policy that denied it', {
  skip: fullOnly,
}, async t => {
  const denying = (port: number, backend: number): string => `${routing(port, backend)}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: default}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.9]}}]}]}
`
  const where = await scene(t, denying)
  const { port, backend, save, logged, get } = where
  await ask(port)
  connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' }).on('error', () => {})
  await endedOnes(where, 2)
  const shown = async () =>
    (await get('/connections/ended')).body.connections.map((each: Record<string, unknown>) => [
      each.generation,
      (each.rule as { virtualService: string } | null)?.virtualService,
      each.deniedBy,
    ])
  const before = await shown()
  assert.ok(
    before.some(([, , deniedBy]: string[]) => deniedBy?.includes('nobody')),
    JSON.stringify(before),
  )
  for (let generation = 2; generation <= 12; generation++) {
    save(
      denying(port, backend).replace(
        'metadata: {name: all}',
        `metadata: {name: all, labels: {g: a${generation}}}`,
      ),
    )
    await logged(`generation ${generation}`)
  }
  assert.deepEqual(await shown(), before)
})
