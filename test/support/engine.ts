/**
 * A data plane for tests: real workers in their threads, as the supervisor starts them, fed with
 * Plans; and short Plans to feed them.
 */

import assert from 'node:assert/strict'
import { type TestFn, type TestOptions, test } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Observer } from '../../src/control/observe/observer.ts'
import type { EngineLimits } from '../../src/engine/decide/decide.ts'
import { createInboxes, Inboxes } from '../../src/engine/worker/inboxes.ts'
import type { Adopted, EngineKind, Order, Report, WorkerTask } from '../../src/engine/worker/protocol.ts'
import { createHeld } from '../../src/kernel/held.ts'
import { closeWake, wake } from '../../src/kernel/wake.ts'
import { createSlots, NO_COUNTS, SLOTS_MAX, Slots } from '../../src/stats/counter-slots.ts'
import { createJournalMemory, type JournalMemory } from '../../src/stats/journal-memory.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import { createSources, openSources, type Sources } from '../../src/stats/source-table.ts'
import { createStats, openStats, type Stats, sumOpen, totals } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import type { Cluster, Endpoint, Listener, Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY, type Policy } from '../../src/table/plan/policy.ts'
import { withoutEpoll } from './epoll.ts'
import { fullOnly } from './full.ts'
import { skipInRest } from './rest.ts'
import { until } from './sockets.ts'
import { THREADS } from './threads.ts'
import { skip as withoutUring } from './uring.ts'

type Listening = Extract<Report, { kind: 'listening' }>
type Drained = Extract<Report, { kind: 'drained' }>

type Test = (name: string, ...rest: [TestFn] | [TestOptions, TestFn]) => void

/** An engine, and `test` for its tests: skipped, with the reason, if it cannot run. */
export type EngineUnderTest = { readonly engine: EngineKind; readonly test: Test }

const MISSING = { node: false, epoll: withoutEpoll, uring: withoutUring } as const
const KINDS = ['node', 'epoll', 'uring'] as const
/** The one that weir would choose here. */
const CHOSEN = KINDS.findLast(engine => MISSING[engine] === false)

/** For what depends on the kernel under an engine, too: on each one, always. */
export const EVERY_ENGINE: readonly EngineUnderTest[] = KINDS.map(engine =>
  on(engine, () => MISSING[engine] || skipInRest()),
)

/**
 * Every test of the data plane runs on each engine, by name. `npm test` tries the one that weir
 * would choose here, test:full all of them.
 */
export const ENGINES: readonly EngineUnderTest[] = KINDS.map(engine =>
  on(engine, () => MISSING[engine] || (engine === CHOSEN ? skipInRest() : fullOnly)),
)

/** For what only test:full tries, on each engine. */
export const FULL_ENGINES: readonly EngineUnderTest[] = KINDS.map(engine =>
  on(engine, () => MISSING[engine] || fullOnly),
)

/** The same, for what `node` cannot do. */
export const FLOW_ENGINES: readonly EngineUnderTest[] = ENGINES.slice(1)

function on(engine: EngineKind, skipOf: () => string | false): EngineUnderTest {
  return {
    engine,
    test: (name, ...rest) => {
      const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest
      test(name, { ...options, skip: skipOf() || (options.skip ?? false) }, body)
    },
  }
}

/** Threads of another module than the worker's own, and what that is given beside the task. */
export type TestWorker = { readonly threads: typeof THREADS.working; readonly given: object }

export class TestEngine {
  readonly stats: Stats
  readonly sources: Sources
  /** One for each worker: settles when its task does. */
  readonly ended: Promise<unknown>[]
  readonly listening: Listening[][]
  readonly drained: Drained[] = []
  readonly slots = createSlots()
  readonly journals: readonly JournalMemory[]
  readonly observer: Observer
  readonly inboxes: Inboxes
  readonly #ports: MessagePort[] = []
  readonly #wakeFds: number[] = []
  readonly #epoch = new SharedArrayBuffer(4)
  /** The parts that each worker decides by. */
  readonly #adopted: Adopted[] = []
  #published = 0
  #generation = 0

  /** @param worker  Where the workers run. */
  constructor(
    engine: EngineKind,
    workers = 1,
    limits: Partial<EngineLimits> = {},
    worker: TestWorker = { threads: THREADS.working, given: {} },
  ) {
    const stats = createStats(workers)
    const inboxes = createInboxes(workers)
    const sources = createSources(workers)
    this.sources = openSources(sources)
    this.stats = openStats(stats)
    this.inboxes = new Inboxes(inboxes)
    const allowed = { maxConnections: 10_000, ...limits }
    this.journals = Array.from({ length: workers }, () => createJournalMemory(allowed.maxConnections))
    this.observer = new Observer(this.journals, stats)
    this.listening = Array.from({ length: workers }, () => [])
    this.ended = this.listening.map((reports, index) => {
      const { port1, port2 } = new MessageChannel()
      port1.on('message', (report: Report) => {
        if (report.kind === 'listening') reports.push(report)
        else if (report.kind === 'drained') this.drained.push(report)
        else if (report.kind === 'adopted') this.#adopted[index] = report
        else if (report.kind === 'waiting') {
          this.#wakeFds[index] = report.wakeFd
          wake(report.wakeFd) // for what was posted before
        }
      })
      this.#ports.push(port1)
      const task: WorkerTask = {
        engine,
        index,
        workers,
        epoch: this.#epoch,
        stats,
        inboxes,
        port: port2,
        limits: allowed,
        journal: this.journals[index],
        held: createHeld(20_000),
        sources,
        ...worker.given,
      }
      return worker.threads.run(task, { transfer: [port2] })
    })
    for (const each of this.ended) each.catch(() => {}) // a test that expects it awaits it
  }

