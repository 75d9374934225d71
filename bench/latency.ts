/**
 * `latency`: what a proxy adds to a request at a quarter, a half and three quarters of the rate
 * that all can serve.
 *
 * `engines` has the same verdict from twenty rounds, between which a stall of 2 ms decides. Here
 * are as many as it takes for the interval to become narrow, hence minutes.
 */

import { requests } from './engines/axes.ts'
import { present, QUICK } from './engines/contenders.ts'
import { isQuick, pace, shareOfRate } from './engines/latency.ts'
import { withContenders } from './engines/running.ts'
import { measure } from './engines/samples.ts'
import type { Bench } from './harness.ts'

const ROUND_MS = 120
const LOADS = [
  { share: 1 / 4, rounds: 100 },
  { share: 1 / 2, rounds: 200 },
  { share: 3 / 4, rounds: 100 },
]

export function benchLatency(bench: Bench): Promise<void> {
  const quick = present(bench).filter(each => isQuick(each) && !each.bulkOnly)
  return withContenders(bench, quick, async (generator, running) => {
    const warmUps = bench.parameter(1, 4)
    const asked = await measure(bench, generator, running, requests(bench), { warmUps })
    for (const { share, rounds } of LOADS) {
      const perSecond = shareOfRate(asked, QUICK, share)
      await pace(bench, generator, running, {
        id: `latency-${share * 100}`,
        perSecond,
        rounds,
        roundMs: ROUND_MS,
      })
    }
  })
}
