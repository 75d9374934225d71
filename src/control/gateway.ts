/**
 * The gateway as a whole: from files to workers, and all changes while it runs.
 *
 *   load ─▶ serve ─(watch ─▶ reloads.ts)─▶ publish, or keep the last good and say what is wrong
 *              ├─(names ─▶ endpoint-changes.ts)─▶ revise the endpoints of what is served
 *              └─ drain, stop ─▶ ended
 *
 * The command (cli/run.ts) decides when to start and stop, and opens the other listeners.
 */

import { assert } from '../base/assert.ts'
import { monotonicMs } from '../base/clock.ts'
import type { Settings } from '../config/settings/settings.ts'
import type { ListenFailure } from '../engine/worker/protocol.ts'
import type { Sources } from '../source/files/files.ts'
import { type Watch, watchPaths } from '../source/files/watch.ts'
import { Names, type NamesOptions } from '../source/names.ts'
import { openStats, slotCounts } from '../stats/stats.ts'
import type { Table, TableBuffers } from '../table/format/table.ts'
import { Compiler } from './compile/compile.ts'
import type { Compiled } from './compile/compile-task.ts'
import type { Diff } from './compile/diff-task.ts'
import { Differ, type DifferOptions, type Undone } from './compile/differ.ts'
import { compileFirst } from './compile/first-compilation.ts'
import { EndpointChanges } from './endpoint-changes.ts'
import { judge, type Verdict } from './guard/reload-guard.ts'
import { Baselines } from './observe/baselines.ts'
import { changedResources } from './observe/changes.ts'
import { History } from './observe/history.ts'
import type { Logger } from './observe/log.ts'
import {
  logDiagnostics,
  logEndpoints,
  logGeneration,
  logGuarded,
  logLosses,
  logUnserved,
} from './observe/narrate.ts'
import { changedReadOnce, type Overrides, overridden } from './overrides.ts'
import { type Look, Reloads } from './reloads.ts'
import { type GatewayThreads, ownThreads } from './threads.ts'
import { DataPlane } from './workers/data-plane.ts'
import type { WorkerState } from './workers/supervisor.ts'

export type GatewayOptions = Sources & {
  readonly overrides: Overrides
  readonly log: Logger
  readonly differ?: DifferOptions
  /** Lent by a process that runs several gateways; else the gateway has its own. */
  readonly threads?: GatewayThreads
  /** How names are resolved, for tests; the default is the system's way, once a minute. */
  readonly names?: Pick<NamesOptions, 'lookup' | 'refreshMs'>
  /** Called after each table that was published. */
  readonly onPublished?: () => void
}

/**
 * Why a gateway is not ready: it ends, has nothing to serve, could not open a listener, or is not
 * there yet.
 */
export const WHYS = ['draining', 'no-listener', 'listen-failed', 'starting'] as const

/** Whether every listener accepts, and where not, what is missing. */
type GatewayReadiness = {
  readonly ready: boolean
  /** In a word why not; null where it is ready. */
  readonly why: (typeof WHYS)[number] | null
  readonly draining: boolean
  readonly generation: number
  readonly failures: readonly ListenFailure[]
  readonly waiting: readonly { readonly worker: number; readonly state: WorkerState }[]
}

/** What is served, and by whom. */
export type Serving = {
  readonly generation: number
  readonly compiled: Compiled
  readonly table: Table
  readonly plane: DataPlane
  readonly baselines: Baselines
}

export class Gateway {
  readonly #options: GatewayOptions
  readonly #log: Logger
  readonly #compiler: Compiler
  readonly #differ: Differ
  readonly #names: Names
  readonly #reloads: Reloads
  /** What became of each configuration. */
  readonly history = new History()
  readonly #baselines = new Baselines()
  readonly #failed = Promise.withResolvers<Error>()
  readonly #threads: GatewayThreads
  /** Changes of endpoints that were published without a generation, ever. */
  endpointChanges = 0
  #endpoints: EndpointChanges | null = null
  #accepted: Compiled | null = null
  #plane: DataPlane | null = null
  #watch: Watch | null = null
  #generation = 0
  #draining = false

