/**
 * From a name that resolves anew to the workers that dial by it: all of the gateway's work for such
 * a change, on real workers. The copied part grows with the destinations, each of which has two
 * endpoints here, and not with the rules.
 */

import { monotonicMs } from '../../src/base/clock.ts'
import { EndpointChanges } from '../../src/control/endpoint-changes.ts'
import { Observer } from '../../src/control/observe/observer.ts'
import { chooseEngine } from '../../src/control/workers/choose-engine.ts'
import { Supervisor } from '../../src/control/workers/supervisor.ts'
import type { SupervisorEvent } from '../../src/control/workers/worker-record.ts'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import type { Cluster, Plan, Rule } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import { resolvePlaces } from '../../src/table/plan/resolve.ts'
import type { Bench } from '../harness.ts'
import { freePort } from '../load/free-port.ts'

const WORKERS = 2
const SIZES = [
  { rules: 1000, destinations: 1000 },
  { rules: 100_000, destinations: 1000 },
  { rules: 100_000, destinations: 100_000 },
]
const FEW = [{ rules: 100, destinations: 10 }]
const GOAL_MS = 20
const NAME = 'db.test'
const PLACES = [
  { place: NAME, port: 5432, weight: 1 },
  { place: '127.0.0.9', port: 5432, weight: 1 },
]

export async function benchUntilEndpoints(bench: Bench): Promise<void> {
  for (const size of bench.parameter(FEW, SIZES)) await benchSize(bench, size)
}

async function benchSize(bench: Bench, size: (typeof SIZES)[number]): Promise<void> {
  const group = `a changed endpoint, ${size.rules} rules to ${size.destinations} destinations`
  bench.begin(group)
  const [slots, generation] = [createSlots(), 1]
  const { slotOf } = new Slots(slots, generation, NO_COUNTS)
  const buffers = buildTable(planOf(size, await freePort()), generation, slotOf)
  let onAdopted = (): void => {}
  const onEvent = (event: SupervisorEvent): void => {
    if (event.kind === 'adopted') onAdopted()
  }
  const { engine } = chooseEngine(bench.choices.engine ?? 'auto')
  const supervisor = new Supervisor({ workers: WORKERS, engine, limits: { maxConnections: 100 }, onEvent })
  const observer = new Observer(supervisor.journals)
  const adopted = (revision: number): Promise<void> =>
    new Promise(resolve => {
      onAdopted = () => {
        const isBehind = supervisor
          .status()
          .some(each => each.adopted.generation === 0 || each.adopted.endpointsRevision < revision)
        if (!isBehind) resolve()
      }
    })
  try {
    const first = adopted(0)
    observer.publishing(buffers)
    supervisor.publish(generation, buffers)
    await first
    const named = [{ cluster: size.destinations >>> 1, title: NAME, places: PLACES }]
    const changes = new EndpointChanges(named, new Map(), slots, NO_COUNTS)
    const takenMs: number[] = []
    const busyMs: number[] = []
    const rounds = bench.parameter(3, 30)
    for (let round = 1; round <= rounds; round++) {
      bench.round(round, rounds)
      const cpu = process.cpuUsage()
      const startedMs = monotonicMs()
      const known = new Map([[NAME, [`127.0.${round}.1`]]])
      const change = changes.change(
        observer.generations.table(generation) ?? openTable(buffers),
        known,
        startedMs,
      )
      if (change === null) throw new Error('the change was not seen')
      const done = adopted(round)
      observer.revising('endpoints', change.buffer)
      supervisor.revise('endpoints', change.buffer)
      await done
      takenMs.push(monotonicMs() - startedMs)
      const { user, system } = process.cpuUsage(cpu)
      busyMs.push((user + system) / 1000)
    }
    bench.record(group, `until ${WORKERS} workers dial by it`, 'ms', takenMs, GOAL_MS)
    bench.record(group, 'CPU of all threads meanwhile', 'ms', busyMs)
  } finally {
    observer.close()
    await supervisor.stop()
  }
}

function planOf({ rules: count, destinations }: (typeof SIZES)[number], port: number): Plan {
  const indexes = Array.from({ length: destinations }, (_, index) => index)
  const clusters = indexes.map(
    (index): Cluster => ({
      host: `s${index}.test`,
      subset: null,
      port: 5432,
      kind: 'static',
      names: [],
      labels: {},
      endpoints: resolvePlaces(
        PLACES,
        new Map([[NAME, [`10.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}`]]]),
      ),
      policy: DEFAULT_POLICY,
    }),
  )
  const rules = Array.from({ length: count }, (_, index) => index).map(
    (index): Rule => ({
      origin: {
        virtualService: 'default/all',
        block: 'tcp',
        route: index,
        match: 0,
        file: 'all.yaml',
        line: index,
      },
      destinations: [{ family: 4, bits: 32, words: Uint32Array.of(0x0a000000 + index, 0, 0, 0) }],
      port: 0,
      clients: [],
      route: index % destinations,
      never: null,
      source: { namespace: null, labels: {}, visibleTo: null },
    }),
  )
  return {
    listeners: [
      {
        gateway: 'default/edge',
        bind: '127.0.0.1',
        port,
        opens: true,
        destination: 'local',
        otherwise: 'close',
        scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: -1 }],
      },
    ],
    routes: indexes.map(index => ({
      identity: `route ${index}`,
      destinations: [{ cluster: index, weight: 1 }],
      split: 'random',
    })),
    clusters,
    sources: [],
  }
}
