/**
 * The rounds of an axis as figures of the report: a group for each figure, and the contenders in it
 * by name.
 */

import type { Bench } from '../harness.ts'
import type { Better, Unit } from '../units.ts'
import { DIRECT, WEIR, WEIR_EPOLL } from './contenders.ts'
import type { Axis, Sample, Samples } from './samples.ts'

const PERCENTILES = ['p50', 'p99', 'p99.9'] as const

/** Nanoseconds for each connection or request, milliseconds for each GB. */
const UNITS = {
  connections: { each: 'each', unit: 'ns', ns: 1 },
  requests: { each: 'each', unit: 'ns', ns: 1 },
  bulk: { each: 'a GB', unit: 'ms', ns: 1e6 },
} as const

/** Time, CPU and load of the threads. */
export function recordWork(bench: Bench, { group, job }: Axis, samples: Samples): void {
  const { each, unit, ns } = UNITS[job.kind]
  const proxies = new Map([...samples].filter(([name]) => name !== DIRECT))
  const figures: readonly [string, Samples, (sample: Sample) => number][] = [
    [`time for ${each}`, samples, sample => sample.timeNs / ns],
    [`the proxy’s CPU for ${each}`, proxies, sample => sample.cpuNs / ns],
    [`the proxy’s CPU for ${each}, user`, proxies, sample => sample.userNs / ns],
    [`the proxy’s CPU for ${each}, system`, proxies, sample => sample.systemNs / ns],
  ]
  for (const [what, list, figure] of figures) recordEach(bench, `${group}: ${what}`, list, unit, figure)
  recordShares(bench, group, samples)
  recordEach(
    bench,
    `${group}: failed, in a round`,
    onlyWith(samples, 'failed'),
    'times',
    ({ failed }) => failed,
  )
}

/** Processor shares: a thread near 1 is the bottleneck. */
export function recordShares(bench: Bench, group: string, samples: Samples): void {
  const proxies = new Map([...samples].filter(([name]) => name !== DIRECT))
  const shares: readonly [string, Samples, (sample: Sample) => number][] = [
    ['the proxy', proxies, sample => sample.proxyShare],
    ['the load', samples, sample => sample.loadShare],
    ['the server', samples, sample => sample.serverShare],
  ]
  for (const [who, list, share] of shares) {
    recordEach(bench, `${group}: ${who}, in processors`, list, 'times', share, 'neither')
  }
}

/**
 * Percentiles as they are; if there is a run without a proxy, what each proxy adds to it in the
 * same round.
 */
export function recordLatency(bench: Bench, { group }: Axis, samples: Samples): void {
  const direct = samples.get(DIRECT)
  for (const percentile of PERCENTILES) {
    const own = ({ latencyNs }: Sample): number => latencyNs[percentile]
    for (const [name, list] of samples) {
      if (name === DIRECT || !direct) bench.record(`${group}: ${percentile}`, name, 'ns', list.map(own))
      else {
        const added = list.map((sample, round) => own(sample) - own(direct[round]))
        bench.record(`${group}: ${percentile}`, `${name}, added`, 'ns', added)
      }
    }
  }
  const late = onlyWith(samples, 'unanswered')
  recordEach(
    bench,
    `${group}: not answered in time, in a round`,
    late,
    'times',
    ({ unanswered }) => unanswered,
  )
}

/** The rate of each proxy as a share of that without one, round by round. */
export function recordReach(bench: Bench, { group }: Axis, samples: Samples, goal: number): void {
  const direct = samples.get(DIRECT)
  for (const [name, list] of samples) {
    if (name === DIRECT || !direct) continue
    const shares = list.map((sample, round) => direct[round].timeNs / sample.timeNs)
    const own = name === WEIR || name === WEIR_EPOLL ? goal : null
    bench.record(`${group}: rate beside no proxy`, name, 'times', shares, own, { better: 'more' })
  }
}

function recordEach(
  bench: Bench,
  group: string,
  samples: Samples,
  unit: Unit,
  figure: (sample: Sample) => number,
  better: Better = 'less',
): void {
  for (const [name, list] of samples) bench.record(group, name, unit, list.map(figure), null, { better })
}

/** Rounds in which it happened at all. */
const onlyWith = (samples: Samples, what: 'failed' | 'unanswered'): Samples =>
  new Map([...samples].filter(([, list]) => list.some(sample => sample[what] > 0)))
