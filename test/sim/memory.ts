/**
 * The shared memory of a run, used again by the next one: making it anew would cost more than most
 * runs.
 */

import { TIME_BUCKETS } from '../../src/stats/connect-times.ts'
import { LiveHead, liveAt } from '../../src/stats/connections.ts'
import { SLOTS_MAX } from '../../src/stats/counter-slots.ts'
import { createJournalMemory, type JournalMemory } from '../../src/stats/journal-memory.ts'
import { Outlier } from '../../src/stats/outliers.ts'
import { waitingRecords } from '../../src/stats/records.ts'
import { seriesAt, usedRows } from '../../src/stats/series.ts'
import { createStats, openAt, openStats, turnAt } from '../../src/stats/stats.ts'

/** No run has more connections. */
export const CONNECTIONS_MOST = 200
/** Nor does one count for more slots (src/stats/counter-slots.ts). */
export const SLOTS_MOST = 512

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
  clearStats(memory.stats)
  for (const { series, connections, records, histograms } of memory.journals) {
    clear(series, seriesAt(usedRows(new Int32Array(series))))
    clear(connections, liveAt(new Int32Array(connections)[LiveHead.used]))
    clear(records, liveAt(waitingRecords(records) + 1) + RECORDS_HEAD)
    clear(histograms)
  }
  return memory
}

/** Counts of slots are at the front of what has one for each of them. */
function clearStats(buffer: SharedArrayBuffer): void {
  const stats = openStats(buffer)
  const { words, outliers, tickets, backoffs, policyMatches, marks, lastErrors, arrivals } = stats
  const bySlot = [tickets, backoffs, policyMatches, marks, lastErrors, arrivals]
  for (const each of bySlot) each.fill(0, 0, SLOTS_MOST)
  outliers.words.fill(0, 0, SLOTS_MOST * Outlier.WORDS)
  for (const [worker, counters] of stats.counters.entries()) {
    counters.fill(0)
    for (const first of [openAt(worker, 0), turnAt(worker, 0)]) words.fill(0, first, first + SLOTS_MOST)
    const times = turnAt(worker, SLOTS_MAX)
    words.fill(0, times, times + SLOTS_MOST * TIME_BUCKETS)
  }
}

/** Words before the first record, at most. */
const RECORDS_HEAD = 64

/** @param words  As many as were ever used. */
function clear(buffer: SharedArrayBuffer, words = buffer.byteLength / 4): void {
  new Int32Array(buffer).fill(0, 0, words)
}
