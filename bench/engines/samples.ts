/** Rounds of one axis: every contender in turn, with its cost and the load's own. */

import assert from 'node:assert/strict'
import type { Bench } from '../harness.ts'
import type { Generator } from '../load/generator.ts'
import type { LoadJob, Outcome } from '../load/job.ts'
import { summarise } from '../statistics.ts'
import { busyNs, type Target } from './running.ts'

export type Axis = { readonly group: string; readonly job: Omit<LoadJob, 'port'> }

/** One round of one contender; time and CPU for each connection, request or GB (10^9 bytes). */
export type Sample = {
  readonly done: number
  readonly timeNs: number
  /** The proxy's; the next two are less exact. */
  readonly cpuNs: number
  readonly userNs: number
  readonly systemNs: number
  /** Of one processor, while it ran. */
  readonly loadShare: number
  readonly serverShare: number
  readonly proxyShare: number
  readonly failed: number
  readonly unanswered: number
  readonly latencyNs: Outcome['latencyNs']
  readonly ladder: Outcome['ladder']
}

/** By contender, in the order of CONTENDERS. */
export type Samples = ReadonlyMap<string, readonly Sample[]>

export async function measure(
  bench: Bench,
  generator: Generator,
  running: readonly Target[],
  { group, job }: Axis,
  { rounds = bench.parameter(2, 5), warmUps = 1 } = {},
): Promise<Samples> {
  bench.begin(group)
  const samples = new Map(running.map(({ name }) => [name, [] as Sample[]]))
  for (let round = 0; round < warmUps; round++) {
    for (const each of running) await sample(generator, each, job)
  }
  for (let round = 0; round < rounds; round++) {
    bench.round(round + 1, rounds)
    for (const each of inTurn(running, round)) {
      samples.get(each.name)?.push(await sample(generator, each, job))
    }
  }
  return samples
}

/**
 * In both orders (A B C, C B A), starting one later each time: nobody is always first, or after the
 * same one.
 */
export function inTurn<T>(list: readonly T[], round: number): readonly T[] {
  const first = (round >> 1) % list.length
  const order = [...list.slice(first), ...list.slice(0, first)]
  return round % 2 === 0 ? order : order.reverse()
}

export async function sample(generator: Generator, running: Target, job: Axis['job']): Promise<Sample> {
  const own = process.cpuUsage()
  const before = running.cpu()
  const { port, opening } = running
  const outcome = await generator.load({ ...job, port, ...(opening && { opening }) })
  const after = running.cpu()
  const used = process.cpuUsage(own)
  const { done, wrong, failed, unanswered, elapsedMs, latencyNs, ladder, cpu } = outcome
  assert.equal(wrong, 0, `${running.name} relayed wrong bytes`)
  assert.ok(done > 0, `${running.name} answered nothing, ${failed} failed`)
  if (job.kind === 'bulk') assert.equal(done, job.clients, `${running.name} did not finish a stream`)
  const count = job.kind === 'bulk' ? (done * job.mebibytes * 2 ** 20) / 1e9 : done
  const [userMs, systemMs] = [after.userMs - before.userMs, after.systemMs - before.systemMs]
  const loadMs = cpu.userMs + cpu.systemMs
  return {
    done,
    timeNs: (elapsedMs * 1e6) / count,
    cpuNs: busyNs(before, after) / count,
    userNs: (userMs * 1e6) / count,
    systemNs: (systemMs * 1e6) / count,
    loadShare: loadMs / elapsedMs,
    serverShare: Math.max(0, (used.user + used.system) / 1000 - loadMs) / elapsedMs,
    proxyShare: busyNs(before, after) / 1e6 / elapsedMs,
    failed,
    unanswered,
    latencyNs,
    ladder,
  }
}

/**
 * How many times `beside` a value is; a round too short to count any CPU has no ratio, and 1
 * favours neither.
 */
export const ratio = (value: number, beside: number): number => (beside > 0 ? value / beside : 1)

export const median = (values: readonly number[]): number => summarise(values).median
