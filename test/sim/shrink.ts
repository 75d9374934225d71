/**
 * A failing run made smaller: fewer faults, fewer actions, fewer connections, fewer bytes, as long
 * as it fails.
 */

import { type Limits, run } from './run.ts'

export function shrink(seed: bigint): Limits {
  const first = run(seed)
  if (first.bug === '') return {}
  let limits: Limits = { faults: first.faults, actions: first.actions, connections: 64, bytes: 1_000_000 }
  const take = (smaller: Limits): boolean => {
    if (run(seed, smaller).bug === '') return false
    limits = smaller
    return true
  }
  for (const fault of first.faults)
    take({ ...limits, faults: (limits.faults ?? []).filter(each => each !== fault) })
  for (const action of first.actions)
    take({ ...limits, actions: (limits.actions ?? []).filter(each => each !== action) })
  for (let connections = 1; connections < first.connections; connections *= 2)
    if (take({ ...limits, connections })) break
  for (let bytes = 16; bytes < 1_000_000; bytes *= 8) if (take({ ...limits, bytes })) break
  return limits
}
