/**
 * `readings`: what a new connection costs that says something to the proxy before anything else,
 * has something said for it, or is asked whether it may connect, beside a plain one, and beside
 * HAProxy doing the same.
 *
 * Each proxy is one process with one busy thread and a listener for each kind (readings/kinds.ts).
 * Kinds and proxies take turns, round by round, so each is compared with its neighbours in time.
 * Figures are the CPU of the proxy's process for each connection.
 */

import { WEIR, WEIR_EPOLL } from './engines/contenders.ts'
import { recordWork } from './engines/record.ts'
import { Running, type Target } from './engines/running.ts'
import { type Axis, measure, median, ratio, type Samples } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import { freePort } from './load/free-port.ts'
import { withLoad } from './load/scene.ts'
import { haproxyFor, KINDS, PLAIN, weirFor } from './readings/kinds.ts'
import { intervalText } from './resample.ts'

const HAPROXY = 'haproxy'
const CLIENTS = 64

/** The goal for a kind: this share of HAProxy's CPU. */
const GOAL = 1

export const benchReadings = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    await using proxies = new AsyncDisposableStack()
    const targets: Target[] = []
    for (const name of [WEIR, WEIR_EPOLL, HAPROXY]) {
      const more = await Promise.all(KINDS.slice(1).map(() => freePort()))
      const contender =
        name === HAPROXY ? haproxyFor(more) : weirFor(name, name === WEIR ? 'uring' : 'epoll', more)
      const why = contender.missing()
      if (why !== '') bench.say(`${name} is left out: ${why}`)
      else {
        const running = proxies.use(await Running.start(contender, generator.port, folder))
        targets.push(...targetsOf(running, more))
      }
    }
    const axis = axisOf(bench)
    const rounds = { rounds: bench.parameter(2, 12), warmUps: 2 }
    const samples = await measure(bench, generator, targets, axis, rounds)
    recordWork(bench, axis, samples)
    recordCosts(bench, axis, samples)
  })

const targetsOf = (running: Running, more: readonly number[]): Target[] =>
  KINDS.map(({ name, opening }, index) => ({
    ...running.at(nameOf(running.name, name), index === 0 ? running.port : more[index - 1]),
    ...(opening && { opening }),
  }))

const nameOf = (proxy: string, kind: string): string => `${proxy}, ${kind}`

const axisOf = (bench: Bench): Axis => ({
  group: `new connections by what is read first, ${CLIENTS} at a time`,
  job: {
    kind: 'connections',
    clients: CLIENTS,
    perSecond: 0,
    mebibytes: 0,
    durationMs: bench.parameter(60, 120),
  },
})

/** CPU beside HAProxy doing the same, and beside a plain connection, round by round. */
function recordCosts(bench: Bench, { group }: Axis, samples: Samples): void {
  const cpus = (proxy: string, kind: string): number[] =>
    (samples.get(nameOf(proxy, kind)) ?? []).map(({ cpuNs }) => cpuNs)
  const compare = (
    what: string,
    name: string,
    ours: number[],
    others: number[],
    goal: number | null,
  ): void => {
    if (ours.length === 0 || others.length === 0) return
    const ratios = ours.map((ns, round) => ratio(ns, others[round]))
    bench.record(`${group}: CPU beside ${what}`, name, 'times', ratios, goal)
    const times = (value: number): string => value.toFixed(2)
    const interval = intervalText(ratios, times, median(ratios))
    bench.say(`${name}: ${times(median(ratios))} of the CPU of ${what} (${interval})`)
  }
  for (const kind of KINDS.map(({ name }) => name))
    for (const proxy of [WEIR, WEIR_EPOLL])
      compare('haproxy doing the same', nameOf(proxy, kind), cpus(proxy, kind), cpus(HAPROXY, kind), GOAL)
  for (const { name: kind } of KINDS.slice(1))
    for (const proxy of [WEIR, WEIR_EPOLL, HAPROXY])
      compare('a plain connection', nameOf(proxy, kind), cpus(proxy, kind), cpus(proxy, PLAIN), null)
}
