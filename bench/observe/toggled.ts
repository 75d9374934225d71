/**
 * What the access log costs: one process, whose log its file turns on and off, so that no two
 * processes are compared, which differ by what V8 has compiled and where their memory lies.
 *
 *   off, off, on, on, off, off, …   a reload between any two
 *
 * Each step is compared with the one before it. Half of the steps change nothing: what those differ
 * by is the error of the method.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
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
    while ((await generationOf(adminPort)) === before) await pause(20)
    await pause(SETTLE_MS)
  }
  for (const kind of ['connections', 'requests'] as const) {
    await cpuForEach(generator, running, kind, bench.parameter(60, WARM_MS))
    await measure(bench, generator, running, kind, turn)
  }
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
  const steps = bench.parameter(4, kind === 'connections' ? 40 : 16)
  const durationMs = bench.parameter(60, 500)
  const found: { isOn: boolean; ns: number }[] = []
  for (let step = 0; step < steps; step++) {
    const isOn = (step & 2) === 2
    await turn(isOn)
    const ns = await cpuForEach(generator, running, kind, durationMs)
    found.push({ isOn, ns })
  }
  for (const [name, which] of [
    [OFF, false],
    [ON, true],
  ] as const)
    bench.record(
      group,
      name,
      'ns',
      found.filter(each => each.isOn === which).map(each => each.ns),
    )
  const beside = found.slice(1).map((each, index) => ({ each, before: found[index] }))
  const costs = beside
    .filter(({ each, before }) => each.isOn !== before.isOn)
    .map(({ each, before }) => (each.isOn ? each.ns / before.ns : before.ns / each.ns))
  const errors = beside
    .filter(({ each, before }) => each.isOn === before.isOn)
    .map(({ each, before }) => each.ns / before.ns)
  bench.record(`${group}: beside none`, ON, 'times', costs, GOAL)
  bench.record(`${group}: beside none`, NOTHING, 'times', errors)
  bench.say(costText(kind, costs, errors))
}

/** "the access log costs 3.1 % (95 %: 2.5 to 3.6 %) of …; a reload that changes nothing …" */
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
): Promise<number> {
  const before = running.cpu()
  const job = { kind, port: running.port, clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 }
  const { done, wrong, failed } = await generator.load(job)
  assert.deepEqual([wrong, failed], [0, 0], running.name)
  await pause(LOG_MS) // until the log has written the rest
  return busyNs(before, running.cpu()) / done
}

async function generationOf(adminPort: number): Promise<number> {
  const request = get({ host: '127.0.0.1', port: adminPort, path: '/ready' })
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return (JSON.parse(body) as { generation: number }).generation
}
