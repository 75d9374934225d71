/**
 * Gives memory back after a compilation.
 *
 * What a compilation leaves is garbage nearly all: of 430 MB after 50 000 rules, 21 MB live. A
 * waiting thread of the pool sleeps outside its event loop, so V8 finds no time to collect it.
 */

import { getHeapStatistics } from 'node:v8'
import { collectGarbage, collectLoaded } from '../../base/collect-garbage.ts'

/** A heap of less is left alone: collecting it gives little back. */
const LARGE_BYTES = 64 * 1024 * 1024

export function collectIfLarge(): void {
  if (getHeapStatistics().total_heap_size >= LARGE_BYTES) collectGarbage()
  else collectLoaded()
}
