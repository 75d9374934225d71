/**
 * `calls`: what weir asks of the system for a connection, a request and a GB, counted and not
 * timed, so it is the same on a quiet machine and on a busy one.
 *
 *   foreign calls   functions of the C library, called from JavaScript (bench/calls/counting.ts)
 *   operations      what the engine asks its kernel for: with io_uring many ride on one call
 *   system calls    by strace, where it is installed: those of the whole process
 *   atomics         on memory that threads share, by module, for 1 to 8 workers
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { rulesText } from './config/rules.ts'
import { weirWith } from './engines/contenders.ts'
import { Running } from './engines/running.ts'
import type { Bench } from './harness.ts'
import { installed } from './installed.ts'
import type { Generator } from './load/generator.ts'
import type { LoadJob } from './load/job.ts'
import { withLoad } from './load/scene.ts'

const ENGINES = ['uring', 'epoll'] as const
type Engine = (typeof ENGINES)[number]
const CLIENTS = 64
const COUNTING = new URL('calls/counting.ts', import.meta.url).href
/** Less often than once in so many connections is not listed. */
const LEAST = 1 / 200

type Unit = { readonly each: string; readonly job: Omit<LoadJob, 'port'> }

const unitsOf = (bench: Bench): readonly Unit[] => {
  const durationMs = bench.parameter(60, 1500)
  const bulk = { kind: 'bulk', perSecond: 0, durationMs: 0, mebibytes: bench.parameter(4, 512) } as const
  return [
    {
      each: 'a connection',
      job: { kind: 'connections', clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 },
    },
    {
      each: 'a request',
      job: { kind: 'requests', clients: CLIENTS, durationMs, perSecond: 0, mebibytes: 0 },
    },
    {
      each: 'a request, one client',
      job: { kind: 'requests', clients: 1, durationMs, perSecond: 0, mebibytes: 0 },
    },
    { each: 'a GB, one stream', job: { ...bulk, clients: 1 } },
  ]
}

export const benchCalls = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    for (const engine of ENGINES) {
      await countForeign(bench, generator, folder, engine)
      await countSystem(bench, generator, folder, engine)
    }
    for (const workers of bench.parameter([1, 2], [1, 2, 4, 8]))
      await countAtomics(bench, generator, folder, workers)
  })

const weirFor = (engine: Engine, workers: number, env: Readonly<Record<string, string>>) =>
  weirWith(
    `weir, ${engine}`,
    ({ listen, server }) => rulesText({ rules: 1, workers, engine, port: listen, servers: { server } }),
    env,
  )

async function countForeign(
  bench: Bench,
  generator: Generator,
  folder: string,
  engine: Engine,
): Promise<void> {
  const path = join(folder, `${engine}.json`)
  const weir = weirFor(engine, 1, counts(path))
  await using running = await Running.start(weir, generator.port, folder)
  await generator.load({ ...unitsOf(bench)[0].job, port: running.port })
  for (const { each, job } of unitsOf(bench)) {
    bench.begin(`${engine}: what is called for ${each}`)
    const before = await countsOf(running, path)
    const units = await load(generator, running, job)
    const found = perUnit(before, await countsOf(running, path), units)
    record(bench, `${engine}, foreign calls for ${each}`, found, 'call ')
    record(bench, `${engine}, operations for ${each}`, found, 'operation ')
  }
}

