/**
 * A thread that blocks in its own ring, reports the first completion that ends the wait, and ends.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { Cqe } from '../../src/kernel/uring/io-uring.ts'
import { Wake } from '../../src/kernel/uring/wake.ts'
import { withRing } from './uring.ts'

withRing({}, ring => {
  new Wake(ring, workerData as number).prepare(ring, 1, 2)
  parentPort?.postMessage(ring.fd)
  if (ring.submitAndWait(-1) !== 0) return
  const at = ring.reap()
  parentPort?.postMessage([...ring.cqes.subarray(at + Cqe.USER_DATA, at + Cqe.RES + 1)])
})
