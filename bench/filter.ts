/**
 * `filter`: the cost of the possibility of a filter between a socket and the flows, and of an
 * actual one.
 *
 * The same worker three times, twice without a filter and once with one that passes everything
 * through on both sides: the difference of the two equal ones is noise, and the third should differ
 * by no more.
 */

import { fileURLToPath } from 'node:url'
import { recordWork } from './engines/record.ts'
import { Running } from './engines/running.ts'
import { type Axis, measure, median } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import { withLoad } from './load/scene.ts'

const PLANE = fileURLToPath(new URL('./filter/plane.ts', import.meta.url))
const NAMES = ['without a filter', 'without one again', 'filters on both sides'] as const
const ROUND_MS = 300
const CLIENTS = 64

export const benchFilter = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    await using planes = new AsyncDisposableStack()
    const running: Running[] = []
    for (const name of NAMES) {
      const command = ({ listen, server }: { listen: number; server: number }) => [
        ...[process.execPath, '--disable-warning=ExperimentalWarning', PLANE],
        ...[listen, server, name === NAMES[2] ? 1 : 0].map(String),
      ]
      const contender = { name, command, missing: () => '' }
      running.push(planes.use(await Running.start(contender, generator.port, folder)))
    }
    for (const axis of axes(bench)) {
      const samples = await measure(bench, generator, running, axis)
      recordWork(bench, axis, samples)
      const [without, again, filtered] = NAMES.map(name =>
        median((samples.get(name) ?? []).map(({ cpuNs }) => cpuNs)),
      )
      bench.say(
        `${axis.group}: CPU ${(filtered / without).toFixed(2)} times with filters, ${(again / without).toFixed(2)} times without them again`,
      )
    }
  })

const axes = (bench: Bench): readonly Axis[] => {
  const durationMs = bench.parameter(60, ROUND_MS)
  const usual = { clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 }
  const mebibytes = bench.parameter(4, 128)
  return [
    { group: 'new connections', job: { ...usual, kind: 'connections' } },
    { group: 'requests', job: { ...usual, kind: 'requests' } },
    { group: 'bulk', job: { ...usual, kind: 'bulk', clients: 2, durationMs: 0, mebibytes } },
  ]
}
