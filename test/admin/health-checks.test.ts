/**
 * Health checks take an endpoint out of rotation and put it back, for all workers; each kind knows
 * its servers. Method: a gateway in front of servers that answer as the test says.
 */

import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { readHealthCheck } from '../../src/config/plan/health-check.ts'
import { Checker } from '../../src/control/health/checker.ts'
import { type HealthWorld, realHealthWorld } from '../../src/control/health/health-world.ts'
import { probe } from '../../src/control/health/probe.ts'
import { Warmups } from '../../src/control/health/warmups.ts'
import { isHeld, leftMs, noteFailure } from '../../src/stats/backoffs.ts'
import { Mark, noteLastError } from '../../src/stats/endpoint-marks.ts'
import { createStats, openStats, type Stats } from '../../src/stats/stats.ts'
import { ask, echo } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort, until } from '../support/sockets.ts'
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

type Talk = (socket: Socket) => void

/** A server, and how it is ended with its connections and begun again at the same port. */
async function serving(t: Pick<TestContext, 'after'>, talk: Talk, at = 0) {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  await new Promise<void>(resolve => server.listen(at, HOST, resolve))
  const end = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.after(end)
  return { port: (server.address() as { port: number }).port, end }
}

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
    const ended = async () => (await get('/summary')).body.closed['endpoint-down']
    while ((await ended()) < open);
    assert.deepEqual([await ended(), (await get('/summary')).body.counters.open], [open, 8 - open])
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

test('while checks fail no connection tries an endpoint whose connects fail; when it is up all may', async t => {
  let answer = ''
  const server = await serving(t, socket => socket.on('data', () => answer && socket.write(answer)))
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  const world = realHealthWorld()
  const warmups = new Warmups(stats, () => 0)
  const checker = new Checker({ stats, log, world, warmups, onClose: () => {}, onPassed: () => {} })
  t.after(() => checker.close())
  const check = readHealthCheck('redis;interval=1s;timeout=100ms;rise=1;fall=2')
  assert.ok(check)
  const text = `${HOST}:${server.port}`
  const [slot, untouched] = [1, 2]
  noteFailure(stats.backoffs, slot, world.nowMs() - 2_000, false)
  const noted = stats.backoffs[slot]
  const overMs = world.nowMs()
  assert.equal(leftMs(noted, overMs), 0)
  checker.follow([
    { address: HOST, port: server.port, text, slot, check },
    { address: HOST, port: server.port, text: 'other', slot: untouched, check },
  ])
  await until(() => checker.stateOf(text)?.isUp === false && checker.stateOf('other')?.isUp === false)
  const held = stats.backoffs[slot]
  assert.ok(held !== 0 && leftMs(held, overMs) > 0, 'it is held back for longer')
  assert.equal(stats.backoffs[untouched], 0, 'no connect to it has failed')
  answer = '+PONG\r\n'
  await until(() => checker.stateOf(text)?.isUp === true)
  assert.equal(stats.backoffs[slot], 0)
})

/** When checks begin that take `tookMs` and end with what `verdictAt` says, up to a time. */
function checksUntil(
  endMs: number,
  tookMs: number,
  verdictAt: (nowMs: number) => string | null,
  annotation: string,
  happens: { readonly atMs: number; readonly run: (stats: Stats, nowMs: number) => void }[] = [],
): number[] {
  const began: number[] = []
  let nowMs = 1_000_000
  const startMs = nowMs
  const due: { atMs: number; run: () => void }[] = []
  const after = (ms: number, run: () => void) => {
    due.push({ atMs: nowMs + ms, run })
    return () => {}
  }
  const world: HealthWorld = {
    nowMs: () => nowMs,
    after,
    every: (ms, run) => {
      const again = () => {
        run()
        after(ms, again)
      }
      return after(ms, again)
    },
    chance: () => 0.5, // no jitter
    probe: (_place, _check, done) => {
      began.push(nowMs - startMs)
      return after(tookMs, () => done(verdictAt(nowMs - startMs)))
    },
  }
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  for (const { atMs, run } of happens) due.push({ atMs: startMs + atMs, run: () => run(stats, nowMs) })
  const warmups = new Warmups(stats, () => 0)
  const checker = new Checker({ stats, log, world, warmups, onClose: () => {}, onPassed: () => {} })
  const check = readHealthCheck(annotation)
  assert.ok(check)
  checker.follow([{ address: HOST, port: 1, text: 'one', slot: 1, check }])
  for (;;) {
    due.sort((a, b) => a.atMs - b.atMs)
    const next = due.shift()
    if (!next || next.atMs > startMs + endMs) return began
    nowMs = next.atMs
    next.run()
  }
}

