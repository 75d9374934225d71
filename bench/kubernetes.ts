/**
 * `kubernetes`: what it costs to follow a cluster.
 *
 *   changes   EndpointSlices that change all the time: CPU of the gateway, and the delay to a connection
 *   start     the endpoints of a large cluster: bytes on the wire, memory, and the requests for them
 */

import type { Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../src/base/clock.ts'
import { busyNs } from './engines/running.ts'
import type { Bench } from './harness.ts'
import { follow } from './kubernetes/following.ts'
import {
  addressesOf,
  asStored,
  edge,
  PROBED,
  rules,
  service,
  serviceName,
  slice,
} from './kubernetes/objects.ts'
import { temporaryFolder } from './load/scene.ts'
import { portOf, startServer, untilRouted } from './reload/servers.ts'

const ENDPOINTS = 10
/** Changes come one by one, as from a cluster, and not in bursts. */
const TICK_MS = 1
const CPU_MAX = 0.1
const WARM_MS = 15_000
const VISIBLE_MS_MAX = 250

export async function benchKubernetes(bench: Bench): Promise<void> {
  await benchChanges(bench)
  await benchStart(bench)
}

async function benchChanges(bench: Bench): Promise<void> {
  const [count, services, perSecond] = bench.parameter([100, 20, 200], [10_000, 1000, 1000])
  const [probes, everyMs] = bench.parameter([2, 200], [40, 500])
  const group = `${perSecond} EndpointSlices a second, each with ${ENDPOINTS} endpoints, among ${count} rules`
  bench.begin(group)
  using folder = temporaryFolder()
  await using a = await startServer('a')
  await using b = await startServer('b')
  const probed = (server: Server) => slice(PROBED, { addresses: ['127.0.0.1'], port: portOf(server) })
  await using followed = await follow(folder.path, function* (port) {
    yield* [edge(port), ...rules(count, services), service(PROBED), probed(a)]
    for (let index = 0; index < services; index++) {
      yield service(serviceName(index))
      yield slice(serviceName(index), { addresses: addressesOf(index, ENDPOINTS) })
    }
  })
  const { api, running } = followed
  await pause(bench.parameter(100, 2000))
  let changed = 0
  const startedMs = monotonicMs()
  using timer = setInterval(() => {
    const due = ((monotonicMs() - startedMs) * perSecond) / 1000
    for (; changed < due; changed++) {
      const index = changed % services
      const away = Math.floor(changed / services) % ENDPOINTS
      api.put(slice(serviceName(index), { addresses: addressesOf(index, ENDPOINTS), away }))
    }
  }, TICK_MS)
  await pause(bench.parameter(100, WARM_MS)) // V8 compiles what is hot
  const before = running.cpu()
  const [beganMs, sentBefore, changedBefore] = [monotonicMs(), api.sentBytes, changed]
  const delays: number[] = []
  for (let probe = 0; probe < probes; probe++) {
    // At any moment of the gateway's own rhythm.
    await pause(everyMs + (probe % 10) * 25)
    const [name, server] = probe % 2 === 0 ? (['b', b] as const) : (['a', a] as const)
    delays.push(await untilRouted(() => api.put(probed(server)), running.port, name))
  }
  const share = busyNs(before, running.cpu()) / 1e6 / (monotonicMs() - beganMs)
  const bytesOfChange = (api.sentBytes - sentBefore) / (changed - changedBefore)
  clearInterval(timer)
  const rate = (changed * 1000) / (monotonicMs() - startedMs)
  bench.record(group, 'share of a core', 'share', share, CPU_MAX, { better: 'less' })
  bench.record(group, 'changes', 'perSecond', rate)
  bench.record(group, 'bytes on the wire for each', 'bytes', bytesOfChange)
  bench.record(group, 'until a new connection goes by it, at most', 'ms', Math.max(...delays), VISIBLE_MS_MAX)
  bench.record(group, 'until a new connection goes by it, median', 'ms', median(delays))
  const lists = api.requests.filter(each => each.verb === 'list' || each.query.has('sendInitialEvents'))
  bench.record(group, 'lists after the start', 'count', lists.length - api.watches.size)
}

async function benchStart(bench: Bench): Promise<void> {
  const [nodes, podsOfNode] = bench.parameter([10, 10], [5000, 30])
  const endpointsOfSlice = 10
  const slices = Math.ceil((nodes * podsOfNode) / endpointsOfSlice)
  const group = `the EndpointSlices of ${nodes} nodes with ${podsOfNode} Pods each, at start`
  bench.begin(group)
  using folder = temporaryFolder()
  await using a = await startServer('a')
  const small = await measureStart(folder.path, portOf(a), 1, endpointsOfSlice)
  const large = await measureStart(folder.path, portOf(a), slices, endpointsOfSlice)
  bench.record(group, 'bytes of its EndpointSlices', 'bytes', large.bytes)
  bench.record(group, 'bytes of one', 'bytes', large.bytes / slices)
  bench.record(group, 'bytes on the wire until it serves', 'bytes', large.sent)
  bench.record(group, 'watches', 'count', large.watches)
  bench.record(group, 'requests until it serves', 'count', large.requests)
  bench.record(group, 'memory beside a cluster of one Service', 'bytes', large.resident - small.resident)
  bench.record(
    group,
    'memory for each endpoint',
    'bytes',
    (large.resident - small.resident) / (nodes * podsOfNode),
  )
}

async function measureStart(folder: string, port: number, slices: number, endpoints: number) {
  const made = Array.from({ length: slices }, (_, index) =>
    asStored(slice(serviceName(index), { addresses: addressesOf(index, endpoints) })),
  )
  await using followed = await follow(folder, function* (listen) {
    yield* [edge(listen), ...rules(1, 1), service(PROBED), slice(PROBED, { addresses: ['127.0.0.1'], port })]
    for (const [index, each] of made.entries()) yield* [service(serviceName(index)), each]
  })
  const { api, running } = followed
  const sent = api.sentBytes
  await pause(1000)
  const stored = made.map(each => JSON.stringify({ type: 'ADDED', object: api.get(each) }).length + 1)
  return {
    bytes: stored.reduce((sum, each) => sum + each, 0),
    sent,
    watches: api.watches.size,
    requests: api.requests.length,
    resident: running.residentBytes(),
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]
