/**
 * Goal: readers that stall never hold what others need. Method: more of them than there are pipes
 * and large buffers, all sent bulk, and then fresh connections that are answered in full.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, EVERY_ENGINE, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { freePort, listen, open, readAll, stalled } from '../support/sockets.ts'

/** More than the 64 pipes and 128 large buffers (src/engine/flow); `node` has no such pool. */
const readersOf = (engine: EngineKind): number => sized(engine === 'node' ? 40 : 200, 260)
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

async function stall(port: number): Promise<Socket> {
  const socket = await open(port, '127.0.0.1', { highWaterMark: 1 })
  socket.write('s')
  await once(socket, 'readable')
  return socket
}

for (const { engine, test } of EVERY_ENGINE)
  test(`${engine}: fresh connections are served beside hundreds of readers that stall`, async t => {
    await using upstream = await listen(serve)
    await using plane = new TestEngine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const readers = await Promise.all(Array.from({ length: readersOf(engine) }, () => stall(port)))
    t.after(() => readers.map(socket => socket.destroy()))
    await stalled(() => plane.counts.upstreamBytes)
    for (const length of [1, 3000, 1_000_000]) {
      const client = await open(port)
      const text = 'e'.repeat(length)
      client.end(text)
      assert.equal(await readAll(client), text)
    }
  })
