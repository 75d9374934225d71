/**
 * What is served: each configuration that compiles is published, or the last good one stays; names
 * that resolve anew revise its endpoints. What became of each is remembered.
 *
 *   take ─▶ refused, guarded ─▶ kept, the history says why
 *     └───▶ published ─(names ─▶ endpoint-changes.ts)─▶ revised …
 */

import { assert } from '../base/assert.ts'
import { monotonicMs } from '../base/clock.ts'
import type { ResolvedNames } from '../config/load.ts'
import type { Settings } from '../config/settings/settings.ts'
import type { ReadCredential } from '../source/credentials/credentials.ts'
import type { Names } from '../source/names/names.ts'
import { openStats, slotCounts } from '../stats/stats.ts'
import { makeRoom } from '../table/build/endpoints.ts'
import type { Table, TableBuffers } from '../table/format/table.ts'
import type { Compiler } from './compile/compile.ts'
import type { Compiled } from './compile/compiled.ts'
import { Credentials } from './credentials/credentials.ts'
import type { Keeper } from './credentials/keeper.ts'
import { type EndpointChange, EndpointChanges, type NamedCluster } from './endpoint-changes.ts'
import { judgeChange } from './guard/judge-change.ts'
import type { Verdict } from './guard/reload-guard.ts'
import type { LiveEndpoints } from './live-endpoints.ts'
import { Baselines } from './observe/baselines.ts'
import { changedResources } from './observe/changes.ts'
import { followReload } from './observe/follow-reload.ts'
import { History } from './observe/history.ts'
import type { Logger } from './observe/log.ts'
import {
  logAccess,
  logClients,
  logDiagnostics,
  logEndpoints,
  logGeneration,
  logGuarded,
  logLosses,
  logUnserved,
} from './observe/narrate.ts'
import { changedReadOnce, type Overrides, overridden } from './overrides.ts'
import type { DataPlane } from './workers/data-plane.ts'
import { type ClosingDestinations, closingDestinations } from './workers/removal-judge.ts'

type PublisherOptions = {
  readonly log: Logger
  readonly overrides: Overrides
  readonly names: Names
  /** Assigns the words of the counts (stats/counter-slots.ts). */
  readonly slots: SharedArrayBuffer
  readonly compare: Compiler['compare']
  /** Endpoints of an API; absent: none is read. */
  readonly live?: LiveEndpoints | null
  /** Called after each table was published. */
  readonly onPublished: () => void
  /** Called when a file behind a certificate has changed. */
  readonly onCredentials: () => void
}

/** What is served, and by which workers. */
export type Serving = {
  readonly generation: number
  readonly compiled: Compiled
  readonly table: Table
  readonly plane: DataPlane
  readonly baselines: Baselines
}

