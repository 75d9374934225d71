/**
 * Goal: nobody can lock out a probe, hold a place or block the main thread, whatever bytes are sent
 * or missing. Method: raw sockets, by TCP and by UNIX socket; time limits are short here, and never
 * measured.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startAdmin } from '../../src/admin/http.ts'
import { LIMITS, type Limits } from '../../src/admin/places.ts'
import { Refusals } from '../../src/admin/refusals.ts'
import { folder, watchedLog } from '../control/scene.ts'
import { begun } from '../support/sockets.ts'
import { call, raw } from './kit.ts'

const KINDS = ['TCP', 'UNIX'] as const
const AHEAD = { TCP: 200, UNIX: 20 } as const
const PLACES = LIMITS.requests + LIMITS.spare

async function scene(t: TestContext, kind: (typeof KINDS)[number] = 'TCP', limits: Partial<Limits> = {}) {
  const socket = kind === 'UNIX' ? join(folder(t), 'weir.sock') : ''
  const watched = watchedLog()
  const refusals = new Refusals(watched.log)
  const held = Promise.withResolvers<void>()
  const seen = { parsed: 0, underWay: 0, most: 0, begun: [] as string[] }
  const admin = await startAdmin({
    address: '127.0.0.1',
    port: 0,
    socket,
    limits,
    refusals,
    readiness: () => ({ ready: true }),
    api: async app => {
      app.server.on('request', () => seen.parsed++)
      app.get('/thing', async ({ query }) => {
        seen.begun.push(String(Object.values(query as object)))
        seen.most = Math.max(seen.most, ++seen.underWay)
        await new Promise(resolve => setImmediate(resolve))
        seen.underWay--
        return { thing: query }
      })
      app.post('/thing', async () => ({ got: true }))
      app.get('/held', async () => {
        await held.promise
        return { held: true }
      })
      app.get('/large', async (_, reply) => reply.type('text/plain').send(LARGE))
    },
  })
  t.after(() => {
    held.resolve()
    return admin.close()
  })
  const where: NetConnectOpts = kind === 'UNIX' ? { path: socket } : { host: '127.0.0.1', port: admin.port }
  const caller = (bytes = ''): Socket => {
    const one = connect({ ...where, allowHalfOpen: true })
    one.on('error', () => {})
    if (bytes !== '') one.write(bytes)
    t.after(() => one.destroy())
    return one
  }
  const status = async (path: string) => (await call(where, `GET ${path}`, { host: 'localhost' })).status
  return { where, caller, status, seen, release: held.resolve, refusals, ...watched }
}

/** More than the kernel holds for a caller that does not read. */
const LARGE = Buffer.alloc(64 * 2 ** 20, 'x')
const HALF = 'GET /ready HTTP/1.1\r\nhos'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

/**
 * Until the other side has closed, which must not depend on this one: what came, even before a
 * reset.
 */
async function ended(socket: Socket): Promise<string> {
  let came = ''
  socket.on('data', data => {
    came += data
  })
  await new Promise(resolve => socket.once('close', resolve).once('end', resolve))
  return came
}

for (const kind of KINDS) {
  test(`${kind}: halves of headers and silence keep nobody out; the oldest gives way`, async t => {
    const { caller, status, refusals } = await scene(t, kind)
    for (let round = 0; round < 3; round++) {
      const held = Array.from({ length: PLACES + 20 }, (_, index) => caller(index % 2 === 0 ? HALF : ''))
      await Promise.all(held.map(begun))
      assert.equal(await status('/healthz'), 200)
      assert.equal(await status('/ready'), 200)
      assert.equal(await status('/thing'), 200)
      const [oldest] = held
      assert.match(await ended(oldest), /^(HTTP\/1\.1 503 .*"gave-way".*)?$/s)
    }
    assert.ok((refusals.counts.get('gave-way') ?? 0) > 2 * PLACES)
  })

  test(`${kind}: a request has its time, however it is drawn out, and then its socket`, async t => {
    const { caller, refusals } = await scene(t, kind, { requestMs: 800 })
    const dripping = async (start: string, drip: string): Promise<string> => {
      const socket = caller(start)
      const timer = setInterval(() => socket.write(drip), 20)
      const came = await ended(socket)
      clearInterval(timer)
      return came
    }
    const answers = await Promise.all([
      dripping('', ''),
      dripping(HALF, ''),
      dripping('GET /ready HTTP/1.1\r\n', 'x: y\r\n'),
      dripping(
        'POST /thing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n',
        '1',
      ),
      dripping(
        'POST /thing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
        '1\r\n1\r\n',
      ),
    ])
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 .*"too-slow"/s)
    assert.equal(refusals.counts.get('too-slow'), answers.length)
    const later = await dripping(get('/thing'), 'G')
    // A byte that comes after the end is answered by a reset, which may overtake the last answer.
    assert.match(later, /^HTTP\/1\.1 200 .*\}\n(HTTP\/1\.1 (400|408) .*)?$/s)
  })

  test(`${kind}: a connection that has been answered and asks no more is closed without a word`, async t => {
    const { caller, refusals } = await scene(t, kind, { requestMs: 800 })
    const came = await ended(caller(get('/thing')))
    assert.match(came, /^HTTP\/1\.1 200 [\s\S]*\{"thing":\{\}\}\n$/)
    assert.deepEqual(
      [...refusals.counts.values()].filter(count => count > 0),
      [],
    )
  })

  test(`${kind}: 16 × ${AHEAD[kind]} pipelined requests are answered in order, one at a time for each`, async t => {
    const { caller, status, seen } = await scene(t, kind)
    const paths = Array.from({ length: AHEAD[kind] }, (_, index) => `/thing?n=${index}`)
    let answered = 0
    const callers = Array.from({ length: 16 }, () => {
      const socket = caller(paths.map(get).join(''))
      let came = ''
      const done = Promise.withResolvers<string>()
      socket.on('data', data => {
        came += data
        if (came.endsWith(`{"thing":{"n":"${AHEAD[kind] - 1}"}}\n`)) {
          answered++
          done.resolve(came)
        }
      })
      return done.promise
    })
    for (let probe = 0; probe < 5; probe++) assert.equal(await status('/healthz'), 200)
    assert.equal(answered, 0, 'a probe waited for others')
    for (const came of await Promise.all(callers)) {
      const numbers = [...came.matchAll(/"n":"(\d+)"/g)].map(([, number]) => Number(number))
      assert.deepEqual(numbers, [...numbers.keys()])
      assert.equal(numbers.length, AHEAD[kind])
    }
    assert.ok(seen.most <= 16, `${seen.most} at once`)
  })
}

