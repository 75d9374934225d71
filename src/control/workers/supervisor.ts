/**
 * The supervisor: keeps N workers of the data plane running, and hands each the newest table.
 *
 * A worker is a task (threads.ts) that runs until it is told to end. The supervisor sends a table
 * down its MessagePort and then raises the epoch word, so the worker reads it before it routes the
 * next connection. A worker that dies leaves nothing behind (lost-worker.ts). The supervisor
 * replaces it with a growing pause between attempts, and gives the new one the newest table at
 * once.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { COMPILER_REST_MS, restCompiler } from '../../base/background-compiler.ts'
import { monotonicMs } from '../../base/clock.ts'
import { settlesWithin } from '../../base/settles-within.ts'
import type { EngineLimits } from '../../engine/decide/decide.ts'
import { writeLimits } from '../../engine/worker/limits.ts'
import type { EngineKind, Order, Report, RevisedPart } from '../../engine/worker/protocol.ts'
import { Held } from '../../kernel/held.ts'
import { closeWake } from '../../kernel/wake.ts'
import type { JournalMemory } from '../../stats/journal-memory.ts'
import { Counter, openStats, sumCounter } from '../../stats/stats.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import { ListenSockets } from './listen-sockets.ts'
import { endLostWorker } from './lost-worker.ts'
import { createSharedMemory, memoryOf, type SharedMemory } from './shared-memory.ts'
import { type WorkingThreads, workingThreads } from './threads.ts'
import {
  type Drained,
  hear,
  newWorker,
  pauseAfter,
  rouse,
  type SupervisorEvent,
  settle,
  sumDrained,
  type Worker,
  type WorkerStatus,
} from './worker-record.ts'

/**
 * How long workers may take beyond the drain's own limit, and again while connections end, before
 * they are terminated.
 */
const GRACE_MS = 2_000

