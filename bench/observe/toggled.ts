/**
 * What the access log costs: one process, whose log its file turns on and off, so that no two
 * processes are compared, which differ by what V8 has compiled and where their memory lies.
 *
 *   off, on, on, off, off, …   a reload between any two, then a warm-up
 *
 * The worker writes a record of each connection whether or not there is a log (journal.ts), so what
 * a log costs is nearly all in its own thread, whose CPU is told far more exactly than a difference
 * of whole processes. That stands beside it as a check, with what equal states differ by. In it are
 * V8's threads, which compile for seconds after a thread has started.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import { prepareChange } from '../config/replace.ts'
import { rulesText } from '../config/rules.ts'
import { fileOf, weirWith } from '../engines/contenders.ts'
import { busyNs, Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { freePort } from '../load/free-port.ts'
import type { Generator } from '../load/generator.ts'
import { intervalOf } from '../resample.ts'

export const OFF = 'no access log'
export const ON = 'access log'
export const NOTHING = 'no change'
const CLIENTS = 64
/** The goal for the log: this share of a connection's CPU. */
const GOAL = 1.02
/** Until V8 has compiled what a load calls. */
const WARM_MS = 4000
const ROUND_MS = 1000
const RELOAD_MS_MAX = 30_000
/** After a reload, until what it left is collected; two turns of the log (access-log/task.ts). */
const SETTLE_MS = 300
const LOG_MS = 200

type Kind = 'connections' | 'requests'
const NAMES = { connections: 'the new connections', requests: 'the requests' } as const

/** @param path  Of the log. */
export async function benchToggled(
  bench: Bench,
  generator: Generator,
  folder: string,
  path: string,
): Promise<void> {
  const adminPort = await freePort()
  const textOf = (listen: number, isOn: boolean): string => {
    const settings = { engine: bench.choices.engine ?? ('uring' as const), workers: 1, adminPort }
    const text = rulesText({ ...settings, rules: 1, port: listen, servers: { server: generator.port } })
    return isOn ? text.replace('admin: {', `accessLog: {path: ${path}}, admin: {`) : text
  }
  const weir = weirWith('weir', ({ listen }) => textOf(listen, false))
  await using running = await Running.start(weir, generator.port, folder)
  const file = fileOf({ folder, listen: running.port })
  let changes = 0
  const turn = async (isOn: boolean): Promise<void> => {
    const before = await generationOf(adminPort)
    prepareChange(file, `${textOf(running.port, isOn)}# ${++changes}\n`)()
    const endMs = monotonicMs() + RELOAD_MS_MAX
    while ((await generationOf(adminPort)) === before) {
      assert.ok(monotonicMs() < endMs, 'the change is not in force')
      await pause(20)
    }
    await pause(SETTLE_MS)
  }
  for (const kind of ['connections', 'requests'] as const) {
    await cpuForEach(generator, running, kind, bench.parameter(60, WARM_MS))
    await measure(bench, generator, running, kind, turn)
  }
}

/** Of each connection or request. */
type Spent = {
  readonly isOn: boolean
  /** All threads. */
  readonly ns: number
  readonly workerNs: number
  readonly logNs: number
}

