/**
 * `weir why` for connections that ended for every reason that clients, servers and files can bring
 * about: the rule and its line, the endpoint, who ended it, what was lost, and what the same
 * connection would get now.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createServer as createSecure } from 'node:tls'
import { workingThreads } from '../../src/control/workers/threads.ts'
import { REASON_NAMES, type ReasonName } from '../../src/stats/reasons.ts'
import { scene, talking } from '../admin/scene.ts'
import { routing } from '../control/scene.ts'
import { blackhole } from '../support/blackhole.ts'
import { DIES, FILES } from '../support/failing-worker.ts'
import { begin, ending, freePort, listen, say, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { SERVER } from '../support/tls.ts'
import { configuration } from './endings-configuration.ts'
import type { Kind, Servers } from './endings-kind.ts'
import { clientOf, KINDS } from './endings-kit.ts'
import { check, EACH, eachOf, endedOf, lineOf } from './why-kit.ts'

/** Handshakes, and megabytes that wait: all at once, they would take longer than they may. */
const COSTLY_AT_ONCE = 5
/** Of a gateway that is full, loses its worker, and then has no descriptors. */
const OF_NEED: readonly Kind[] = [
  { reason: 'worker-lost', by: 'weir', act: async () => {} },
  { reason: 'max-connections', by: 'weir', isBeforeRules: true, act: async () => {} },
  { reason: 'accept-error', by: 'weir', isBeforeRules: true, act: async () => {} },
]

/** In test/cli/why-lost.test.ts: peers vanish, and who stops a gateway ends what would answer. */
const ELSEWHERE: readonly ReasonName[] = ['client-lost', 'upstream-lost', 'stop']

test('each reason is made here, or tested elsewhere', () => {
  const made = [...KINDS, ...OF_NEED].map(({ reason }) => reason)
  assert.deepEqual([...made, ...ELSEWHERE].sort(), REASON_NAMES.toSorted())
})

test(`why tells the truth about ${EACH} endings of each reason`, { timeout: 300_000 }, async t => {
  await using deaf = await listen(socket => void socket.pause())
  await using floods = await listen(flood)
  await using echo = await listen(socket => void socket.pipe(socket))
  await using says = await listen(say('hello'))
  await using resets = await listen(socket => socket.once('data', () => socket.resetAndDestroy()))
  await using silent = await listen(socket => void socket.resume())
  await using hole = await blackhole()
  await using plain = await listen(socket => void socket.once('data', () => socket.write('N')))
  const leaves = createServer(socket => void socket.on('error', () => {}).pipe(socket))
  await once(leaves.listen(await freePort(), '127.0.0.1'), 'listening')
  t.after(() => leaves.close())
  const tls = createSecure({ cert: SERVER.cert, key: SERVER.key }, socket => socket.on('error', () => {}))
  await new Promise<void>(resolve => tls.listen(0, '127.0.0.1', resolve))
  t.after(() => tls.close())
  const servers: Servers = {
    deaf: deaf.port,
    floods: floods.port,
    echo: echo.port,
    says: says.port,
    resets: resets.port,
    silent: silent.port,
    refuses: await freePort(),
    closed: await freePort(),
    hole: hole.port,
    secure: (tls.address() as { port: number }).port,
    plain: plain.port,
    leaves: (leaves.address() as { port: number }).port,
  }
  const ports = await Promise.all(KINDS.map(() => freePort()))
  const text = configuration(ports, servers)
  const { where, send, get, root, save } = await scene(t, () => text)
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(
    KINDS.map(async ({ isHeld }, index) => {
      if (!isHeld) return
      const socket = connect({ port: ports[index], host: '127.0.0.1', localAddress: clientOf(index) })
      sockets.push(socket)
      socket.on('error', () => {}).write('held')
      await new Promise(resolve => socket.once('data', resolve))
    }),
  )
  const made = async (kind: Kind, index: number): Promise<void> => {
    const atOnce = kind.isCostly ? COSTLY_AT_ONCE : EACH
    for (let left = eachOf(kind); left > 0; left -= atOnce) {
      const acts = Array.from({ length: Math.min(left, atOnce) }, () =>
        kind.act(ports[index], clientOf(index)),
      )
      for (const each of await Promise.all(acts)) if (each instanceof Object) sockets.push(each as Socket)
    }
  }
  const allOf = (isIt: (kind: Kind) => boolean): Promise<unknown> => {
    const all = Promise.all(KINDS.map((kind, index) => (isIt(kind) ? made(kind, index) : null)))
    all.catch(() => {}) // awaited below
    return all
  }
  /** Ends those that are open, once all are. */
  const end = async (how: Kind['endedBy'], act: () => unknown): Promise<void> => {
    const client = clientOf(KINDS.findIndex(({ endedBy }) => endedBy === how))
    for (;;) {
      const { body } = await get(`/connections?client=${client}&state=relaying`)
      const isServed = (each: { toClientBytes: number }): boolean => each.toClientBytes > 0
      if (body.connections.filter(isServed).length === EACH) break
    }
    await act()
  }
  const removed = allOf(({ endedBy }) => endedBy === 'reload')
  const cheap = allOf(({ endedBy, isCostly = false }) => endedBy !== 'reload' && !isCostly)
  await end('drain', () => send('POST /drain', { select: 'matching', rule: 'default/drain', overS: 0 }))
  await end('check', () => leaves.close())
  await cheap
  for (const [index, kind] of KINDS.entries()) if (kind.isCostly) await made(kind, index)
  const without = /(hosts: \[endpoint-removed\.example\].*?endpoints: )\[.*?\]/s
  await end('reload', () => save(text.replace(without, '$1[]')))
  await removed
  for (const [index, kind] of KINDS.entries()) {
    const from = clientOf(index)
    const found = await endedOf(where.port, from, kind)
    assert.equal(found.length, eachOf(kind), kind.reason)
    for (const one of found) check(one, kind, { from, port: ports[index], line: lineOf(text, kind), root })
  }
})

