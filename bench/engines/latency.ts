/**
 * Latency in an open loop, and the verdict on p99: weir beside the better peer, in the same rounds.
 *
 * One round's p99 is mostly the machine's scheduler, so there are many short rounds, and what
 * counts is the median of what weir and the peer differ by in a round, with its interval. The run
 * without a proxy is in both, so the difference is that of what each adds.
 */

import type { Bench } from '../harness.ts'
import type { Generator } from '../load/generator.ts'
import { intervalOf } from '../resample.ts'
import { show } from '../units.ts'
import { bestPeer, recordAims } from './aims.ts'
import { requests } from './axes.ts'
import { chartLatency } from './charts.ts'
import { DIRECT, QUICK, WEIR, WEIR_EPOLL } from './contenders.ts'
import { recordLatency } from './record.ts'
import type { Target } from './running.ts'
import { type Axis, measure, median, type Sample, type Samples } from './samples.ts'

const p99 = ({ latencyNs }: Sample): number => latencyNs.p99

/** Those whose latencies are compared, and the run without a proxy. */
export const isQuick = ({ name }: { readonly name: string }): boolean =>
  name === DIRECT || QUICK.includes(name)

/** `share` of the rate at which the slowest of `names` is saturated, in requests per second. */
export function shareOfRate(asked: Samples, names: readonly string[], share: number): number {
  const timesNs = [...asked]
    .filter(([name]) => names.includes(name))
    .map(([, list]) => median(list.map(each => each.timeNs)))
  return Math.round(((1e9 / Math.max(...timesNs)) * share) / 100) * 100
}

export type Pace = {
  /** Of its chart. */
  readonly id: string
  readonly perSecond: number
  readonly rounds?: number
  readonly roundMs?: number
}

/** Requests at fixed times through each of `running`, with all that is said about their latency. */
export async function pace(
  bench: Bench,
  generator: Generator,
  running: readonly Target[],
  { id, perSecond, rounds: most = 5, roundMs }: Pace,
): Promise<void> {
  const axis = requests(bench, { perSecond, roundMs })
  const rounds = bench.parameter(2, most)
  const samples = await measure(bench, generator, running, axis, { rounds })
  recordLatency(bench, axis, samples)
  recordAims(bench, WEIR, axis, samples, { p99: 1 })
  for (const name of [WEIR, WEIR_EPOLL]) sayLatency(bench, name, axis, samples)
  chartLatency(bench, id, axis, samples)
}

function sayLatency(bench: Bench, name: string, { group }: Axis, samples: Samples): void {
  const ours = samples.get(name)
  const peer = bestPeer(samples, p99)
  if (!ours || !peer) return
  const differences = ours.map((sample, round) => p99(sample) - p99(peer.list[round]))
  bench.record(`${group}: p99 beside ${peer.name}`, `${name}, more than it`, 'ns', differences)
  const [own, its] = [ours, peer.list].map(list => intervalOf(list.map(p99)).median)
  bench.say(`${group}: ${latencyText({ name, ns: own }, { name: peer.name, ns: its }, differences)}`)
}

type Side = { readonly name: string; readonly ns: number }

/** "p99 of weir is 410 µs, of haproxy 520 µs: better by 105 µs (95 %: 60 to 140 µs)" */
export function latencyText(ours: Side, peer: Side, differences: readonly number[]): string {
  const { low, median, high } = intervalOf(differences)
  const time = (ns: number): string => show(ns, 'ns')
  const both = `p99 of ${ours.name} is ${time(ours.ns)}, of ${peer.name} ${time(peer.ns)}`
  const range = `95 %: ${time(low)} to ${time(high)}`
  if (high < 0) return `${both}: better by ${time(-median)} (${time(-high)} to ${time(-low)})`
  if (low > 0) return `${both}: worse by ${time(median)} (${time(low)} to ${time(high)})`
  return `${both}: they cannot be told apart (${range})`
}
