/**
 * The verdict on p99 at half load: weir beside the better peer, in the same rounds.
 *
 * One round's p99 is mostly the machine's scheduler, so there are many short rounds, and what
 * counts is the median of what weir and the peer differ by in a round, with its interval. The run
 * without a proxy is in both, so the difference is that of what each adds.
 */

import type { Bench } from '../harness.ts'
import { intervalOf } from '../resample.ts'
import { show } from '../units.ts'
import { bestPeer } from './aims.ts'
import type { Axis, Sample, Samples } from './samples.ts'

export const LATENCY_ROUNDS = { most: 20, roundMs: 120 }
const p99 = ({ latencyNs }: Sample): number => latencyNs.p99

export function sayLatency(bench: Bench, name: string, { group }: Axis, samples: Samples): void {
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
