/**
 * The shared memory of a worker's journal (engine/worker/journal.ts): the supervisor makes one set
 * for each worker, and keeps it over reloads and the worker's death.
 */

import { createConnections, liveRows } from './connections.ts'
import { createHistograms } from './histogram.ts'
import { createRecords } from './records.ts'
import { createSeries } from './series.ts'

export type JournalMemory = {
  /** Counts by match: series.ts. */
  readonly series: SharedArrayBuffer
  /** Open connections: connections.ts. */
  readonly connections: SharedArrayBuffer
  /** Ended connections, for the access log: records.ts. */
  readonly records: SharedArrayBuffer
  /** Latencies: histogram.ts. */
  readonly histograms: SharedArrayBuffer
}

export const createJournalMemory = (maxConnections: number): JournalMemory => ({
  series: createSeries(),
  connections: createConnections(liveRows(maxConnections)),
  records: createRecords(),
  histograms: createHistograms(),
})
