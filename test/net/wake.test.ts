import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { closeSocket } from '../../src/net/sockets.ts'
import { openWake, Wake, wake } from '../../src/net/wake.ts'
import { descriptor, drain, one, skip, withRing } from '../support/uring.ts'

test('wakes before the look are one wake, and none is lost', { skip }, () => {
  withRing({}, ring => {
    const fd = descriptor(openWake())
    const waker = new Wake(ring, fd)
    for (let round = 0; round < 3; round++) {
      waker.prepare(ring, 1, round)
      assert.deepEqual(drain(ring, 0), [])
      wake(fd)
      wake(fd)
      assert.equal(one(ring).generation, round)
      wake(fd) // before it is prepared again
      waker.prepare(ring, 1, round)
      assert.equal(one(ring).result, 8)
    }
    closeSocket(fd)
  })
})

test('a thread that waits in its ring without end is woken by another', { skip }, async () => {
  const fd = descriptor(openWake())
  const worker = new Worker(new URL('../support/waiting-worker.ts', import.meta.url), { workerData: fd })
  const [ready] = await once(worker, 'message')
  assert.equal(ready, 'waiting')
  const woken = once(worker, 'message')
  wake(fd)
  assert.deepEqual(await woken, ['woken'])
  await once(worker, 'exit')
  closeSocket(fd)
})
