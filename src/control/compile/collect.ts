/**
 * Gives memory back after a compilation.
 *
 * What a first compilation leaves is garbage mostly. A waiting thread of the pool sleeps outside
 * its event loop, so V8 finds no time to collect it. A small change leaves little, and looking
 * through what is kept for the next one costs more than that change did: so its garbage waits for
 * more, and then is collected as V8 itself would do it. If all is given back that can be, V8 marks
 * what is kept again with each later change: of 100 000 rules for twice the CPU, to save 65 MB. A
 * regular collection right behind that one lets the heap grow again.
 */

import { getHeapStatistics } from 'node:v8'
import { collectGarbage, collectLoaded } from '../../base/collect-garbage.ts'

/** A heap of less is left alone: collecting it gives little back. */
const LARGE_BYTES = 64 * 1024 * 1024
/** Of objects and buffers since the last collection. */
const GROWN_BYTES = 48 * 1024 * 1024

/** What was in use after the last collection. */
let usedBytes = 0

/**
 * Returns whether it has collected a large heap.
 *
 * @param mayWait  Nothing large that was kept has been given up since the last collection.
 */
export function collectIfLarge(mayWait = false): boolean {
  const { total_heap_size: totalBytes } = getHeapStatistics()
  const isLarge = totalBytes >= LARGE_BYTES
  if (!isLarge) collectLoaded()
  if (!isLarge || (mayWait && inUse() - usedBytes < GROWN_BYTES)) return false
  if (!mayWait) collectGarbage('last-resort')
  collectGarbage('regular') // also behind a last resort, or the next change is marked three times
  usedBytes = inUse()
  return true
}

/** With what buffers have outside the heap: the tables, above all. */
function inUse(): number {
  const { used_heap_size: objects, external_memory: buffers } = getHeapStatistics()
  return objects + buffers
}
