/**
 * The shared memory of a run, used again by the next one: making it anew would cost more than most
 * runs.
 */

import { LiveHead, liveAt } from '../../src/stats/connections.ts'
import { createJournalMemory, type JournalMemory } from '../../src/stats/journal-memory.ts'
import { waitingRecords } from '../../src/stats/records.ts'
import { seriesAt, usedRows } from '../../src/stats/series.ts'
import { createStats } from '../../src/stats/stats.ts'

/** No run has more connections. */
export const CONNECTIONS_MOST = 200

type Memory = { readonly stats: SharedArrayBuffer; readonly journals: readonly JournalMemory[] }

const kept = new Map<number, Memory>()

/** As new. */
export function memoryFor(workers: number): Memory {
  const memory = kept.get(workers)
  if (memory === undefined) {
    const journals = Array.from({ length: workers }, () => createJournalMemory(CONNECTIONS_MOST))
    kept.set(workers, { stats: createStats(workers), journals })
    return kept.get(workers) as Memory
  }
  clear(memory.stats)
  for (const { series, connections, records, histograms } of memory.journals) {
    clear(series, seriesAt(usedRows(new Int32Array(series))))
    clear(connections, liveAt(new Int32Array(connections)[LiveHead.used]))
    clear(records, liveAt(waitingRecords(records) + 1) + RECORDS_HEAD)
    clear(histograms)
  }
  return memory
}

/** Words before the first record, at most. */
const RECORDS_HEAD = 64

/** @param words  As many as were ever used. */
function clear(buffer: SharedArrayBuffer, words = buffer.byteLength / 4): void {
  new Int32Array(buffer).fill(0, 0, words)
}
