/**
 * Goal: what the data plane may ask of a kernel (src/kernel/kernel.ts) is the same on each, so that
 * one engine runs on all. Method: every operation on real sockets, with plain sockets at the other
 * end.
 */

import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { release } from 'node:os'
import { Errno } from '../../src/kernel/errno.ts'
import { BUFFER, LARGE, MORE, POLL_ERR, POLL_IN, POLL_OUT, SMALL } from '../../src/kernel/kernel.ts'
import { subject } from '../../src/kernel/user-data.ts'
import { wake } from '../../src/kernel/wake.ts'
import {
  accepted,
  type Completion,
  collect,
  collectUntil,
  dialAs,
  dialed,
  drain,
  KERNELS,
  LOOPBACK,
  listening,
  none,
  one,
  room,
  some,
  taken,
  World,
} from '../support/kernels.ts'
import { descriptor } from '../support/uring.ts'

const MSG_OOB = 1
const MEBIBYTE = 2 ** 20

/** By word, of completions that come in no order. */
const byWord = (found: readonly Completion[]): Map<number, Completion> =>
  new Map(found.map(each => [each.word, each]))
const results = (found: readonly Completion[]): Record<number, number> =>
  Object.fromEntries(found.map(({ word, result }) => [word, result]))

const isOlderThan = (major: number, minor: number): boolean => {
  const [own, second] = release().split('.').map(Number)
  return own < major || (own === major && second < minor)
}

/** A watch that tells of a reset. */
const isBroken = ({ result }: Completion): boolean => result > 0 && (result & POLL_ERR) !== 0

