/**
 * `memory`: what weir holds, as its process is resident: at rest, for each worker, rule and idle connection.
 *
 * Each figure is of new processes, since memory that was once taken is seldom given back.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { present } from './engines/contenders.ts'
import type { Bench } from './harness.ts'
import { Generator } from './load/generator.ts'
import { measureResting } from './memory/at-rest.ts'
import { measureIdle } from './memory/idle.ts'

export async function benchMemory(bench: Bench): Promise<void> {
  const generator = await Generator.start()
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  try {
    await measureResting(bench, generator.port, folder)
    await measureIdle(bench, present(bench), generator.port, folder)
  } finally {
    await generator.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
