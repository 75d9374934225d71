/**
 * A large configuration in many files: the first start, changes of one file, and the next start,
 * which finds what the first one has read.
 */

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import { prepareChange } from '../config/replace.ts'
import { rulesInFiles } from '../config/rules.ts'
import { type Contender, weirAt } from '../engines/contenders.ts'
import { type ProcessCpu, Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { temporaryFolder } from '../load/scene.ts'
import { thousands } from '../units.ts'
import { portOf, startServer, untilRouted, whoAnswers } from './servers.ts'

const NAMES = ['a', 'b'] as const

export async function benchManyFiles(bench: Bench): Promise<void> {
  const [rules, files] = [bench.parameter(1_000, 100_000), bench.parameter(10, 100)]
  const rounds = bench.parameter(1, 2)
  const storedMsMost = bench.parameter(0, 3_000)
  await using servers = new AsyncDisposableStack()
  const ports: Record<string, number> = {}
  for (const name of NAMES) ports[name] = portOf(servers.use(await startServer(name)))
  const group = `${thousands(rules)} rules in ${files} files`
  const found = new Map<string, number[]>()
  const note = (name: string, ms: number): void => void found.getOrInsertComputed(name, () => []).push(ms)
  bench.begin(group)
  for (let round = 0; round < rounds; round++) {
    bench.round(round + 1, rounds)
    using folder = temporaryFolder()
    const path = join(folder.path, 'rules') // the same at the next start
    const texts = (listen: number, to: string): readonly string[] =>
      rulesInFiles({ engine: bench.choices.engine ?? 'auto', servers: ports, port: listen, rules, to }, files)
    const write = ({ listen }: { readonly listen: number }): string => {
      mkdirSync(path, { recursive: true })
      for (const [index, text] of texts(listen, 'a').entries()) writeFileSync(fileIn(path, index), text)
      return path
    }
    const contender = weirAt(write, { XDG_CACHE_HOME: folder.path })
    let listen: number | undefined
    for (const which of ['first start', 'next start']) {
      const startedMs = monotonicMs()
      const again = { ...contender, ...(listen !== undefined && { listen }) }
      await using gateway = await start(again, ports.a, folder.path)
      listen = gateway.port
      note(`${which}, until it routes`, monotonicMs() - startedMs)
      note(`${which}, CPU`, cpuMs(gateway.cpu()))
      if (which === 'next start') continue
      const last = fileIn(path, files - 1)
      let routedMs = Date.now()
      await untilStored(folder.path, routedMs, storedMsMost) // the thread that compiles is busy with it
      for (const [index, to] of ['b', 'a', 'b', 'a'].entries()) {
        const what = index === 0 ? 'the first change of a file' : 'each further one'
        const before = cpuMs(gateway.cpu())
        const apply = prepareChange(last, texts(gateway.port, to)[files - 1])
        note(`${what}, until it routes`, await untilRouted(apply, gateway.port, to))
        routedMs = Date.now()
        note(`${what}, CPU`, cpuMs(gateway.cpu()) - before)
      }
      await untilStored(folder.path, routedMs, storedMsMost)
    }
  }
  for (const [name, list] of found) bench.record(group, name, 'ms', list)
}

/**
 * Until what was compiled last is stored for the next start, which happens once it is served; a
 * small configuration never is.
 */
async function untilStored(folder: string, sinceMs: number, mostMs: number): Promise<void> {
  const isStored = (): boolean =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).some(
      name => name.endsWith('.compiled') && statSync(join(folder, name)).mtimeMs >= sinceMs,
    )
  const endMs = monotonicMs() + mostMs
  while (!isStored() && monotonicMs() < endMs) await pause(50)
}

const fileIn = (folder: string, index: number): string =>
  join(folder, `${String(index).padStart(3, '0')}.yaml`)

const start = (contender: Contender, server: number, folder: string): Promise<Running> =>
  Running.start(contender, server, folder, async port => void (await whoAnswers(port)))

const cpuMs = ({ userMs, systemMs }: ProcessCpu): number => userMs + systemMs
