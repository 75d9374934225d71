/** A thread that asks for the slots of the same identities as others do, from another one on. */

import { parentPort, workerData } from 'node:worker_threads'
import { NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'

const { buffer, count, thread } = workerData as { buffer: SharedArrayBuffer; count: number; thread: number }
const slots = new Slots(buffer, 1, NO_COUNTS)
const given: number[] = []
for (let done = 0; done < count; done++) {
  const identity = (done + thread * 7) % count
  given[identity] = slots.slotOf(`${identity}`)
}
parentPort?.postMessage(given)
