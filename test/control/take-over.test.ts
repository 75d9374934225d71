/**
 * Goal: one gateway takes over from another, and no client notices; and whatever happens to either
 * in the middle, every port stays served. Method: gateways of one process that pass sockets to each
 * other as processes do, with clients meanwhile; and peers that break off at each step.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { Gateway } from '../../src/control/gateway.ts'
import type { Overrides } from '../../src/control/overrides.ts'
import { Claim } from '../../src/control/take-over/claim.ts'
import { Conversation, type Message, PROTOCOL } from '../../src/control/take-over/messages.ts'
import { DescriptorChannel } from '../../src/kernel/descriptor-channel.ts'
import { close, missing } from '../../src/kernel/libc.ts'
import { Authority } from '../support/authority.ts'
import { ENGINES } from '../support/engine.ts'
import { withoutEpoll } from '../support/epoll.ts'
import { fullOnly, sized } from '../support/full.ts'
import { begin, echo, freePort, listen, open, readAll, readBytes, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { skip as withoutUring } from '../support/uring.ts'
import { ask, folder, routing, watchedLog } from './scene.ts'

const NEEDS_FFI = { skip: missing !== '' && `needs node:ffi: ${missing}` }

type Kind = Required<Pick<Overrides, 'engine' | 'workers'>>
const USUAL: Kind = { engine: 'auto', workers: 2 }

/** The engines that this machine has. */
const HERE = [
  'node' as const,
  ...(withoutEpoll === false ? ['epoll' as const] : []),
  ...(withoutUring === false ? ['uring' as const] : []),
]

/** A gateway that reads the files in `root` and does not serve yet. */
async function load(t: TestContext, root: string, overrides: Overrides = USUAL) {
  const watched = watchedLog()
  const drained = { ...overrides, drain: { timeoutMs: 600_000 } }
  const gateway = await Gateway.load({
    paths: [root],
    overrides: drained,
    log: watched.log,
    threads: THREADS,
  })
  assert.ok(gateway, JSON.stringify(watched.records))
  t.after(() => gateway.stop())
  return { gateway, ...watched }
}

/** One that serves an echo at `port`. */
async function scene(t: TestContext, kind: Kind = USUAL) {
  const server = await listen(echo, { backlog: 4_096 })
  t.after(() => server[Symbol.asyncDispose]())
  const port = await freePort()
  const root = folder(t, { 'a.yaml': routing(port, server.port) })
  const first = await load(t, root, kind)
  await first.gateway.serve()
  await first.logged('every listener accepts')
  return { port, root, server, first }
}

/** Asks a gateway to be taken over from. */
function claimTo({ offer }: Gateway): Claim {
  const opened = offer.open(PROTOCOL)
  assert.ok('socket' in opened, JSON.stringify(opened))
  const claim = Claim.connect(opened.socket)
  assert.ok(typeof claim !== 'string', String(claim))
  return claim
}

/** `next` takes over from `before`, which drains; '' or why not. */
async function takeOver(before: Gateway, next: Gateway): Promise<string> {
  const claim = claimTo(before)
  const why = (await claim.receive(next.places)) || (await next.serve(claim)) || (await claim.serving())
  if (why !== '') return why
  await before.offer.taken
  void before.drain(0)
  return ''
}

const BYTES = 200

/** Clients that come one after the other, several at a time, until `stop`; each sends and reads. */
function comeAndGo(port: number, atOnce: number) {
  const failures: string[] = []
  let done = 0
  let isOver = false
  const text = 'x'.repeat(BYTES)
  const one = async (): Promise<void> => {
    while (!isOver) {
      const socket = begin(port)
      socket.end(text)
      const got = await readBytes(socket, BYTES + 1).catch(error => String(error))
      if (got === text) done++
      else failures.push(`${got} after ${done}`)
      socket.destroy()
    }
  }
  const all = Promise.all(Array.from({ length: atOnce }, one))
  return {
    failures,
    count: () => done,
    stop: () => {
      isOver = true
      return all
    },
  }
}

/** Says something over a connection, and hears it again. */
async function speaks(socket: Socket, text: string): Promise<void> {
  socket.write(text)
  assert.equal(await readBytes(socket, text.length), text)
}

/** Gateways that follow each other. */
function following(count: number): Kind[] {
  const workers = [1, 3, 2, 1, 4]
  return Array.from({ length: count }, (_, at) => ({
    engine: HERE[at % HERE.length],
    workers: workers[at % workers.length],
  }))
}