test('a check that fails leaves a doubt until one succeeds, or until the endpoint is down', async t => {
  let answer = ''
  const server = await serving(t, socket => socket.on('data', () => socket.end(answer)))
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  const world = realHealthWorld()
  const options = { log, world, warmups: new Warmups(stats, () => 0), onClose: () => {}, onPassed: () => {} }
  const checker = new Checker({ ...options, stats })
  t.after(() => checker.close())
  const checked = (text: string, slot: number, fall: number) => {
    const check = readHealthCheck(`redis;interval=100ms;timeout=100ms;rise=1;fall=${fall}`)
    assert.ok(check)
    return { address: HOST, port: server.port, text, slot, check }
  }
  checker.follow([checked('slow', 1, 100), checked('quick', 2, 1), checked('gone', 3, 100)])
  await until(() => checker.stateOf('quick')?.isUp === false && stats.marks[1] + stats.marks[3] > 15)
  assert.deepEqual([...stats.marks.subarray(1, 4)], [Mark.doubted, Mark.down, Mark.doubted])
  checker.follow([checked('slow', 1, 100), checked('quick', 2, 1)])
  assert.equal(stats.marks[3], 0, 'nobody checks it any more')
  answer = '+PONG\r\n'
  await until(() => stats.marks[1] + stats.marks[2] === 0)
  assert.equal(checker.stateOf('slow')?.isUp, true)
})

const gaps = (times: readonly number[]) => times.slice(1).map((time, index) => time - times[index])

test('checks are quick in doubt and for ten intervals after an endpoint went down', () => {
  const check = 'tcp;interval=1s;timeout=1s;rise=2;fall=2'
  const [well, doubts, down, later] = [[1000, 1000], [250], Array(40).fill(250), [1000, 1000]]
  const dies = checksUntil(15_100, 0, nowMs => (nowMs < 2_500 ? null : 'ECONNREFUSED'), check)
  assert.deepEqual(gaps(dies), [...well, ...doubts, ...down, ...later].slice(0, dies.length - 1))
  const isBack = checksUntil(20_000, 0, nowMs => (nowMs < 17_900 ? 'ECONNREFUSED' : null), check)
  assert.deepEqual(gaps(isBack).slice(-3), [1000, 250, 1000], 'one that succeeds is a doubt, too')
})

test('an interval is from the beginning of a check: after one that timed out the next begins at once', () => {
  const check = 'tcp;interval=1s;timeout=1s;rise=1;fall=2'
  assert.deepEqual(gaps(checksUntil(5_000, 1000, () => 'timeout', check)), [1000, 1000, 1000, 1000])
  assert.deepEqual(gaps(checksUntil(5_000, 300, () => null, check)), [1000, 1000, 1000, 1000])
})