type SupervisorOptions = {
  readonly workers: number
  readonly engine: EngineKind
  readonly limits: EngineLimits
  readonly onEvent: (event: SupervisorEvent) => void
  /** As many as there are workers; the supervisor ends them, unless they are shared. */
  readonly threads?: WorkingThreads
  /**
   * The module that a worker runs, and its heap in MB, for tests; the default is the engine's, and
   * Node's.
   */
  readonly filename?: string
  readonly heapMb?: number
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #memory: SharedMemory
  readonly #threads: WorkingThreads
  readonly #workers: readonly Worker[]
  readonly sockets: ListenSockets
  /** For a worker that starts later. */
  #newest: Extract<Order, { kind: 'table' }> | null = null
  #ending = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#memory = createSharedMemory(options.workers, options.limits)
    const { workers, engine, filename: module, heapMb } = options
    this.#threads =
      options.threads ?? workingThreads({ least: workers, most: workers, engine, module, heapMb })
    this.#workers = Array.from({ length: options.workers }, newWorker)
    this.sockets = new ListenSockets(this.#workers)
    for (const index of this.#workers.keys()) this.#start(index)
    process.on('exit', this.#stopAtExit)
  }

  /** The shared counts, one row for each worker. */
  get stats(): SharedArrayBuffer {
    return this.#memory.stats
  }

  /** Connections and tokens of each source, over all workers. */
  get sources(): SharedArrayBuffer {
    return this.#memory.sources
  }

  /** What each worker writes down of its connections. */
  get journals(): readonly JournalMemory[] {
    return this.#memory.journals
  }

  /** Hands every worker the table, the same for all, and later ones, too; likewise new secrets. */
  publish(generation: number, table: TableBuffers, secrets?: TlsSecrets): void {
    const epoch = this.#newest?.epoch ?? 0
    const order = { kind: 'table', epoch, generation, table, ...(secrets && { secrets }) } as const
    this.#newest = { ...this.#newest, ...order }
    this.#announce(epoch => ({ ...order, epoch }))
  }

  /** Other certificates and keys for the newest table. */
  furnish(secrets: TlsSecrets): void {
    this.#newest &&= { ...this.#newest, secrets }
    this.#announce(epoch => ({ kind: 'secrets', epoch, secrets }))
  }

  /**
   * Sends every worker another part of the newest table; listeners and connections in inboxes stay
   * as they are.
   */
  revise(part: RevisedPart, buffer: SharedArrayBuffer): void {
    assert(this.#newest !== null, 'a revision of no table')
    const { table } = this.#newest
    this.#newest = { ...this.#newest, table: { ...table, [part]: buffer } }
    this.#announce(epoch => ({ kind: part, epoch, buffer }))
  }

  #announce(orderOf: (epoch: number) => Order): void {
    assert(this.#newest !== null, 'nothing to announce')
    this.#newest = { ...this.#newest, epoch: this.#newest.epoch + 1 }
    const order = orderOf(this.#newest.epoch)
    for (const worker of this.#workers) worker.port?.postMessage(order)
    Atomics.store(new Int32Array(this.#memory.epoch), 0, this.#newest.epoch)
    for (const worker of this.#workers) rouse(worker)
  }

  /** Limits new connections from now on; never to more than at the start. */
  limit(limits: EngineLimits): void {
    assert(limits.maxConnections <= this.#options.limits.maxConnections, 'there are no rows for more')
    writeLimits(this.#memory.limits, limits)
  }

  /**
   * Ready once each worker has opened every listener; a later failure is reported, but does not
   * make it unready.
   */
  get ready(): boolean {
    return this.#workers.every(worker => worker.state === 'accepting')
  }

  status(): WorkerStatus[] {
    return this.#workers.map(({ state, generation, failures, adopted }, worker) => ({
      worker,
      state,
      generation,
      failures,
      adopted,
    }))
  }

  /**
   * Sends workers an order, each its own; an absent worker has no connections that it could
   * concern.
   */
  tell(orders: ReadonlyMap<number, Order>): void {
    for (const [index, order] of orders) {
      const worker = this.#workers[index]
      worker.port?.postMessage(order)
      rouse(worker)
    }
  }

  /**
   * Lets connections end for up to `timeoutMs`, then resets the rest; resolves when all workers
   * have ended.
   */
  async drain(timeoutMs: number): Promise<Drained> {
    this.#end({ kind: 'drain', timeoutMs })
    await this.#ended(timeoutMs + GRACE_MS)
    return sumDrained(this.#workers)
  }

  /** Resets every connection; resolves when all workers have ended. */
  async stop(): Promise<void> {
    this.#end({ kind: 'stop' })
    await this.#ended(GRACE_MS)
  }

  /**
   * Node waits for its threads before it exits, and cannot end one that waits in the kernel: so
   * they are told, whatever the reason.
   */
  readonly #stopAtExit = (): void => this.#end({ kind: 'stop' })

  #end(order: Order): void {
    this.#ending = true
    restCompiler()
    for (const worker of this.#workers) {
      clearTimeout(worker.restart)
      if (worker.port) worker.state = 'draining'
      else if (!worker.dying) settle(worker)
      const shared = this.sockets.sharedOf(worker)
      worker.port?.postMessage(order.kind === 'drain' ? { ...order, shared } : order)
      rouse(worker)
    }
  }

  async #ended(limitMs: number): Promise<void> {
    const all = Promise.all(this.#workers.map(worker => worker.ended.promise))
    let waitMs = limitMs
    for (let before = this.#open(); !(await settlesWithin(all, waitMs)); waitMs = GRACE_MS) {
      const now = this.#open()
      if (now >= before) break
      before = now
    }
    await Promise.all([this.#endThreads(), all])
    for (const worker of this.#workers) {
      if (worker.wakeFd >= 0) closeWake(worker.wakeFd)
      worker.wakeFd = -1
    }
    process.off('exit', this.#stopAtExit)
  }

  /** Shared threads continue, except for those of workers that have not ended. */
  async #endThreads(): Promise<void> {
    const late = [...this.#workers.keys()].filter(index => this.#workers[index].state !== 'ended')
    if (!this.#threads.isLent || late.length > 0) await pause(COMPILER_REST_MS)
    const ended = [
      this.#threads.close(),
      ...late.map(index => this.#threads.end(new Held(this.#memory.held[index]).thread)),
    ]
    for (const worker of this.#workers) rouse(worker) // a thread that waits in the kernel cannot be terminated
    await Promise.all(ended)
  }

  /** Open connections. */
  #open(): number {
    return sumCounter(openStats(this.#memory.stats), Counter.open)
  }

  #start(index: number): void {
    const worker = this.#workers[index]
    const { port1, port2 } = new MessageChannel()
    worker.port = port1
    worker.startedMs = monotonicMs()
    port1.on('message', (report: Report) => this.#onReport(index, report))
    if (this.#newest) port1.postMessage(this.#newest)
    const { engine, workers, limits } = this.#options
    const task = { engine, index, workers, ...memoryOf(this.#memory, index), limits, port: port2 }
    this.#threads.run(task, { transfer: [port2] }).then(
      () => this.#onEnd(index, null),
      (error: unknown) => this.#onEnd(index, error instanceof Error ? error : new Error(String(error))),
    )
  }

  #onReport(index: number, report: Report): void {
    const event = hear(this.#workers[index], report)
    if (event) this.#options.onEvent({ worker: index, ...event })
  }

  /**
   * The task's end may overtake the worker's last reports, which come another way: those are read
   * first.
   */
  #closePort(index: number): void {
    const worker = this.#workers[index]
    for (let last = worker.port && receiveMessageOnPort(worker.port); last; ) {
      this.#onReport(index, last.message as Report)
      last = worker.port && receiveMessageOnPort(worker.port)
    }
    worker.port?.close()
    worker.port = null
  }

  /** @param error  null if the worker ended in order. */
  async #onEnd(index: number, error: Error | null): Promise<void> {
    const worker = this.#workers[index]
    this.#closePort(index)
    if (!this.#ending) worker.state = 'starting'
    worker.dying = true
    const lost = await endLostWorker({
      index,
      left: error !== null,
      threads: this.#threads,
      memory: this.#memory,
    })
    worker.dying = false
    if (this.#ending) {
      worker.drained = { closed: worker.drained.closed, reset: worker.drained.reset + lost }
      settle(worker)
      return
    }
    const restartMs = pauseAfter(worker, monotonicMs() - worker.startedMs)
    worker.restart = setTimeout(() => this.#start(index), restartMs)
    this.#options.onEvent({
      kind: 'died',
      worker: index,
      restartMs,
      error: error ?? new Error('its task returned'),
    })
  }
}