test('what is sent ahead is not even parsed while an answer is being made', async t => {
  const { caller, status, seen } = await scene(t)
  caller(get('/held') + 'GET / HTTP/1.1\r\n\r\n'.repeat(20_000))
  for (let probe = 0; probe < 5; probe++) assert.equal(await status('/healthz'), 200)
  assert.ok(seen.parsed > 5 && seen.parsed < 30, `${seen.parsed} requests parsed`)
})

test('what follows a body is not parsed with it', async t => {
  const { caller, status, seen } = await scene(t)
  const head = `POST /thing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`
  const body = `"${'x'.repeat(40_000)}"`
  caller(
    `${head}content-length: ${body.length}\r\n\r\n${body}${get('/held')}${'GET / HTTP/1.1\r\n\r\n'.repeat(5_000)}`,
  )
  while (seen.parsed < 2) assert.equal(await status('/healthz'), 200)
  assert.ok(seen.parsed < 60, `${seen.parsed} requests parsed`)
})

test('more requests than can be answered are refused and closed, probes are not', async t => {
  const { caller, status, release, refusals } = await scene(t, 'TCP', { requests: 2, spare: 2 })
  const held = [caller(get('/held')), caller(get('/held'))]
  const refused = async (): Promise<string> => {
    const came = await ended(caller(get('/thing')))
    return came.includes(' 200 ') ? refused() : came // the held ones may not have arrived yet
  }
  assert.match(await refused(), /^HTTP\/1\.1 503 .*"busy"/s)
  const silent = [caller(), caller(), caller(), caller()]
  await Promise.all(silent.map(begun))
  assert.equal(await status('/ready'), 200)
  assert.ok((refusals.counts.get('busy') ?? 0) >= 1)
  release()
  for (const socket of held) {
    const [data] = await once(socket, 'data')
    assert.match(String(data), /^HTTP\/1\.1 200 /)
  }
})

test('a connection that idles after its answer gives way without a word', async t => {
  const { caller, status, refusals } = await scene(t, 'TCP', { requests: 2, spare: 2 })
  const idle = caller(get('/thing'))
  const came = ended(idle)
  await once(idle, 'readable').catch(() => {})
  while (refusals.counts.get('gave-way') === 0) {
    caller()
    assert.equal(await status('/ready'), 200)
  }
  assert.match(await came, /^HTTP\/1\.1 200 [\s\S]*\{"thing":\{\}\}\n$/)
})

test('an answer that nobody takes gives way to a request', async t => {
  const { caller, status, refusals } = await scene(t, 'TCP', { requests: 2, spare: 2, requestMs: 60_000 })
  const deaf = [caller(), caller()]
  for (const socket of deaf) {
    socket.pause()
    socket.write(get('/large'))
  }
  while (refusals.counts.get('gave-way') === 0) assert.match(String(await status('/thing')), /200|503/)
  assert.equal(await status('/thing'), 200)
  assert.equal(await status('/ready'), 200)
})

test('an answer that nobody takes is let go after a while', async t => {
  const { caller, refusals } = await scene(t, 'TCP', { stillMs: 200 })
  const deaf = caller()
  deaf.pause()
  deaf.write(get('/large'))
  await once(deaf, 'ready').catch(() => {})
  while (refusals.counts.get('unread') === 0) await new Promise(resolve => setImmediate(resolve))
})

test('nonsense behind a request is refused after its answer', async t => {
  const { where } = await scene(t)
  const came = await raw(where, `${get('/thing')}\x16\x03\x01 nonsense\r\n\r\n`)
  assert.match(came, /^HTTP\/1\.1 200 [\s\S]*\{"thing":\{\}\}\nHTTP\/1\.1 400 .*"not-http"/s)
})

test('refusals are told to the log, the first at once and the others together', async t => {
  const { where, records, logged } = await scene(t)
  for (let asked = 0; asked < 20; asked++) await raw(where, 'hello\r\n\r\n')
  assert.deepEqual((await logged('refused requests: not-http 1')).refused, { 'not-http': 1 })
  assert.equal(records.length, 1)
})

test('who goes away is forgotten: no place stays taken', async t => {
  const { where, caller, status } = await scene(t)
  for (let round = 0; round < 5; round++) {
    const many = Array.from({ length: 30 }, (_, index) => caller([HALF, '', get('/held')][index % 3]))
    await Promise.all(many.map(begun))
    for (const socket of many) socket.destroy()
    assert.equal(await status('/thing'), 200)
  }
  assert.match(await raw(where, `CONNECT a:1 HTTP/1.1\r\n\r\n`), /^$|^HTTP\/1\.1 4/)
  assert.equal(await status('/thing'), 200)
})
