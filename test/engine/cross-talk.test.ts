/**
 * Goal: no byte ever reaches the wrong connection, however fast slots and descriptors are reused.
 * Method: every 4 bytes of a connection are its number; clients and upstreams reset or end at
 * random moments, and both check everything they get.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { createRandom, nextBelow, type Random } from '../../src/base/random.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { ending, freePort } from '../support/sockets.ts'
import { WAYS, type Way } from '../support/ways.ts'

/** WEIR_TEST_CONNECTIONS=1e6 makes a soak of it. A handshake costs the clients most. */
const connectionsOf = ({ isIn, isOut }: Way): number =>
  Number(process.env.WEIR_TEST_CONNECTIONS ?? (isIn || isOut ? sized(100, 600) : sized(300, 3000)))
const AT_ONCE = 50

/** `bytes` of a stream that is `id` again and again, from its byte `offset` on. */
function stream(id: number, bytes: number, offset = 0): Buffer {
  const turned = Buffer.from([0, 1, 2, 3].map(at => (id >>> (24 - 8 * ((at + offset) & 3))) & 255))
  return Buffer.alloc(bytes, turned)
}

const stamped = (id: number, words: number): Buffer => stream(id, words * 4)

/**
 * Checks every byte that `socket` gets; `id` −1 takes the number of the first word. Returns what is
 * foreign.
 */
function watch(socket: Socket, id: number, onNumber: (id: number) => void = () => {}): { foreign: number } {
  const seen = { foreign: 0 }
  let number = id
  let offset = 0
  socket.on('data', (chunk: Buffer) => {
    if (number < 0) {
      if (chunk.length < 4) return
      number = chunk.readUInt32BE(0)
      onNumber(number)
    }
    const own = stream(number, chunk.length, offset)
    if (!chunk.equals(own)) seen.foreign += chunk.reduce((sum, byte, at) => sum + Number(byte !== own[at]), 0)
    offset = (offset + chunk.length) & 3
  })
  return seen
}

/** The other end: sends back the client's number in random amounts, and ends in a random way. */
function answer(random: Random, watched: { foreign: number }[]): (socket: Socket) => void {
  return socket => {
    socket.on('error', () => {})
    watched.push(
      watch(socket, -1, id => {
        socket.write(stamped(id, 1 + nextBelow(random, 20_000)))
        if (nextBelow(random, 4) === 0) socket.resetAndDestroy()
        else socket.end(stamped(id, 1 + nextBelow(random, 100)))
      }),
    )
  }
}

async function client(way: Way, port: number, id: number, random: Random): Promise<{ foreign: number }> {
  const socket = way.begin(port)
  const seen = watch(socket, id)
  socket.write(stamped(id, 1 + nextBelow(random, 20_000)))
  const fate = nextBelow(random, 4)
  if (fate === 0) socket.once('connect', () => socket.resetAndDestroy())
  else if (fate === 1) socket.once('data', () => socket.resetAndDestroy())
  else socket.end()
  await ending(socket)
  return seen
}

for (const { engine, way, test } of WAYS) {
  test(`${engine}${way.name}: bytes never reach another connection, while both sides come and go at random`, async t => {
    const random = createRandom(1, 2, 3)
    const upstreamSide: { foreign: number }[] = []
    await using upstream = await way.listen(answer(random, upstreamSide))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const connections = connectionsOf(way)
    let next = 0
    let foreign = 0
    const one = async (): Promise<void> => {
      while (next < connections)
        foreign += (await client(way, port, Math.imul(++next, 0x01000193) >>> 0, random)).foreign
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    await plane.settled()
    assert.equal(foreign + upstreamSide.reduce((sum, each) => sum + each.foreign, 0), 0)
    t.diagnostic(`${plane.counts.accepted} connections, ${plane.counts.clientBytes} bytes up`)
    assert.ok(plane.counts.accepted >= connections / 2)
  })
}
