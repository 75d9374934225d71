/**
 * The delivered beside the configured split, after 10, 100 and 10 000 connections through a gateway
 * with two workers. By node:net, since nothing here is timed.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { weirWith } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import type { Bench } from '../harness.ts'
import { temporaryFolder } from '../load/scene.ts'
import { chiSquare, fairness } from '../resample.ts'
import { DESTINATIONS_MOST, type Listening, listeningFor, ONE, unequal, type Way, waysText } from './ways.ts'

const WORKERS = 2
const CLIENTS = 32
const ANSWER_MS_MAX = 10_000

const COUNTS = [10, 100, 1000, 10_000]
const FEW = [10, 100, 500]
const HUNDRED = unequal(DESTINATIONS_MOST)
const WAYS: readonly Way[] = [
  { name: 'random, 80:20', split: 'random', weights: [80, 20] },
  { name: 'random, 100 ways', split: 'random', weights: HUNDRED },
  { name: 'exact, 80:20', split: 'exact', weights: [80, 20] },
  { name: 'exact, 100 ways', split: 'exact', weights: HUNDRED },
  { name: 'sticky, 80:20', split: 'sticky', weights: [80, 20] },
]

export async function benchDelivered(bench: Bench): Promise<void> {
  using folder = temporaryFolder()
  using servers = await Servers.start(DESTINATIONS_MOST)
  const listening = await listeningFor(WAYS)
  const settings = { engine: bench.choices.engine ?? 'auto', workers: WORKERS } as const
  const weir = weirWith('weir', ({ listen }) =>
    waysText([{ way: ONE, port: listen }, ...listening], servers.ports, settings),
  )
  const isReady = (port: number): Promise<void> => connectOnce(port, 0)
  await using _ = await Running.start(weir, servers.ports[0], folder.path, isReady)
  const counts = bench.parameter(FEW, COUNTS)
  for (const each of listening) await deliver(bench, servers, each, counts)
  chartShares(bench, counts)
}

/** Of those with two destinations; the band is where 95 of 100 fair draws lie. */
function chartShares(bench: Bench, counts: readonly number[]): void {
  const ways = WAYS.filter(({ weights }) => weights.length === 2)
  bench.chart({
    kind: 'lines',
    id: 'delivered',
    title: 'The share that 80 % got',
    about:
      'Share of the first of two destinations, weighted 80:20, by the number of connections. A random draw should lie in the band, an exact one on the 80 %.',
    x: { label: 'connections', scale: 'log' },
    y: { label: 'share of the first', scale: 'linear' },
    lines: ways.map(({ name }) => ({
      label: name,
      points: counts.map(count => ({ x: count, group: groupOf(name), name: shareOf(count) })),
    })),
    expected: {
      label: '95 of 100 fair draws',
      points: counts.map(count => {
        const width = 1.96 * Math.sqrt((0.8 * 0.2) / count)
        return { x: count, low: 0.8 - width, high: Math.min(1, 0.8 + width) }
      }),
    },
  })
}

const groupOf = (name: string): string => `delivered beside configured, ${WORKERS} workers, ${name}`
const shareOf = (count: number): string => `share of the first after ${count} connections`

async function deliver(
  bench: Bench,
  servers: Servers,
  { way, port }: Listening,
  sizes: readonly number[],
): Promise<void> {
  const group = groupOf(way.name)
  bench.begin(group)
  servers.forget()
  let done = 0
  for (const count of sizes) {
    await connectMany(port, done, count)
    done = count
    const counts = servers.counts.slice(0, way.weights.length)
    assert.equal(sumOf(counts), count, `${way.name}: connections that arrived`)
    judge(bench, group, way, counts)
  }
  if (way.split !== 'sticky') return
  const before = [...servers.counts]
  await connectMany(port, 0, done)
  const moved = before.filter((count, index) => servers.counts[index] !== 2 * count).length
  assert.equal(moved, 0, 'a client has come to another destination')
  bench.say(
    `${way.name}: ${done} clients that came again, each from its own address, were sent where they had been`,
  )
}

function judge(bench: Bench, group: string, { name, split, weights }: Way, counts: readonly number[]): void {
  const sum = sumOf(counts)
  const total = sumOf(weights)
  const deviations = counts.map((count, index) => Math.abs(count - (sum * weights[index]) / total))
  const most = Math.max(...deviations)
  bench.record(group, `largest deviation after ${sum} connections`, 'count', most)
  if (weights.length === 2) bench.record(group, shareOf(sum), 'share', counts[0] / sum)
  if (split === 'exact') assert.ok(most < 1, `${name}: ${counts} of ${sum} are not exact`)
  if (split !== 'random') return
  const statistic = chiSquare(counts, weights)
  bench.record(group, `chi-square after ${sum} connections`, 'count', statistic, null, { better: 'neither' })
  const seen = weights.length === 2 ? `${counts.join(':')}, ` : ''
  const p = fairness(counts, weights)
  bench.say(`${name}, ${sum} connections: ${seen}chi-square ${statistic.toFixed(1)}, p = ${p.toFixed(3)}`)
}

const sumOf = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0)

/**
 * Connections number `from` to `to` − 1, each of a client address of its own and closed by the
 * server.
 */
async function connectMany(port: number, from: number, to: number): Promise<void> {
  let next = from
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (next < to) await connectOnce(port, next++)
  })
  await Promise.all(clients)
}

function connectOnce(port: number, client: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const localAddress = `127.${1 + (client >> 16)}.${(client >> 8) & 255}.${client & 255}`
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', reject).on('end', resolve).resume()
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error('no server has closed the connection')))
  return promise.finally(() => socket.destroy())
}

/** Servers that count connections and close them at once. */
class Servers {
  readonly ports: readonly number[]
  readonly counts: number[]
  readonly #servers: readonly ReturnType<typeof createServer>[]

  private constructor(servers: readonly ReturnType<typeof createServer>[], counts: number[]) {
    this.#servers = servers
    this.counts = counts
    this.ports = servers.map(server => (server.address() as AddressInfo).port)
  }

  static async start(count: number): Promise<Servers> {
    const counts = new Array<number>(count).fill(0)
    const servers = counts.map((_, index) =>
      createServer(socket => {
        counts[index]++
        socket.on('error', () => socket.destroy())
        socket.end()
      }).listen(0, '127.0.0.1'),
    )
    await Promise.all(servers.map(server => once(server, 'listening')))
    return new Servers(servers, counts)
  }

  forget(): void {
    this.counts.fill(0)
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close()
  }
}
