/**
 * The memory of a gateway before anyone connects, and how it grows with its workers and its rules.
 */

import { rulesText } from '../config/rules.ts'
import { weirWith } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'

const ENGINES = ['uring', 'epoll', 'node'] as const

type Setup = {
  readonly engine: (typeof ENGINES)[number]
  readonly rules: number
  readonly workers: number
}

export async function measureResting(bench: Bench, server: number, folder: string): Promise<void> {
  const [few, many] = bench.parameter([10, 200], [1000, 10_000])
  const workers = bench.parameter(2, 4)
  const engines = ENGINES.filter(engine => (bench.choices.engine ?? engine) === engine)
  const group = 'memory of the gateway’s process'
  bench.begin(group)
  const found = new Map<string, number[]>()
  const note = (name: string, bytes: number): void =>
    void found.set(name, [...(found.get(name) ?? []), bytes])
  const resident = async (setup: Setup): Promise<number> =>
    residentAtRest(setup, server, folder, bench.parameter(30, 300))
  const rounds = bench.parameter(1, 2)
  for (let round = 0; round < rounds; round++) {
    bench.round(round + 1, rounds)
    for (const engine of engines) {
      const one = await resident({ engine, rules: 1, workers: 1 })
      const several = await resident({ engine, rules: 1, workers })
      note(`at rest, one worker, one rule, engine ${engine}`, one)
      note(`each further worker, engine ${engine}`, (several - one) / (workers - 1))
    }
    const [engine] = engines
    const before = await resident({ engine, rules: few, workers: 1 })
    const after = await resident({ engine, rules: many, workers: 1 })
    note(`each rule, from ${few} to ${many}`, (after - before) / (many - few))
  }
  for (const [name, list] of found) bench.record(group, name, 'bytes', list)
}

/** @param lookMs  Between looks at whether the memory of the start was given back. */
async function residentAtRest(setup: Setup, server: number, folder: string, lookMs: number): Promise<number> {
  const weir = weirWith('weir', ({ listen }) => rulesText({ ...setup, port: listen, servers: { server } }))
  await using running = await Running.start(weir, server, folder)
  return await running.settledBytes(lookMs)
}
