/**
 * The gateway as a whole: from files to workers, and all changes while it runs.
 *
 *   load ─▶ serve ─(watch ─▶ reloads.ts)─▶ publish, or keep the last good and say what is wrong
 *              ├─(names ─▶ endpoint-changes.ts)─▶ revise the endpoints of what is served
 *              └─ drain, stop ─▶ ended
 *
 * Another process may take over (take-over/). The command (cli/run.ts) decides when to start and
 * stop, and opens the other listeners.
 */

import { assert } from '../base/assert.ts'
import type { Settings } from '../config/settings/settings.ts'
import { FileSource } from '../source/files/source.ts'
import type { KubernetesSource } from '../source/kubernetes/source.ts'
import { Names } from '../source/names/names.ts'
import { SystemLookup } from '../source/names/system-lookup.ts'
import { reportsOf } from './cluster-reports.ts'
import { Compiler } from './compile/compile.ts'
import type { Compiled } from './compile/compiled.ts'
import type { Diff } from './compile/diff-task.ts'
import { Differ, type Undone } from './compile/differ.ts'
import { compileFirst } from './compile/first-compilation.ts'
import type { Keeper } from './credentials/keeper.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { LiveEndpoints } from './live-endpoints.ts'
import type { History } from './observe/history.ts'
import type { Logger } from './observe/log.ts'
import { NameLog } from './observe/name-log.ts'
import { Publisher, type Serving } from './publisher.ts'
import { type Readiness, readinessOf } from './readiness.ts'
import { type Look, Reloads } from './reloads.ts'
import { Shutdown } from './shutdown.ts'
import type { Claim } from './take-over/claim.ts'
import { Offer } from './take-over/offer.ts'
import { passedStateOf, placesOf, succeed } from './take-over/succeed.ts'
import { type GatewayThreads, ownThreads } from './threads.ts'
import { DataPlane } from './workers/data-plane.ts'

export class Gateway {
  readonly #options: GatewayOptions
  readonly #log: Logger
  readonly #compiler: Compiler
  readonly #differ: Differ
  /** The names of endpoints, and what they resolve to. */
  readonly names: Names
  /** To a process that takes over. */
  readonly offer: Offer
  readonly #nameLog: NameLog
  readonly #reloads: Reloads
  readonly #publisher: Publisher
  readonly #shutdown: Shutdown
  readonly #failed = Promise.withResolvers<Error>()
  readonly #threads: GatewayThreads
  #plane: DataPlane | null = null
  readonly #files: FileSource

