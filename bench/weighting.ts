/**
 * `weighting`: what connection-level weighting costs.
 *
 *   picks              drawing a destination, by itself
 *   match-and-pick     and after the match before it
 *   whole-connections  and as a part of a connection through a running gateway
 *   delivered          and whether the destinations got what they should
 */

import type { Bench } from './harness.ts'
import { summarise } from './statistics.ts'
import { benchDelivered } from './weighting/delivered.ts'
import { benchMatchAndPick } from './weighting/match-and-pick.ts'
import { benchPicks } from './weighting/picks.ts'
import { ONE } from './weighting/ways.ts'
import { weighConnections } from './weighting/whole-connections.ts'

export async function benchWeighting(bench: Bench): Promise<void> {
  benchPicks(bench)
  benchMatchAndPick(bench)
  await weighConnections(bench)
  sayShare(bench)
  await benchDelivered(bench)
}

/** The pick alone is far less than whole connections differ by on their own. */
function sayShare(bench: Bench): void {
  const of = (group: RegExp, name: string): number => {
    const rounds = bench.results.find(each => group.test(each.group) && each.name === name)?.rounds
    return rounds ? summarise(rounds).median : Number.NaN
  }
  const connectionNs = of(/^whole connections.*: the proxy’s CPU for each$/, ONE.name)
  if (Number.isNaN(connectionNs)) return
  const pickNs = of(/^pick, random$/, '2 destinations') - of(/^pick, random$/, 'single destination')
  bench.say(
    `the pick alone, in a loop: one of two costs ${pickNs.toFixed(0)} ns more than a single destination, ` +
      `${((pickNs / connectionNs) * 100).toFixed(2)} % of the ${connectionNs.toFixed(0)} ns of a connection’s CPU`,
  )
}
