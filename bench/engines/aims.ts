/** The aims of weir's engines: a share of what the better peer takes, round by round. */

import type { Bench } from '../harness.ts'
import { PEERS, WEIR } from './contenders.ts'
import { type Axis, median, ratio, type Sample, type Samples } from './samples.ts'

const FIGURES = {
  time: ({ timeNs }: Sample): number => timeNs,
  cpu: ({ cpuNs }: Sample): number => cpuNs,
  /** Without subtracting the run without a proxy: it is in both, so less added is less in total. */
  p99: ({ latencyNs }: Sample): number => latencyNs.p99,
}
const COMPARED = ['time', 'cpu', 'p99'] as const

/** The maximum: of what the better peer takes, and of weir's own CPU in user space. */
export type Goals = Partial<Record<keyof typeof FIGURES | 'userShare', number>>

/** @param name  The engine's, as a contender. */
export function recordAims(
  bench: Bench,
  name: string,
  { group }: Axis,
  samples: Samples,
  goals: Goals,
): void {
  const ours = samples.get(name)
  if (!ours) return
  const aims = name === WEIR ? `aims: ${group}` : `aims of ${name}: ${group}`
  for (const what of COMPARED) {
    const goal = goals[what]
    const peer = bestPeer(samples, FIGURES[what])
    if (goal === undefined || !peer) continue
    const ratios = ours.map((sample, round) => ratio(FIGURES[what](sample), FIGURES[what](peer.list[round])))
    bench.record(aims, `${what}, beside ${peer.name}`, 'times', ratios, goal)
  }
  if (goals.userShare === undefined) return
  const shares = ours.map(({ userNs, systemNs }) => ratio(userNs, userNs + systemNs))
  bench.record(aims, 'user share of weir’s CPU', 'times', shares, goals.userShare)
}

/** The peer that takes least in the median round. */
export function bestPeer(
  samples: Samples,
  figure: (sample: Sample) => number,
): { name: string; list: readonly Sample[] } | null {
  const peers = [...samples].filter(([name]) => PEERS.includes(name))
  const [first] = peers
    .map(([name, list]) => ({ name, list, value: median(list.map(figure)) }))
    .sort((a, b) => a.value - b.value)
  return first ?? null
}
