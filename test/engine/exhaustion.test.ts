/**
 * Goal: readers that stall never hold what others need. Method: more of them than there are pipes
 * and large buffers, all sent bulk, and then fresh connections that are answered in full.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { fullOnly, sized } from '../support/full.ts'
import { freePort, readAll, stalled } from '../support/sockets.ts'
import { WAYS, type Way } from '../support/ways.ts'

/**
 * More than the 64 pipes and 128 large buffers (src/engine/flow); `node` has no such pool. With TLS
 * this process encrypts for them all, which takes a while.
 */
const readersOf = (engine: EngineKind, { isIn, isOut }: Way): number =>
  isIn || isOut ? (engine === 'node' ? 40 : 150) : sized(engine === 'node' ? 40 : 200, 260)
const PATIENT = { connectTimeoutMs: 60_000, connectDeadlineMs: 60_000 }
const PIECE = Buffer.alloc(2 ** 20, 'x')

/** To who begins with 's' it sends without end; to others it sends back what they say. */
function serve(socket: Socket): void {
  socket.once('data', async first => {
    if (first[0] === 's'.charCodeAt(0)) {
      while (!socket.destroyed && socket.write(PIECE)) await new Promise(setImmediate)
      socket.on('drain', () => socket.write(PIECE))
    } else {
      socket.write(first)
      socket.pipe(socket)
    }
  })
}

async function stall(way: Way, port: number): Promise<Socket> {
  const socket = await way.open(port, '127.0.0.1', { highWaterMark: 1 })
  socket.write('s')
  await once(socket, 'readable')
  return socket
}

for (const { engine, way, test } of WAYS)
  test(`${engine}${way.name}: fresh connections are served beside hundreds of readers that stall`, {
    skip: way.isIn && fullOnly,
  }, async (t: TestContext) => {
    await using upstream = await way.listen(serve)
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], PATIENT)]))
    const readers = await Promise.all(Array.from({ length: readersOf(engine, way) }, () => stall(way, port)))
    t.after(() => readers.map(socket => socket.destroy()))
    await stalled(() => plane.counts.upstreamBytes)
    for (const length of [1, 3000, 1_000_000]) {
      const client = await way.open(port)
      const text = 'e'.repeat(length)
      client.end(text)
      assert.equal(await readAll(client), text)
    }
  })
