/** A worker as it is, but that the first of its places dies once, in the middle of deciding about a connection. */

import type { WorkerTask } from '../../src/engine/protocol.ts'
import runWorker from '../../src/engine/worker.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { Counter, closedAt, openStats } from '../../src/stats/stats.ts'

/** Connections that it has open then. */
export const DIES_WITH = 100

export default function mortalWorker(task: WorkerTask): Promise<void> {
  const { connectAttempts, maxConnections } = task.limits
  const counters = openStats(task.stats).counters[task.index]
  const isDue = () =>
    task.index === 0 && counters[Counter.open] >= DIES_WITH && counters[closedAt(Reason['worker-lost'])] === 0
  const limits = {
    connectAttempts,
    get maxConnections() {
      if (isDue()) throw new Error('unlucky')
      return maxConnections
    },
  }
  return runWorker({ ...task, limits })
}
