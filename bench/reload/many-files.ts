/**
 * A large configuration in many files: the first start, changes of one file, and the next start,
 * which finds what the first one has read.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
    for (const which of ['first start', 'next start']) {
      const startedMs = monotonicMs()
      await using gateway = await start(contender, ports.a, folder.path)
      note(`${which}, until it routes`, monotonicMs() - startedMs)
      note(`${which}, CPU`, cpuMs(gateway.cpu()))
      if (which === 'next start') continue
      const last = fileIn(path, files - 1)
      for (const to of ['b', 'a']) {
        const before = cpuMs(gateway.cpu())
        const apply = prepareChange(last, texts(gateway.port, to)[files - 1])
        note('one file changed, until it routes', await untilRouted(apply, gateway.port, to))
        note('one file changed, CPU', cpuMs(gateway.cpu()) - before)
      }
    }
  }
  for (const [name, list] of found) bench.record(group, name, 'ms', list)
}

const fileIn = (folder: string, index: number): string =>
  join(folder, `${String(index).padStart(3, '0')}.yaml`)

const start = (contender: Contender, server: number, folder: string): Promise<Running> =>
  Running.start(contender, server, folder, async port => void (await whoAnswers(port)))

const cpuMs = ({ userMs, systemMs }: ProcessCpu): number => userMs + systemMs
