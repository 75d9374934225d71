/**
 * The main thread of a run: it starts workers, publishes tables, closes, limits, drains, and buries
 * who dies, by the same shared memory and the same orders as src/control/workers/supervisor.ts.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createRandom } from '../../src/base/random.ts'
import type { World } from '../../src/base/world.ts'
import { NameReader } from '../../src/engine/decide/name-reader.ts'
import { ProxyHeaderReader } from '../../src/engine/decide/proxy-reader.ts'
import { Readers } from '../../src/engine/decide/readers.ts'
import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import { FlowEngine } from '../../src/engine/flow/engine.ts'
import { ANY, createInboxes, Inboxes } from '../../src/engine/worker/inboxes.ts'
import { createLimits, LimitsInForce, writeLimits } from '../../src/engine/worker/limits.ts'
import type { Order, Report, RevisedPart } from '../../src/engine/worker/protocol.ts'
import { openConnections } from '../../src/stats/connections.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { endLost } from '../../src/stats/lost.ts'
import { giveLost } from '../../src/stats/lost-sources.ts'
import { Wanted, want } from '../../src/stats/records.ts'
import { createSources, openSources, type Sources } from '../../src/stats/source-table.ts'
import { Counter, clearWorker, openAt, openStats, type Stats } from '../../src/stats/stats.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { changeClients } from '../../src/table/build/clients.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import { openTable } from '../../src/table/format/table.ts'
import type { Endpoint, Plan, Source } from '../../src/table/plan/plan.ts'
import { BLOCKED, type Machine, SimulatedKernel } from './kernel.ts'
import { memoryFor, SLOTS_MOST } from './memory.ts'
import { OWN_ADDRESSES } from './plans.ts'

/** Eventfds have numbers that no socket of a run has. */
const WAKES = 1_000_000
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
}

type TableOrder = Extract<Order, { kind: 'table' }>

/** What is decided by from a time on. */
export type Version = { readonly generation: number; readonly sinceMs: number; readonly plan: Plan }

/** From then on a worker decides by a generation, or a newer one. */
type Adoption = { readonly worker: number; readonly generation: number; readonly atMs: number }

type Worker = {
  readonly index: number
  engine: FlowEngine | null
  kernel: SimulatedKernel | null
  port: MessagePort | null
  /** It stands still until then. */
  stalledMs: number
  /** It is in the middle of a turn. */
  isTurning: boolean
  hasWaited: boolean
  isKnown: boolean
  /** The newest generation that it listens for. */
  generation: number
}

export class Gateway {
  readonly workers: readonly Worker[]
  readonly stats: Stats
  readonly journals: readonly JournalMemory[]
  /** By generation, as it was published; the first is 1. */
  readonly plans: Plan[] = []
  /** All that was ever in force: each plan, and what a revision made of it. */
  readonly versions: Version[] = []
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
  readonly drained: { closed: number; reset: number }[] = []
  readonly #machine: Machine
  readonly #shared: SharedArrayBuffer
  readonly #inboxes: SharedArrayBuffer
  readonly #sources: SharedArrayBuffer
  readonly #epoch = new SharedArrayBuffer(4)
  readonly #limits = createLimits()
  /** By identity; there are far fewer than slots, so none is ever given anew. */
  readonly #slots = new Map<string, number>()
  readonly #rows: number
  readonly #files: number | null
  /** For a worker that starts later. */
  #newest: TableOrder | null = null
  readonly #onAdmitted: OnAdmitted | undefined

