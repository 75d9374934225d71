/**
 * `observe`: the cost of observing connections.
 *
 * alone   the journal's cost for a connection and for a request, and that of a line of the access
 * log whole   a proxy without an access log beside one with it: CPU of the whole process, including
 * the log's thread
 *
 * The journal is always on, so there is nothing to compare it with here; docs/benchmarks.md has its
 * cost beside the commit before it.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { probe } from '../src/kernel/uring/probe.ts'
import { weir } from './engines/contenders.ts'
import { busyNs, Running } from './engines/running.ts'
import type { Bench } from './harness.ts'
import { Generator } from './load/generator.ts'
import { benchJournal } from './observe/journal.ts'

const CLIENTS = 64
/** The goal for the log: this share of a connection's CPU. */
const GOAL = 1.02

const OFF = 'no access log'
const ON = 'access log'

export async function benchObserve(bench: Bench): Promise<void> {
  benchJournal(bench)
  const { ok, reason } = probe()
  if (ok) await benchWhole(bench)
  else bench.say(`the whole is left out: ${reason}`)
}

async function benchWhole(bench: Bench): Promise<void> {
  const generator = await Generator.start()
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const file = join(folder, 'access.log')
  const contenders = [
    { name: OFF, command: weir('uring'), missing: () => '' },
    { name: ON, command: weir('uring', '--access-log', file), missing: () => '' },
  ]
  const running: Running[] = []
  try {
    for (const each of contenders) running.push(await Running.start(each, generator.port, folder))
    for (const kind of ['connections', 'requests'] as const) await measureCpu(bench, generator, running, kind)
    assert.ok(statSync(file).size > 0, 'the access log is empty')
  } finally {
    await Promise.all(running.map(each => each.stop()))
    await generator.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rounds alternate, in both orders; the log's share is of the same round. */
async function measureCpu(
  bench: Bench,
  generator: Generator,
  running: readonly Running[],
  kind: 'connections' | 'requests',
): Promise<void> {
  const group = `CPU of the process for each of ${kind === 'requests' ? 'the requests' : 'the new connections'}`
  bench.begin(group)
  const found = new Map(running.map(({ name }) => [name, [] as number[]]))
  for (let round = -1; round < bench.parameter(2, 15); round++) {
    for (const each of round % 2 === 0 ? running : running.toReversed()) {
      const ns = await cpuForEach(generator, each, kind, bench.parameter(60, 500))
      if (round >= 0) found.get(each.name)?.push(ns) // the first warms up
    }
  }
  for (const [name, list] of found) bench.record(group, name, 'ns', list)
  const [off = [], on = []] = found.values()
  const ratios = on.map((value, round) => value / off[round])
  bench.record(`${group}: beside none`, ON, 'times', ratios, GOAL)
}

async function cpuForEach(
  generator: Generator,
  running: Running,
  kind: 'connections' | 'requests',
  durationMs: number,
): Promise<number> {
  const before = running.cpu()
  const job = { kind, port: running.port, clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 }
  const { done, wrong, failed } = await generator.load(job)
  assert.deepEqual([wrong, failed], [0, 0], running.name)
  await new Promise(resolve => setTimeout(resolve, LOG_MS)) // until the log has written the rest
  return busyNs(before, running.cpu()) / done
}

/** Two turns of the access log (access-log/task.ts). */
const LOG_MS = 200