  /**
   * Publishes the table of `plan` and waits until every worker listens, by it or by a later one.
   */
  async adopt(plan: Plan): Promise<readonly Listening[]> {
    const generation = ++this.#generation
    const slots = new Slots(this.slots, generation, NO_COUNTS)
    const table = buildTable(plan, generation, slots.slotOf)
    this.observer.publishing(table)
    this.#publish(epoch => ({ kind: 'table', epoch, generation, table }))
    await this.#alive(() => this.listening.every(list => Number(list.at(-1)?.generation) >= generation))
    return this.listening.map(list => list.at(-1) as Listening)
  }

  /** Replaces the endpoints of a cluster, and waits until every worker decides by them. */
  async reviseEndpoints(cluster: number, targets: readonly Target[]): Promise<void> {
    const table = this.observer.generations.table(this.#generation)
    assert.ok(table)
    const slots = new Slots(this.slots, this.#generation, NO_COUNTS)
    const buffer = changeEndpoints(table, new Map([[cluster, targets.map(endpointOf)]]), slots.slotOf)
    this.observer.revising('endpoints', buffer)
    this.#publish(epoch => ({ kind: 'endpoints', epoch, buffer }))
    const revision = table.endpointsRevision + 1
    // A worker's first report may come after it listens: it has none in `adopted` until then.
    await this.#alive(() =>
      this.ended.every((_, worker) => this.#adopted[worker]?.endpointsRevision === revision),
    )
  }

  #publish(orderOf: (epoch: number) => Order): void {
    const epoch = ++this.#published
    this.order(orderOf(epoch), () => Atomics.store(new Int32Array(this.#epoch), 0, epoch))
  }

  /** Posts an order to every worker; `announce` comes between posting and waking. */
  order(order: Order, announce: () => void = () => {}): void {
    for (const port of this.#ports) port.postMessage(order)
    announce()
    for (const fd of this.#wakeFds) wake(fd)
  }

  get counts(): ReturnType<typeof totals> {
    return totals(this.stats)
  }

  /** Waits until `count` connections in all have ended for `reason`. */
  async closed(reason: ReasonName, count = 1): Promise<void> {
    await this.#alive(() => this.counts.closed[reason] >= count)
  }

  /** Waits until nothing is open; then every connection has ended once, and no slot counts any. */
  async settled(): Promise<void> {
    await this.#alive(() => this.counts.open === 0)
    const { accepted, closed } = this.counts
    const ended = Object.values(closed).reduce((sum, each) => sum + each, 0)
    assert.equal(accepted, ended)
    // One assertion for all slots: an assertion each took a tenth of the engine tests' time.
    const counting: string[] = []
    for (let slot = 0; slot < SLOTS_MAX; slot++) {
      const sum = sumOpen(this.stats, slot)
      if (sum !== 0) counting.push(`slot ${slot}: ${sum}`)
    }
    assert.deepEqual(counting, [])
  }

  /** Waits for the tasks to end by themselves. */
  async finished(): Promise<void> {
    await Promise.all(this.ended)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.order({ kind: 'stop' })
    await Promise.allSettled(this.ended)
    for (const fd of this.#wakeFds.splice(0)) closeWake(fd)
    for (const port of this.#ports) port.close()
    this.observer.close()
  }

  /** What a promise brings; a worker's death ends the wait, and is the better message. */
  async whileAlive<T>(promise: Promise<T>): Promise<T> {
    const died = this.finished().then(() => assert.fail('every worker has ended'))
    return await Promise.race([promise, died])
  }

  /** Waits for a condition, or for a worker's death, which is the better message. */
  async #alive(condition: () => boolean): Promise<void> {
    let dead = false
    const died = Promise.all(this.ended).finally(() => {
      dead = true
    })
    await Promise.race([until(() => dead || condition()), died])
  }
}

export type Target = Endpoint | { readonly address: string; readonly port: number }

const endpointOf = ({ address, port, ...rest }: Target): Endpoint => ({ address, port, weight: 1, ...rest })

/** A cluster of `targets`, with a policy that differs from the default in `policy`. */
export function clusterOf(targets: readonly Target[], policy: Partial<Policy> = {}, host = 'test'): Cluster {
  return {
    host,
    subset: null,
    port: 80,
    kind: 'static',
    names: [],
    labels: {},
    endpoints: targets.map(endpointOf),
    policy: { ...DEFAULT_POLICY, ...policy },
  }
}

/** A listener that sends everything to one route; −1 is none. */
export function listenerOn(port: number, route = 0, more: Partial<Listener> = {}): Listener {
  return {
    gateway: 'default/test',
    bind: '127.0.0.1',
    port,
    opens: true,
    destination: 'local',
    otherwise: 'close',
    scopes: [{ host: '', port: 0, addresses: [], rules: [], defaultRoute: route }],
    ...more,
  }
}

/** A plan with a route to each cluster, by index. */
export function planOf(listeners: readonly Listener[], clusters: readonly Cluster[]): Plan {
  const routes = clusters.map((_, cluster) => ({
    identity: `route ${cluster}`,
    destinations: [{ cluster, weight: 1 }],
    split: 'random' as const,
  }))
  return { listeners, routes, clusters, sources: [] }
}
