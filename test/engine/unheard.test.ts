/**
 * Goal: a reset is passed on and counted within seconds, whatever the connection is doing, also
 * where nothing is received from that side: the other one does not read, or it has ended. Method:
 * each state at once, several times, behind one real worker; only where node:ffi is there does
 * `node` see it.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { missing } from '../../src/kernel/libc.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { ending, freePort, readAll, readBytes, stalled, type TestServer } from '../support/sockets.ts'
import { WAYS } from '../support/ways.ts'

const EACH = 6
/** On a busy machine thirty handshakes at once take their time, in this thread most of all. */
const PATIENT = { connectTimeoutMs: 60_000, connectDeadlineMs: 60_000 }
const BLOCK = Buffer.alloc(2 ** 20)

/** Writes without end, as long as the socket takes it. */
function flood(socket: Socket): void {
  const fill = () => {
    while (!socket.destroyed && !socket.writableEnded && socket.write(BLOCK));
  }
  socket.on('drain', fill)
  fill()
}

/** How the upstream treats a connection, how the client does, and what is reset in the end. */
type Case = {
  readonly name: string
  readonly serve: (socket: Socket) => void
  readonly act: (client: Socket) => Promise<unknown>
  readonly resets: 'client' | 'upstream'
  /**
   * Whether the other one would know: a Node socket that has read an end hears of no reset either.
   */
  readonly othersHear: boolean
}

const CASES: readonly Case[] = [
  {
    name: 'a client, while its upstream does not read',
    serve: socket => void socket.write('!'),
    act: async client => flood(client),
    resets: 'client',
    othersHear: true,
  },
  {
    name: 'an upstream, while its client does not read',
    serve: flood,
    act: async client => await readBytes(client, 1),
    resets: 'upstream',
    othersHear: true,
  },
  {
    name: 'a client that has ended, while its upstream is silent',
    serve: socket => {
      socket.resume()
      socket.on('end', () => socket.write('!'))
    },
    act: async client => {
      client.end()
      await readBytes(client, 1)
    },
    resets: 'client',
    othersHear: false,
  },
  {
    name: 'an upstream that has ended, while its client is silent',
    serve: socket => socket.end('!'),
    act: async client => assert.equal(await readAll(client), '!'),
    resets: 'upstream',
    othersHear: false,
  },
  {
    name: 'a client that has ended, while its upstream does not read',
    serve: socket => void socket.write('!'),
    act: async client => {
      for (let sent = 0; sent < 2; sent++) client.write(BLOCK)
      client.end()
    },
    resets: 'client',
    othersHear: false,
  },
]

for (const { engine, way, test } of WAYS) {
  test(`${engine}${way.name}: a reset is heard of in every state`, {
    skip: engine === 'node' && missing !== '' && missing,
  }, async t => {
    await using plane = way.engine(engine)
    const servers: TestServer[] = []
    t.after(() => Promise.all(servers.map(server => server[Symbol.asyncDispose]())))
    const ports: number[] = []
    for (const { serve } of CASES) {
      servers.push(await way.listen(serve))
      ports.push(await freePort())
    }
    await plane.adopt(
      planOf(
        ports.map((port, index) => listenerOn(port, index)),
        servers.map(server => clusterOf([server], PATIENT)),
      ),
    )
    const opened = CASES.map(({ act }, index) =>
      Promise.all(
        Array.from({ length: EACH }, async () => {
          const client = await way.open(ports[index])
          await act(client)
          return client
        }),
      ),
    )
    const clients = await plane.whileAlive(Promise.all(opened))
    await stalled(
      () => plane.counts.clientBytes + plane.counts.upstreamBytes,
      () => servers.every(({ sockets }) => sockets.size === EACH),
    )
    const counts = plane.counts
    assert.equal(counts.open, CASES.length * EACH)
    const heard = CASES.map(async ({ name, resets, othersHear }, index) => {
      const upstreams = [...servers[index].sockets]
      assert.equal(upstreams.length, EACH, name)
      const [own, other] = resets === 'client' ? [clients[index], upstreams] : [upstreams, clients[index]]
      const ended = othersHear ? other.map(ending) : []
      for (const socket of own) {
        if (socket.writableEnded && !socket.writableFinished) await once(socket, 'finish')
        socket.resetAndDestroy()
      }
      for (const how of await Promise.all(ended)) assert.equal(how, 'ECONNRESET', name)
    })
    await plane.whileAlive(Promise.all(heard))
    await plane.settled()
    const resets = (side: string) => CASES.filter(each => each.resets === side).length * EACH
    const { closed } = plane.counts
    const seen = (reason: ReasonName) => closed[reason]
    assert.deepEqual([seen('client-reset'), seen('upstream-reset')], [resets('client'), resets('upstream')])
  })

  test(`${engine}${way.name}: what was said before a reset goes on for as long as it is read`, async t => {
    const total = 3 * 2 ** 20
    let upstream: Socket | undefined
    await using server = await way.listen(socket => {
      upstream = socket
      for (let sent = 0; sent < total; sent += BLOCK.length) socket.write(BLOCK)
    })
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([server])]))
    const client = await way.open(port)
    t.after(() => client.destroy())
    await readBytes(client, 1)
    await stalled(() => plane.counts.upstreamBytes)
    upstream?.resetAndDestroy()
    let got = 1
    client.on('data', chunk => {
      got += chunk.length
    })
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.settled()
    assert.ok(got <= total)
    assert.equal(plane.counts.closed['upstream-reset'], 1)
  })
}