  private constructor(options: GatewayOptions) {
    const { log } = options
    this.#options = options
    this.#files = new FileSource(options)
    this.#log = log
    this.#shutdown = new Shutdown(log, () => this.#plane?.open() ?? 0)
    this.#threads = options.threads ?? ownThreads()
    this.offer = new Offer(log, () =>
      this.#shutdown.hasBegun ? null : passedStateOf(this.serving?.plane, this.#publisher),
    )
    this.#differ = new Differ(options.differ, this.#threads.comparing)
    this.#compiler = new Compiler(this.#files, this.#threads.compiling, options.kubernetes, options.cache)
    this.#nameLog = new NameLog(log)
    this.names = new Names({
      lookup: new SystemLookup(options.names),
      onChange: changed => this.#shutdown.isDraining || this.#publisher.changeEndpoints(changed),
      onState: this.#nameLog.add,
    })
    this.#publisher = new Publisher({
      log,
      overrides: options.overrides,
      names: this.names,
      slots: this.#compiler.slots,
      compare: (before, after) => this.#compiler.compare(before, after),
      live: options.kubernetes ? new LiveEndpoints(options.kubernetes) : null,
      onPublished: () => this.#published(),
      onCredentials: () => this.#reloads.ask(),
    })
    this.#reloads = new Reloads({
      compiler: this.#compiler,
      names: this.names,
      log,
      running: () => {
        const { serving } = this
        assert(serving !== null, 'a reload before anything is served')
        const { compiled, generation, table, plane } = serving
        const closing = [...plane.closing.keys()]
        return { compiled, generation, table: table.buffers, stats: plane.stats, closing }
      },
      onCompiled: (compiled, accepted) => this.#publisher.take(compiled, accepted),
      onRotated: credentials => this.#publisher.rotate(credentials),
      onUnchanged: () => this.history.unchanged(),
      onNothing: (outcome, why) => this.history.addNote(outcome, this.#publisher.generation, why),
      ...(options.onPhase && { onPhase: options.onPhase }),
    })
  }

  /** A gateway without a configuration, which can say what it waits for. */
  static of(options: GatewayOptions): Gateway {
    return new Gateway(options)
  }

  /** A gateway that has read its configuration (`read`); null if that failed. */
  static async load(options: GatewayOptions): Promise<Gateway | null> {
    const gateway = new Gateway(options)
    return (await gateway.read()) ? gateway : null
  }

  /**
   * Reads the configuration, and starts the workers; it serves nothing yet. False if the
   * configuration is refused, and the log says why, or if it is stopped before.
   */
  async read(): Promise<boolean> {
    let compiled: Compiled | null = null
    try {
      const isKnown = (await this.#options.kubernetes?.begin()) ?? true
      if (isKnown) compiled = await compileFirst(this.#compiler, this.names, this.#log)
    } catch (error) {
      if (!this.#shutdown.isDraining) throw error // else its thread was ended
    } finally {
      if (compiled === null) await this.stop()
    }
    if (compiled === null || this.#shutdown.isDraining) return false
    this.#publisher.accepted = compiled
    this.#plane = this.#startWorkers()
    return true
  }

  /**
   * Publishes the configuration and starts the watch, unless it was told to end before.
   *
   * @param claim  To what another process has. @returns '', or why that one serves on.
   */
  async serve(claim: Claim | null = null): Promise<string> {
    const plane = this.#plane
    if (this.#shutdown.isDraining || plane === null) return ''
    if (claim === null) this.#publisher.begin(plane)
    else {
      const why = await succeed({ plane, publisher: this.#publisher, readiness: this.readiness }, claim)
      if (why !== '') return why
    }
    const ask = () => this.#reloads.ask()
    await this.#options.kubernetes?.follow(
      ask,
      services => this.#shutdown.isDraining || this.#publisher.changeServices(services),
    )
    await this.#files.open(ask, error =>
      this.#log.warn({ err: error }, 'the configuration is not watched as it should be'),
    )
    ask() // changes saved during the start
    return ''
  }

  /** Where the accepted configuration listens. */
  get places(): ReadonlySet<string> {
    return placesOf(this.#publisher.accepted)
  }

  /** Settles with the reason if no worker could ever start. */
  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  /** The settings in force; those that are read once keep their first value. */
  get settings(): Settings {
    return this.#publisher.settings
  }

  readonly readiness = (): Readiness =>
    readinessOf({
      draining: this.#shutdown.hasBegun,
      generation: this.#publisher.generation,
      hasListeners: this.#publisher.accepted?.listeners.length !== 0,
      plane: this.#plane,
      closed: this.#publisher.keeper.closed,
      awaits: this.#publisher.accepted === null ? (this.#options.kubernetes?.awaits ?? '') : '',
    })

  /** The certificates in force, and whether they are the newest. */
  get credentials(): Pick<Keeper, 'certificates' | 'stale'> {
    return this.#publisher.keeper
  }

  /** What is served, and by which workers; null before. */
  get serving(): Serving | null {
    return this.#publisher.serving
  }

  /** The outcome of each configuration. */
  get history(): History {
    return this.#publisher.history
  }

  /** Changes of endpoints published without a generation, since the start. */
  get endpointChanges(): number {
    return this.#publisher.endpointChanges
  }

  /** The API of a cluster that it follows; null: none. */
  get kubernetes(): KubernetesSource | null {
    return this.#options.kubernetes ?? null
  }

  get log(): Logger {
    return this.#log
  }

  /**
   * What would change if the files in `body` (JSON) were served instead; null if nothing is served,
   * or if `gone` says that the caller has left.
   */
  async diff(
    body: Uint8Array<ArrayBuffer>,
    gone: AbortSignal,
  ): Promise<Diff | { readonly wrong: string } | Undone | null> {
    const { serving } = this
    if (serving === null || this.#shutdown.isDraining) return null
    const { table, plane } = serving
    const { state: generations } = plane.observer.generations
    const live = plane.observer.live.buffers
    const task = { body, names: this.names.known, table: table.buffers, live, generations }
    try {
      return await this.#differ.compare(task, gone)
    } catch (error) {
      if (this.#shutdown.isDraining || gone.aborted) return null // its thread was ended
      throw error
    }
  }

  /**
   * Reads the files, whether or not the watch reported a change.
   *
   * @param accept  Checksum of a change to accept in spite of its losses; null: none.
   */
  reload(accept: string | null): Promise<Look> {
    return this.#reloads.look(accept)
  }

  /**
   * Lets connections end, within the time in the settings, and ends. Before that the gateway is
   * not ready but serves for `lameDuckMs`, so that load balancers send no more connections.
   */
  async drain(lameDuckMs = this.settings.drain.lameDuckMs): Promise<void> {
    if (!(await this.#shutdown.serveOn(lameDuckMs))) return
    const { timeoutMs } = this.settings.drain
    await this.#shutdown.drain(timeoutMs, async () => {
      const [, drained] = await Promise.all([this.#closeInputs(), this.#plane?.drain(timeoutMs)])
      return drained ?? { closed: 0, reset: 0 }
    })
  }

  /** Resets every connection and ends; an API that does not answer holds up no connection's end. */
  async stop(): Promise<void> {
    this.#shutdown.stop()
    await Promise.all([this.#closeInputs(), this.#plane?.stop()])
  }

  /** Reopens the access log's file after a rename. */
  reopenLogs(): void {
    this.#plane?.reopenLogs()
  }

  /** Also reports to the cluster what weir made of its resources. */
  #published(): void {
    this.#options.onPublished?.()
    const { kubernetes, serving } = this
    if (!kubernetes || !serving) return
    const { live, leftOut } = serving.compiled
    kubernetes.serves(live.upTo, leftOut.length)
    if (kubernetes.writes) kubernetes.report(reportsOf(serving.compiled, kubernetes.all()))
  }

  #startWorkers(): DataPlane {
    return new DataPlane(this.settings, {
      log: this.#log,
      threads: this.#threads,
      onReady: () => this.#options.onPhase?.('serving'),
      onFailed: this.#failed.resolve,
    })
  }

  /** No more changes. */
  async #closeInputs(): Promise<void> {
    this.#reloads.close()
    this.names.close()
    this.#nameLog.flush()
    const inputs = [this.#publisher, this.#files, this.#options.kubernetes].map(each => each?.close())
    await Promise.all([...inputs, this.#compiler.close(), this.#differ.close()])
  }
}