async function upgrades(t: TestContext, kinds: readonly Kind[], each: number): Promise<void> {
  const [kind, ...later] = kinds
  const { port, root, first } = await scene(t, kind)
  const long = await Promise.all(Array.from({ length: sized(10, 50) }, () => open(port)))
  t.after(() => long.map(socket => socket.destroy()))
  const clients = comeAndGo(port, sized(8, 32))
  let before = first.gateway
  for (const kind of later) {
    const soFar = clients.count()
    await until(() => clients.count() >= soFar + each || clients.failures.length > 0)
    const { gateway: next } = await load(t, root, kind)
    assert.equal(await takeOver(before, next), '', JSON.stringify(kind))
    await Promise.all(long.map((socket, at) => speaks(socket, `${at} is still here`)))
    before = next
  }
  const soFar = clients.count()
  await until(() => clients.count() >= soFar + each || clients.failures.length > 0)
  await clients.stop()
  assert.deepEqual(clients.failures, [])
}

test(
  'no connection is lost while gateways follow each other, with more and with fewer workers',
  NEEDS_FFI,
  t =>
    upgrades(
      t,
      [1, 3, 2, 2].map(workers => ({ ...USUAL, workers })),
      30,
    ),
)

test(
  'no connection is lost in ten upgrades, from each engine to each other',
  { skip: NEEDS_FFI.skip || fullOnly },
  t => upgrades(t, following(11), 500),
)

for (const { engine, test } of ENGINES)
  test(`${engine}: what it accepts at sockets of any engine has all its bytes`, NEEDS_FFI, async t => {
    for (const other of fullOnly ? [engine] : HERE) {
      const { port, root, first } = await scene(t, { engine: other, workers: 1 })
      const { gateway } = await load(t, root, { engine, workers: 1 })
      const early = await open(port)
      await speaks(early, 'before')
      assert.equal(await takeOver(first.gateway, gateway), '')
      await speaks(early, 'after')
      const late = await open(port)
      const text = 'y'.repeat(1_000_000)
      late.end(text)
      assert.equal((await readAll(late)).length, text.length, other)
      early.destroy()
      await first.logged('drained: connections that ended: 1, that were reset: 0')
    }
  })

for (const { engine, test } of ENGINES)
  test(
    `${engine}: what waits in a queue waits for the next gateway, and ends in order`,
    NEEDS_FFI,
    async t => {
      for (const other of fullOnly ? ['node' as const] : HERE) {
        const { port, root, first } = await scene(t, { engine: other, workers: 1 })
        const { gateway } = await load(t, root, { engine, workers: 1 })
        const claim = claimTo(first.gateway)
        assert.equal(await claim.receive(gateway.places), '')
        await first.gateway.stop() // it accepts nothing more, and its sockets are closed
        const waiting = await Promise.all([open(port), open(port)]) // the handshake is the kernel's
        assert.equal(await gateway.serve(claim), '')
        for (const socket of [...waiting, await open(port)]) {
          await speaks(socket, 'at last')
          socket.end()
          assert.equal(await readAll(socket), '', other)
        }
        assert.equal(await claim.serving(), '')
      }
    },
  )

test('a listener that only one of them has opens, or closes', NEEDS_FFI, async t => {
  const { port, root, server, first } = await scene(t)
  const other = await freePort()
  const { gateway } = await load(t, folder(t, { 'a.yaml': routing(other, server.port) }))
  assert.equal(await takeOver(first.gateway, gateway), '')
  assert.equal(await ask(other), 'test')
  await first.logged('drained')
  assert.equal(await ask(port), '')
  const { gateway: back } = await load(t, root)
  assert.equal(await takeOver(gateway, back), '')
  assert.equal(await ask(port), 'test')
})

test('one that cannot open a listener ends, and the other serves on', NEEDS_FFI, async t => {
  const { port, root, server, first } = await scene(t)
  const text = routing(port, server.port)
  const strange = text.replace('bind: 127.0.0.1', 'bind: 203.0.113.7')
  const { gateway } = await load(t, folder(t, { 'a.yaml': strange }))
  assert.match(await takeOver(first.gateway, gateway), /^listener .* cannot open: .*EADDRNOTAVAIL/)
  await first.logged('has not taken over, this one serves on: listener')
  await gateway.stop()
  assert.equal(await ask(port), 'test')
  const { gateway: mended } = await load(t, root)
  assert.equal(await takeOver(first.gateway, mended), '', 'it can be tried again')
})

test('one that has no listener ends, and the other serves on', NEEDS_FFI, async t => {
  const { port, first } = await scene(t)
  const { gateway } = await load(t, folder(t, { 'a.yaml': '' }))
  assert.equal(await takeOver(first.gateway, gateway), 'the configuration opens no listener')
  assert.equal(await ask(port), 'test')
})