/** strace slows the process, so batches are larger than without it. */
async function countSystem(
  bench: Bench,
  generator: Generator,
  folder: string,
  engine: Engine,
): Promise<void> {
  if (installed('strace') === '') {
    bench.say('strace is not on PATH, so system calls were not counted; on Debian: apt-get install strace')
    return
  }
  await using running = await Running.start(weirFor(engine, 1, {}), generator.port, folder)
  for (const { each, job } of unitsOf(bench)) {
    bench.begin(`${engine}: system calls for ${each}`)
    await load(generator, running, job)
    const out = join(folder, 'strace')
    using trace = spawn(installed('strace'), ['-c', '-f', '-p', `${running.pid}`, '-o', out], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [said] = await Promise.race([once(trace.stderr, 'data'), once(trace, 'exit')])
    if (!String(said).includes('attached')) {
      bench.say(`strace may not trace here, so system calls were not counted: ${String(said).trim()}`)
      return
    }
    const units = await load(generator, running, job)
    trace.kill('SIGINT')
    await once(trace, 'exit')
    const found = new Map([...tracedCalls(readFileSync(out, 'utf8'))].map(([name, n]) => [name, n / units]))
    record(bench, `${engine}, system calls for ${each}`, found, '')
  }
}

/** Rows of strace -c: "% time, seconds, usecs/call, calls, errors?, name". */
export function tracedCalls(text: string): ReadonlyMap<string, number> {
  const rows = text.split('\n').map(line => line.trim().split(/\s+/))
  const calls = rows.filter(row => /^\d/.test(row[0]) && row.length >= 5 && row.at(-1) !== 'total')
  return new Map(calls.map(row => [row.at(-1) ?? '', Number(row[3])]))
}

async function countAtomics(
  bench: Bench,
  generator: Generator,
  folder: string,
  workers: number,
): Promise<void> {
  const path = join(folder, `${workers}.json`)
  const weir = weirFor('uring', workers, { ...counts(path), WEIR_BENCH_ATOMICS: '1' })
  await using running = await Running.start(weir, generator.port, folder)
  const [{ job }] = unitsOf(bench)
  await generator.load({ ...job, port: running.port })
  bench.begin(`what ${workers} workers share`)
  const before = await countsOf(running, path)
  const units = await load(generator, running, job)
  const found = perUnit(before, await countsOf(running, path), units)
  const title = workers === 1 ? '1 worker' : `${workers} workers`
  record(bench, `${title}, foreign calls for a connection`, found, 'call ')
  record(bench, `${title}, atomics for a connection`, found, 'atomic ')
}

// ── counting ───────────────────────────────────────────────────────────────

/** Worker threads read NODE_OPTIONS, too. */
const counts = (path: string): Readonly<Record<string, string>> => ({
  WEIR_FROM_SOURCE: '1',
  NODE_OPTIONS: `--import=${COUNTING}`,
  WEIR_BENCH_CALLS: path,
})

/** How many connections, requests or GB it was. */
async function load(generator: Generator, running: Running, job: Unit['job']): Promise<number> {
  const { done, failed, wrong } = await generator.load({ ...job, port: running.port })
  if (done === 0 || failed + wrong > 0) throw new Error(`${running.name}: ${done} done, ${failed} failed`)
  return job.kind === 'bulk' ? (done * job.mebibytes * 2 ** 20) / 1e9 : done
}

type Counts = readonly Readonly<Record<string, number>>[]

/** Of the threads that serve connections: those that wait in a kernel for them. */
async function countsOf(running: Running, path: string): Promise<Counts> {
  rmSync(path, { force: true })
  process.kill(running.pid, 'SIGUSR2')
  while (!existsSync(path)) {
    if (running.hasEnded) throw new Error('the gateway has ended')
    await pause(10)
  }
  const threads = JSON.parse(readFileSync(path, 'utf8')) as Counts
  return threads.map(thread => (serves(thread) ? thread : {}))
}

const serves = (thread: Readonly<Record<string, number>>): boolean =>
  thread['call io_uring_enter'] > 0 || thread['call epoll_wait'] > 0

function perUnit(before: Counts, after: Counts, units: number): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const [thread, counted] of after.entries())
    for (const [name, value] of Object.entries(counted))
      sums.set(name, (sums.get(name) ?? 0) + (value - (before[thread][name] ?? 0)) / units)
  return sums
}

/** Those of a kind, the most frequent first, and their sum. */
function record(bench: Bench, group: string, found: ReadonlyMap<string, number>, kind: string): void {
  const list = [...found].filter(([name]) => name.startsWith(kind))
  const seen = list.filter(([, times]) => times >= LEAST).sort((a, b) => b[1] - a[1])
  bench.record(
    group,
    'all',
    'count',
    list.reduce((sum, [, times]) => sum + times, 0),
  )
  for (const [name, times] of seen) bench.record(group, name.slice(kind.length), 'count', times)
}
