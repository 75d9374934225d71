/**
 * Goal: a side that takes no byte for the write timeout ends its connection, with a reason that
 * names it; without a timeout it does not. Method: peers that never read, behind real workers.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { bytes, digest, ending, freePort, send, stalled, until } from '../support/sockets.ts'
import { WAYS } from '../support/ways.ts'

const STALL_MS = 200
/** More than all buffers on the way hold. */
const MUCH = 64 * 2 ** 20

/** Sends for as long as the other side takes it. */
function flood(socket: Socket): void {
  socket.on('error', () => {})
  const chunk = Buffer.alloc(65_536)
  const go = (): void => {
    while (socket.writable && socket.write(chunk));
  }
  socket.on('drain', go)
  go()
}

for (const { engine, way, test } of WAYS) {
  test(`${engine}${way.name}: a client that never reads is ended in time, by the table that decided about it`, async () => {
    await using upstream = await way.listen(flood)
    await using plane = way.engine(engine)
    const port = await freePort()
    const adopt = (writeTimeoutMs: number) =>
      plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { writeTimeoutMs })]))
    await adopt(0)
    const patient = await way.open(port)
    await until(() => plane.counts.open === 1)
    await adopt(STALL_MS)
    const client = await way.open(port)
    await plane.closed('client-stalled')
    assert.equal(await ending(client.resume()), 'ECONNRESET')
    assert.equal(plane.counts.open, 1)
    patient.destroy()
    await plane.settled()
  })

  test(`${engine}${way.name}: a client that stops in the middle of bulk is ended`, async () => {
    await using upstream = await way.listen(flood)
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { writeTimeoutMs: STALL_MS })]))
    const client = await way.open(port)
    let read = 0
    client.on('data', chunk => {
      read += chunk.length
      if (read > MUCH) client.pause()
    })
    await plane.closed('client-stalled')
    client.removeAllListeners('data')
    assert.equal(await ending(client.resume()), 'ECONNRESET')
    await plane.settled()
  })

  test(`${engine}${way.name}: an upstream that never reads is ended, and its client with it`, async () => {
    await using upstream = await way.listen(socket => void socket.on('error', () => {}).pause())
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], { writeTimeoutMs: STALL_MS })]))
    const client = await way.open(port)
    flood(client)
    await plane.closed('upstream-stalled')
    await until(() => client.destroyed)
    await plane.settled()
  })

  test(`${engine}${way.name}: a reader that goes on in time gets every byte`, async () => {
    let sum = Promise.resolve('')
    await using upstream = await way.listen(socket => {
      sum = send(socket, bytes(1, MUCH))
    })
    await using plane = way.engine(engine)
    const port = await freePort()
    const policy = { writeTimeoutMs: 60_000 }
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream], policy)]))
    const client = await way.open(port)
    await stalled(
      () => plane.counts.upstreamBytes,
      () => plane.counts.upstreamBytes > 0,
    )
    assert.equal(await digest(client), await sum)
    client.end()
    await plane.closed('upstream-closed')
  })
}
