/**
 * Worker threads that start before the configuration tells their number: they load their code while
 * another thread compiles.
 */

import { availableParallelism } from 'node:os'
import type { Settings } from '../../config/settings/settings.ts'
import type { Overrides } from '../overrides.ts'
import { workersFor } from './machine-limits.ts'
import { type WorkingThreads, workingThreads } from './threads.ts'

/** As many as there most likely will be. */
export function prestarted({ workers = 0, engine = 'auto' }: Overrides): WorkingThreads {
  const least = workers || availableParallelism()
  return workingThreads({ least, most: least, engine: engine === 'auto' ? 'uring' : engine })
}

/** These threads, or null where the configuration says another number: then they end. */
export function suited(threads: WorkingThreads, settings: Settings): WorkingThreads | null {
  if (threads.isLent || threads.least === workersFor(settings)) return threads
  void threads.close()
  return null
}
