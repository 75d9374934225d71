/**
 * Goal: what the data plane may ask of a kernel (src/kernel/kernel.ts) is the same on each, so that
 * one engine runs on all. Method: every operation on real sockets, with plain sockets at the other
 * end; receive.test.ts, send.test.ts and watch.test.ts have the operations on a connected one.
 */

import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { release } from 'node:os'
import { Errno } from '../../src/kernel/errno.ts'
import { MORE, SMALL } from '../../src/kernel/kernel.ts'
import { subject } from '../../src/kernel/user-data.ts'
import { wake } from '../../src/kernel/wake.ts'
import {
  accepted,
  collect,
  dialAs,
  dialed,
  drain,
  KERNELS,
  LOOPBACK,
  listening,
  none,
  one,
  results,
  room,
  some,
  taken,
  World,
} from '../support/kernels.ts'
import { descriptor } from '../support/uring.ts'

const MEBIBYTE = 2 ** 20

const isOlderThan = (major: number, minor: number): boolean => {
  const [own, second] = release().split('.').map(Number)
  return own < major || (own === major && second < minor)
}

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
    world.connect(full.port) // which fills its queue
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
