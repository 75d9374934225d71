/** The memory that workers share with each other and with the main thread: all of it. */

import type { EngineLimits } from '../../engine/decide/decide.ts'
import { createInboxes } from '../../engine/worker/inboxes.ts'
import { createLimits, writeLimits } from '../../engine/worker/limits.ts'
import type { WorkerTask } from '../../engine/worker/protocol.ts'
import { createHeld } from '../../kernel/held.ts'
import { machine } from '../../kernel/machine.ts'
import { createJournalMemory, type JournalMemory } from '../../stats/journal-memory.ts'
import { createSources } from '../../stats/source-table.ts'
import { createStats } from '../../stats/stats.ts'

export type SharedMemory = {
  /** One Int32: how much has been published. */
  readonly epoch: SharedArrayBuffer
  /** The counts, one row for each worker. */
  readonly stats: SharedArrayBuffer
  /** Connections and tokens of each source, over all workers. */
  readonly sources: SharedArrayBuffer
  readonly inboxes: SharedArrayBuffer
  /** The limits that are in force. */
  readonly limits: SharedArrayBuffer
  /** What each worker writes down of its connections. */
  readonly journals: readonly JournalMemory[]
  /** What the thread of each worker has open. */
  readonly held: readonly SharedArrayBuffer[]
}

export function createSharedMemory(workers: number, limits: EngineLimits): SharedMemory {
  const each = <T>(create: () => T): T[] => Array.from({ length: workers }, create)
  const memory = {
    epoch: new SharedArrayBuffer(4),
    stats: createStats(workers),
    sources: createSources(workers),
    inboxes: createInboxes(workers),
    limits: createLimits(),
    journals: each(() => createJournalMemory(limits.maxConnections)),
    held: each(() => createHeld(machine.openFilesMax() ?? Number.POSITIVE_INFINITY)),
  }
  writeLimits(memory.limits, limits)
  return memory
}

type TaskMemory = Required<
  Pick<WorkerTask, 'epoch' | 'stats' | 'sources' | 'inboxes' | 'limitsInForce' | 'journal' | 'held'>
>

/** What one worker is given of it. */
export const memoryOf = (memory: SharedMemory, index: number): TaskMemory => ({
  epoch: memory.epoch,
  stats: memory.stats,
  sources: memory.sources,
  inboxes: memory.inboxes,
  limitsInForce: memory.limits,
  journal: memory.journals[index],
  held: memory.held[index],
})
