/**
 * The main thread of a run: it starts workers, publishes tables, closes, limits, drains, and buries
 * who dies, by the same shared memory and the same orders as src/control/workers/supervisor.ts.
 */

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { createRandom } from '../../src/base/random.ts'
import type { World } from '../../src/base/world.ts'
import type { Observer } from '../../src/control/observe/observer.ts'
import type { WorkerStatus } from '../../src/control/workers/worker-record.ts'
import { NameReader } from '../../src/engine/decide/name-reader.ts'
import { ProxyHeaderReader } from '../../src/engine/decide/proxy-reader.ts'
import { Readers } from '../../src/engine/decide/readers.ts'
import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import { FlowEngine } from '../../src/engine/flow/engine.ts'
import { createInboxes, Inboxes } from '../../src/engine/worker/inboxes.ts'
import { createLimits, LimitsInForce, writeLimits } from '../../src/engine/worker/limits.ts'
import type { Order, Report, RevisedPart } from '../../src/engine/worker/protocol.ts'
import { Generations } from '../../src/stats/generations.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import { Wanted, want } from '../../src/stats/records.ts'
import { createSources, openSources, type Sources } from '../../src/stats/source-table.ts'
import { openStats, type Stats } from '../../src/stats/stats.ts'
import type { Endpoint, Plan, Source } from '../../src/table/plan/plan.ts'
import { Arrivals } from './arrivals.ts'
import { bury, WAKES, type Worker } from './burial.ts'
import { Credentials } from './credentials.ts'
import { Dials } from './dials.ts'
import { Health } from './health.ts'
import { BLOCKED, type Machine } from './kernel.ts'
import { memoryFor } from './memory.ts'
import { OWN_ADDRESSES } from './plans.ts'
import { Removals } from './removals.ts'
import { Revocations } from './revocations.ts'
import { StandIns } from './stand-in.ts'
import { type TableOrder, Tables, type Version } from './tables.ts'
import { WatchedKernel } from './watched-kernel.ts'

/** As in supervisor.ts. */
const RESTART_MS = 100
const STALL_MS = 200
/** So few that entries are used again, and that some find no room: one bucket. */
const SOURCES = 32
/** Of the wall clock, at the start of each run. */
const WALL_MS = 1_800_000_000_000

type GatewayOptions = {
  readonly workers: number
  readonly maxConnections: number
  readonly files: number | null
  readonly onAdmitted?: OnAdmitted | undefined
  /** Endpoints are checked and drained. */
  readonly hasHealth?: boolean
  /** Tables may ask for TLS. */
  readonly hasTls?: boolean
  /** Changed policies end open connections. */
  readonly revokes?: boolean
  /** Connections of removed endpoints may have to end. */
  readonly removes?: boolean
  /** Endpoints take turns, and none of them is watched. */
  readonly hasTurns?: boolean
}

const NOTHING_ADOPTED = { generation: 0, endpointsRevision: 0, clientsRevision: 0 }

/** From then on a worker decides by a generation, or a newer one. */
type Adoption = { readonly worker: number; readonly generation: number; readonly atMs: number }

export class Gateway {
  readonly workers: readonly Worker[]
  readonly stats: Stats
  readonly journals: readonly JournalMemory[]
  readonly tables: Tables
  readonly dials: Dials
  /** Null: nobody looks at endpoints. */
  readonly health: Health | null
  /** Null: changed policies are for those that come. */
  readonly revocations: Revocations | null
  /** Null: connections of removed endpoints stay. */
  readonly removals: Removals | null
  /** Since when it drains or stops: nobody is started any more. */
  endingMs = Number.POSITIVE_INFINITY
  deaths = 0
  /** Ids of connections that were to be closed. */
  readonly told = new Set<number>()
  turns = 0
  /** For how long threads stood still, in all. */
  stalledMs = 0
  readonly adoptions: Adoption[] = []
  readonly sources: Sources
  readonly credentials = new Credentials()
  readonly drained: { closed: number; reset: number }[] = []
  readonly #machine: Machine
  readonly #observer: Pick<Observer, 'live' | 'generations'>
  readonly #shared: SharedArrayBuffer
  readonly #inboxes: SharedArrayBuffer
  readonly #sources: SharedArrayBuffer
  readonly #epoch = new SharedArrayBuffer(4)
  readonly #limits = createLimits()
  readonly #rows: number
  readonly #files: number | null
  readonly #onAdmitted: OnAdmitted | undefined
  readonly #hasTls: boolean

