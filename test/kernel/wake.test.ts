import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { closeSocket } from '../../src/kernel/sockets.ts'
import { Wake } from '../../src/kernel/uring/wake.ts'
import { openWake, wake } from '../../src/kernel/wake.ts'
import { prepareMessage } from '../support/ring-operations.ts'
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

/**
 * Starts a thread that waits in its ring without end; `end` ends the wait; returns the completion
 * that did.
 */
async function endOfWait(end: (wakeFd: number, ringFd: number) => void): Promise<number[]> {
  const fd = descriptor(openWake())
  const worker = new Worker(new URL('../support/waiting-worker.ts', import.meta.url), { workerData: fd })
  const exited = once(worker, 'exit') // which may come together with the last message
  const [ringFd] = (await once(worker, 'message')) as [number]
  const reported = once(worker, 'message')
  end(fd, ringFd)
  const [completion] = (await reported) as [number[]]
  await exited
  closeSocket(fd)
  return completion
}

test('a thread that waits in its ring without end is woken by another', { skip }, async () => {
  assert.deepEqual(await endOfWait(wake), [1, 2, 8])
})

test("a message from another thread's ring ends the wait, and brings a descriptor with it", {
  skip,
}, async () => {
  const completion = await endOfWait((_, ringFd) => {
    withRing({}, ring => {
      prepareMessage(ring, ringFd, 4711, 5, 6, 1, 0)
      assert.equal(one(ring).result, 0)
    })
  })
  assert.deepEqual(completion, [5, 6, 4711])
})
