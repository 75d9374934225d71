/**
 * `compile`: whether reading a large configuration blocks the main thread.
 *
 * A gateway serves a few rules; then its file is replaced by one with many. Another thread keeps
 * asking for /healthz, before the reload for comparison and during it. The compiling thread shares
 * the machine's cores, so the idle gateway's answer times are part of the result.
 */

import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { startAdmin } from '../src/admin/http.ts'
import { monotonicMs } from '../src/base/clock.ts'
import { Gateway } from '../src/control/gateway.ts'
import { createLog } from '../src/control/observe/log.ts'
import { rulesText } from './config/rules.ts'
import type { Bench } from './harness.ts'
import { ladderOfValues } from './ladder.ts'
import { freePort } from './load/free-port.ts'
import { temporaryFolder } from './load/scene.ts'
import { thousands } from './units.ts'

const RULES_BEFORE = 10
const RELOAD_MS_MAX = 120_000
/** "A few milliseconds", for all answers but one in a thousand. */
const GOAL_MS = 5

export async function benchCompile(bench: Bench): Promise<void> {
  const rules = bench.parameter(500, 100_000)
  const rounds = bench.parameter(1, 2)
  const idle: Taken[] = []
  const busy: Taken[] = []
  const reloadMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    bench.begin(`reload to ${thousands(rules)} rules`)
    bench.round(round + 1, rounds)
    const found = await probeReload(rules, bench.parameter(100, 3000))
    idle.push(found.idle)
    busy.push(found.busy)
    reloadMs.push(found.reloadMs)
  }
  const reload = `reload to ${thousands(rules)} rules`
  bench.record(reload, 'from the save to the table in force', 'ms', reloadMs)
  const group = `${reload}: the answer of /healthz`
  for (const percentile of [50, 99, 99.9, 100]) {
    const of = (each: Taken): number => percentileOf(each, percentile)
    const which = percentile === 100 ? 'longest' : `p${percentile}`
    bench.record(group, `before, ${which}`, 'ms', idle.map(of))
    bench.record(group, `while compiling, ${which}`, 'ms', busy.map(of))
  }
  const addedMs = busy.map((each, round) => percentileOf(each, 99.9) - percentileOf(idle[round], 99.9))
  bench.record(group, 'added by compiling, p99.9', 'ms', addedMs, GOAL_MS)
  const curves = { 'before the reload': idle, 'while compiling': busy }
  for (const [name, taken] of Object.entries(curves)) {
    bench.distribution(group, name, 'ms', taken.map(ladderOfValues))
  }
  bench.chart({
    kind: 'percentiles',
    id: 'health-check',
    title: `The health check, while ${thousands(rules)} rules are compiled`,
    about:
      'How long an answer of /healthz takes, asked for once a millisecond by a thread of its own. Lower is better.',
    curves: Object.keys(curves).map(name => ({ group, name })),
  })
}

/** How long answers took, in milliseconds. */
type Taken = readonly number[]

const percentileOf = (taken: Taken, percentile: number): number =>
  taken.toSorted((a, b) => a - b)[Math.floor(((taken.length - 1) * percentile) / 100)]

async function probeReload(
  rules: number,
  idleMs: number,
): Promise<{ idle: Taken; busy: Taken; reloadMs: number }> {
  await using started = new AsyncDisposableStack()
  const folder = started.use(temporaryFolder()).path
  const port = await freePort()
  const file = join(folder, 'rules.yaml')
  const next = join(folder, '.next')
  const config = { port, servers: { backend: 9000 } }
  writeFileSync(file, rulesText({ ...config, rules: RULES_BEFORE }))
  writeFileSync(next, rulesText({ ...config, rules })) // beforehand, since this thread is measured
  const published = new Published()
  const log = createLog(() => {}, { format: 'json', colours: false })
  const gateway = await Gateway.load({ paths: [folder], overrides: {}, log, onPublished: published.note })
  if (!gateway) throw new Error('the bench’s own configuration is refused')
  started.defer(() => gateway.stop())
  await gateway.serve()
  const admin = await startAdmin({ address: '127.0.0.1', port: 0, readiness: gateway.readiness })
  started.defer(() => admin.close())
  const probe = new Worker(new URL('health-probe.ts', import.meta.url), { workerData: { port: admin.port } })
  started.use(probe)
  await once(probe, 'online')
  await ask(probe, 'report') // the cost of starting
  await pause(idleMs)
  const idle = await ask(probe, 'report')
  const inForce = published.next()
  const startedMs = monotonicMs()
  renameSync(next, file)
  await Promise.race([inForce, tooLate()])
  const reloadMs = monotonicMs() - startedMs
  return { idle, busy: await ask(probe, 'end'), reloadMs }
}

async function ask(probe: Worker, order: 'report' | 'end'): Promise<Taken> {
  const answer = once(probe, 'message')
  probe.postMessage(order)
  const [taken] = (await answer) as [Taken]
  return taken
}

/** Rejects; it holds up no end. */
async function tooLate(): Promise<never> {
  await pause(RELOAD_MS_MAX, null, { ref: false })
  throw new Error('the change is not in force')
}

/** Tables that come into force, to wait for. */
class Published {
  #next = Promise.withResolvers<void>()

  next(): Promise<void> {
    return this.#next.promise
  }

  readonly note = (): void => {
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }
}
