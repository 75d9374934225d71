/**
 * Runs benches one after another; a failing one is reported with its figures so far, and the others
 * go on.
 */

import { monotonicMs } from '../src/base/clock.ts'
import type { BenchRow } from './benches.ts'
import { Bench, type BenchOptions } from './harness.ts'
import type { Progress } from './report/progress.ts'
import { type BenchRun, benchRunOf } from './report/run.ts'

export async function measureBench(
  { name, about, run }: BenchRow,
  options: Pick<BenchOptions, 'scale' | 'choices'>,
  progress: Progress,
): Promise<BenchRun> {
  const bench = new Bench({
    ...options,
    name,
    onGroup: group => progress.group(group),
    onRound: (round, of) => progress.round(round, of),
  })
  const startedMs = monotonicMs()
  progress.bench(name)
  try {
    await run(bench)
  } catch (error) {
    bench.fail(`ended early: ${(error as Error).message}`)
    console.error(error) // with the stack, for whoever fixes it
  }
  progress.end(`${bench.results.length} figures${bench.failures.length === 0 ? '' : ', and failures,'}`)
  return benchRunOf(bench, { name, about, tookMs: monotonicMs() - startedMs })
}
