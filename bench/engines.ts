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
import { bulk, connections, requests } from './engines/axes.ts'
import { chartWork } from './engines/charts.ts'
import { present, QUICK, WEIR, WEIR_EPOLL } from './engines/contenders.ts'
import { isQuick, pace, shareOfRate } from './engines/latency.ts'
import { recordReach, recordWork } from './engines/record.ts'
import { type Running, withContenders } from './engines/running.ts'
import { type Axis, measure, type Samples } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import type { Generator } from './load/generator.ts'

/**
 * V8 compiles for the first 30 000 connections or so, up to a quarter of the process's CPU. A
 * gateway does so once in its life, so that is no part of what a connection costs.
 */
const WARM_UPS = { connections: 12, requests: 4, bulk: 1 } as const
/** Many short ones where a verdict is closest. */
const ROUNDS = { connections: 10, requests: 5, bulk: 5 } as const

export const benchEngines = (bench: Bench): Promise<void> =>
  withContenders(bench, present(bench), (generator, running) => measureAll(bench, generator, running))

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
  const asked = await work(requests(bench), { time: 1, cpu: 0.95, userShare: 0.1 }, { cpu: 1.1 })
  for (const streams of [1, 4]) {
    const axis = bulk(bench, streams)
    const samples = await work(axis, { time: 1 / 1.3, cpu: 0.8, userShare: 0.1 }, { cpu: 0.6 })
    recordReach(bench, axis, samples, 0.75)
  }
  const proxies = usual.filter(each => each.isProxy).map(({ name }) => name)
  const paceOf = (names: readonly string[]): number => shareOfRate(asked, names, 1 / 2)
  await pace(bench, generator, usual, { id: 'latency-of-all', perSecond: paceOf(proxies) })
  const quick = usual.filter(isQuick)
  await pace(bench, generator, quick, {
    id: 'latency-of-the-quick',
    perSecond: paceOf(QUICK),
    rounds: 20,
    roundMs: 120,
  })
}
