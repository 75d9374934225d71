/** Invented runs, for the tests of reports. */

import { Bench } from '../../bench/harness.ts'
import type { Machine } from '../../bench/machine.ts'
import { benchRunOf, type Run, runOf } from '../../bench/report/run.ts'

export const MACHINE: Machine = {
  measured: '2026-11-01T12:00:00.000Z',
  kernel: 'Linux 6.18.0',
  processors: 2,
  processor: 'A <Processor> & "more"',
  governor: null,
  memoryBytes: 24 * 2 ** 30,
  load: [0.1, 0.2, 0.3],
  node: 'v26.10.0',
  v8: '14.6',
  peers: { haproxy: '2.6.12' },
  commit: { id: '0123456789ab', isDirty: false },
}

/** A run with one bench, `x`, of what `fill` records. */
export function runWith(fill: (bench: Bench) => void, machine: Machine = MACHINE, isQuick = false): Run {
  const bench = new Bench({ name: 'x', scale: 'small', onGroup: () => {} })
  fill(bench)
  const about = 'a bench that nobody ran'
  const options = { names: ['x'], isQuick }
  return runOf(machine, options, [benchRunOf(bench, { name: 'x', about, tookMs: 1500 })])
}
