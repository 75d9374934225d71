import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Errno } from '../../src/kernel/errno.ts'
import { Pipes } from '../../src/kernel/pipes.ts'
import { setNonBlocking, shutdownWrite } from '../../src/kernel/sockets.ts'
import { prepareRecv, prepareSend } from '../../src/kernel/uring/prepare.ts'
import { collect, connected, one, opened, skip, withRing } from '../support/uring.ts'

test('bytes move from socket to socket through a pipe, in order, and so does the end', { skip }, () => {
  withRing({}, (ring, arena) => {
    const left = connected(ring)
    const right = connected(ring)
    const pipes = new Pipes(arena)
    const pipe = opened(pipes.open(1 << 18))
    assert.ok(pipe.bytes >= 4096)
    for (const fd of [left.server, right.server]) assert.equal(setNonBlocking(fd), 0)
    assert.equal(pipes.splice(left.server, pipe.writeFd, 65_536), -Errno.EAGAIN)
    assert.equal(pipes.splice(pipe.readFd, right.server, 65_536), -Errno.EAGAIN)
    const from = arena.take(100)
    const to = arena.take(100)
    for (let i = 0; i < 100; i++) arena.u8[from + i] = i
    prepareSend(ring, left.client, from, 100, 1, 0)
    assert.equal(one(ring).result, 100)
    assert.equal(pipes.splice(left.server, pipe.writeFd, 65_536), 100)
    assert.equal(pipes.splice(pipe.readFd, right.server, 60), 60)
    assert.equal(pipes.splice(pipe.readFd, right.server, 60), 40)
    prepareRecv(ring, right.client, to, 100, 2, 0)
    assert.equal(one(ring).result, 100)
    assert.deepEqual(arena.u8.subarray(to, to + 100), arena.u8.subarray(from, from + 100))
    shutdownWrite(left.client)
    prepareRecv(ring, right.client, to, 100, 2, 0)
    assert.equal(pipes.splice(left.server, pipe.writeFd, 65_536), 0)
    shutdownWrite(right.server)
    assert.equal(collect(ring, 1)[0].result, 0)
    pipes.close(pipe)
    left.close()
    right.close()
  })
})
