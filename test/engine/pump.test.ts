/**
 * Goal: what the `node` engine's pump promises at its edges: an end never overtakes bytes, and a
 * socket can be reset at any moment. Method: pumps between sockets whose peers are in the test's
 * hand.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Pump, reset } from '../../src/engine/node/pump.ts'
import { begin, digest, ending, listen, open } from '../support/sockets.ts'

/** Two connected sockets and the server that holds one of them. */
async function pair() {
  const server = await listen(() => {})
  const [near, [far]] = await Promise.all([open(server.port), once(server.server, 'connection')])
  return { near, far: far as Socket, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const MORE_THAN_FITS = Buffer.alloc(32 * 2 ** 20)

test('the end waits for the bytes before it, and reading for the slow side', async () => {
  await using from = await pair()
  await using to = await pair()
  let ended = false
  let delivered = 0
  const onDelivered = (bytes: number) => {
    delivered += bytes
  }
  const waits: boolean[] = []
  const pump = new Pump(
    from.near,
    to.near,
    onDelivered,
    isWaiting => waits.push(isWaiting),
    () => {
      ended = true
    },
  )
  from.near.resume()
  pump.write(MORE_THAN_FITS)
  pump.write(MORE_THAN_FITS)
  pump.end()
  assert.deepEqual([ended, to.near.writableEnded, from.near.isPaused()], [false, false, true])
  assert.equal(delivered, 0)
  assert.equal((await digest(to.far)).length, 64)
  assert.deepEqual([ended, to.near.writableEnded], [true, true])
  assert.equal(delivered, 2 * MORE_THAN_FITS.length)
  assert.deepEqual(waits, [true, true, false])
})

test('reading goes on only when the slow side has taken everything', async () => {
  await using from = await pair()
  await using to = await pair()
  from.near.resume()
  await once(from.near, 'resume')
  const pump = new Pump(
    from.near,
    to.near,
    () => {},
    () => {},
    () => {},
  )
  const waiting: number[] = []
  from.near.on('resume', () => waiting.push(to.near.writableLength))
  pump.write(MORE_THAN_FITS)
  pump.write(MORE_THAN_FITS)
  const resumed = once(from.near, 'resume')
  to.far.resume()
  await resumed
  assert.deepEqual(waiting, [0])
})

test('a socket whose bytes wait, and whose end would follow them, is still reset', async () => {
  await using from = await pair()
  await using to = await pair()
  const pump = new Pump(
    from.near,
    to.near,
    () => {},
    () => {},
    () => {},
  )
  pump.write(MORE_THAN_FITS)
  pump.end()
  reset(to.near)
  assert.equal(await ending(to.far), 'ECONNRESET')
})

test('a socket that was ended in this very turn is still reset', async () => {
  await using to = await pair()
  const ended = ending(to.far)
  const closed = once(to.near, 'close')
  to.near.end('bye')
  reset(to.near)
  await closed
  assert.match(await ended, /ECONNRESET|end/) // the end may be read before the reset is
  assert.equal(to.near.destroyed, true)
})

test('a socket that is still connecting is given up', async () => {
  await using server = await listen(() => {})
  const socket = begin(server.port)
  const closed = once(socket, 'close')
  reset(socket)
  await closed
})
