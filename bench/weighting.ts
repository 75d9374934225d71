/**
 * `weighting`: what connection-level weighting costs.
 *
 *   picks              drawing a destination, by itself
 *   match-and-pick     and after the match before it
 *   whole-connections  and as a part of a connection through a running gateway
 *   delivered          and whether the destinations got what they should
 */

import type { Bench } from './harness.ts'
import { benchDelivered } from './weighting/delivered.ts'
import { benchMatchAndPick } from './weighting/match-and-pick.ts'
import { benchPicks } from './weighting/picks.ts'
import { weighConnections } from './weighting/whole-connections.ts'

export async function benchWeighting(bench: Bench): Promise<void> {
  benchPicks(bench)
  benchMatchAndPick(bench)
  await weighConnections(bench)
  await benchDelivered(bench)
}