  private constructor(options: GatewayOptions) {
    const { paths, recursive, once, log } = options
    this.#options = options
    this.#log = log
    this.#threads = options.threads ?? ownThreads()
    this.#differ = new Differ(options.differ, this.#threads.comparing)
    this.#compiler = new Compiler(
      { paths, ...(recursive && { recursive }), ...(once && { once }) },
      this.#threads.compiling,
    )
    this.#names = new Names({
      ...options.names,
      onChange: () => this.#changeEndpoints(),
      onFailure: (name, error) => log.warn({ name }, `${name} does not resolve: ${error.message}`),
    })
    this.#reloads = new Reloads({
      compiler: this.#compiler,
      names: this.#names,
      log,
      running: () => {
        const { serving } = this
        assert(serving !== null, 'a reload before anything is served')
        const { compiled, generation, table, plane } = serving
        return { compiled, generation, table: table.buffers, stats: plane.stats }
      },
      onCompiled: (compiled, accepted) => this.#take(compiled, accepted),
      onUnchanged: () => this.history.unchanged(),
      onNothing: (outcome, why) => this.history.addNote(outcome, this.#generation, why),
    })
  }

  /**
   * A gateway with a configuration, not serving yet; null where that is refused, and the log says
   * why.
   */
  static async load(options: GatewayOptions): Promise<Gateway | null> {
    const gateway = new Gateway(options)
    try {
      gateway.#accepted = await gateway.#compileFirst()
    } finally {
      if (gateway.#accepted === null) await gateway.stop()
    }
    if (gateway.#accepted !== null) return gateway
    options.log.error('the configuration is refused: nothing is served')
    return null
  }

  /** Starts the workers and the watch, unless it was told to end before. */
  async serve(): Promise<void> {
    if (this.#draining) return
    const first = this.#accepted
    assert(first?.table != null, 'serving before a configuration is loaded')
    this.#plane = this.#startWorkers()
    this.#publish(first, first.table, null, null)
    this.#watch = await watchPaths(
      this.#options.paths.filter(path => !this.#options.once?.has(path)),
      () => this.#reloads.ask(),
      error => this.#log.warn({ err: error }, 'the configuration is not watched as it should be'),
    )
    this.#reloads.ask() // what was saved while starting
  }

  /** Settles where no worker could ever start: with why. */
  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  /** The settings in force: those of the first configuration where they are read once. */
  get settings(): Settings {
    assert(this.#accepted !== null, 'no settings before the first configuration')
    return overridden(this.#accepted.settings, this.#options.overrides)
  }

  readonly readiness = (): GatewayReadiness => {
    const workers = this.#plane?.status() ?? []
    const failures = new Map(workers.flatMap(each => each.failures).map(each => [each.listener, each]))
    const why = this.#whyNotReady(failures.size > 0)
    return {
      ready: why === null,
      why,
      draining: this.#draining,
      generation: this.#generation,
      failures: [...failures.values()],
      waiting: workers.flatMap(({ worker, state }) => (state === 'accepting' ? [] : [{ worker, state }])),
    }
  }

  /** A listener that fails after a reload takes nothing back; having none does. */
  #whyNotReady(hasFailures: boolean): GatewayReadiness['why'] {
    if (this.#draining) return 'draining'
    if (this.#plane && this.#accepted?.listeners.length === 0) return 'no-listener'
    if (this.#plane?.ready) return null
    return hasFailures ? 'listen-failed' : 'starting'
  }

  /** What is served, and by whom; null before. */
  get serving(): Serving | null {
    const [plane, compiled, generation] = [this.#plane, this.#accepted, this.#generation]
    const table = plane?.observer.generations.table(generation)
    return plane && compiled && table
      ? { generation, compiled, table, plane, baselines: this.#baselines }
      : null
  }

  get log(): Logger {
    return this.#log
  }

  /**
   * What would change if the files in `body` (JSON) were served instead; null if nothing is served,
   * or if `gone` tells that the caller has left.
   */
  async diff(
    body: Uint8Array<ArrayBuffer>,
    gone: AbortSignal,
  ): Promise<Diff | { readonly wrong: string } | Undone | null> {
    const { serving } = this
    if (serving === null || this.#draining) return null
    const { table, plane } = serving
    const { state: generations } = plane.observer.generations
    const live = plane.observer.live.buffers
    const task = { body, names: this.#names.known, table: table.buffers, live, generations }
    try {
      return await this.#differ.compare(task, gone)
    } catch (error) {
      if (this.#draining || gone.aborted) return null // its thread has ended under it
      throw error
    }
  }

  /**
   * Looks at the files, whether or not something has told of a change.
   *
   * @param accept  Checksum of a change that is to be taken whatever it takes from connections;
   * null: of none.
   */
  reload(accept: string | null): Promise<Look> {
    return this.#reloads.look(accept)
  }

  /** Lets connections end, within the time that the settings give them, and ends. */
  async drain(): Promise<void> {
    this.#draining = true
    const { timeoutMs } = this.settings.drain
    this.#log.info({ timeoutMs }, `draining: connections have ${timeoutMs / 1000} s to end`)
    await this.#closeInputs()
    const { closed, reset } = (await this.#plane?.drain(timeoutMs)) ?? { closed: 0, reset: 0 }
    this.#log.info({ closed, reset }, `drained: connections that ended: ${closed}, that were reset: ${reset}`)
  }

  /** Resets every connection and ends. */
  async stop(): Promise<void> {
    this.#draining = true
    await this.#closeInputs()
    await this.#plane?.stop()
  }

  /** Opens the access log's file anew: it was renamed. */
  reopenLogs(): void {
    this.#plane?.reopenLogs()
  }

  #startWorkers(): DataPlane {
    return new DataPlane(this.settings, {
      log: this.#log,
      threads: this.#threads,
      onFailed: this.#failed.resolve,
    })
  }

  /** The first configuration, or null where it is refused. */
  async #compileFirst(): Promise<Compiled | null> {
    const compiled = await compileFirst(this.#compiler, this.#names)
    logDiagnostics(this.#log, compiled)
    return compiled.table === null ? null : compiled
  }

  /** Takes a changed configuration, or keeps the last good and says why. */
  #take(compiled: Compiled, accepted: boolean): 'taken' | 'refused' | 'guarded' {
    logDiagnostics(this.#log, compiled)
    const generation = this.#generation
    if (compiled.table === null) {
      this.#keep('refused', compiled, null)
      this.#log.error({ generation }, `the change is refused: generation ${generation} stays`)
      return 'refused'
    }
    const verdict = this.#judge(compiled, accepted)
    if (verdict?.refused) {
      this.#keep('guarded', compiled, verdict)
      logGuarded(this.#log, generation, compiled, verdict)
      return 'guarded'
    }
    const before = this.#accepted
    this.#accepted = compiled
    this.#publish(compiled, compiled.table, before, verdict)
    void this.#names.follow(compiled.names)
    return 'taken'
  }

  /**
   * What the guard that is in force says of a change; null where it takes nothing from connections.
   */
  #judge({ losses }: Compiled, accepted: boolean): Verdict | null {
    const observer = this.#plane?.observer
    if (losses === null || !observer) return null
    const counts = { totals: observer.totals(), lastMinute: observer.lastMinute.bind(observer) }
    return judge(accepted ? 'warn' : this.settings.reload.guard, losses, counts)
  }

  /** Remembers a change that is not taken. */
  #keep(outcome: 'refused' | 'guarded', compiled: Compiled, verdict: Verdict | null): void {
    const changes = changedResources(this.#accepted?.resources ?? [], compiled.resources)
    this.history.add(outcome, this.#generation, this.#accepted, compiled, changes, compiled.stages, verdict)
  }

  #publish(compiled: Compiled, table: TableBuffers, before: Compiled | null, verdict: Verdict | null): void {
    const startedMs = monotonicMs()
    assert(this.#plane !== null, 'nobody to publish to')
    this.#generation++
    const counts = slotCounts(openStats(this.#plane.stats))
    this.#endpoints = new EndpointChanges(compiled.named, compiled.resolved, this.#compiler.slots, counts)
    const upToDate = this.#endpoints.upToDate(table, this.#names.known, startedMs)
    this.#plane.publish(this.#generation, upToDate, compiled.listeners.length > 0)
    const stages = { ...compiled.stages, publish: monotonicMs() - startedMs }
    const changes = changedResources(before?.resources ?? [], compiled.resources)
    this.#baselines.published(this.#generation, changes, () => this.#plane?.observer.totals() ?? [])
    this.history.add('taken', this.#generation, before, compiled, changes, stages, verdict)
    logGeneration(this.#log, this.#generation, before, compiled, changes, stages)
    if (verdict) logLosses(this.#log, this.#generation, verdict)
    logUnserved(this.#log, this.#generation, before, compiled)
    if (before) this.#adopt(before.settings)
    this.#options.onPublished?.()
  }

  /** Names resolve to other addresses: the same generation goes on with other endpoints. */
  #changeEndpoints(): void {
    const { serving } = this
    if (serving === null || this.#draining) return
    const { table, plane } = serving
    const startedMs = monotonicMs()
    const change = this.#endpoints?.change(table, this.#names.known, startedMs)
    if (!change) return
    plane.revise('endpoints', change.buffer)
    this.endpointChanges++
    logEndpoints(this.#log, table, change, monotonicMs() - startedMs)
  }

  /**
   * Goes on with the settings of what is served now, and notes those that take effect at the next
   * start only.
   */
  #adopt(before: Settings): void {
    const now = this.settings
    const fixed = changedReadOnce(overridden(before, this.#options.overrides), now)
    const changed = [...fixed, ...(this.#plane?.adopt(now) ?? [])]
    if (changed.length > 0)
      this.#log.warn({ settings: changed }, `${changed.join(', ')}: takes effect on restart`)
  }

  /** No more changes. */
  async #closeInputs(): Promise<void> {
    this.#reloads.close()
    this.#names.close()
    await Promise.all([this.#watch?.close(), this.#compiler.close(), this.#differ.close()])
  }
}
