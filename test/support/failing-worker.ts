/**
 * A worker as it is, but that dies of the next connection, or has few files from its start, if the
 * environment says so, which the threads share.
 */

import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import { runWith } from '../../src/engine/worker/worker.ts'
import { machine } from '../../src/kernel/machine.ts'

export const DIES = 'WEIR_TEST_DIES'
export const FILES = 'WEIR_TEST_FILES'

/** Limits that a reload changes are not read here: those of the task are what it dies of. */
export default function failingWorker({ limitsInForce: _, ...task }: WorkerTask): Promise<void> {
  const { maxConnections } = task.limits
  const limits = {
    get maxConnections() {
      if (process.env[DIES] !== undefined) throw new Error('unlucky')
      return maxConnections
    },
  }
  const files = process.env[FILES]
  const world = files === undefined ? machine : { ...machine, openFilesMax: () => Number(files) }
  return runWith({ ...task, limits }, { world })
}