  constructor(machine: Machine, options: GatewayOptions) {
    this.#machine = machine
    this.#onAdmitted = options.onAdmitted
    this.#hasTls = options.hasTls ?? false
    this.#rows = options.maxConnections
    this.#files = options.files
    const memory = memoryFor(options.workers)
    this.#shared = memory.stats
    this.stats = openStats(this.#shared)
    this.#inboxes = createInboxes(options.workers)
    this.#sources = createSources(options.workers, SOURCES)
    this.sources = openSources(this.#sources)
    this.journals = memory.journals
    for (const { records } of this.journals) want(records, Wanted.ends)
    this.tables = new Tables(machine.clock)
    const { stats, journals, tables } = this
    const { clock, faults, onBug } = machine
    const hasFiles = options.files === null && !faults.has('dialFails')
    const { slotOf, versions } = tables
    const live = new LiveConnections(journals.map(each => each.connections))
    this.#observer = { live, generations: new Generations(live) }
    const hasTurns = options.hasTurns ?? false
    const arrivals = new Arrivals()
    const dials = new Dials({ clock, stats, journals, versions, slotOf, hasFiles, hasTurns, arrivals, onBug })
    this.dials = dials
    const tell = (worker: number, order: Order): void => this.tell(worker, order)
    const observer = this.#observer
    this.health = options.hasHealth
      ? new Health({ machine, stats, journals, observer, dials, arrivals, slotOf, tell })
      : null
    this.revocations = options.revokes
      ? new Revocations({
          machine,
          journals,
          observer,
          plans: tables.plans,
          versions,
          tell,
          status: this.#status,
        })
      : null
    this.removals = options.removes ? new Removals({ machine, observer, tell, status: this.#status }) : null
    this.limit(options.maxConnections)
    this.workers = this.journals.map((_, index) => ({
      index,
      engine: null,
      kernel: null,
      port: null,
      stalledMs: 0,
      hasWaited: false,
      isKnown: false,
      generation: 0,
      adopted: NOTHING_ADOPTED,
      isTurning: false,
    }))
    for (const worker of this.workers) {
      machine.wakes.set(WAKES + worker.index, { count: 0, kernel: null })
      new Inboxes(this.#inboxes).setWakeFd(worker.index, WAKES + worker.index)
      this.#start(worker)
    }
  }

  get generation(): number {
    return this.tables.generation
  }

  get plans(): readonly Plan[] {
    return this.tables.plans
  }

  get versions(): readonly Version[] {
    return this.tables.versions
  }

  get slotCount(): number {
    return this.tables.slotCount
  }

  get isEnding(): boolean {
    return this.endingMs < Number.POSITIVE_INFINITY
  }

  /** Whether no worker is left. */
  get isOver(): boolean {
    return this.workers.every(({ engine }) => engine === null)
  }

  // ── as the supervisor does it

  publish(plan: Plan): void {
    const table = this.tables.publish(plan)
    this.#observer.generations.add(table)
    this.#observer.generations.trim()
    this.health?.publishing(this.tables.opened(), plan)
    const { generation } = this
    this.#announce(epoch => ({ kind: 'table', epoch, generation, table }))
    this.revocations?.published(generation, 0)
    this.#closeRemoved()
  }

  /** Certificates and ticket keys are renewed, for those that come from now on. */
  renew(): void {
    this.credentials.rotate(this.#machine.dice, this.#machine.clock.nowMs)
    const { secrets } = this.credentials
    this.#announce(epoch => ({ kind: 'secrets', epoch, secrets }))
  }

  /** Of the newest generation, these clusters have other endpoints. */
  reviseEndpoints(changed: ReadonlyMap<number, readonly Endpoint[]>): void {
    this.#revise('endpoints', this.tables.reviseEndpoints(changed))
  }

  /** Of the newest generation, clients are others. */
  reviseClients(sources: readonly Source[]): void {
    this.#revise('clients', this.tables.reviseClients(sources))
  }

  #revise(part: RevisedPart, buffer: SharedArrayBuffer): void {
    this.#observer.generations.revise(part, buffer)
    this.health?.publishing(this.tables.opened(), (this.versions.at(-1) as Version).plan)
    this.#announce(epoch => ({ kind: part, epoch, buffer }))
    if (part === 'clients') this.revocations?.published(this.generation, this.tables.opened().clientsRevision)
    else this.#closeRemoved()
  }

  #closeRemoved(): void {
    const { generation } = this
    const { endpointsRevision } = this.tables.opened()
    const parts = { generation, endpointsRevision, clientsRevision: 0 }
    this.removals?.published((this.versions.at(-1) as Version).plan, parts)
  }

  #announce(orderOf: (epoch: number) => Order): void {
    const newest = this.tables.newest as TableOrder
    const epoch = newest.epoch + 1
    this.tables.newest = { ...newest, epoch }
    for (const { port } of this.workers) port?.postMessage(orderOf(epoch))
    Atomics.store(new Int32Array(this.#epoch), 0, epoch)
    for (const worker of this.workers) this.#rouse(worker)
  }

  limit(maxConnections: number): void {
    writeLimits(this.#limits, { maxConnections: Math.min(maxConnections, this.#rows) })
  }

  tell(worker: number, order: Order): void {
    if (order.kind === 'close') for (const id of order.ids) this.told.add(id)
    this.workers[worker].port?.postMessage(order)
    this.#rouse(this.workers[worker])
  }

  end(order: Order): void {
    this.endingMs = this.#machine.clock.nowMs
    for (const { index } of this.workers) this.tell(index, order)
  }

  #start(worker: Worker): void {
    const { port1, port2 } = new MessageChannel()
    worker.port = port1
    const { secrets } = this.credentials
    if (this.#hasTls) port1.postMessage({ kind: 'secrets', epoch: 0, secrets })
    if (this.tables.newest) port1.postMessage(this.tables.newest)
    worker.adopted = NOTHING_ADOPTED
    this.dials.forget(worker.index)
    const kernel = new WatchedKernel(this.#machine, worker.index, WAKES + worker.index, this.dials)
    worker.kernel = kernel
    worker.hasWaited = false
    worker.engine = new FlowEngine(
      {
        engine: 'uring',
        index: worker.index,
        workers: this.workers.length,
        port: port2,
        epoch: this.#epoch,
        stats: this.#shared,
        sources: this.#sources,
        inboxes: this.#inboxes,
        held: this.#epoch,
        journal: this.journals[worker.index],
        limits: new LimitsInForce(this.#limits, this.#rows),
        world: this.#world(),
        reader: new Readers([new ProxyHeaderReader(), new NameReader()]),
        tls: memory => new StandIns(memory, this.#machine),
      },
      kernel,
      this.#onAdmitted,
    )
    this.#guarded(worker, () => worker.engine?.start())
    this.#readReports(worker)
  }

  /** As far as it is asked for. */
  readonly #status = (): WorkerStatus[] =>
    this.workers.map(({ index, engine, adopted, generation }) => {
      const state = engine === null ? ('ended' as const) : ('accepting' as const)
      return { worker: index, state, adopted, generation, failures: [] }
    })

  #world(): World {
    const { clock, dice } = this.#machine
    return {
      monotonicMs: () => clock.nowMs,
      originMs: 0,
      wallMs: () => WALL_MS + clock.nowMs,
      random: () => createRandom(dice.below(2 ** 31), dice.below(2 ** 31), dice.below(2 ** 31)),
      ownAddresses: () => OWN_ADDRESSES,
      openFilesMax: () => this.#files,
    }
  }

  #rouse({ index, isKnown }: Worker): void {
    if (isKnown) this.#wake(index)
  }

  #wake(index: number): void {
    const wake = this.#machine.wakes.get(WAKES + index)!
    wake.count++
    wake.kernel?.woken()
  }

  #readReports(worker: Worker): void {
    for (;;) {
      const report = worker.port && (receiveMessageOnPort(worker.port) as { message: Report } | undefined)
      if (!report) return
      const { message } = report
      this.#machine.clock.note(`${worker.index} says ${message.kind}`)
      if (message.kind === 'waiting') {
        worker.isKnown = true
        this.#wake(worker.index)
      } else if (message.kind === 'listening') {
        worker.generation = message.generation
        this.#look()
      } else if (message.kind === 'adopted') {
        const { generation } = message
        this.adoptions.push({ worker: worker.index, generation, atMs: this.#machine.clock.nowMs })
        worker.adopted = message
        this.#look()
      } else if (message.kind === 'drained') this.drained.push(message)
    }
  }

  /** What waits until all workers decide by a table. */
  #look(): void {
    this.revocations?.look()
    this.removals?.look()
  }

  // ── turns

  /** Its thread stands still for a while. */
  stall(worker: Worker): void {
    worker.stalledMs = this.#machine.clock.nowMs + STALL_MS
    this.stalledMs += STALL_MS
  }

  /** Whether the worker has something to do now. */
  isDue({ engine, kernel, hasWaited, stalledMs, isTurning }: Worker): boolean {
    if (engine === null || kernel === null || isTurning || stalledMs > this.#machine.clock.nowMs) return false
    return !hasWaited || kernel.isDue
  }

  /** When the worker will have something to do by itself. */
  dueMs({ engine, kernel, hasWaited, stalledMs }: Worker): number {
    if (engine === null || kernel === null) return Number.POSITIVE_INFINITY
    return !hasWaited || kernel.isDue ? stalledMs : Math.max(kernel.untilMs, stalledMs)
  }

  turn(worker: Worker): void {
    const { engine } = worker
    if (engine === null) return
    this.turns++
    worker.isTurning = true
    this.#guarded(worker, () => engine.turn())
    // What the turn has asked is handed over by the wait that follows at once.
    if (!worker.hasWaited) this.#guarded(worker, () => engine.turn())
    worker.isTurning = false
    this.#readReports(worker)
    if (worker.engine?.ended) this.#bury(worker, false)
  }

  #guarded(worker: Worker, run: () => void): void {
    try {
      worker.hasWaited = false
      run()
    } catch (error) {
      if (error === BLOCKED) worker.hasWaited = true
      else this.#machine.onBug(`worker ${worker.index}: ${error instanceof Error ? error.stack : error}`)
    }
  }

  // ── death (burial.ts)

  /** It ends in the middle: by a bug of its own (it says so to its kernel), or without a word. */
  kill(worker: Worker, isSudden: boolean): void {
    if (worker.engine === null) return
    if (worker.isTurning) {
      this.#machine.clock.in(0, () => this.kill(worker, isSudden)) // a thread ends between two turns
      return
    }
    this.deaths++
    this.#machine.clock.note(`${worker.index} dies`)
    if (isSudden) worker.kernel?.stop()
    else worker.engine.abandon()
    this.#bury(worker, true)
  }

  #bury(worker: Worker, left: boolean): void {
    if (!left) worker.engine?.end()
    this.#readReports(worker)
    bury(this.#machine, this, this.#inboxes, worker, left)
    this.#look()
    if (!this.isEnding)
      this.#machine.clock.in(RESTART_MS, () => {
        if (!this.isEnding) this.#start(worker)
      })
  }
}
