/**
 * The cost of weighting for a whole connection: through one gateway whose listeners differ only in
 * the route.
 *
 * One process with one worker serves them all in turn, in both orders (A B C, C B A), so
 * differences between processes (memory, compiled code) are in no figure. All destinations are the
 * same server, so the kernel's part is the same too. One listener is there twice: its difference
 * from itself is the error of the method.
 */

import { weirWith } from '../engines/contenders.ts'
import { recordLatency, recordShares, recordWork } from '../engines/record.ts'
import { Running, type Target } from '../engines/running.ts'
import { type Axis, measure, median, ratio, type Sample, type Samples } from '../engines/samples.ts'
import type { Bench } from '../harness.ts'
import type { Generator } from '../load/generator.ts'
import { withLoad } from '../load/scene.ts'
import { intervalOf, intervalText } from '../resample.ts'
import { AGAIN, DESTINATIONS_MOST, listeningFor, ONE, WEIGHTED, waysText } from './ways.ts'

const JOB = { kind: 'connections', mebibytes: 0 } as const
const CLIENTS = 64
/**
 * Many short rounds: other load on a machine varies within tenths of a second, and affects all
 * alike only if they follow each other faster. (On a shared one, 100 rounds of 40 ms gave half the
 * interval of 40 of 120 ms.)
 */
const ROUNDS = 80
const ROUND_MS = 40
/** Of the open loop: as many as may wait at the same time. */
const CLIENTS_MOST = 512
/** A cost's interval must be narrow beside this share of a connection, or nothing is claimed. */
const COST_WIDTH = 0.5

/** For tests of the method: turns of useless work in each pick of a weighted destination. */
type Trial = { readonly turns: number; readonly clients: number; readonly roundMs: number }

/** With a trial, the closed loop alone. */
export const weighConnections = (bench: Bench, trial?: Trial): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    const engine = engineOf(bench)
    const [first, ...others] = await listeningFor([ONE, ...WEIGHTED, AGAIN])
    const servers = new Array<number>(DESTINATIONS_MOST).fill(generator.port)
    const weir = weirWith(
      ONE.name,
      ({ listen }) => waysText([{ ...first, port: listen }, ...others], servers, { engine }),
      trial === undefined ? {} : slowedBy(trial.turns),
    )
    await using gateway = await Running.start(weir, generator.port, folder)
    const targets = [gateway, ...others.map(({ way, port }) => gateway.at(way.name, port))]
    const { clients = CLIENTS, roundMs = bench.parameter(60, ROUND_MS) } = trial ?? {}
    const closed: Axis = {
      group: `whole connections, engine ${engine}, ${clients} at a time`,
      job: { ...JOB, clients, perSecond: 0, durationMs: roundMs },
    }
    const samples = await measureClosed(bench, generator, targets, closed)
    if (trial === undefined) await measureOpen(bench, generator, targets, closed, samples)
  })

const engineOf = (bench: Bench): NonNullable<Bench['choices']['engine']> => bench.choices.engine ?? 'uring'

/** See slow-pick.ts; worker threads read NODE_OPTIONS too. */
const slowedBy = (turns: number): Readonly<Record<string, string>> => ({
  WEIR_FROM_SOURCE: '1',
  NODE_OPTIONS: `--import=${new URL('slow-pick.ts', import.meta.url).href}`,
  WEIR_BENCH_PICK_TURNS: String(turns),
})

async function measureClosed(
  bench: Bench,
  generator: Generator,
  targets: readonly Target[],
  closed: Axis,
): Promise<Samples> {
  const samples = await measure(bench, generator, targets, closed, {
    rounds: bench.parameter(4, ROUNDS),
    warmUps: bench.parameter(2, 12),
  })
  recordWork(bench, closed, samples)
  compareWithOne(bench, closed.group, samples)
  return samples
}

async function measureOpen(
  bench: Bench,
  generator: Generator,
  targets: readonly Target[],
  closed: Axis,
  samples: Samples,
): Promise<void> {
  const slowest = Math.max(...[...samples.values()].map(list => median(list.map(each => each.timeNs))))
  const perSecond = Math.round(1e9 / slowest / 2 / 100) * 100
  const open: Axis = {
    group: `whole connections, engine ${engineOf(bench)}, open loop: from the connect to the reply`,
    job: { ...JOB, clients: CLIENTS_MOST, perSecond, durationMs: bench.parameter(60, 250) },
  }
  const paced = await measure(bench, generator, targets, open)
  recordLatency(bench, open, paced)
  recordShares(bench, open.group, paced)
  chartConnections(bench, closed.group, open, paced)
  bench.say(`the open loop made ${perSecond} connections a second, half of what the slowest way takes`)
}

function chartConnections(bench: Bench, closed: string, open: Axis, paced: Samples): void {
  bench.chart({
    kind: 'bars',
    id: 'cost',
    title: 'What weighting costs a connection',
    about:
      'CPU of the gateway for a connection, beside one to a single destination in the same round. 1 is no cost; what “again” differs from 1 is what the method is off by.',
    groups: [{ group: `${closed}: CPU beside one destination`, label: 'CPU' }],
  })
  for (const [name, list] of paced) {
    const ladders = list.map(({ ladder }) => ladder)
    bench.distribution(open.group, name, 'ns', ladders)
  }
  bench.chart({
    kind: 'percentiles',
    id: 'latency',
    title: 'A new connection, by way of splitting',
    about: 'From when a connection was to be made to the whole reply, open loop. Lower is better.',
    curves: [...paced.keys()].map(name => ({ group: open.group, name })),
  })
}

/** Ratios of the same round, and what they say. */
function compareWithOne(bench: Bench, group: string, samples: Samples): void {
  const base = samples.get(ONE.name) ?? []
  const figures = { CPU: ({ cpuNs }: Sample) => cpuNs, time: ({ timeNs }: Sample) => timeNs }
  for (const [what, figure] of Object.entries(figures)) {
    for (const [name, list] of samples) {
      if (name === ONE.name) continue
      const ratios = list.map((sample, round) => ratio(figure(sample), figure(base[round])))
      bench.record(`${group}: ${what} beside one destination`, name, 'times', ratios)
      if (what === 'CPU') bench.say(costText(name, ratios))
    }
  }
}

/**
 * "weighting 80:20 costs 0.3 % ± 0.4 % of a connection’s CPU", and whether it differs from nothing.
 */
export function costText(name: string, ratios: readonly number[]): string {
  const shares = ratios.map(ratio => ratio - 1)
  const { low, median, high } = intervalOf(shares)
  const percent = (share: number): string => `${(share * 100).toFixed(1).replace('-', '−')} %`
  const cost = `${percent(median)} ± ${percent((high - low) / 2)}`
  const what =
    name === AGAIN.name
      ? `the same route by another listener differs by ${cost}`
      : `weighting ${name} costs ${cost} of a connection’s CPU`
  const nothing = low <= 0 && high >= 0 ? ': it can’t be told from nothing' : ''
  return `${what} (${intervalText(shares, percent, COST_WIDTH)})${nothing}`
}
