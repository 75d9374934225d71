/**
 * What weir thinks of each endpoint, by the admin listener; and an operator's word on one, which
 * outlives a reload.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ask, echo } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort } from '../support/sockets.ts'
import { amount, parseMetrics } from './prometheus.ts'
import { routedTo, scene, talking } from './scene.ts'

/** Two endpoints of one host, with this policy. */
const twoEndpoints =
  (second: number, trafficPolicy = '') =>
  (port: number, first: number): string =>
    `
${routedTo(port)}    - {address: 127.0.0.1, ports: {tcp: ${first}}}
    - {address: 127.0.0.1, ports: {tcp: ${second}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend, namespace: default}
spec: {host: backend.example, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, ${trafficPolicy}}}
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}, workers: 1, admin: null}
`

const gone = (socket: Socket): Promise<unknown> => new Promise(resolve => socket.once('close', resolve))

const two = async (t: TestContext, policy: string, engine: Parameters<typeof scene>[2] = 'auto') => {
  const other = await echo(t, 'other')
  return { other, ...(await scene(t, twoEndpoints(other, policy), engine)) }
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: a drained endpoint gets no connection, over reloads too, until it is enabled`, async t => {
    const { get, send, port, backend, other, save, logged } = await two(t, '', engine)
    const first = `127.0.0.1:${backend}`
    const answers = async () => new Set(await Promise.all(Array.from({ length: 8 }, () => ask(port))))
    assert.deepEqual(await answers(), new Set(['hello test', 'other test']))
    const drained = await send('POST /endpoints/drain', { endpoint: first })
    assert.deepEqual([drained.status, drained.body], [200, { endpoints: [first], emptied: [], closing: 0 }])
    assert.deepEqual(await answers(), new Set(['other test']))
    save(twoEndpoints(other)(port, backend).replace('name: all', 'name: new'))
    await logged('generation 2:')
    assert.deepEqual(await answers(), new Set(['other test']))
    const { states, endpoints } = (await get('/endpoints')).body
    assert.deepEqual(states, { draining: 1, down: 0, ejected: 0, failing: 0, up: 1 })
    assert.deepEqual([endpoints[0].endpoint, endpoints[0].state], [first, 'draining'])
    assert.match(endpoints[0].why, /^an operator drains it/)
    assert.equal((await send('POST /endpoints/enable', { endpoint: '127.0.0.1' })).status, 200)
    assert.deepEqual(await answers(), new Set(['hello test', 'other test']))
  })

  test(`${engine}: an endpoint that is enabled while it is missing is in rotation once it is back`, async t => {
    const { send, port, backend, other, save, logged } = await two(t, '', engine)
    const answers = async () => new Set(await Promise.all(Array.from({ length: 8 }, () => ask(port))))
    const endpoint = `127.0.0.1:${backend}`
    assert.equal((await send('POST /endpoints/drain', { endpoint })).status, 200)
    save(twoEndpoints(other)(port, other).replace('name: all', 'name: without'))
    await logged('generation 2:')
    assert.equal((await send('POST /endpoints/enable', { endpoint })).status, 200)
    save(twoEndpoints(other)(port, backend).replace('name: all', 'name: again'))
    await logged('generation 3:')
    assert.deepEqual(await answers(), new Set(['hello test', 'other test']))
  })

  test(`${engine}: with every endpoint drained connections end as no-endpoint, which the answer says`, async t => {
    const { get, send, port } = await two(t, '', engine)
    const { body } = await send('POST /endpoints/drain', { endpoint: '127.0.0.1' })
    assert.deepEqual([body.endpoints.length, body.emptied], [2, ['backend.example:9000']])
    await ask(port).catch(() => '')
    while ((await get('/summary')).body.closed['no-endpoint'] !== 1);
  })

  test(`${engine}: open connections of a drained endpoint stay, or are closed if that is asked for`, async t => {
    const { get, send, port, backend, other } = await two(t, '', engine)
    const sockets = await Promise.all(Array.from({ length: 4 }, () => talking(t, port)))
    const closed = Promise.race(sockets.map(gone))
    const open = (await get(`/connections?endpoint=127.0.0.1:${backend}`)).body.connections.length
    assert.ok(open > 0 && open < 4)
    await send('POST /endpoints/drain', { endpoint: `127.0.0.1:${backend}` })
    assert.equal((await get('/connections')).body.total, 4)
    const body = { endpoint: `127.0.0.1:${backend}`, closeOverS: 0.05 }
    assert.equal((await send('POST /endpoints/drain', body)).body.closing, open)
    await closed
    while ((await get('/connections')).body.total !== 4 - open);
    assert.equal((await get(`/connections?endpoint=127.0.0.1:${other}`)).body.connections.length, 4 - open)
    while ((await get('/summary')).body.closed.drain !== open); // counted once its row is gone
  })
}

test('an endpoint that refuses is failing, with its error; metrics count the dials by result', async t => {
  const gone = await freePort()
  const { get, port, backend } = await scene(t, twoEndpoints(gone))
  for (let each = 0; each < 8; each++) assert.equal(await ask(port), 'hello test')
  const { endpoints } = (await get('/endpoints')).body
  const [first, second] = endpoints
  assert.deepEqual([first.endpoint, first.state, first.why], [`127.0.0.1:${backend}`, 'up', null])
  assert.ok(first.connectMs.p50 > 0 && first.connectMs.p99 >= first.connectMs.p50)
  assert.deepEqual([second.state, second.lastError.error], ['failing', 'ECONNREFUSED'])
  assert.match(second.why, /^its last connect failed; /)
  assert.equal((await get('/endpoints?state=failing')).body.total, 1)
  assert.equal((await get(`/endpoints?endpoint=127.0.0.1:${backend}`)).body.total, 1)
  assert.equal((await get('/endpoints?destination=nobody.example')).body.total, 0)
  const metrics = parseMetrics((await get('/metrics')).body)
  assert.equal(amount(metrics, 'weir_endpoint_up', { endpoint: `127.0.0.1:${gone}` }), 0)
  assert.equal(amount(metrics, 'weir_endpoint_up', { endpoint: `127.0.0.1:${backend}` }), 1)
  assert.equal(amount(metrics, 'weir_dials_by_result_total', { result: 'connected' }), 8)
  assert.ok(amount(metrics, 'weir_dials_by_result_total', { result: 'refused' }) >= 1)
})

test('an ejected endpoint says for how long, one that is never ejected says why, and the log tells', async t => {
  const gone = await freePort()
  const policy = 'outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 50, baseEjectionTime: 1h}'
  const { get, port, logged, save, backend } = await scene(t, twoEndpoints(gone, policy))
  for (let each = 0; each < 8; each++) assert.equal(await ask(port), 'hello test')
  const [, ejected] = (await get('/endpoints')).body.endpoints
  assert.deepEqual([ejected.state, ejected.ejections], ['ejected', 1])
  assert.ok(ejected.ejectedForS > 3500)
  assert.match(ejected.why, /^outlierDetection has ejected it, for the 1st time; it is back in \d+/)
  await logged(`127.0.0.1:${gone} of backend.example:9000 is ejected`)
  const metrics = parseMetrics((await get('/metrics')).body)
  assert.equal(amount(metrics, 'weir_endpoint_ejections_total', { endpoint: `127.0.0.1:${gone}` }), 1)

  save(twoEndpoints(gone, 'outlierDetection: {consecutive5xxErrors: 2}')(port, backend))
  await logged('generation 2:')
  const [, kept] = (await get('/endpoints')).body.endpoints
  assert.deepEqual([kept.state, kept.ejections], ['ejected', 1], 'a reload keeps it')
})

test('where maxEjectionPercent is too small, the endpoint says so', async t => {
  const gone = await freePort()
  const { get, port } = await scene(t, twoEndpoints(gone, 'outlierDetection: {consecutive5xxErrors: 50}'))
  for (let each = 0; each < 8; each++) assert.equal(await ask(port), 'hello test')
  const [, failing] = (await get('/endpoints')).body.endpoints
  assert.equal(failing.state, 'failing')
  assert.match(
    failing.why,
    /^\d+ failed connects? in a row of 50; it is never ejected: maxEjectionPercent 10 of 2/,
  )
})

test('what is no endpoint, or is not drained, is refused', async t => {
  const { send, get } = await scene(t, twoEndpoints(1))
  const codes = async (path: string, endpoint: string) => {
    const { status, body } = await send(`POST /endpoints/${path}`, { endpoint })
    return `${status} ${body.code}`
  }
  assert.equal(await codes('drain', '127.0.0.1:2'), '404 unknown-endpoint')
  assert.equal(await codes('drain', 'somewhere'), '400 bad-request')
  assert.equal(await codes('drain', '127.0.0.1:0'), '400 bad-request')
  assert.equal(await codes('enable', '127.0.0.1:1'), '404 not-drained')
  await codes('drain', '127.0.0.1')
  await codes('drain', '127.0.0.1:1')
  assert.equal(await codes('enable', '127.0.0.1:1'), '409 drained-with-all-ports')
  assert.equal(await codes('enable', '127.0.0.1'), '200 undefined')
  assert.equal(await codes('enable', '127.0.0.1'), '404 not-drained')
  assert.equal((await get('/endpoints?endpoint=x')).status, 400)
})
