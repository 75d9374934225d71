/** Goal: sends are the same on each kernel (src/kernel/kernel.ts). Method: as in kernel.test.ts. */

import assert from 'node:assert/strict'
import { Errno } from '../../src/kernel/errno.ts'
import { MORE } from '../../src/kernel/kernel.ts'
import {
  accepted,
  byWord,
  collect,
  dialAs,
  dialed,
  drain,
  KERNELS,
  none,
  one,
  room,
  World,
} from '../support/kernels.ts'

const MEBIBYTE = 2 ** 20

for (const { test } of KERNELS) {
  test('a send arrives, and completes with its length', kernel => {
    using world = new World()
    const at = kernel.memory.take(64)
    for (const { fd, peer } of [accepted(kernel, world), dialed(kernel, world)]) {
      kernel.memory.u8.set(Buffer.from('one, two, three'), at)
      kernel.send(fd, at, 5, false, 1, 9)
      const { word, generation, result, flags } = one(kernel)
      assert.deepEqual([word, generation, result, flags & MORE], [1, 9, 5, 0])
      kernel.send(fd, at + 5, 5, false, 1, 9)
      one(kernel)
      kernel.send(fd, at + 10, 5, false, 1, 9)
      one(kernel)
      assert.equal(world.receive(peer, 15), 'one, two, three')
      kernel.sockets.close(fd)
    }
  })

  test('no small send waits for the one before it to be acknowledged', kernel => {
    using world = new World()
    for (const { fd, peer } of [accepted(kernel, world), dialed(kernel, world)]) {
      for (let send = 0; send < 2; send++) {
        kernel.send(fd, room(kernel, 1), 1, false, 1, send)
        one(kernel)
      }
      assert.equal(world.noDelay(fd), 1)
      assert.equal(world.receive(peer, 2).length, 2)
      kernel.sockets.close(fd)
    }
  })

  test('a dialed socket that sends once needs no call for it, however much it says is to follow', kernel => {
    using world = new World()
    const { fd, peer } = dialed(kernel, world)
    for (const more of [true, false]) {
      kernel.send(fd, room(kernel, 1), 1, more, 1, 0)
      one(kernel)
    }
    assert.equal(world.receive(peer, 2).length, 2)
    assert.equal(world.noDelay(fd), 0)
    kernel.close(fd, 2, 0)
    kernel.submit()
    const again = dialAs(kernel, fd)
    assert.equal(world.noDelay(again), 0)
    kernel.sockets.close(again)
  })

  test('a send that the peer does not take completes once it has taken all, in order', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    const bytes = 16 * MEBIBYTE
    const at = room(kernel, MEBIBYTE)
    for (let each = 0; each < MEBIBYTE; each++) kernel.memory.u8[at + each] = (each * 7919) >>> 8
    const text = Buffer.from(kernel.memory.u8.subarray(at, at + MEBIBYTE)).toString('latin1')
    let [asked, sent, got] = [0, 0, 0]
    let isWaiting = false
    while (got < bytes) {
      if (!isWaiting && asked < bytes) {
        kernel.send(fd, at, MEBIBYTE, asked + MEBIBYTE < bytes, 1, asked)
        asked += MEBIBYTE
        isWaiting = true
      }
      const found = drain(kernel, 1)
      for (const { result } of found) {
        assert.equal(result, MEBIBYTE, 'whole')
        sent += result
        isWaiting = false
      }
      if (found.length > 0) continue
      assert.ok(sent > got || asked > sent)
      const piece = world.receive(peer, Math.min(300_000, bytes - got))
      assert.equal(piece, (text + text).slice(got % MEBIBYTE, (got % MEBIBYTE) + piece.length))
      got += piece.length
    }
    if (sent < bytes) sent += one(kernel).result
    assert.equal(sent, bytes)
    none(kernel)
    kernel.sockets.close(fd)
  })

  test('a send to a peer that is gone fails, and says how much had gone', kernel => {
    using world = new World()
    const at = room(kernel, MEBIBYTE)
    const gone = accepted(kernel, world)
    world.reset(gone.peer)
    kernel.send(gone.fd, at, 10, false, 1, 0)
    assert.ok([-Errno.EPIPE, -Errno.ECONNRESET].includes(one(kernel).result))
    const stalled = accepted(kernel, world)
    let went = 0
    for (let wholes = 0; ; wholes++) {
      kernel.send(stalled.fd, at, MEBIBYTE, false, 1, 0)
      let whole = drain(kernel, 20)
      for (let waits = 0; whole.length === 0 && waits < 4; waits++) whole = drain(kernel, 20)
      if (whole.length === 0) break
      assert.equal(whole[0].result, MEBIBYTE)
      went += MEBIBYTE
      assert.ok(wholes < 64)
    }
    world.reset(stalled.peer)
    const { result } = one(kernel)
    assert.ok(result < MEBIBYTE, `after ${went} bytes: ${result}`)
    kernel.send(stalled.fd, at, 10, false, 2, 0)
    assert.ok(one(kernel).result < 0)
    for (const { fd } of [gone, stalled]) kernel.sockets.close(fd)
  })

  test('a send is called back, and says how much had gone', kernel => {
    using world = new World()
    const at = room(kernel, 16 * MEBIBYTE)
    const { fd, peer } = dialed(kernel, world)
    kernel.send(fd, at, 16 * MEBIBYTE, false, 1, 0)
    none(kernel)
    kernel.cancelAll(fd, 2, 0)
    const found = byWord(collect(kernel, 2))
    const sent = found.get(1)?.result ?? 0
    assert.ok(sent > 0 && sent < 16 * MEBIBYTE, `${sent}`)
    assert.equal(found.get(2)?.result, 1)
    kernel.close(fd, 3, 0)
    kernel.submit()
    let got = 0
    for (let length = -1; length !== 0; got += length) length = world.receive(peer).length
    assert.equal(got, sent)
  })

  test('what is held for what follows arrives with it, in order, and so does the end', kernel => {
    using world = new World()
    const { fd, peer } = dialed(kernel, world)
    const at = kernel.memory.take(64)
    kernel.memory.u8.set(Buffer.from('held, then said'), at)
    kernel.send(fd, at, 4, true, 1, 0)
    assert.equal(one(kernel).result, 4)
    kernel.send(fd, at + 4, 11, true, 1, 0)
    assert.equal(one(kernel).result, 11)
    kernel.sockets.shutdownWrite(fd)
    assert.equal(world.receive(peer), 'held, then said')
    kernel.sockets.close(fd)
  })
}
