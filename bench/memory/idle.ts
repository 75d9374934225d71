/** A proxy's memory for an idle connection: weir's beside its peers'. */

import assert from 'node:assert/strict'
import { type Contender, WEIR } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { askOnce, type Connect, drop, holdIdle } from '../load/idle.ts'

/** weir's process, for each connection in the clear. */
const BYTES_GOAL = 2048

/** How clients connect, if not in the clear; what they are. */
export type Speaking = { readonly connectTo: Connect; readonly what: string }

/** Each round uses a process of its own, since processes seldom give memory back. */
export async function measureIdle(
  bench: Bench,
  contenders: readonly Contender[],
  server: number,
  folder: string,
  speaking: Speaking | null = null,
): Promise<void> {
  const count = bench.parameter(100, speaking ? 2000 : 8000)
  const what = speaking?.what ?? 'idle connections'
  const group = `memory of the proxy’s process for each of ${count} ${what}`
  const proxies = contenders.filter(({ command, bulkOnly }) => command && !bulkOnly)
  const found = new Map(proxies.map(({ name }) => [name, [] as number[]]))
  bench.begin(group)
  const rounds = bench.parameter(1, 2)
  for (let round = 0; round < rounds; round++) {
    bench.round(round + 1, rounds)
    for (const contender of proxies) {
      await using running = await Running.start(contender, server, folder, readyBy(speaking))
      const lookMs = bench.parameter(30, collects(contender.name) ? 300 : 100)
      const bytes = await idleBytes(running, count, lookMs, speaking?.connectTo)
      found.get(contender.name)?.push(bytes)
    }
  }
  for (const [name, list] of found)
    bench.record(group, name, 'bytes', list, name === WEIR && !speaking ? BYTES_GOAL : null)
  chartIdleMemory(bench, group)
}

/** Whether its process gives memory back a while after it began. */
const collects = (name: string): boolean => name.startsWith('weir')

/**
 * A tenth of the connections first, so that one-time costs are not charged to the rest.
 *
 * @param lookMs  Between looks at whether an idle process still takes or frees memory.
 */
async function idleBytes(
  running: Running,
  count: number,
  lookMs: number,
  connectTo?: Connect,
): Promise<number> {
  await using _first = await holdIdle(running.port, count / 10, connectTo)
  const before = await running.settledBytes(lookMs)
  await using _rest = await holdIdle(running.port, count - count / 10, connectTo)
  const after = await running.settledBytes(lookMs)
  assert.ok(before > 0 && !running.hasEnded, `${running.name} has ended`)
  return (after - before) / (count - count / 10)
}

const readyBy = (speaking: Speaking | null): ((port: number) => Promise<void>) | undefined =>
  speaking ? async port => drop(await askOnce(port, 0, speaking.connectTo)) : undefined

function chartIdleMemory(bench: Bench, group: string): void {
  bench.chart({
    kind: 'bars',
    id: 'idle-memory',
    title: 'Memory of an idle connection',
    about:
      'What the proxy’s process grows by for each connection that has answered once and then does nothing. Less is better.',
    groups: [{ group, label: 'resident memory' }],
  })
}
