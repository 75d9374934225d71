/**
 * `soak`: endless short connections beside long ones, during continuous reloads. It measures no
 * speed, so it runs only if it is named.
 *
 * The conditions: no connection fails, no byte is wrong, and afterwards no more descriptors are
 * open than before.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../src/base/clock.ts'
import { rulesText } from './config/rules.ts'
import { fileOf, weirWith } from './engines/contenders.ts'
import { Running } from './engines/running.ts'
import type { Bench } from './harness.ts'
import { freePort } from './load/free-port.ts'
import type { Generator } from './load/generator.ts'
import { withLoad } from './load/scene.ts'
import { Changes } from './reload/changes.ts'
import { type Amount, type Soaked, soak } from './soak/load.ts'

const RULES = 100
const WORKERS = 2
const CHANGE_EVERY_MS = 200
/** A hundredth of it all goes first, so that one-time costs are not charged to the rest. */
const WARM_UP = 0.01
/** Until the gateway has closed the sockets that were closed last, too. */
const CLOSED_MS_MAX = 10_000

export const benchSoak = (bench: Bench): Promise<void> =>
  withLoad(
    bench,
    async (generator, folder) => {
      const adminPort = await freePort()
      const engine = bench.choices.engine ?? 'uring'
      const servers = { a: generator.port, b: generator.port }
      const textOf = (port: number, rules: number, to: string): string =>
        rulesText({ port, rules, servers, to, engine, workers: WORKERS, adminPort })
      const weir = weirWith('weir', ({ listen }) => textOf(listen, RULES, 'a'))
      await using gateway = await Running.start(weir, generator.port, folder)
      const { port } = gateway
      const texts = [textOf(port, RULES, 'a'), textOf(port, 2 * RULES, 'b')]
      const changes = new Changes(fileOf({ folder, listen: port }), adminPort, texts)
      await run(bench, generator, gateway, changes)
    },
    { loads: 2 },
  )

async function run(bench: Bench, generator: Generator, gateway: Running, changes: Changes): Promise<void> {
  const amount: Amount = {
    connections: bench.choices.connections ?? bench.parameter(3_000, 1_000_000),
    held: bench.choices.held ?? bench.parameter(50, 1_000),
    sliceMs: bench.parameter(200, 2_000),
  }
  const quick: Amount = { ...amount, connections: Math.ceil(amount.connections * WARM_UP) }
  const title = `${amount.connections} short connections, ${amount.held} long ones`
  bench.begin(`${title}: warming up`)
  await changes.during(CHANGE_EVERY_MS, () => soak(generator, gateway.port, quick, () => {}))
  const before = { descriptors: gateway.descriptors(), bytes: gateway.residentBytes() }
  bench.begin(title)
  const startedMs = monotonicMs()
  const { result, made, inForce } = await changes.during(CHANGE_EVERY_MS, () =>
    soak(
      generator,
      gateway.port,
      amount,
      tellTenths(amount.connections, done => bench.begin(`${title}: ${done} done`)),
    ),
  )
  const seconds = (monotonicMs() - startedMs) / 1000
  const descriptors = await descriptorsOnceClosed(gateway, before.descriptors)
  const after = { descriptors, bytes: gateway.residentBytes() }
  record(bench, title, result, before, after)
  bench.say(
    `${result.short.done} short connections in ${seconds.toFixed(0)} s and ${result.long.done} replies to ` +
      `${amount.held} long ones, ${made} changes of the configuration, ${inForce} reloads: ` +
      (bench.failures.length === 0 ? 'nothing failed, every byte was right' : bench.failures.join('; ')),
  )
}

/** Reports each finished tenth. */
function tellTenths(all: number, tell: (done: number) => void): (done: number) => void {
  let told = 0
  return done => {
    const tenths = Math.floor((done / all) * 10)
    if (tenths > told) tell(done)
    told = Math.max(told, tenths)
  }
}

type Held = { readonly descriptors: number; readonly bytes: number }

function record(bench: Bench, title: string, { short, long }: Soaked, before: Held, after: Held): void {
  const counts = {
    'short connections that failed': short.failed,
    'long connections that failed': long.failed,
    'requests without an answer': short.unanswered + long.unanswered,
    'replies with wrong bytes': short.wrong + long.wrong,
    'descriptors that stayed open': Math.max(0, after.descriptors - before.descriptors),
  }
  for (const [name, count] of Object.entries(counts)) {
    bench.record(title, name, 'count', count, 0)
    if (count > 0) bench.fail(`${count} ${name}`)
  }
  bench.record(title, 'descriptors before', 'count', before.descriptors)
  bench.record(title, 'descriptors after', 'count', after.descriptors)
  bench.record(title, 'resident before', 'bytes', before.bytes)
  bench.record(title, 'resident after', 'bytes', after.bytes)
}

/** As few as before, or the rest at the timeout. */
async function descriptorsOnceClosed(gateway: Running, before: number): Promise<number> {
  const endMs = monotonicMs() + CLOSED_MS_MAX
  while (gateway.descriptors() > before && monotonicMs() < endMs) await pause(20)
  return gateway.descriptors()
}
