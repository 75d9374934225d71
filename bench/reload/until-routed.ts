/** From a file's change to the first connection that it routes, by number of rules. */

import { prepareChange } from '../config/replace.ts'
import { rulesText } from '../config/rules.ts'
import { fileOf, weirWith } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { temporaryFolder } from '../load/scene.ts'
import { portOf, startServer, untilRouted, whoAnswers } from './servers.ts'

/** The largest takes more than ten seconds. */
const SIZES = [
  { rules: 10, rounds: 9 },
  { rules: 1000, rounds: 9 },
  { rules: 100_000, rounds: 2 },
]
const FEW = [
  { rules: 10, rounds: 2 },
  { rules: 200, rounds: 2 },
]
const SERVERS = ['a', 'b'] as const
const RULES_AT_FIRST = 10

export async function benchUntilRouted(bench: Bench): Promise<void> {
  using folder = temporaryFolder()
  await using servers = new AsyncDisposableStack()
  const ports: Record<string, number> = {}
  for (const name of SERVERS) ports[name] = portOf(servers.use(await startServer(name)))
  const config = { servers: ports, engine: bench.choices.engine ?? ('auto' as const) }
  const weir = weirWith('weir', ({ listen }) => rulesText({ ...config, port: listen, rules: RULES_AT_FIRST }))
  const isReady = async (port: number): Promise<void> => void (await whoAnswers(port))
  await using gateway = await Running.start(weir, ports.a, folder.path, isReady)
  const { port } = gateway
  const file = fileOf({ folder: folder.path, listen: port })
  for (const { rules, rounds } of bench.parameter(FEW, SIZES)) {
    const group = groupOf(rules)
    bench.begin(group)
    const takenMs: number[] = []
    while (takenMs.length < rounds) {
      bench.round(takenMs.length + 1, rounds)
      const to = (await whoAnswers(port)) === 'a' ? 'b' : 'a'
      const apply = prepareChange(file, rulesText({ ...config, port, rules, to }))
      takenMs.push(await untilRouted(apply, port, to))
    }
    bench.record(group, 'time', 'ms', takenMs)
  }
  bench.chart({
    kind: 'lines',
    id: 'until-routed',
    title: 'From a change to the first connection routed by it',
    about:
      'By the number of rules in the file. 100 ms of it is the wait for the file to be quiet. Lower is better.',
    x: { label: 'rules', scale: 'log' },
    y: { label: 'time', scale: 'log' },
    lines: [
      {
        label: 'until routed',
        points: bench
          .parameter(FEW, SIZES)
          .map(({ rules }) => ({ x: rules, group: groupOf(rules), name: 'time' })),
      },
    ],
  })
}

const groupOf = (rules: number): string =>
  `from the change to the first connection routed by it, ${rules} rules`