async function measure(
  bench: Bench,
  generator: Generator,
  running: Running,
  kind: Kind,
  turn: (isOn: boolean) => Promise<void>,
): Promise<void> {
  const group = `CPU of the process for each of ${NAMES[kind]}`
  bench.begin(group)
  const blocks = bench.parameter(4, kind === 'connections' ? 8 : 4)
  const found: Spent[] = []
  for (let block = 0; block < blocks; block++) {
    const isOn = ((block + 1) & 2) === 2
    await turn(isOn)
    await cpuForEach(generator, running, kind, bench.parameter(60, WARM_MS / 4))
    const spent = await cpuForEach(generator, running, kind, bench.parameter(60, ROUND_MS))
    assert.ok(!isOn || spent.logNs > 0, 'the log’s thread is not found')
    found.push({ ...spent, isOn })
  }
  for (const [name, which] of [
    [OFF, false],
    [ON, true],
  ] as const) {
    const list = found.filter(each => each.isOn === which)
    bench.record(
      group,
      name,
      'ns',
      list.map(each => each.ns),
    )
    bench.record(
      `${group}: the worker`,
      name,
      'ns',
      list.map(each => each.workerNs),
    )
    bench.record(
      `${group}: the log’s thread`,
      name,
      'ns',
      list.map(each => each.logNs),
    )
  }
  const pairs = found.slice(1).map((each, index) => [found[index], each] as const)
  const changed = pairs.filter(([before, each]) => each.isOn !== before.isOn).map(ordered)
  const equal = pairs.filter(([before, each]) => each.isOn === before.isOn)
  bench.record(`${group}: beside none`, ON, 'times', changed.map(thread), GOAL)
  bench.record(`${group}: beside none`, NOTHING, 'times', equal.map(thread))
  bench.record(`${group}: beside none, the worker`, ON, 'times', changed.map(worker))
  bench.record(`${group}: beside none, the worker`, NOTHING, 'times', equal.map(worker))
  bench.record(`${group}: beside none, the whole`, ON, 'times', changed.map(whole))
  bench.record(`${group}: beside none, the whole`, NOTHING, 'times', equal.map(whole))
  bench.say(costText(kind, changed.map(thread), equal.map(thread)))
}

type Pair = readonly [off: Spent, on: Spent]

const ordered = ([before, each]: Pair): Pair => (each.isOn ? [before, each] : [each, before])
/** 1 and what the log's thread takes, as a share of a connection without a log. */
const thread = ([off, on]: Pair): number => 1 + (on.logNs - off.logNs) / off.ns
const worker = ([off, on]: Pair): number => on.workerNs / off.workerNs
const whole = ([off, on]: Pair): number => on.ns / off.ns

/** "the access log costs 3.1 % (95 %: 2.5 to 3.6 %) of …; what changes nothing …" */
export function costText(kind: Kind, costs: readonly number[], errors: readonly number[]): string {
  const [cost, error] = [costs, errors].map(ratios => intervalOf(ratios.map(each => (each - 1) * 100)))
  const percent = ({ low, median, high }: typeof cost): string =>
    `${median.toFixed(1)} % (95 %: ${low.toFixed(1)} to ${high.toFixed(1)} %)`
  const what = kind === 'connections' ? 'a short connection' : 'a request'
  return `the access log costs ${percent(cost)} of the CPU of ${what}; a reload that changes nothing ${percent(error)}`
}

async function cpuForEach(
  generator: Generator,
  running: Running,
  kind: Kind,
  durationMs: number,
): Promise<Omit<Spent, 'isOn'>> {
  const before = running.cpu()
  const job = { kind, port: running.port, clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 }
  const { done, wrong, failed } = await generator.load(job)
  assert.deepEqual([wrong, failed], [0, 0], running.name)
  await pause(LOG_MS) // until the log has written the rest
  const after = running.cpu()
  const all = busyNs(before, after)
  const threads = [...after.threadsNs]
    .filter(([id]) => isOfJavaScript(running.pid, id))
    .map(([id, ns]) => ns - (before.threadsNs.get(id) ?? 0))
    .sort((a, b) => b - a)
  const [worker = 0, log = 0] = threads
  return { ns: all / done, workerNs: worker / done, logNs: log / done }
}

/** Whether the thread is a worker of Node's: one of these serves, and one writes the log. */
function isOfJavaScript(pid: number, thread: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith('WorkerThread')
  } catch {
    return false // it has ended
  }
}

async function generationOf(adminPort: number): Promise<number> {
  const request = get({ host: '127.0.0.1', port: adminPort, path: '/ready' })
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return (JSON.parse(body) as { generation: number }).generation
}