for (const { test } of KERNELS) {
  // ── accept

  test('an accept repeats: a descriptor for each connection, until it is called back', kernel => {
    using world = new World()
    const listener = listening(kernel)
    const port = world.portOf(listener)
    kernel.accept(listener, 7, 3)
    none(kernel)
    const peers = Array.from({ length: 100 }, () => world.connect(port))
    const found = collect(kernel, 100)
    assert.equal(new Set(found.map(({ result }) => descriptor(result))).size, peers.length)
    for (const { word, generation, flags } of found)
      assert.deepEqual([word, generation, flags & MORE], [7, 3, MORE])
    kernel.cancel(7, 3, 8, 0)
    assert.deepEqual(results(collect(kernel, 2)), { 7: -Errno.ECANCELED, 8: 0 })
    world.connect(port)
    none(kernel)
    kernel.sockets.setNonBlocking(listener)
    const waiting = descriptor(kernel.sockets.acceptWaiting(listener))
    assert.equal(kernel.sockets.acceptWaiting(listener), -Errno.EAGAIN)
    for (const fd of [...found.map(({ result }) => result), waiting, listener]) kernel.sockets.close(fd)
  })

  test('an accepted socket has the names of both ends, also of those that waited', kernel => {
    using world = new World()
    const name = { family: 0 as const, words: new Uint32Array(4), port: 0 }
    const listener = listening(kernel)
    const port = world.portOf(listener)
    kernel.accept(listener, 7, 0)
    const peers = Array.from({ length: 3 }, () => world.connect(port))
    const fds = collect(kernel, 3).map(({ result }) => result)
    for (const [index, fd] of fds.entries()) {
      assert.equal(kernel.sockets.peerName(fd, name), 0)
      assert.deepEqual([name.family, name.words[0], name.port], [4, 0x7f000001, world.portOf(peers[index])])
      assert.equal(kernel.sockets.localName(fd, name), 0)
      assert.deepEqual([name.words[0], name.port], [0x7f000001, port])
    }
    for (const fd of fds) kernel.sockets.close(fd)
    world.connect(port)
    while (!kernel.next()) assert.equal(kernel.wait(1000), 0)
    const { result: last } = kernel
    kernel.sockets.close(last)
    const other = dialAs(kernel, last)
    assert.equal(kernel.sockets.peerName(other, name), -Errno.ENOTCONN)
    kernel.sockets.close(other)
    drain(kernel, 0)
    kernel.cancel(7, 0, 8, 0)
    collect(kernel, 2)
    kernel.sockets.close(listener)
  })

  // ── connect

  test('a connect completes with 0, or with what is wrong', kernel => {
    using world = new World()
    const listener = world.listen()
    const fd = descriptor(kernel.sockets.dial(4, true))
    kernel.connect(fd, 4, LOOPBACK, listener.port, 1, 5)
    const { word, generation, result, flags } = one(kernel)
    assert.deepEqual([word, generation, result, flags & MORE], [1, 5, 0, 0])
    world.accept(listener.fd)
    world.close(listener.fd)
    const refused = descriptor(kernel.sockets.dial(4, false))
    kernel.connect(refused, 4, LOOPBACK, listener.port, 2, 0)
    assert.equal(one(kernel).result, -Errno.ECONNREFUSED)
    const nowhere = descriptor(kernel.sockets.dial(4, false))
    kernel.connect(nowhere, 4, [0xffffffff], 9, 3, 0)
    assert.ok([-Errno.EACCES, -Errno.ENETUNREACH].includes(one(kernel).result))
    none(kernel)
    for (const each of [fd, refused, nowhere]) kernel.sockets.close(each)
  })

  test('a connect that nobody answers can be called back, and its socket closed', kernel => {
    using world = new World()
    const full = world.listen(0)
    for (let filler = 0; filler < 3; filler++) world.connect(full.port, false)
    const fd = descriptor(kernel.sockets.dial(4, false))
    kernel.connect(fd, 4, LOOPBACK, full.port, subject(9, 2), 1)
    none(kernel)
    kernel.cancel(subject(9, 2), 1, subject(9, 8), 1)
    const found = results(collect(kernel, 2))
    assert.deepEqual(found, { [subject(9, 2)]: -Errno.ECANCELED, [subject(9, 8)]: 0 })
    kernel.sockets.close(fd)
    none(kernel)
  })

  test('addresses of many connects are each their own', kernel => {
    using world = new World()
    const listeners = Array.from({ length: 20 }, () => world.listen())
    const fds = listeners.map(({ port }, index) => {
      const fd = descriptor(kernel.sockets.dial(4, false))
      kernel.connect(fd, 4, LOOPBACK, port, index, 0)
      return fd
    })
    for (const { result } of collect(kernel, 20)) assert.equal(result, 0)
    const name = { family: 0 as const, words: new Uint32Array(4), port: 0 }
    for (const [index, fd] of fds.entries()) {
      assert.equal(kernel.sockets.peerName(fd, name), 0)
      assert.equal(name.port, listeners[index].port)
      kernel.sockets.close(fd)
    }
  })

  test('dialed sockets take odd ports and even ones, so none searches through all of a kind', (kernel, t) => {
    if (isOlderThan(6, 8)) return t.skip('Linux 6.8 is the first that can')
    using world = new World()
    const { port } = world.listen()
    const name = { family: 0 as const, words: new Uint32Array(4), port: 0 }
    const isOdd = Array.from({ length: 20 }, () => {
      const fd = descriptor(kernel.sockets.dial(4, false))
      kernel.connect(fd, 4, LOOPBACK, port, 1, 0)
      assert.equal(one(kernel).result, 0)
      assert.equal(kernel.sockets.localName(fd, name), 0)
      kernel.sockets.close(fd)
      return (name.port & 1) === 1
    })
    assert.ok(isOdd.includes(true) && isOdd.includes(false), `${isOdd}`)
  })

  // ── receive

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
    const held: Completion[] = []
    for (let next = 0; next < kernel.large.count; next++) {
      world.send(peer, String.fromCharCode(next))
      kernel.receive(fd, LARGE, false, 1, 0)
      held.push(one(kernel))
    }
    world.send(peer, 'x')
    kernel.receive(fd, LARGE, false, 1, 0)
    assert.equal(one(kernel).result, -Errno.ENOBUFS)
    const texts = held.map(each => taken(kernel, each, kernel.large))
    assert.deepEqual(
      texts,
      held.map((_, index) => String.fromCharCode(index)),
    )
    assert.equal(kernel.large.free, kernel.large.count)
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

  // ── send

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

  // ── ready, watch

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

  // ── ending

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
    for (let filler = 0; filler < 3; filler++) world.connect(full.port, false)
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

  // ── wake

  test('wakes before the look are one, and none is lost', kernel => {
    for (let round = 0; round < 3; round++) {
      kernel.wake(subject(0, 1))
      none(kernel)
      kernel.rouse(kernel.wakeFd)
      wake(kernel.wakeFd)
      assert.equal(one(kernel).word, subject(0, 1))
      writeSync(kernel.wakeFd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])) // before it is asked again
      none(kernel)
      kernel.wake(subject(0, 1))
      assert.equal(one(kernel).word, subject(0, 1))
    }
  })

  test('a wait ends by its time without a completion', kernel => {
    assert.deepEqual(drain(kernel, 0), [])
    assert.deepEqual(drain(kernel, 1.5), [])
    assert.equal(kernel.lost(), 0)
  })

  // ── many

  // Goal: no byte is lost, doubled or another's. Method: many pairs echo pieces of every size at
  // once.
  test('many at once each get their own bytes', kernel => {
    using world = new World()
    const pairs = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0 ? accepted(kernel, world) : dialed(kernel, world),
    )
    const texts = pairs.map((_, index) => `${index},`.repeat(1 + ((index * 37) % 1500)))
    for (const [index, { fd, peer }] of pairs.entries()) {
      kernel.receive(fd, SMALL, true, subject(index, 3), index)
      world.send(peer, texts[index])
      world.shutdown(peer)
    }
    const queues: string[] = pairs.map(() => '')
    const at = pairs.map((_, index) => room(kernel, MEBIBYTE) + index * 8192)
    const waiting = new Set<number>()
    const ended = new Set<number>()
    const echoed = new Set<number>()
    const flush = (index: number): void => {
      if (waiting.has(index)) return
      const piece = queues[index].slice(0, 8192)
      queues[index] = queues[index].slice(8192)
      if (piece === '') {
        if (!ended.has(index) || echoed.has(index)) return
        echoed.add(index)
        kernel.sockets.shutdownWrite(pairs[index].fd)
        return
      }
      kernel.memory.u8.set(Buffer.from(piece, 'latin1'), at[index])
      kernel.send(pairs[index].fd, at[index], piece.length, false, subject(index, 4), index)
      waiting.add(index)
    }
    while (echoed.size < pairs.length) {
      for (const each of some(kernel)) {
        const [index, operation] = [each.word >>> 8, each.word & 255]
        assert.equal(each.generation, index)
        if (operation === 4) waiting.delete(index)
        else if (each.result > 0) queues[index] += taken(kernel, each)
        else ended.add(index)
        flush(index)
      }
    }
    for (const [index, { fd, peer }] of pairs.entries()) {
      assert.equal(world.receive(peer), texts[index])
      kernel.close(fd, subject(index, 14), 0)
      kernel.submit()
    }
    none(kernel)
  })
}
