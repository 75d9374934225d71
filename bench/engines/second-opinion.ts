/**
 * `--second-opinion`: the same axes by tools that others wrote, printed beside the figures of the bench's own load.
 *
 *   iperf3  bulk in one stream, from the server to the client
 *   wrk     HTTP requests over kept connections, and a connection for each; nginx answers them
 *
 * The work is alike, not the same: an HTTP request has more bytes than the load's 64, and both ends do more with it.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Bench, Unit } from '../harness.ts'
import { installed } from '../installed.ts'
import { type Contender, configuration, notInstalled, present, WEIR } from './contenders.ts'
import { Running } from './running.ts'
import { inTurn } from './samples.ts'

const run = promisify(execFile)
const RUN_MS_MAX = 60_000
const CONNECTIONS = 64

type Tool = {
  readonly name: string
  readonly needs: readonly (() => string)[]
  readonly server: Contender
  readonly ready: (port: number) => Promise<unknown>
  readonly axes: readonly Axis[]
}

type Axis = {
  /** The group of the own load's figure (record.ts). */
  readonly own: string
  readonly unit: Unit
  readonly measure: (port: number, bench: Bench) => Promise<number>
}

export async function askOthers(bench: Bench, folder: string): Promise<void> {
  for (const tool of TOOLS) {
    const why = tool.needs.map(missing => missing()).find(reason => reason !== '')
    if (why !== undefined) bench.say(`no second opinion by ${tool.name}: ${why}`)
    else await ask(bench, folder, tool)
  }
}

async function ask(bench: Bench, folder: string, { name, server, ready, axes }: Tool): Promise<void> {
  bench.begin(`second opinion by ${name}`)
  const isReady = async (port: number): Promise<void> => void (await ready(port))
  await using upstream = await Running.start(server, 0, folder, isReady)
  await using stack = new AsyncDisposableStack()
  const proxies: Running[] = []
  for (const each of contenders(bench))
    proxies.push(stack.use(await Running.start(each, upstream.port, folder, isReady)))
  for (const axis of axes) await compare(bench, name, axis, proxies)
}

/** Under `npm test` weir alone: wrk takes a second for each figure. */
const contenders = (bench: Bench): readonly Contender[] =>
  present(bench).filter(({ name, bulkOnly }) => !bulkOnly && bench.parameter(name === WEIR, true))

async function compare(
  bench: Bench,
  tool: string,
  { own, unit, measure }: Axis,
  proxies: readonly Running[],
): Promise<void> {
  const group = `second opinion: ${own}`
  bench.begin(`${group}, by ${tool}`)
  const rounds = new Map(proxies.map(({ name }) => [name, [] as number[]]))
  const times = bench.parameter(1, 3)
  for (let round = 0; round < times; round++) {
    bench.round(round + 1, times)
    for (const { name, port } of inTurn(proxies, round)) {
      rounds.get(name)?.push(await measure(port, bench))
    }
  }
  for (const [name, list] of rounds) {
    const ours = bench.results.find(each => each.group === own && each.name === name)
    if (ours) bench.record(group, `${name}, by weir’s load`, unit, ours.rounds)
    bench.record(group, `${name}, by ${tool}`, unit, list)
  }
}

/** Milliseconds for a GB. */
async function iperf(port: number, mebibytes: number): Promise<number> {
  const words = ['-c', '127.0.0.1', '-p', `${port}`, '-n', `${mebibytes}M`, '--reverse', '--json']
  const { stdout } = await run(installed('iperf3'), words, { timeout: RUN_MS_MAX })
  const { bytes, seconds } = JSON.parse(stdout).end.sum_received as { bytes: number; seconds: number }
  assert.ok(bytes >= mebibytes * 2 ** 20, `iperf3 got ${bytes} bytes`)
  return (seconds * 1000) / (bytes / 1e9)
}

/** Nanoseconds for a request. */
async function wrk(port: number, bench: Bench, headers: readonly string[]): Promise<number> {
  const load = [
    '--threads',
    '1',
    '--connections',
    `${CONNECTIONS}`,
    '--duration',
    bench.parameter('1s', '2s'),
  ]
  const words = [...load, ...headers.flatMap(header => ['--header', header]), urlOf(port)]
  const { stdout } = await run(installed('wrk'), words, { timeout: RUN_MS_MAX })
  const perSecond = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(stdout)?.[1])
  assert.ok(perSecond > 0 && !/^\s*(Socket errors|Non-2xx)/m.test(stdout), stdout)
  return 1e9 / perSecond
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}/`

const TOOLS: readonly Tool[] = [
  {
    name: 'iperf3',
    needs: [notInstalled('iperf3', 'apt-get install iperf3')],
    server: {
      name: 'iperf3’s server',
      missing: () => '',
      command: ({ listen }) => [
        installed('iperf3'),
        '--server',
        '--bind',
        '127.0.0.1',
        '--port',
        `${listen}`,
      ],
    },
    ready: port => iperf(port, 1),
    axes: [
      {
        own: 'bulk, one stream: time for a GB',
        unit: 'ms',
        measure: (port, bench) => iperf(port, bench.parameter(16, 1024)),
      },
    ],
  },
  {
    name: 'wrk',
    needs: [notInstalled('wrk', 'apt-get install wrk'), notInstalled('nginx', 'apt-get install nginx')],
    server: {
      name: 'nginx’s http server',
      missing: () => '',
      command: ports => [installed('nginx'), '-c', configuration('nginx-http.conf', ports)],
    },
    ready: async port => (await fetch(urlOf(port), { headers: { connection: 'close' } })).text(),
    axes: [
      {
        own: `requests over ${CONNECTIONS} kept connections: time for each`,
        unit: 'ns',
        measure: (port, bench) => wrk(port, bench, []),
      },
      {
        own: `new connections, ${CONNECTIONS} at a time: time for each`,
        unit: 'ns',
        measure: (port, bench) => wrk(port, bench, ['Connection: close']),
      },
    ],
  },
]
