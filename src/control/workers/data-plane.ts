/**
 * The data plane from the main thread's side: the workers and the readers of their records.
 *
 * It is given tables and knows nothing of files; the gateway decides what to publish.
 */

import type { Settings } from '../../config/settings/settings.ts'
import type { EngineLimits } from '../../engine/decide/decide.ts'
import type { EngineKind, Order, RevisedPart } from '../../engine/worker/protocol.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, openStats, sumCounter } from '../../stats/stats.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { CheckedCluster } from '../../table/plan/health-check.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import { EndpointHealth } from '../health/endpoint-health.ts'
import type { EndpointPlace } from '../health/endpoint-place.ts'
import { AccessLog, type AccessLogSettings, type LoggingThreads } from '../observe/access-log.ts'
import { ListenerLog } from '../observe/listener-log.ts'
import type { Logger } from '../observe/log.ts'
import { logWorkerEvent } from '../observe/narrate.ts'
import { Observer } from '../observe/observer.ts'
import { Troubles } from '../observe/troubles.ts'
import { chooseEngine } from './choose-engine.ts'
import { Ending } from './ending.ts'
import type { ListenSockets } from './listen-sockets.ts'
import { connectionsFor, workersFor } from './machine-limits.ts'
import { OnceAdopted } from './once-adopted.ts'
import { Opening } from './opening.ts'
import type { ClosingDestinations } from './removal-judge.ts'
import { RemovedEndpoints } from './removed-endpoints.ts'
import { countDenied, findDenied, revocation } from './revocation.ts'
import { RunningDrains } from './running-drains.ts'
import type { SelectedDrain, Selection } from './selected-drain.ts'
import { Supervisor } from './supervisor.ts'
import type { WorkingThreads } from './threads.ts'
import type { Drained, SupervisorEvent, WorkerStatus } from './worker-record.ts'

/** Names of standard output. */
const STDOUT: ReadonlySet<string> = new Set(['-', '/dev/stdout'])

type DataPlaneOptions = {
  readonly log: Logger
  readonly threads?: { readonly working?: WorkingThreads; readonly logging?: LoggingThreads }
  /** Called once, when every listener accepts for the first time. */
  readonly onReady?: () => void
  /** Called if no worker has ever started, and each has died. */
  readonly onFailed: (error: Error) => void
}

export class DataPlane {
  readonly engine: EngineKind
  /** The workers' open and ended connections. */
  readonly observer: Observer
  /** What is known of the endpoints. */
  readonly health: EndpointHealth
  /** What the workers listen with. */
  readonly sockets: ListenSockets
  readonly #supervisor: Supervisor
  readonly #accessLog: AccessLog
  readonly #maxConnections: number
  #limits: EngineLimits
  readonly #troubles: Troubles
  readonly #log: Logger
  readonly #listeners: ListenerLog
  readonly #onReady: () => void
  readonly #onFailed: (error: Error) => void
  /** Workers that died before any had started. */
  readonly #stillborn = new Set<number>()
  readonly #onceAdopted: OnceAdopted
  readonly #removed: RemovedEndpoints
  readonly #drains: RunningDrains
  readonly #ending: Ending
  readonly #opening = new Opening()
  #began = false
  #generation = 0
  #checked: readonly CheckedCluster[] = []