  constructor(machine: Machine, options: GatewayOptions) {
    this.#machine = machine
    this.#onAdmitted = options.onAdmitted
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
      isTurning: false,
    }))
    for (const worker of this.workers) {
      machine.wakes.set(WAKES + worker.index, { count: 0, kernel: null })
      new Inboxes(this.#inboxes).setWakeFd(worker.index, WAKES + worker.index)
      this.#start(worker)
    }
  }

  get generation(): number {
    return this.plans.length
  }

  /** Slots that were given out, and the one that is nobody's. */
  get slotCount(): number {
    return this.#slots.size + 1
  }

  get isEnding(): boolean {
    return this.endingMs < Number.POSITIVE_INFINITY
  }

  /** Whether no worker is left. */
  get isOver(): boolean {
    return this.workers.every(({ engine }) => engine === null)
  }

  readonly #slotOf = (identity: string): number => {
    const slot = this.#slots.get(identity) ?? this.#slots.size + 1
    if (slot >= SLOTS_MOST) throw new Error('a run has too many identities')
    this.#slots.set(identity, slot)
    return slot
  }

  // ── as the supervisor does it

  publish(plan: Plan): void {
    this.plans.push(plan)
    const { generation } = this
    this.#note(plan)
    const table = buildTable(plan, generation, this.#slotOf)
    this.#newest = { kind: 'table', epoch: this.#newest?.epoch ?? 0, generation, table }
    this.#announce(epoch => ({ kind: 'table', epoch, generation, table }))
  }

  /** Of the newest generation, these clusters have other endpoints. */
  reviseEndpoints(changed: ReadonlyMap<number, readonly Endpoint[]>): void {
    const newest = this.#newest as TableOrder
    const { plan } = this.versions.at(-1) as Version
    const clusters = plan.clusters.map((cluster, row) => ({
      ...cluster,
      endpoints: changed.get(row) ?? cluster.endpoints,
    }))
    this.#note({ ...plan, clusters })
    this.#revise('endpoints', changeEndpoints(openTable(newest.table), changed, this.#slotOf))
  }

  /** Of the newest generation, clients are others. */
  reviseClients(sources: readonly Source[]): void {
    const newest = this.#newest as TableOrder
    const { plan } = this.versions.at(-1) as Version
    this.#note({ ...plan, sources })
    this.#revise('clients', changeClients(openTable(newest.table), sources))
  }

  #note(plan: Plan): void {
    this.versions.push({ generation: this.generation, sinceMs: this.#machine.clock.nowMs, plan })
  }

  #revise(part: RevisedPart, buffer: SharedArrayBuffer): void {
    const newest = this.#newest as TableOrder
    this.#newest = { ...newest, table: { ...newest.table, [part]: buffer } }
    this.#announce(epoch => ({ kind: part, epoch, buffer }))
  }

  #announce(orderOf: (epoch: number) => Order): void {
    const newest = this.#newest as TableOrder
    const epoch = newest.epoch + 1
    this.#newest = { ...newest, epoch }
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
    if (this.#newest) port1.postMessage(this.#newest)
    const kernel = new SimulatedKernel(this.#machine, worker.index, WAKES + worker.index)
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
      },
      kernel,
      this.#onAdmitted,
    )
    this.#guarded(worker, () => worker.engine?.start())
    this.#readReports(worker)
  }

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
      } else if (message.kind === 'listening') worker.generation = message.generation
      else if (message.kind === 'adopted')
        this.adoptions.push({
          worker: worker.index,
          generation: message.generation,
          atMs: this.#machine.clock.nowMs,
        })
      else if (message.kind === 'drained') this.drained.push(message)
    }
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

  // ── death (lost-worker.ts, left-behind.ts)

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
    const { index, kernel } = worker
    const { process, clock } = this.#machine
    if (!left) worker.engine?.end()
    this.#readReports(worker)
    const unseen = kernel?.unseen() ?? []
    worker.port?.close()
    worker.engine = worker.kernel = worker.port = null
    worker.hasWaited = false
    this.#machine.wakes.get(WAKES + index)!.kernel = null
    const given: number[] = []
    const inboxes = new Inboxes(this.#inboxes)
    inboxes.close(index)
    inboxes.take(index, ANY, fd => given.push(fd))
    const counters = this.stats.counters[index]
    const accepted = left ? unseen : []
    for (const fd of [...given, ...accepted]) this.#drop(fd)
    if (left) for (const [fd, file] of process.files.entries()) if (file?.owner === index) this.#drop(fd)
    if (!left) this.#checkLeft(worker)
    counters[Counter.accepted] += given.length + accepted.length
    counters[Counter.open] += given.length + accepted.length
    const rows = this.journals.map(({ connections }) => openConnections(connections).words)
    giveLost(this.sources, index, rows)
    endLost(this.journals[index], counters[Counter.open])
    clearWorker(this.stats, index)
    if (!this.isEnding)
      clock.in(RESTART_MS, () => {
        if (!this.isEnding) this.#start(worker)
      })
  }

  /** Who ends in order has nothing open, for any endpoint or destination. */
  #checkLeft({ index }: Worker): void {
    const { words, counters } = this.stats
    const { onBug } = this.#machine
    if (counters[index][Counter.open] !== 0) onBug(`worker ${index} ends with connections`)
    for (let slot = 0; slot < this.slotCount; slot++)
      if (words[openAt(index, slot)] !== 0)
        onBug(`worker ${index} counts ${words[openAt(index, slot)]} open for a slot`)
  }

  #drop(fd: number): void {
    const { process, network } = this.#machine
    const file = process.files[fd]
    if (file?.socket) network.abort(file.socket)
    process.drop(fd)
  }
}