test('a process that breaks off at any step changes nothing', NEEDS_FFI, async t => {
  const { port, first } = await scene(t)
  for (let steps = 0; steps <= 3; steps++) {
    const from = first.records.length
    const opened = first.gateway.offer.open(PROTOCOL)
    assert.ok('socket' in opened, JSON.stringify(opened))
    const channel = DescriptorChannel.connect(opened.socket)
    assert.ok(typeof channel !== 'string', String(channel))
    const conversation = new Conversation(channel)
    for (let step = 0; step < steps; step++) {
      const heard = await conversation.hear(10_000)
      assert.ok(heard !== null && typeof heard !== 'string', String(heard))
      for (const fd of heard.fds) close(fd)
      const { kind } = heard.message
      assert.equal(kind, ['hello', 'sockets', 'refused'][step])
      const answers: Message[] = [
        { kind: 'kept', places: [] },
        { kind: 'kept', places: [`127.0.0.1 ${port}`] },
      ]
      await conversation.say(steps === 3 && step === 1 ? { kind: 'leaving' } : (answers[step] ?? answers[0]))
    }
    conversation.close()
    const { msg } = await first.logged('has not taken over, this one serves on', from)
    assert.match(msg, steps === 3 ? /it says leaving, and not kept$/ : /it has ended$/)
    assert.equal(await ask(port), 'test', `after ${steps} steps`)
  }
})

test('only one takes over at a time, and only by the same version of what they say', NEEDS_FFI, async t => {
  const { port, root, first } = await scene(t)
  const { offer } = first.gateway
  assert.deepEqual(offer.open(PROTOCOL + 1), {
    code: 'take-over-protocol',
    why: `it asks by version ${PROTOCOL + 1} of the protocol, and this weir has version ${PROTOCOL}`,
  })
  const claim = claimTo(first.gateway)
  assert.equal((offer.open(PROTOCOL) as { code: string }).code, 'take-over-under-way')
  const { gateway } = await load(t, root)
  assert.equal(await claim.receive(gateway.places), '')
  assert.equal(await gateway.serve(claim), '')
  assert.equal(await claim.serving(), '')
  await offer.taken
  const drained = first.gateway.drain(0)
  assert.equal((offer.open(PROTOCOL) as { code: string }).code, 'take-over-impossible')
  await drained
  assert.equal(await ask(port), 'test')
})

test('endpoints that an operator has drained stay drained', NEEDS_FFI, async t => {
  const { root, server, first } = await scene(t)
  const { health } = first.gateway.serving?.plane ?? assert.fail()
  const [row] = health.list()
  const [{ endpoint }] = health.describe([row])
  assert.equal(endpoint, `127.0.0.1:${server.port}`)
  const { parsePlace } = await import('../../src/control/health/endpoint-place.ts')
  health.drain(parsePlace(endpoint) ?? assert.fail())
  const { gateway } = await load(t, root)
  assert.equal(await takeOver(first.gateway, gateway), '')
  assert.deepEqual(
    gateway.serving?.plane.health.drains.map(each => each.text),
    [endpoint],
  )
})

for (const { engine, test } of ENGINES)
  test(`${engine}: a TLS session goes on in the next gateway`, NEEDS_FFI, async t => {
    const server = await listen(echo)
    t.after(() => server[Symbol.asyncDispose]())
    const port = await freePort()
    const authority = new Authority('test')
    const { cert, key } = authority.issue({ names: ['a.test'] })
    const certs = folder(t, { 'tls.crt': cert, 'tls.key': key })
    const tls = `{mode: SIMPLE, serverCertificate: ${certs}/tls.crt, privateKey: ${certs}/tls.key}`
    const text = routing(port, server.port).replace(
      'protocol: TCP}\n      bind',
      `protocol: TLS}\n      tls: ${tls}\n      bind`,
    )
    const root = folder(t, { 'a.yaml': text })
    const first = await load(t, root, { engine, workers: 1 })
    await first.gateway.serve()
    await first.logged('every listener accepts')
    const options = { port, host: '127.0.0.1', servername: 'a.test', ca: authority.cert }
    const before = connect(options)
    const [session] = (await once(before, 'session')) as [Buffer]
    before.destroy()
    const next = await load(t, root, { engine, workers: 2 })
    assert.equal(await takeOver(first.gateway, next.gateway), '')
    const client = connect({ ...options, session })
    await once(client, 'secureConnect')
    assert.equal(client.isSessionReused(), true)
    client.destroy()
    assert.doesNotMatch(JSON.stringify([...first.records, ...next.records]), /current|previous/)
  })
