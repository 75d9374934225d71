/**
 * `memory`: weir's resident memory: at rest, for each worker, rule and idle connection.
 *
 * Each figure comes from new processes, since processes seldom give memory back.
 */

import { present } from './engines/contenders.ts'
import type { Bench } from './harness.ts'
import { withLoad } from './load/scene.ts'
import { measureResting } from './memory/at-rest.ts'
import { measureIdle } from './memory/idle.ts'

export const benchMemory = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    await measureResting(bench, generator.port, folder)
    await measureIdle(bench, present(bench), generator.port, folder)
  })