export class Publisher {
  readonly #options: PublisherOptions
  readonly #log: Logger
  /** The outcome of each configuration. */
  readonly history = new History()
  readonly #baselines = new Baselines()
  readonly #credentials: Credentials
  /** Changes of endpoints published without a generation, since the start. */
  endpointChanges = 0
  generation = 0
  /** What is served, or will be served first; null before. */
  accepted: Compiled | null = null
  #plane: DataPlane | null = null
  /** What was logged last. */
  #told: Compiled | null = null
  #endpoints: EndpointChanges | null = null
  readonly #totals = () => this.#plane?.observer.totals() ?? []

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#log = options.log
    this.#credentials = new Credentials({
      log: options.log,
      onChange: options.onCredentials,
      onSecrets: secrets => this.generation > 0 && this.#plane?.furnish(secrets),
    })
  }

  async close(): Promise<void> {
    this.history.close(this.#totals)
    await this.#credentials.close()
  }

  /** The certificates in force. */
  get keeper(): Keeper {
    return this.#credentials.keeper
  }

  /** The settings in force; those that are read once keep their first value. */
  get settings(): Settings {
    assert(this.accepted !== null, 'no settings before the first configuration')
    return overridden(this.accepted.settings, this.#options.overrides)
  }

  /** What is served, and by which workers; null before. */
  get serving(): Serving | null {
    const { accepted: compiled, generation } = this
    const plane = this.#plane
    const table = plane?.observer.generations.table(generation)
    return plane && compiled && table
      ? { generation, compiled, table, plane, baselines: this.#baselines }
      : null
  }

  /** Publishes the first configuration, to these workers from now on. */
  begin(plane: DataPlane): void {
    const first = this.accepted
    assert(first?.table != null, 'serving before a configuration is loaded')
    this.#plane = plane
    this.history.restore(first.settings.reload.history)
    this.#publish(first, first.table, null, null)
  }

  /** Publishes a changed configuration, or keeps the last valid one and logs why. */
  take(compiled: Compiled, accepted: boolean): 'taken' | 'refused' | 'guarded' {
    logDiagnostics(this.#log, compiled, this.#told ?? this.accepted)
    this.#told = compiled
    const { generation } = this
    if (compiled.table === null) {
      this.#keep('refused', compiled, null)
      this.#log.error({ generation }, `the change is refused: generation ${generation} stays`)
      return 'refused'
    }
    const lacking = this.keeper.refusals(compiled.credentials)
    if (lacking.length > 0) {
      this.#keep('refused', compiled, null)
      this.#credentials.renew(compiled.credentials)
      const text = `the change is refused, generation ${generation} stays: ${lacking.join('; ')}`
      this.#log.error({ generation, lacking }, text)
      return 'refused'
    }
    const verdict = this.#judge(compiled, accepted)
    if (verdict?.refused) {
      this.#keep('guarded', compiled, verdict)
      logGuarded(this.#log, generation, compiled, verdict)
      return 'guarded'
    }
    const before = this.accepted
    this.accepted = compiled
    if (compiled.decidesTheSame) this.#changeSecrets(compiled)
    else if (compiled.clients === null) this.#publish(compiled, compiled.table, before, verdict)
    else this.#changeClients(compiled, compiled.clients, before, verdict)
    this.changeEndpoints(new Map(), this.#options.live?.renew(compiled.live))
    return 'taken'
  }

  /** The files are the same; the certificates that they name may be others. */
  rotate(credentials: readonly ReadCredential[]): void {
    this.#credentials.rotate(credentials)
  }

  /** Only Secrets have changed: the generation goes on with other certificates. */
  #changeSecrets({ credentials }: Compiled): void {
    this.rotate(credentials)
    this.#options.onPublished()
  }

  /** The endpoints of these Services, of an API, have changed. */
  changeServices(services: readonly string[]): void {
    this.changeEndpoints(new Map(), this.#options.live?.change(services))
  }

  /** Names or an API have other endpoints: a revision of the same generation. */
  changeEndpoints(changed: ResolvedNames, live: readonly NamedCluster[] = []): void {
    const { serving } = this
    if (serving === null || changed.size + live.length === 0) return
    const { table } = serving
    const startedMs = monotonicMs()
    const change = this.#endpoints?.change(table, changed, startedMs, live)
    if (change) this.#revise(serving, change, startedMs)
    this.#closeRemoved(serving.compiled)
  }

  #revise({ table, plane }: Serving, change: EndpointChange, startedMs: number): void {
    plane.revise('endpoints', change.buffer)
    this.endpointChanges++
    logEndpoints(this.#log, table, change, monotonicMs() - startedMs)
    const roomy = this.serving && makeRoom(this.serving.table) // so that no change waits for it
    if (roomy) plane.revise('endpoints', roomy)
  }

  /** Only who clients are has changed: the generation goes on with other clients. */
  #changeClients(
    { resources, credentials }: Compiled,
    clients: SharedArrayBuffer,
    before: Compiled | null,
    verdict: Verdict | null,
  ): void {
    const { serving } = this
    assert(serving !== null, 'clients of nothing that is served')
    this.rotate(credentials)
    const { generation, table, plane } = serving
    plane.revise('clients', clients)
    logClients(this.#log, table, changedResources(before?.resources ?? [], resources))
    if (verdict) logLosses(this.#log, generation, verdict)
    this.#revoke(table.clientsRevision + 1)
    this.#options.onPublished()
  }

  /** Ends connections of endpoints that are not there any more, where that is wanted. */
  #closeRemoved(compiled: Compiled, vanished?: readonly string[]): void {
    this.#plane?.closeRemoved(this.#closingOf(compiled, vanished))
  }

  /** @param vanished  Destinations that nothing defines any more; absent: no others than before. */
  #closingOf({ removals }: Compiled, vanished?: readonly string[]): ClosingDestinations {
    const before: ClosingDestinations = this.#plane?.closing ?? new Map()
    const gone = [...before].filter(([, { isGone }]) => isGone).map(([key]) => key)
    return closingDestinations(removals, this.#options.names.known, before, vanished ?? gone)
  }

  /** Resets connections that are denied now, if the operator wants it. */
  #revoke(clientsRevision: number): void {
    const { onChange, revokeOverMs } = this.settings.authorization
    if (onChange === 'revoke') this.#plane?.revoke(this.generation, clientsRevision, revokeOverMs)
  }

  /** The guard's verdict on a change; null if it takes nothing from connections. */
  #judge(compiled: Compiled, accepted: boolean): Verdict | null {
    const { serving } = this
    if (serving === null) return null
    const mode = accepted || compiled.onlyObjects ? 'warn' : this.settings.reload.guard
    return judgeChange(mode, compiled, serving, this.#closingOf(compiled, compiled.vanished))
  }

  #keep(outcome: 'refused' | 'guarded', compiled: Compiled, verdict: Verdict | null): void {
    const changes = changedResources(this.accepted?.resources ?? [], compiled.resources)
    this.history.add(outcome, this.generation, this.accepted, compiled, changes, compiled.stages, verdict)
  }

  #publish(compiled: Compiled, table: TableBuffers, before: Compiled | null, verdict: Verdict | null): void {
    const { names, slots, onPublished } = this.#options
    const startedMs = monotonicMs()
    assert(this.#plane !== null, 'nobody to publish to')
    const served = this.serving?.table.buffers ?? null
    this.generation++
    const counts = slotCounts(openStats(this.#plane.stats))
    this.#endpoints = new EndpointChanges(compiled.named, compiled.resolved, slots, counts)
    const live = this.#options.live?.begin(compiled.live)
    const upToDate = this.#endpoints.upToDate(table, names.known, startedMs, live)
    const secrets = this.#credentials.take(compiled.credentials)
    this.#plane.publish(this.generation, upToDate, compiled.listeners.length > 0, compiled.checked, secrets)
    const stages = { ...compiled.stages, publish: monotonicMs() - startedMs }
    const changes = changedResources(before?.resources ?? [], compiled.resources)
    this.#baselines.published(this.generation, changes, this.#totals)
    this.history.add('taken', this.generation, before, compiled, changes, stages, verdict)
    logGeneration(this.#log, this.generation, before, compiled, changes, stages)
    if (served) void followReload(this.history, this.#log, this.#totals, this.#options.compare(served, table))
    if (verdict) logLosses(this.#log, this.generation, verdict)
    logUnserved(this.#log, this.generation, before, compiled)
    logAccess(this.#log, this.generation, before, compiled)
    names.useServers(compiled.settings.dns.servers)
    this.#closeRemoved(compiled, compiled.vanished)
    if (before) {
      this.#revoke(0)
      this.#adopt(before.settings)
    }
    onPublished()
  }

  /**
   * Continues with the settings of what is served now, and notes those that take effect at the next
   * start only.
   */
  #adopt(before: Settings): void {
    const now = this.settings
    const fixed = changedReadOnce(overridden(before, this.#options.overrides), now)
    const changed = [...fixed, ...(this.#plane?.adopt(now) ?? [])]
    if (changed.length > 0)
      this.#log.warn({ settings: changed }, `${changed.join(', ')}: takes effect on restart`)
  }
}
