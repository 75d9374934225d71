/**
 * `weighting`: what connection-level weighting costs.
 *
 *   picks              drawing a destination, by itself
 *   match-and-pick     and after the match before it
 *   whole-connections  and as a part of a connection through a running gateway
 *   delivered          and whether the destinations got what they should
 */

import type { Bench } from './harness.ts'
import { intervalOf } from './resample.ts'
import { summarise } from './statistics.ts'
import { benchDelivered } from './weighting/delivered.ts'
import { benchMatchAndPick } from './weighting/match-and-pick.ts'
import { AGAIN, benchPicks } from './weighting/picks.ts'
import { AGAIN as AGAIN_WHOLE, ONE } from './weighting/ways.ts'
import { weighConnections } from './weighting/whole-connections.ts'

export async function benchWeighting(bench: Bench): Promise<void> {
  benchPicks(bench)
  benchMatchAndPick(bench)
  await weighConnections(bench)
  sayShare(bench)
  await benchDelivered(bench)
}

/**
 * The answer, before all figures: the pick alone is far less than whole connections differ by on
 * their own, so its time in nanoseconds is set against the CPU of a connection.
 */
function sayShare(bench: Bench): void {
  const roundsOf = (group: RegExp, name: string): readonly number[] =>
    bench.results.find(each => group.test(each.group) && each.name === name)?.rounds ?? []
  const connection = roundsOf(/^whole connections.*: the proxy’s CPU for each$/, ONE.name)
  if (connection.length === 0) return
  const picks = ['single destination', '2 destinations', AGAIN].map(name => roundsOf(/^pick, random$/, name))
  const whole = ['80:20', AGAIN_WHOLE.name].map(name => roundsOf(/: CPU beside one destination$/, name))
  bench.answer(shareText(picks, summarise(connection).median, whole))
}

/**
 * @param picks  The rounds of one destination, of two, and of one again, in nanoseconds.
 * @param whole  The check: whole connections to 80:20, and to one destination again, each as a
 * multiple of one destination.
 */
export function shareText(
  [one, two, again]: readonly (readonly number[])[],
  connectionNs: number,
  [weighted, equal]: readonly (readonly number[])[],
): string {
  const beside = (rounds: readonly number[]) => intervalOf(rounds.map((ns, round) => ns - one[round]))
  const [cost, error] = [beside(two), beside(again)]
  const ns = (value: number): string => value.toFixed(1)
  const share = (value: number): string => `${((value / connectionNs) * 100).toFixed(3)} %`
  return (
    `weighting costs a connection ${ns(cost.median)} ns (95 %: ${ns(cost.low)} to ${ns(cost.high)}), ` +
    `${share(cost.median)} of its ${connectionNs.toFixed(0)} ns of CPU; ` +
    `one destination beside itself differs by ${ns(error.median)} ns (${ns(error.low)} to ${ns(error.high)}). ` +
    `Whole connections, as a check, differ by ${changeText(weighted)}; ` +
    `one destination beside itself, which is what that method can see, by ${changeText(equal)}`
  )
}

/** "0.2 % (−0.8 to 1.2)" */
function changeText(ratios: readonly number[]): string {
  const { low, median, high } = intervalOf(ratios.map(ratio => (ratio - 1) * 100))
  const [least, middle, most] = [low, median, high].map(each => each.toFixed(1).replace('-', '−'))
  return `${middle} % (${least} to ${most})`
}
