/**
 * Cleans up after a worker that died for any reason: closes what it had open, and counts its
 * connections as `worker-lost`. Then another worker can replace it.
 */

import { ACCEPT } from '../../engine/flow/operations.ts'
import { ANY, Inboxes } from '../../engine/worker/inboxes.ts'
import { Held } from '../../kernel/held.ts'
import { closeDescriptors, closeLeftBehind } from '../../kernel/left-behind.ts'
import { openConnections } from '../../stats/connections.ts'
import { endLost } from '../../stats/lost.ts'
import { giveLost } from '../../stats/lost-sources.ts'
import { openSources } from '../../stats/source-table.ts'
import { Counter, clearWorker, openStats } from '../../stats/stats.ts'
import type { SharedMemory } from './shared-memory.ts'
import type { WorkingThreads } from './threads.ts'

type LostWorker = {
  readonly index: number
  readonly threads: WorkingThreads
  /** Whether it may have left something open: it did not end in order. */
  readonly left: boolean
  readonly memory: SharedMemory
}

/** How many connections are lost with it. */
export async function endLostWorker(worker: LostWorker): Promise<number> {
  const { index, threads, left, memory } = worker
  const { inboxes, journals } = memory
  const held = memory.held[index]
  const { thread, quiet } = new Held(held)
  if (left && !quiet) await threads.end(thread)
  const given = emptyInbox(new Inboxes(inboxes), index)
  await closeDescriptors(given)
  const accepted = left ? await closeLeftBehind(held, ACCEPT) : 0
  const stats = openStats(memory.stats)
  const counters = stats.counters[index]
  counters[Counter.accepted] += given.length + accepted
  counters[Counter.open] += given.length + accepted
  const lost = counters[Counter.open]
  const rows = journals.map(({ connections }) => openConnections(connections).words)
  giveLost(openSources(memory.sources), index, rows)
  endLost(journals[index], lost)
  clearWorker(stats, index)
  return lost
}

/** A connection in its inbox is lost with it, as if it had taken it. */
function emptyInbox(inboxes: Inboxes, index: number): number[] {
  const given: number[] = []
  inboxes.close(index)
  inboxes.take(index, ANY, fd => given.push(fd))
  return given
}
