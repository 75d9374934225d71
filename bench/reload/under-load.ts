/** The effect of reloads on connections: failures and latency, beside the same load without any. */

import { rulesText } from '../config/rules.ts'
import { fileOf, weirWith } from '../engines/contenders.ts'
import { recordLatency, recordShares } from '../engines/record.ts'
import { Running } from '../engines/running.ts'
import { type Axis, inTurn, median, type Sample, sample } from '../engines/samples.ts'
import type { Bench } from '../harness.ts'
import { freePort } from '../load/free-port.ts'
import type { Generator } from '../load/generator.ts'
import { withLoad } from '../load/scene.ts'
import { intervalText } from '../resample.ts'
import { Changes, type During } from './changes.ts'

const RULES = 100
const CLIENTS_MOST = 512
const CALM = 'without reloads'

export const benchUnderLoad = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    const adminPort = await freePort()
    const engine = bench.choices.engine ?? 'uring'
    const servers = { a: generator.port, b: generator.port }
    const textOf = (port: number, to: string): string =>
      rulesText({ port, rules: RULES, servers, to, engine, adminPort })
    const weir = weirWith('weir', ({ listen }) => textOf(listen, 'a'))
    await using gateway = await Running.start(weir, generator.port, folder)
    const { port } = gateway
    const texts = ['a', 'b'].map(to => textOf(port, to))
    const changes = new Changes(fileOf({ folder, listen: port }), adminPort, texts)
    await measureAll(bench, generator, gateway, changes)
  })

async function measureAll(
  bench: Bench,
  generator: Generator,
  gateway: Running,
  changes: Changes,
): Promise<void> {
  const everyMs = bench.parameter([100], [100, 250])
  const job = { kind: 'connections', mebibytes: 0, clients: CLIENTS_MOST } as const
  const saturated = { ...job, clients: 64, perSecond: 0, durationMs: bench.parameter(100, 1000) }
  bench.begin('reload under load: how much weir takes')
  const { timeNs } = await sample(generator, gateway, saturated)
  const perSecond = Math.max(100, Math.round(1e9 / timeNs / 3 / 100) * 100)
  const axis: Axis = {
    group: `new connections during reloads, open loop, ${RULES} rules`,
    job: { ...job, perSecond, durationMs: bench.parameter(400, 1000) },
  }
  bench.begin(axis.group)
  const rhythms = [0, ...everyMs]
  const found = new Map(rhythms.map(ms => [nameOf(ms), [] as During<Sample>[]]))
  const rounds = bench.parameter(2, 6)
  for (let round = 0; round < rounds; round++) {
    bench.round(round + 1, rounds)
    for (const ms of inTurn(rhythms, round)) {
      const during = await changes.during(ms, () => sample(generator, gateway, axis.job))
      found.get(nameOf(ms))?.push(during)
    }
  }
  const samples = new Map([...found].map(([name, list]) => [name, list.map(({ result }) => result)]))
  recordLatency(bench, axis, samples)
  recordShares(bench, axis.group, samples)
  chartLatency(bench, axis.group, samples)
  bench.say(`the open loop made ${perSecond} connections a second, a third of what the gateway takes`)
  for (const [name, list] of samples) {
    const lost = list.map(({ failed, unanswered }) => failed + unanswered)
    bench.record(`${axis.group}: connections that failed`, name, 'count', lost)
    const failed = list.reduce((total, each) => total + each.failed, 0)
    if (failed > 0) bench.fail(`${failed} connections failed, ${name}`)
    if (name !== CALM) bench.say(sentence(name, found.get(name) ?? [], samples.get(CALM) ?? []))
  }
}

function chartLatency(bench: Bench, group: string, samples: ReadonlyMap<string, readonly Sample[]>): void {
  for (const [name, list] of samples) {
    const ladders = list.map(({ ladder }) => ladder)
    bench.distribution(group, name, 'ns', ladders)
  }
  bench.chart({
    kind: 'percentiles',
    id: 'under-load',
    title: 'New connections during reloads',
    about: 'From when a connection was to be made to the whole reply, open loop. Lower is better.',
    curves: [...samples.keys()].map(name => ({ group, name })),
  })
}

const nameOf = (everyMs: number): string => (everyMs === 0 ? CALM : `a change every ${everyMs} ms`)

function sentence(name: string, list: readonly During<Sample>[], calm: readonly Sample[]): string {
  const sum = (figure: (each: During<Sample>) => number): number =>
    list.reduce((total, each) => total + figure(each), 0)
  const lost = sum(({ result }) => result.failed + result.unanswered)
  const asked = sum(({ result }) => result.done) + lost
  const ratios = list.map(({ result }, round) => result.latencyNs.p99 / calm[round].latencyNs.p99)
  const times = (value: number): string => value.toFixed(1)
  return [
    `${name}: ${sum(({ made }) => made)} changes made ${sum(({ inForce }) => inForce)} reloads`,
    `${lost} of ${asked} connections failed`,
    `p99 is ${times(median(ratios))} times that without reloads (${intervalText(ratios, times, median(ratios))})`,
  ].join('; ')
}