test(`and about ${EACH} each of a gateway that is full, loses its worker, and has no descriptors`, async t => {
  const text = (port: number, backend: number): string =>
    routing(port, backend)
      .replace('metadata: {name: all}', 'metadata: {name: worker-lost}')
      .replace('admin: null', `admin: null, maxConnections: ${EACH}`)
  const module = new URL('../support/failing-worker.ts', import.meta.url).href
  const threads = { ...THREADS, working: workingThreads({ least: 0, most: 1, module }) }
  const { port, backend, where, root, gateway, logged } = await scene(t, text, 'auto', { threads })
  t.after(() => {
    for (const name of [DIES, FILES]) delete process.env[name]
  })
  const [lost, many, few] = OF_NEED.map((_, index) => clientOf(index))
  const refused = async (localAddress: string): Promise<void> => {
    for (let left = EACH; left > 0; left--)
      assert.equal(await ending(begin(port, '127.0.0.1', { localAddress })), 'ECONNRESET')
  }
  await Promise.all(Array.from({ length: EACH }, () => talking(t, port, lost)))
  await refused(many)
  for (const name of [DIES, FILES]) process.env[name] = '8' // at its death, the next one has as many
  begin(port)
  await logged(' died')
  delete process.env[DIES]
  await until(() => gateway.readiness().ready)
  await refused(few)
  for (const [index, kind] of OF_NEED.entries()) {
    const from = clientOf(index)
    const line = kind.isBeforeRules ? 0 : lineOf(text(port, backend), kind)
    const found = await endedOf(where.port, from, kind)
    assert.equal(found.length, EACH, kind.reason)
    for (const one of found) check(one, kind, { from, port, line, root })
  }
})

/** It writes as long as somebody takes it. */
function flood(socket: Socket): void {
  const more = Buffer.alloc(262_144)
  const write = (): void => {
    while (!socket.destroyed && socket.write(more)) {}
  }
  socket.on('drain', write)
  write()
}
