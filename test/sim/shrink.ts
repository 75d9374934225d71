/**
 * A failing run made smaller: fewer faults, features, actions, connections and bytes, as long as it
 * fails. It goes round until nothing more can be left out.
 */

import { CONNECTIONS_MOST } from './memory.ts'
import { run } from './run.ts'
import type { Limits } from './swarm.ts'

const BYTES_MOST = 1_000_000

/** @param tell  Is told of each step that it takes. */
export function shrink(seed: bigint, tell: (what: string) => void = () => {}): Limits {
  const first = run(seed)
  if (first.bug === '') return {}
  const { faults, features, actions } = first
  let limits: Required<Limits> = {
    faults,
    features,
    actions,
    connections: CONNECTIONS_MOST,
    bytes: BYTES_MOST,
  }
  const take = (smaller: Required<Limits>, what: string): boolean => {
    const { bug } = run(seed, smaller)
    if (bug === '') return false
    limits = smaller
    tell(`${what}: ${bug.split('\n')[0]}`)
    return true
  }
  for (let before = ''; before !== JSON.stringify(limits); ) {
    before = JSON.stringify(limits)
    for (const what of ['features', 'faults', 'actions'] as const)
      for (const name of limits[what])
        take({ ...limits, [what]: limits[what].filter(each => each !== name) }, `without ${name}`)
    for (let fewer = 1; fewer < limits.connections; fewer *= 2)
      if (take({ ...limits, connections: fewer }, `${fewer} connections`)) break
    for (let bytes = 16; bytes < limits.bytes; bytes *= 8)
      if (take({ ...limits, bytes }, `${bytes} bytes`)) break
  }
  return limits
}