  /** Starts the workers; they accept once a table is published. */
  constructor(settings: Settings, { log, threads, onReady = () => {}, onFailed }: DataPlaneOptions) {
    const { engine, why } = chooseEngine(settings.engine)
    const workers = workersFor(settings)
    log.info(
      { engine, workers },
      `engine ${engine} (${why}), ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    )
    this.engine = engine
    this.#log = log
    this.#listeners = new ListenerLog(log)
    this.#onReady = onReady
    this.#onFailed = onFailed
    this.#limits = limitsOf(settings)
    this.#maxConnections = this.#limits.maxConnections
    this.#supervisor = new Supervisor({
      workers,
      engine,
      limits: this.#limits,
      ...(threads?.working && { threads: threads.working }),
      onEvent: event => this.#onWorkerEvent(event),
    })
    this.sockets = this.#supervisor.sockets
    this.observer = new Observer(this.#supervisor.journals, this.#supervisor.stats)
    const logged = { journals: this.#supervisor.journals, generations: this.observer.generations }
    this.#accessLog = new AccessLog(logged, accessLogOf(settings), log, threads?.logging)
    this.#troubles = new Troubles(openStats(this.stats), log)
    this.#onceAdopted = new OnceAdopted(() => this.status())
    this.#drains = new RunningDrains(this.observer, this.#tell)
    this.#ending = new Ending(this.#supervisor, this.#drains, () => this.#closeObservers())
    this.#removed = new RemovedEndpoints({ observer: this.observer, log, tell: this.#tell })
    this.health = new EndpointHealth(openStats(this.stats), log, place => this.#closeDown(place))
  }

  /** stats/stats.ts */
  get stats(): SharedArrayBuffer {
    return this.#supervisor.stats
  }

  /** Connections of each source: stats/sources.ts. */
  get sources(): SharedArrayBuffer {
    return this.#supervisor.sources
  }

  /** Whether each worker has once opened every listener; a replaced worker has to do so again. */
  get ready(): boolean {
    return this.#supervisor.ready && this.#opening.isDone
  }

  status(): WorkerStatus[] {
    return this.#supervisor.status()
  }

  readonly open = (): number => sumCounter(openStats(this.stats), Counter.open)

  /** Lines of the access log that could not be written, since the start. */
  get accessLogLost(): number {
    return this.#accessLog.lost
  }

  /** What may be open now, of all workers together. */
  get maxConnections(): number {
    return this.#limits.maxConnections
  }

  /** @param opens  Whether the table has a listener that opens. */
  publish(
    generation: number,
    table: TableBuffers,
    opens: boolean,
    checked: readonly CheckedCluster[] = [],
    secrets: TlsSecrets | null = null,
  ): void {
    this.#checked = checked
    this.#opening.publishing(generation, opens)
    this.observer.publishing(table)
    this.#accessLog.publishing(table)
    this.#listeners.publishing(generation, this.observer.generations.table(generation)?.sockets ?? [])
    this.#tellHealth(generation)
    this.#supervisor.publish(generation, table, secrets ?? undefined)
  }

  /** Other certificates and keys; open connections go on. */
  readonly furnish = (secrets: TlsSecrets): void => this.#supervisor.furnish(secrets)

  /** Replaces a part of the table that was published last; its generation continues. */
  revise(part: RevisedPart, buffer: SharedArrayBuffer): void {
    this.observer.revising(part, buffer)
    if (part === 'clients') this.#accessLog.revisingClients(buffer)
    else this.#tellHealth(this.#generation)
    this.#supervisor.revise(part, buffer)
  }

  /**
   * Applies these settings, as far as they can change at run time.
   *
   * @returns The others, with the reason.
   */
  adopt(settings: Settings): string[] {
    const limits = limitsOf(settings)
    const most = this.#maxConnections
    this.#limits = { maxConnections: Math.min(limits.maxConnections, most) }
    this.#supervisor.limit(this.#limits)
    this.#accessLog.configure(accessLogOf(settings))
    return limits.maxConnections > most ? [`maxConnections (beyond the ${most} of the start)`] : []
  }

  /** Resets selected open connections over a time, and keeps serving. */
  drainSelected(selection: Selection, overMs: number): SelectedDrain {
    const drain = this.#drains.start(selection, overMs)
    const { matched } = drain
    const told = { ...selection, ...(selection.endpoint && { endpoint: selection.endpoint.text }) }
    this.#log.info(
      { selection: told, overMs, matched },
      `draining ${matched} connections over ${overMs / 1000} s`,
    )
    return drain
  }

  /**
   * Resets the open connections that the policies of a generation deny, once all workers decide by
   * it: until then each of them may admit one more by the older ones.
   */
  revoke(generation: number, clientsRevision: number, overMs: number): void {
    const parts = { generation, clientsRevision, endpointsRevision: 0 }
    this.#onceAdopted.wait('revoke', parts, () => this.#revoke(generation, overMs))
  }

  /** The destinations whose connections end with their endpoint, as of now. */
  get closing(): ClosingDestinations {
    return this.#removed.destinations
  }

  /** Resets open connections whose endpoint is gone from what was published last. */
  closeRemoved(destinations: ClosingDestinations): void {
    if (!this.#removed.follow(destinations)) return
    const generation = this.#generation
    const endpointsRevision = this.observer.generations.table(generation)?.endpointsRevision ?? 0
    const parts = { generation, endpointsRevision, clientsRevision: 0 }
    this.#onceAdopted.wait('removed', parts, () => this.#removed.search())
  }

  #revoke(generation: number, overMs: number): void {
    const table = this.observer.generations.table(generation)
    const denied = table ? findDenied(this.observer, table) : []
    if (table === null || denied.length === 0) return
    countDenied(this.stats, table, denied)
    this.#supervisor.tell(revocation(denied, generation, overMs))
    const count = denied.length === 1 ? '1 open connection is' : `${denied.length} open connections are`
    this.#log.info(
      { generation, overMs, denied: denied.length },
      `${count} denied by the policies of generation ${generation}: reset over ${overMs / 1000} s`,
    )
  }

  /** Lets connections end for up to `timeoutMs`, and ends. */
  readonly drain = (timeoutMs: number): Promise<Drained> => this.#ending.drain(timeoutMs)

  /** Resets every connection and ends, a drain that is under way as well. */
  readonly stop = (): Promise<void> => this.#ending.stop()

  /** Reopens the access log's file after a rename. */
  reopenLogs(): void {
    this.#accessLog.reopen()
  }

  /** Resets what is open to an endpoint that has gone down. */
  #closeDown(endpoint: EndpointPlace): void {
    this.#drains.start({ endpoint }, 0, Reason['endpoint-down'])
  }

  readonly #tell = (orders: ReadonlyMap<number, Order>): void => this.#supervisor.tell(orders)

  /** Of a table that the observer knows by now. */
  #tellHealth(generation: number): void {
    this.#generation = generation
    const { generations } = this.observer
    const table = generations.table(generation)
    if (table) this.health.publishing(table, () => generations.cold(generation), this.#checked)
  }

  #onWorkerEvent(event: SupervisorEvent): void {
    logWorkerEvent(this.#log, event)
    this.sockets.look(event)
    if (event.kind === 'died') this.#mourn(event.worker, event.error)
    else this.#began = true
    this.#onceAdopted.look()
    this.#listeners.look(this.status())
    this.#opening.look(this.status())
    if (!this.ready || !this.#opening.announces()) return
    this.sockets.accept()
    this.#log.info('ready: every listener accepts')
    this.#onReady()
  }

  /** If no worker has ever started and each has died, weir gives up. */
  #mourn(worker: number, error: Error): void {
    if (this.#began) return
    this.#stillborn.add(worker)
    if (this.#stillborn.size < this.status().length) return
    this.#log.error('no worker can start: nothing is served')
    this.#onFailed(error)
  }

  /** Once the workers have ended. */
  async #closeObservers(): Promise<void> {
    this.#drains.close()
    this.#troubles.close()
    this.health.close()
    this.#removed.close()
    this.observer.close()
    await this.#accessLog.close()
  }
}

const limitsOf = (settings: Settings): EngineLimits => ({ maxConnections: connectionsFor(settings) })

function accessLogOf({ accessLog }: Settings): AccessLogSettings | null {
  if (accessLog === null) return null
  return { ...accessLog, path: STDOUT.has(accessLog.path) ? null : accessLog.path }
}
