/**
 * Goal: receives are the same on each kernel (src/kernel/kernel.ts). Method: as in kernel.test.ts.
 */

import assert from 'node:assert/strict'
import { Errno } from '../../src/kernel/errno.ts'
import { BUFFER, LARGE, MORE, SMALL } from '../../src/kernel/kernel.ts'
import { subject } from '../../src/kernel/user-data.ts'
import {
  accepted,
  collect,
  dialed,
  drain,
  KERNELS,
  none,
  one,
  results,
  some,
  taken,
  World,
} from '../support/kernels.ts'

const MSG_OOB = 1
const MEBIBYTE = 2 ** 20

for (const { test } of KERNELS) {
  test('a receive brings what comes, once, in a buffer of its pool', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    for (const pool of [SMALL, LARGE] as const) {
      const buffers = pool === SMALL ? kernel.small : kernel.large
      const { free } = buffers
      kernel.receive(fd, pool, false, 1, 4)
      none(kernel)
      world.send(peer, 'hello')
      const received = one(kernel)
      assert.deepEqual([received.word, received.generation, received.flags & MORE], [1, 4, 0])
      assert.equal(taken(kernel, received, buffers), 'hello')
      assert.equal(buffers.free, free, 'and it was given back')
      none(kernel)
      world.send(peer, 'before it is asked')
      none(kernel)
      kernel.receive(fd, pool, false, 1, 4)
      assert.equal(taken(kernel, one(kernel), buffers), 'before it is asked')
    }
    kernel.sockets.close(fd)
  })

  test('a first receive brings what came before it was asked for', kernel => {
    using world = new World()
    for (const { fd, peer } of [dialed(kernel, world), accepted(kernel, world)]) {
      world.send(peer, 'server first')
      none(kernel)
      kernel.receive(fd, SMALL, true, 1, 0)
      assert.equal(taken(kernel, one(kernel)), 'server first')
      world.send(peer, 'and again')
      assert.equal(taken(kernel, one(kernel)), 'and again')
      kernel.sockets.close(fd)
      drain(kernel, 0)
    }
  })

  test('a receive that repeats brings all that comes, to the end', kernel => {
    using world = new World()
    const { fd, peer } = dialed(kernel, world)
    kernel.receive(fd, SMALL, true, 1, 0)
    let text = ''
    for (const length of [1, 2047, 2048, 2049, 9000]) {
      const sent = `${length}`.repeat(length).slice(0, length)
      world.send(peer, sent)
      text = ''
      while (text.length < length)
        for (const each of drain(kernel)) {
          assert.equal(each.flags & MORE, MORE)
          text += taken(kernel, each)
        }
      assert.equal(text, sent)
    }
    world.send(peer, 'bye')
    world.close(peer)
    const [last, end] = collect(kernel, 2)
    assert.equal(taken(kernel, last), 'bye')
    assert.deepEqual([end.word, end.result, end.flags & (MORE | BUFFER)], [1, 0, 0])
    kernel.receive(fd, SMALL, false, 2, 0)
    assert.deepEqual([one(kernel).result], [0], 'the end stays')
    kernel.sockets.close(fd)
  })

  test('a lone end is told without bytes', kernel => {
    using world = new World()
    const { fd, peer } = dialed(kernel, world)
    kernel.receive(fd, LARGE, false, 1, 0)
    none(kernel)
    world.shutdown(peer)
    assert.equal(one(kernel).result, 0)
    kernel.sockets.close(fd)
  })

  test('a receive is called back: what came before is told, and nothing after', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    const [receive, cancel] = [subject(300_000, 3), subject(300_000, 8)]
    kernel.receive(fd, SMALL, true, receive, 7)
    none(kernel)
    kernel.cancel(receive, 6, cancel, 0)
    assert.equal(one(kernel).result, -Errno.ENOENT, 'of another generation')
    kernel.cancel(receive + 1, 7, cancel, 0)
    assert.equal(one(kernel).result, -Errno.ENOENT, 'of another operation')
    world.send(peer, 'before')
    assert.equal(taken(kernel, one(kernel)), 'before')
    kernel.cancel(receive, 7, cancel, 0)
    assert.deepEqual(results(collect(kernel, 2)), { [receive]: -Errno.ECANCELED, [cancel]: 0 })
    world.send(peer, 'after')
    none(kernel)
    kernel.receive(fd, SMALL, true, receive, 8)
    assert.equal(taken(kernel, one(kernel)), 'after')
    kernel.sockets.abort(fd)
    assert.ok(one(kernel).result <= 0)
    kernel.sockets.close(fd)
  })

  test('bytes that race with the end of their receive come once, before it or after', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    let told = ''
    for (let round = 0; round < 100; round++) {
      kernel.receive(fd, SMALL, true, 1, round)
      if (round % 3 === 0) kernel.submit()
      world.send(peer, String.fromCharCode(round))
      if (round % 3 === 1) kernel.wait(0)
      kernel.cancel(1, round, 2, round)
      for (let ends = 0; ends < 2; )
        for (const each of drain(kernel)) {
          assert.equal(each.generation, round)
          if (each.result > 0 && each.word === 1) told += taken(kernel, each)
          if ((each.flags & MORE) === 0) ends++
        }
    }
    kernel.receive(fd, SMALL, true, 1, 1000)
    for (let waits = 0; told.length < 100 && waits < 20; waits++)
      for (const each of drain(kernel, 100)) told += taken(kernel, each)
    assert.equal(told, Array.from({ length: 100 }, (_, round) => String.fromCharCode(round)).join(''))
    kernel.sockets.abort(fd)
    collect(kernel, 1)
    kernel.sockets.close(fd)
  })

  test('without a free buffer a receive ends with ENOBUFS, and loses nothing', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    const { large, memory } = kernel
    /** As the engine does: a buffer is taken when a completion names it, and given back later. */
    const held = Array.from({ length: large.count }, (_, next) => {
      world.send(peer, String.fromCharCode(next))
      kernel.receive(fd, LARGE, false, 1, 0)
      return large.take(one(kernel).flags)
    })
    assert.deepEqual([new Set(held).size, large.free], [large.count, 0])
    world.send(peer, 'x')
    kernel.receive(fd, LARGE, false, 1, 0)
    assert.equal(one(kernel).result, -Errno.ENOBUFS)
    assert.deepEqual(
      held.map(id => memory.u8[large.at(id)]),
      held.map((_, index) => index),
    )
    for (const id of held) large.give(id)
    assert.equal(large.free, large.count)
    kernel.receive(fd, LARGE, false, 1, 0)
    assert.equal(taken(kernel, one(kernel), kernel.large), 'x')
    kernel.sockets.close(fd)
  })

  test('a reset is told after what was said before it', kernel => {
    using world = new World()
    const { fd, peer } = accepted(kernel, world)
    world.send(peer, 'last words')
    world.reset(peer)
    kernel.receive(fd, SMALL, true, 1, 0)
    const found = collect(kernel, 2)
    assert.equal(taken(kernel, found[0]), 'last words')
    assert.deepEqual([found[1].result, found[1].flags & MORE], [-Errno.ECONNRESET, 0])
    kernel.sockets.close(fd)
  })

  test('urgent data holds nothing up, and what is behind it comes, and the end', kernel => {
    using world = new World()
    for (const repeats of [true, false]) {
      const { fd, peer } = accepted(kernel, world)
      kernel.receive(fd, SMALL, repeats, 1, 0)
      if (repeats) none(kernel)
      world.send(peer, 'abc')
      world.send(peer, '!', MSG_OOB)
      world.send(peer, 'def')
      world.shutdown(peer)
      let text = ''
      for (let isOver = false; !isOver; ) {
        for (const each of some(kernel)) {
          if (each.result === 0) isOver = true
          else text += taken(kernel, each)
          if (!isOver && (each.flags & MORE) === 0) kernel.receive(fd, SMALL, repeats, 1, 0)
        }
      }
      assert.equal(text, 'abcdef')
      kernel.sockets.close(fd)
    }
  })

  test('who has much to say does not keep another waiting', kernel => {
    using world = new World()
    const [loud, quiet] = [accepted(kernel, world), accepted(kernel, world)]
    kernel.receive(loud.fd, SMALL, true, 1, 0)
    kernel.receive(quiet.fd, SMALL, true, 2, 0)
    none(kernel)
    world.send(loud.peer, Buffer.alloc(MEBIBYTE))
    world.send(quiet.peer, '?')
    assert.equal(kernel.wait(1000), 0)
    let before = 0
    for (let isHeard = false; !isHeard; ) {
      if (!kernel.next()) kernel.wait(1000)
      else {
        isHeard = kernel.word === 2
        before += kernel.result
        ;(kernel.word < 3 ? kernel.small : kernel.large).give(kernel.small.take(kernel.flags))
      }
    }
    assert.ok(before < MEBIBYTE / 4, `${before} bytes first`)
    for (const { fd } of [loud, quiet]) kernel.sockets.abort(fd)
    drain(kernel)
    for (const { fd } of [loud, quiet]) kernel.sockets.close(fd)
  })
}
