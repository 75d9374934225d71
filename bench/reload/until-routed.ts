/** From a file's change to the first connection that it routes, by number of rules. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import { prepareChange } from '../config/replace.ts'
import { rulesText } from '../config/rules.ts'
import { fileOf, weirWith } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { temporaryFolder } from '../load/scene.ts'

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
/** The interval of test connections. */
const LOOK_EVERY_MS = 2
const CHANGE_MS_MAX = 120_000
const ANSWER_MS_MAX = 10_000
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
      takenMs.push(await change(file, rulesText({ ...config, port, rules, to }), port, to))
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

async function change(file: string, text: string, port: number, to: string): Promise<number> {
  const apply = prepareChange(file, text)
  const startedMs = monotonicMs()
  apply()
  while ((await whoAnswers(port)) !== to) {
    if (monotonicMs() - startedMs > CHANGE_MS_MAX) throw new Error('the change is not in force')
    await pause(LOOK_EVERY_MS)
  }
  return monotonicMs() - startedMs
}

/** The name of the server that a new connection reaches. */
function whoAnswers(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('data', data => resolve(String(data)))
  socket.on('error', reject).on('close', () => reject(new Error('closed without a reply')))
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error('no reply in time')))
  return promise.finally(() => socket.destroy())
}

async function startServer(name: string): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.end(name)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