test('a connect that fails brings the next check forward, and no client tries the endpoint before its end', () => {
  const check = 'tcp;interval=10s;timeout=1s;rise=1;fall=2'
  const held: boolean[] = []
  const fails = (stats: Stats, nowMs: number): void => {
    noteLastError(stats.lastErrors, 1, 111, nowMs)
    noteFailure(stats.backoffs, 1, nowMs, false)
  }
  const looks = (stats: Stats, nowMs: number): unknown => held.push(isHeld(stats.backoffs[1], nowMs))
  const at = (atMs: number, run: (stats: Stats, nowMs: number) => unknown) => ({ atMs, run })
  // The first begins after 5 s. Another one is no sooner than a second after that.
  const well = checksUntil(9_000, 800, () => null, check, [
    at(5_850, fails),
    at(6_750, looks),
    at(6_850, looks),
  ])
  assert.deepEqual(well, [5_000, 6_000])
  assert.deepEqual(held.splice(0), [true, false], 'released by a check that has succeeded')
  const later = checksUntil(14_000, 800, () => null, check, [at(8_050, fails)])
  assert.deepEqual(later, [5_000, 8_100])
  const often = 'tcp;interval=2s;timeout=1s;rise=1;fall=2'
  assert.deepEqual(
    checksUntil(2_500, 100, () => null, often, [at(1_150, fails)]),
    [1_000, 1_500],
  )
  const ill = [at(5_850, fails), at(6_850, looks), at(9_250, looks)]
  const dies = checksUntil(9_300, 800, nowMs => (nowMs < 5_900 ? null : 'timeout'), check, ill)
  assert.deepEqual(dies, [5_000, 6_000, 8_500])
  assert.deepEqual(held, [true, true])
})

test('of a thousand endpoints that time out each is checked as often as any other', () => {
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  const due = new Map<number, (() => void)[]>()
  const checks = new Map<string, number>()
  let [nowMs, running, most, timers] = [0, 0, 0, 0]
  const after = (ms: number, run: () => void) => {
    timers++
    let isOff = false
    due.getOrInsertComputed(Math.ceil(nowMs + ms), () => []).push(() => isOff || run())
    return () => {
      isOff = true
    }
  }
  const world: HealthWorld = {
    nowMs: () => nowMs,
    after,
    every: () => () => {},
    chance: () => 0.5, // all are due at the same moment
    probe: ({ port }, { timeoutMs }, done) => {
      const text = String(port)
      checks.set(text, (checks.get(text) ?? 0) + 1)
      most = Math.max(most, ++running)
      const end = (): void => {
        running--
      }
      const stop = after(timeoutMs, () => {
        end()
        done('timeout')
      })
      return () => {
        stop()
        end()
      }
    },
  }
  const warmups = new Warmups(stats, () => 0)
  const checker = new Checker({ stats, log, world, warmups, onClose: () => {}, onPassed: () => {} })
  const check = readHealthCheck('tcp;interval=1s;timeout=1s')
  assert.ok(check)
  const all = Array.from({ length: 1000 }, (_, port) => {
    return { address: HOST, port, text: String(port), slot: port + 1, check }
  })
  const pass = (ms: number): void => {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs++) for (const run of due.get(nowMs) ?? []) run()
  }
  checker.follow(all)
  pass(16_000)
  const times = [...checks.values()]
  assert.equal(times.length, 1000)
  assert.ok(Math.max(...times) - Math.min(...times) <= 1, `${Math.min(...times)} to ${Math.max(...times)}`)
  assert.equal(most, 256)
  assert.ok(timers < 3 * times.reduce((sum, each) => sum + each), `${timers} timers`)
  checker.follow(all.slice(0, 300))
  assert.equal(running, 256, 'turns of those that are gone are given to others')
  checks.clear()
  pass(4_000)
  assert.deepEqual(
    checks
      .keys()
      .toArray()
      .map(Number)
      .sort((a, b) => a - b),
    all.slice(0, 300).map(({ port }) => port),
  )
  checker.close()
  assert.equal(running, 0)
  pass(4_000)
  assert.equal(running, 0)
})

test('changes that come while a check goes on do not begin it anew', async t => {
  const silent = await serving(t, () => {})
  const log = { warn: () => {}, info: () => {} } as unknown as ConstructorParameters<typeof Checker>[0]['log']
  const stats = openStats(createStats(1))
  const checker = new Checker({
    stats,
    log,
    world: realHealthWorld(),
    warmups: new Warmups(stats, () => 0),
    onClose: () => {},
    onPassed: () => {},
  })
  t.after(() => checker.close())
  const check = readHealthCheck('redis;interval=400ms;timeout=400ms;fall=1')
  assert.ok(check)
  const text = `${HOST}:${silent.port}`
  const endpoint = { address: HOST, port: silent.port, text, slot: 1, check }
  await until(() => {
    checker.follow([{ ...endpoint }])
    return checker.stateOf(text)?.isUp === false
  })
})
