/**
 * A worker as it is, but that the first of its places dies once, in the middle of deciding about a
 * connection: in the way that the environment says, which the threads share.
 */

import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import runWorker from '../../src/engine/worker/worker.ts'
import { Held } from '../../src/kernel/held.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { Counter, closedAt, openStats } from '../../src/stats/stats.ts'

/** Connections that it has open then. */
export const DIES_WITH = 100

/**
 * A thread can be told to end from outside, too: `terminate`, which is the test's to do. One that
 * hangs (`hang`) has to be.
 */
export const WAYS = ['throw', 'exit', 'heap', 'terminate'] as const

export const WAY = 'WEIR_TEST_DIES_BY'

/** Where it says what it had mapped: addresses and lengths, as JSON. */
export const MAPPED = 'WEIR_TEST_MAPPED'

function die(way: string | undefined): void {
  if (way === 'exit') process.exit(7)
  if (way === 'terminate') return
  if (way === 'hang') for (;;) Math.random()
  if (way === 'heap') for (const all: number[][] = []; ; ) all.push(new Array(1e6).fill(1.5))
  throw new Error('unlucky')
}

/** Limits that a reload changes are not read here: those of the task are what it dies of. */
export default function mortalWorker({ limitsInForce: _, ...task }: WorkerTask): Promise<void> {
  const { maxConnections } = task.limits
  const counters = openStats(task.stats).counters[task.index]
  const isDue = () =>
    task.index === 0 && counters[Counter.open] >= DIES_WITH && counters[closedAt(Reason['worker-lost'])] === 0
  const limits = {
    get maxConnections() {
      if (isDue()) {
        const mappings = new Held(task.held).mappings.map(({ address, bytes }) => [Number(address), bytes])
        process.env[MAPPED] = JSON.stringify(mappings)
        die(process.env[WAY])
      }
      return maxConnections
    },
  }
  return runWorker({ ...task, limits })
}
