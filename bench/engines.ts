/**
 * `engines`: weir's engines beside HAProxy, nginx, `socket.pipe()` and no proxy at all, over
 * loopback.
 *
 * Every proxy is a process with one busy thread (bench/peers/), and they take turns, round by
 * round, in both orders. The load and the server are threads here (bench/load/); they share the
 * machine's processors with the proxy, so each figure comes with the processor share that they
 * took. Less is better for all figures: a rate is shown as the time per operation.
 */

import { type Goals, recordAims } from './engines/aims.ts'
import { chartLatency, chartWork } from './engines/charts.ts'
import { DIRECT, PEERS, present, WEIR, WEIR_EPOLL } from './engines/contenders.ts'
import { LATENCY_ROUNDS, sayLatency } from './engines/latency.ts'
import { recordLatency, recordReach, recordWork } from './engines/record.ts'
import { Running } from './engines/running.ts'
import { type Axis, measure, median, type Samples } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import type { Generator } from './load/generator.ts'
import { withLoad } from './load/scene.ts'

const CLIENTS = 64
const ROUND_MS = 300
/**
 * V8 compiles for the first 30 000 connections or so, up to a quarter of the process's CPU. A
 * gateway does so once in its life, so that is no part of what a connection costs.
 */
const WARM_UPS = { connections: 12, requests: 4, bulk: 1 } as const
/** Many short ones where a verdict is closest. */
const ROUNDS = { connections: 10, requests: 5, bulk: 5 } as const
const CONNECTIONS_MS = 200
/**
 * At half the rate of these, Node's own sockets fall behind, and the figure would only show their
 * queue.
 */
const QUICK = [WEIR, WEIR_EPOLL, ...PEERS]

export const benchEngines = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    await using proxies = new AsyncDisposableStack()
    const running: Running[] = []
    for (const each of present(bench))
      running.push(proxies.use(await Running.start(each, generator.port, folder)))
    await measureAll(bench, generator, running)
  })

async function measureAll(bench: Bench, generator: Generator, running: readonly Running[]): Promise<void> {
  const usual = running.filter(each => !each.bulkOnly)
  const work = async (axis: Axis, goals: Goals, onEpoll: Goals): Promise<Samples> => {
    const { kind } = axis.job
    const warmUps = bench.parameter(1, WARM_UPS[kind])
    const rounds = bench.parameter(2, ROUNDS[kind])
    const those = kind === 'bulk' ? running : usual
    const samples = await measure(bench, generator, those, axis, { warmUps, rounds })
    recordWork(bench, axis, samples)
    recordAims(bench, WEIR, axis, samples, goals)
    recordAims(bench, WEIR_EPOLL, axis, samples, onEpoll)
    chartWork(bench, axis)
    return samples
  }
  await work(connections(bench), { time: 1 / 1.1, cpu: 0.85, userShare: 0.1 }, { cpu: 1.1 })
  const asked = await work(requests(bench, 0), { time: 1, cpu: 0.95, userShare: 0.1 }, { cpu: 1.1 })
  for (const streams of [1, 4]) {
    const axis = bulk(bench, streams)
    const samples = await work(axis, { time: 1 / 1.3, cpu: 0.8, userShare: 0.1 }, { cpu: 0.6 })
    recordReach(bench, axis, samples, 0.75)
  }
  const proxies = usual.filter(each => each.isProxy).map(({ name }) => name)
  await pace(bench, 'latency-of-all', generator, usual, halfOf(asked, proxies))
  const quick = usual.filter(({ name }) => name === DIRECT || QUICK.includes(name))
  await pace(bench, 'latency-of-the-quick', generator, quick, halfOf(asked, QUICK), LATENCY_ROUNDS)
}

/** Half the rate at which the slowest of `names` is saturated, in requests per second. */
function halfOf(asked: Samples, names: readonly string[]): number {
  const timesNs = [...asked]
    .filter(([name]) => names.includes(name))
    .map(([, list]) => list.map(each => each.timeNs))
  return Math.round(1e9 / Math.max(...timesNs.map(median)) / 2 / 100) * 100
}

async function pace(
  bench: Bench,
  id: string,
  generator: Generator,
  running: readonly Running[],
  perSecond: number,
  { most = 5, roundMs = ROUND_MS } = {},
): Promise<void> {
  const axis = requests(bench, perSecond, roundMs)
  const rounds = bench.parameter(2, most)
  const samples = await measure(bench, generator, running, axis, { rounds })
  recordLatency(bench, axis, samples)
  recordAims(bench, WEIR, axis, samples, { p99: 1 })
  for (const name of [WEIR, WEIR_EPOLL]) sayLatency(bench, name, axis, samples)
  chartLatency(bench, id, axis, samples)
}

// ── axes ───────────────────────────────────────────────────────────────────

const connections = (bench: Bench): Axis => ({
  group: `new connections, ${CLIENTS} at a time`,
  job: {
    kind: 'connections',
    clients: CLIENTS,
    durationMs: bench.parameter(60, CONNECTIONS_MS),
    perSecond: 0,
    mebibytes: 0,
  },
})

/** With a rate, in an open loop. */
const requests = (bench: Bench, perSecond: number, roundMs = ROUND_MS): Axis => ({
  group:
    perSecond === 0
      ? `requests over ${CLIENTS} kept connections`
      : `latency at ${perSecond} requests a second, open loop, ${CLIENTS} connections`,
  job: {
    kind: 'requests',
    clients: CLIENTS,
    durationMs: bench.parameter(60, roundMs),
    perSecond,
    mebibytes: 0,
  },
})

const bulk = (bench: Bench, clients: number): Axis => ({
  group: `bulk, ${clients === 1 ? 'one stream' : `${clients} streams`}`,
  job: {
    kind: 'bulk',
    clients,
    durationMs: 0,
    perSecond: 0,
    mebibytes: bench.parameter(4, 256 / clients + 32),
  },
})
