/**
 * `connections`: new connections through weir by number of rules and of workers, end to end.
 *
 * Each gateway is a process of its own, and they take turns. The last rule of the list decides; one
 * in fifty of those before it is for a network around the same destination (bench/config/rules.ts).
 */

import { rulesText } from './config/rules.ts'
import { weirWith } from './engines/contenders.ts'
import { recordWork } from './engines/record.ts'
import { Running } from './engines/running.ts'
import { type Axis, measure, median, ratio, type Sample, type Samples } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import { withLoad } from './load/scene.ts'
import { intervalText } from './resample.ts'

const CLIENTS = 64
const SIZES = [1, 1000, 100_000]
const FEW = [1, 20]
/** The largest configuration takes ten seconds to start, so it gets one worker only. */
const MANY = 100_000

type Setup = { readonly rules: number; readonly workers: number }

const nameOf = ({ rules, workers }: Setup): string =>
  `${rules} ${rules === 1 ? 'rule' : 'rules'}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`

export const benchConnections = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    const engine = bench.choices.engine ?? 'uring'
    const sizes = bench.parameter(FEW, SIZES)
    const setups = [1, 2].flatMap(workers =>
      sizes.filter(rules => workers === 1 || rules < MANY).map(rules => ({ rules, workers })),
    )
    await using gateways = new AsyncDisposableStack()
    const running: Running[] = []
    for (const setup of setups) {
      bench.begin(`starting a gateway: ${nameOf(setup)}`)
      const weir = weirWith(nameOf(setup), ({ listen, server }) =>
        rulesText({ ...setup, engine, port: listen, servers: { server } }),
      )
      running.push(gateways.use(await Running.start(weir, generator.port, folder)))
    }
    const axis = axisOf(bench, engine)
    const rounds = { rounds: bench.parameter(2, 12), warmUps: 2 }
    const samples = await measure(bench, generator, running, axis, rounds)
    recordWork(bench, axis, samples)
    recordGrowth(bench, axis.group, samples, setups)
    chartGrowth(bench, axis.group, setups)
  })

const axisOf = (bench: Bench, engine: string): Axis => ({
  group: `new connections, engine ${engine}, ${CLIENTS} at a time`,
  job: {
    kind: 'connections',
    clients: CLIENTS,
    perSecond: 0,
    mebibytes: 0,
    durationMs: bench.parameter(60, 250),
  },
})

function chartGrowth(bench: Bench, group: string, setups: readonly Setup[]): void {
  const figures = `${group}: the proxy’s CPU for each`
  const lines = [1, 2].map(workers => ({
    label: workers === 1 ? '1 worker' : `${workers} workers`,
    points: setups
      .filter(setup => setup.workers === workers)
      .map(setup => ({ x: setup.rules, group: figures, name: nameOf(setup) })),
  }))
  bench.chart({
    kind: 'lines',
    id: 'growth',
    title: 'CPU of a new connection, as rules grow',
    about: 'CPU of the gateway’s process for each connection, with the deciding rule last. Flat is best.',
    x: { label: 'rules', scale: 'log' },
    y: { label: 'CPU of a connection', scale: 'linear' },
    lines,
  })
}

/** Beside one rule with as many workers, round by round. */
function recordGrowth(bench: Bench, group: string, samples: Samples, setups: readonly Setup[]): void {
  const figures = { CPU: ({ cpuNs }: Sample) => cpuNs, time: ({ timeNs }: Sample) => timeNs }
  for (const [what, figure] of Object.entries(figures)) {
    for (const setup of setups) {
      const base = samples.get(nameOf({ ...setup, rules: 1 })) ?? []
      const list = samples.get(nameOf(setup)) ?? []
      if (setup.rules === 1) continue
      const ratios = list.map((sample, round) => ratio(figure(sample), figure(base[round])))
      bench.record(`${group}: ${what} beside 1 rule`, nameOf(setup), 'times', ratios)
      const times = (value: number): string => value.toFixed(3)
      const range = intervalText(ratios, times, median(ratios))
      bench.say(
        `${nameOf(setup)}: ${what} for each is ${times(median(ratios))} of that with 1 rule (${range})`,
      )
    }
  }
}
