/**
 * Goal: what a kernel tells of a socket beside its bytes, and how its operations end, is the same
 * on each (src/kernel/kernel.ts). Method: as in kernel.test.ts.
 */

import assert from 'node:assert/strict'
import { Errno } from '../../src/kernel/errno.ts'
import { BUFFER, MORE, POLL_ERR, POLL_IN, POLL_OUT, SMALL } from '../../src/kernel/kernel.ts'
import { subject } from '../../src/kernel/user-data.ts'
import {
  accepted,
  byWord,
  type Completion,
  collect,
  collectUntil,
  dialAs,
  dialed,
  drain,
  KERNELS,
  LOOPBACK,
  none,
  one,
  results,
  World,
} from '../support/kernels.ts'

/** A watch that tells of a reset. */
const isBroken = ({ result }: Completion): boolean => result > 0 && (result & POLL_ERR) !== 0

for (const { test } of KERNELS) {
  test('ready says once that there is something to receive, or room to send', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    kernel.ready(fd, POLL_IN, 1, 0)
    none(kernel)
    world.send(peer, 'x')
    assert.equal(one(kernel).result & POLL_IN, POLL_IN)
    world.send(peer, 'y')
    none(kernel)
    kernel.ready(fd, POLL_IN, 1, 1)
    kernel.ready(fd, POLL_OUT, 2, 1)
    const found = byWord(collect(kernel, 2))
    assert.equal((found.get(1)?.result ?? 0) & POLL_IN, POLL_IN)
    assert.equal((found.get(2)?.result ?? 0) & POLL_OUT, POLL_OUT)
    kernel.ready(fd, POLL_IN, 1, 2)
    kernel.cancel(1, 2, 3, 0)
    assert.equal(collect(kernel, 2).length, 2)
    world.reset(peer)
    kernel.ready(fd, POLL_IN, 1, 3)
    assert.equal(one(kernel).result & POLL_ERR, POLL_ERR)
    kernel.sockets.close(fd)
  })

  test('ready waits until what a direct call has emptied or filled is ready again', kernel => {
    using world = new World()
    const [source, target] = [accepted(kernel, world), dialed(kernel, world)]
    for (const { fd } of [source, target]) kernel.sockets.setNonBlocking(fd)
    const pipe = kernel.pipes.open(65_536)
    assert.ok(typeof pipe !== 'number')
    for (let round = 0; round < 3; round++) {
      kernel.ready(source.fd, POLL_IN, 1, round)
      none(kernel)
      world.send(source.peer, `round ${round}`)
      assert.equal(one(kernel).result & POLL_IN, POLL_IN)
      assert.equal(kernel.pipes.splice(source.fd, pipe.writeFd, 65_536), 7)
      assert.equal(kernel.pipes.splice(source.fd, pipe.writeFd, 65_536), -Errno.EAGAIN)
      assert.equal(kernel.pipes.splice(pipe.readFd, target.fd, 65_536), 7)
      assert.equal(world.receive(target.peer, 7), `round ${round}`)
    }
    let filled = 0
    for (let isFull = false; !isFull; ) {
      world.send(source.peer, Buffer.alloc(65_536))
      kernel.pipes.splice(source.fd, pipe.writeFd, 65_536)
      const moved = kernel.pipes.splice(pipe.readFd, target.fd, 65_536)
      isFull = moved === -Errno.EAGAIN
      filled += Math.max(moved, 0)
    }
    kernel.ready(target.fd, POLL_OUT, 2, 0)
    none(kernel)
    world.receive(target.peer, filled)
    assert.equal(one(kernel).result & POLL_OUT, POLL_OUT)
    kernel.pipes.close(pipe)
    for (const { fd } of [source, target]) kernel.sockets.close(fd)
  })

  test('a watch tells of a reset, and of bytes nothing', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    kernel.watch(fd, 1, 0)
    none(kernel)
    world.send(peer, 'x')
    none(kernel)
    world.reset(peer)
    const found = collectUntil(kernel, all => all.some(isBroken))
    assert.equal(kernel.sockets.pendingError(fd), -Errno.ECONNRESET)
    if (found.every(({ flags }) => (flags & MORE) !== 0)) {
      kernel.cancel(1, 0, 2, 0)
      assert.deepEqual(results(collect(kernel, 2)), { 1: -Errno.ECANCELED, 2: 0 })
    }
    kernel.sockets.close(fd)
    const late = accepted(kernel, world)
    world.reset(late.peer)
    none(kernel)
    kernel.watch(late.fd, 3, 0)
    collectUntil(kernel, all => all.some(isBroken))
    kernel.sockets.close(late.fd)
    drain(kernel, 0)
  })

  test('every operation on a socket can be called back at once', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    kernel.cancelAll(fd, 9, 0)
    assert.equal(one(kernel).result, 0)
    kernel.receive(fd, SMALL, true, 1, 0)
    kernel.watch(fd, 2, 0)
    none(kernel)
    kernel.cancelAll(fd, 9, 0)
    const found = results(collect(kernel, 3))
    assert.deepEqual(found, { 1: -Errno.ECANCELED, 2: -Errno.ECANCELED, 9: 2 })
    world.send(peer, 'x')
    none(kernel)
    kernel.sockets.close(fd)
  })

  test('an abort resets the connection and ends all that waits for it', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    kernel.receive(fd, SMALL, true, 1, 0)
    kernel.watch(fd, 2, 0)
    none(kernel)
    assert.equal(kernel.sockets.abort(fd), 0)
    kernel.cancel(2, 0, 3, 0) // a watch of the ring reports, and continues
    const found = collectUntil(kernel, all => all.filter(({ flags }) => (flags & MORE) === 0).length >= 3)
    for (const { word, flags, result } of found) {
      assert.equal(flags & BUFFER, 0)
      if (word === 1) assert.ok(result <= 0)
    }
    none(kernel)
    kernel.close(fd, 4, 0)
    none(kernel)
    assert.ok(world.send(peer, 'x') < 0 || world.send(peer, 'x') < 0, 'the peer was reset')
  })

  test('a close comes after what was sent, and is silent unless it fails', kernel => {
    using world = new World()
    const { fd, peer } = dialed(kernel, world)
    const at = kernel.memory.take(64)
    kernel.memory.u8.set(Buffer.from('goodbye'), at)
    kernel.send(fd, at, 7, false, 1, 0)
    kernel.close(fd, 2, 0)
    assert.equal(one(kernel).word, 1)
    assert.equal(world.receive(peer), 'goodbye')
    none(kernel)
    kernel.close(fd, 2, 6)
    assert.deepEqual(
      collect(kernel, 1).map(({ word, generation, result }) => [word, generation, result]),
      [[2, 6, -Errno.EBADF]],
    )
  })

  test('a socket that has the number of a closed one hears nothing of that', kernel => {
    using world = new World()
    const full = world.listen(0)
    world.connect(full.port) // which fills its queue
    for (let round = 0; round < 20; round++) {
      const [first, second] = [accepted(kernel, world), accepted(kernel, world)]
      kernel.receive(first.fd, SMALL, false, subject(1, 3), round)
      kernel.receive(second.fd, SMALL, false, subject(2, 3), round)
      none(kernel)
      world.send(first.peer, 'to the first')
      world.send(second.peer, 'to the second')
      while (!kernel.next()) assert.equal(kernel.wait(1000), 0)
      const [heard, other] = kernel.word === subject(1, 3) ? [first, second] : [second, first]
      kernel.small.give(kernel.small.take(kernel.flags))
      kernel.sockets.abort(other.fd) // while what it has to say waits for its turn
      kernel.sockets.close(other.fd)
      const again = dialAs(kernel, other.fd)
      kernel.connect(again, 4, LOOPBACK, full.port, subject(3, 2), round)
      for (let wait = 0; wait < 3; wait++)
        for (const each of drain(kernel, wait)) {
          assert.notEqual(each.word, subject(3, 2), 'nobody has answered')
          if ((each.flags & BUFFER) !== 0) kernel.small.give(kernel.small.take(each.flags))
        }
      kernel.cancel(subject(3, 2), round, subject(3, 8), round)
      assert.deepEqual(results(collect(kernel, 2)), { [subject(3, 2)]: -Errno.ECANCELED, [subject(3, 8)]: 0 })
      for (const fd of [heard.fd, again]) kernel.sockets.close(fd)
    }
  })
}
