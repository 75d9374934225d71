/** A thread that blocks in its own ring until it is woken through the eventfd it was given. */

import { parentPort, workerData } from 'node:worker_threads'
import { Wake } from '../../src/net/wake.ts'
import { withRing } from './uring.ts'

withRing({}, ring => {
  new Wake(ring, workerData as number).prepare(ring, 1, 0)
  parentPort?.postMessage('waiting')
  if (ring.submitAndWait(-1) === 0 && ring.reap() >= 0) parentPort?.postMessage('woken')
})
