/**
 * Health checks take an endpoint out of rotation and put it back, for all workers; each kind knows
 * its servers. Method: a gateway in front of servers that answer as the test says.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readHealthCheck } from '../../src/config/plan/health-check.ts'
import { probe } from '../../src/control/health/probe.ts'
import { ask, echo, serving, type Talk } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort } from '../support/sockets.ts'
import { amount, parseMetrics } from './prometheus.ts'
import { routedTo, scene, talking } from './scene.ts'

const HOST = '127.0.0.1'

const checkedBy =
  (check: string, second: number) =>
  (port: number, first: number): string =>
    `
${routedTo(port)}    - {address: 127.0.0.1, ports: {tcp: ${first}}}
    - {address: 127.0.0.1, ports: {tcp: ${second}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend, namespace: default, annotations: {gateway.weir/health-check: '${check}'}}
spec: {host: backend.example, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}, workers: 2, admin: null}
`

const says =
  (text: string): Talk =>
  socket =>
    void socket.write(text, 'latin1')

const QUICK = 'tcp;interval=1s;rise=1;fall=2'

for (const { engine, test } of ENGINES) {
  test(`${engine}: an endpoint that refuses goes down, and is up again when it is back; a reload keeps it`, async t => {
    const talk: Talk = socket => socket.on('data', () => socket.end('other test'))
    const other = await serving(t, talk)
    const { get, port, backend, logged, save } = await scene(t, checkedBy(QUICK, other.port), engine)
    const answers = async () => new Set(await Promise.all(Array.from({ length: 16 }, () => ask(port))))
    assert.deepEqual(await answers(), new Set(['hello test', 'other test']))
    other.end()
    await logged(`${HOST}:${other.port} is down: 2 checks in a row have failed (ECONNREFUSED)`)
    const failed = async () => (await get('/summary')).body.counters.dialFailures
    const before = await failed()
    assert.deepEqual(await answers(), new Set(['hello test']))
    assert.equal(await failed(), before, 'it is not even dialed')
    save(checkedBy(QUICK, other.port)(port, backend).replace('name: all', 'name: new'))
    await logged('generation 2:')
    assert.deepEqual(await answers(), new Set(['hello test']))
    const [, down] = (await get('/endpoints')).body.endpoints
    assert.deepEqual([down.state, down.checkedBy, down.lastCheck], ['down', 'tcp', 'ECONNREFUSED'])
    assert.equal(down.why, 'its health checks fail: ECONNREFUSED')
    const metrics = parseMetrics((await get('/metrics')).body)
    const endpoint = `${HOST}:${other.port}`
    assert.equal(amount(metrics, 'weir_endpoint_up', { endpoint }), 0)
    assert.ok(amount(metrics, 'weir_endpoint_checks_total', { endpoint, result: 'failed' }) >= 2)
    await serving(t, talk, other.port)
    await logged(`${HOST}:${other.port} is up`)
    assert.deepEqual(await answers(), new Set(['hello test', 'other test']))
  })

  test(`${engine}: with onDown=close its connections end as endpoint-down, others stay`, async t => {
    let answers = 'well'
    const other = await serving(t, socket =>
      socket.on('data', bytes => socket.write(`${bytes}` === 'check' ? answers : `other ${bytes}`)),
    )
    const check = `tcp;interval=1s;rise=1;fall=2;send=check;expect=^well;onDown=close`
    // The first says what it is asked: "hello check", so only a part of it is expected of both.
    const { get, port, logged } = await scene(t, checkedBy(check.replace('^well', 'l'), other.port), engine)
    const sockets = await Promise.all(Array.from({ length: 8 }, () => talking(t, port)))
    const gone = new Promise(resolve => {
      for (const socket of sockets) socket.once('close', resolve)
    })
    const at = async () => (await get(`/connections?endpoint=${HOST}:${other.port}`)).body.connections.length
    const open = await at()
    assert.ok(open > 0)
    answers = 'sick'
    await logged(`${HOST}:${other.port} is down`)
    await gone
    while ((await at()) > 0);
    const summary = async () => (await get('/summary')).body
    while ((await summary()).counters.open > 8 - open); // of an end the last that is counted
    const { closed, counters } = await summary()
    assert.deepEqual([closed['endpoint-down'], counters.open], [open, 8 - open])
  })
}

test('the Settings check what no annotation does, and win over one', async t => {
  const gone = await freePort()
  const text = (check: string, entries: string) => (port: number, first: number) =>
    checkedBy(check, gone)(port, first).replace('admin: null', `admin: null, healthChecks: [${entries}]`)
  const never = 'tcp;interval=1h'
  const entries = `{host: other.example}, {host: backend.example, port: 9000, kind: tcp, interval: 100ms, timeout: 100ms, rise: 1, fall: 1}`
  const { logged, get } = await scene(t, text(never, entries))
  await logged(`${HOST}:${gone} is down: 1 checks in a row have failed`)
  const [, down] = (await get('/endpoints')).body.endpoints
  assert.deepEqual([down.state, down.checkedBy], ['down', 'tcp'])
})

test('a check that succeeds ends an ejection', async t => {
  const failing = await freePort()
  // The other one fails its checks, too: it would else be drawn before, and none be ejected.
  const policy = 'outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 50, baseEjectionTime: 1h}'
  const { logged, port, get, records } = await scene(t, (at, first) =>
    checkedBy('tcp;interval=1s;timeout=300ms;rise=1;fall=100;expect=other', failing)(at, first).replace(
      '{simple: ROUND_ROBIN}',
      `{simple: ROUND_ROBIN}, ${policy}`,
    ),
  )
  let isEjected = false
  const ejected = logged(`${HOST}:${failing} of backend.example:9000 is ejected`).then(() => {
    isEjected = true
  })
  while (!isEjected) assert.equal(await ask(port), 'hello test')
  await ejected
  const other: Talk = socket => {
    socket.write('other ')
    socket.on('data', () => socket.end('test'))
  }
  await serving(t, other, failing)
  await logged(`${HOST}:${failing} of backend.example:9000 is in rotation again`, records.length)
  const [, back] = (await get('/endpoints')).body.endpoints
  assert.deepEqual([back.state, back.ejectedForS], ['up', null])
  while ((await ask(port)) !== 'other test'); // its turn comes
})

test('with all endpoints down connections end as no-endpoint', async t => {
  const gone = await freePort()
  const backend = await echo(t, 'hello')
  const check = 'tcp;interval=100ms;timeout=100ms;rise=1;fall=1;expect=never'
  const { get, port, logged } = await scene(t, at => checkedBy(check, gone)(at, backend))
  await Promise.all([logged(`${HOST}:${backend} is down`), logged(`${HOST}:${gone} is down`)])
  await ask(port).catch(() => '')
  while ((await get('/summary')).body.closed['no-endpoint'] !== 1);
})

const verdictOf = async (t: TestContext, annotation: string, talk: Talk): Promise<string | null> => {
  const { port } = await serving(t, talk)
  const check = readHealthCheck(`${annotation};timeout=500ms`)
  assert.ok(check)
  return await new Promise(resolve => probe({ address: HOST, port }, check, resolve))
}

for (const [annotation, talk, verdict] of [
  ['tcp', () => {}, null],
  ['tcp;expect=SSH-', says('SSH-2.0-x\r\n'), null],
  ['tcp;expect=2.0', says('SSH-2.0-x\r\n'), null],
  ['tcp;expect=^2.0', says('SSH-2.0-x\r\n'), 'unexpected answer'],
  ['tcp;expect=hex:5353', says('SSH'), null],
  ['tcp;expect=SSH', () => {}, 'timeout'],
  ['tcp;expect=SSH', socket => socket.end(), 'closed without an answer'],
  ['tcp;send=a\\;b\\r\\n;expect=^a;', null, 'refused'],
  ['tls', says('no'), 'ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_WRONG_VERSION_NUMBER|timeout'],
  ['postgres', socket => socket.once('data', bytes => socket.write(bytes.length === 8 ? 'N' : 'E')), null],
  ['postgres', says('E'), 'unexpected answer'],
  ['mysql', says('\x4a\x00\x00\x00\x0a8.0'), null],
  ['mysql', says('\x4a\x00\x00\x00\xffHost is blocked'), 'unexpected answer'],
  ['redis', socket => socket.once('data', () => socket.write('+PONG\r\n')), null],
  ['redis', socket => socket.once('data', () => socket.write('-NOAUTH x\r\n')), null],
  ['redis', socket => socket.once('data', () => socket.write('-LOADING\r\n')), 'unexpected answer'],
  ['smtp', says('220 mail\r\n'), null],
  ['smtp', says('554 no\r\n'), 'unexpected answer'],
] as readonly (readonly [string, Talk | null, string | null])[]) {
  test(`${annotation}: ${verdict ?? 'ok'}`, async t => {
    if (talk === null) {
      assert.equal(readHealthCheck(annotation), null)
      return
    }
    const found = await verdictOf(t, annotation, talk)
    if (verdict === null) assert.equal(found, null)
    else assert.match(found ?? 'ok', new RegExp(`^(${verdict})$`))
  })
}

test('an annotation is read whole, or not at all', () => {
  const { send, expect, ...rest } =
    readHealthCheck('tcp;send=a\\;b\\r\\n;expect=^hex:00ff;onDown=close;fall=1') ?? {}
  assert.deepEqual([send, expect], ['a;b\r\n', { bytes: '\x00\xff', isPrefix: true }])
  assert.deepEqual(rest, {
    kind: 'tcp',
    intervalMs: 2000,
    timeoutMs: 1000,
    rise: 2,
    fall: 1,
    onDown: 'close',
  })
  assert.equal(readHealthCheck('tcp;interval=500ms')?.timeoutMs, 500)
  for (const wrong of [
    '',
    'http',
    'tcp;',
    'tcp;interval=2',
    'tcp;interval=50ms',
    'tcp;interval=1s;timeout=2s',
    'tcp;rise=0',
    'tcp;fall=101',
    'tcp;rise=1;rise=2',
    'tcp;expect=',
    'tcp;expect=hex:0',
    'tcp;send=\\x',
    'redis;send=PING',
    'tcp;onDown=drop',
    'tcp;what=1',
  ])
    assert.equal(readHealthCheck(wrong), null, wrong)
})
