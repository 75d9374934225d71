/** The charts of `engines`. */

import type { Bench } from '../harness.ts'
import { thousands } from '../units.ts'
import type { Axis, Samples } from './samples.ts'

const KINDS = {
  connections: { title: 'New connections', rate: 'connections a second', each: 'each', of: 'a connection' },
  requests: {
    title: 'Requests over kept connections',
    rate: 'requests a second',
    each: 'each',
    of: 'a request',
  },
  bulk: { title: 'Bulk', rate: 'GB a second', each: 'a GB', of: 'a GB' },
} as const

/** After recordWork, whose groups these are: how much work, and at what cost. */
export function chartWork(bench: Bench, { group, job: { kind, clients } }: Axis): void {
  const { title, rate, each, of } = KINDS[kind]
  const what = kind === 'bulk' ? `${title}, ${clients === 1 ? 'one stream' : `${clients} streams`}` : title
  const id = kind === 'bulk' ? `${kind}-${clients}` : kind
  bench.chart({
    kind: 'bars',
    id: `${id}-rate`,
    title: `${what}: the rate`,
    about: `${rate[0].toUpperCase()}${rate.slice(1)}${kind === 'bulk' ? '' : `, ${clients} at a time`}, through one thread of each proxy. More is better.`,
    groups: [{ group: `${group}: time for ${each}`, label: rate }],
    rate,
  })
  const cpu = `${group}: the proxy’s CPU for ${each}`
  bench.chart({
    kind: 'bars',
    id: `${id}-cpu`,
    title: `${what}: CPU`,
    about: `Processor time of the proxy’s process for ${of}, in its own code and in the kernel. Less is better.`,
    groups: [
      { group: `${cpu}, user`, label: 'user' },
      { group: `${cpu}, system`, label: 'system' },
    ],
    stacked: cpu,
    per: of,
  })
}

/** After recordLatency: all percentiles, as they are. */
export function chartLatency(bench: Bench, id: string, { group, job }: Axis, samples: Samples): void {
  for (const [name, list] of samples) {
    bench.distribution(
      group,
      name,
      'ns',
      list.map(({ ladder }) => ladder),
    )
  }
  bench.chart({
    kind: 'percentiles',
    id,
    title: `Latency at ${thousands(job.perSecond)} requests a second`,
    about: `From when a request was to start, whether or not it could, to its reply; ${job.clients} connections, open loop. What passes no proxy shows what the load, the server and the machine take by themselves. Lower is better.`,
    curves: [...samples.keys()].map(name => ({ group, name })),
  })
}
