/**
 * A Kubernetes API as a source of configuration: collects what its loops (loops.ts) find, and
 * reports changes.
 *
 * Nothing is compiled before every loop is synced. After that, what is known is served, whatever
 * the API does. Kinds that only some rules need are followed from the moment that one does.
 */

import type { ServiceObjects } from '../../config/plan/live-clusters.ts'
import { bindableAddresses } from '../../kernel/own-addresses.ts'
import { Debounce } from '../files/debounce.ts'
import type { Source } from '../source.ts'
import { CACHE_EVERY_MS } from './cache.ts'
import { Chosen } from './chosen.ts'
import { Client } from './client.ts'
import { isEndpoints, serviceOf } from './endpoint-index.ts'
import { ENDPOINT_SLICE, ENDPOINTS, RULE_KINDS } from './kinds.ts'
import { Lease, leaseName } from './lease.ts'
import { Loops, WATCHED_MAX } from './loops.ts'
import { Needed } from './needed.ts'
import type { Kept } from './objects.ts'
import { PodPace } from './pod-pace.ts'
import { POLL_MS } from './poller.ts'
import type { ReflectorState } from './reflector-state.ts'
import type { KubernetesOptions } from './source-options.ts'
import { ObjectStore, type ObjectUpdate } from './store.ts'
import { Throttle } from './throttle.ts'
import { type Told, type Wanted, Writer } from './writer.ts'

/** Quiet for this long, or this long after the first change, what has changed is compiled. */
const QUIET_MS = 50
const MOST_MS = 250
/** Endpoints cost little for each change, and something for each time they are changed. */
const ENDPOINTS_FIRST_MS = 15
const ENDPOINTS_EVERY_MS = 100
/** How long a start waits for the API where a cache can be served instead. */
const CACHE_WAIT_MS = 10_000

const POLLED_TEXT = `more than ${WATCHED_MAX} Secrets and ConfigMaps are named: weir watches the first ones, and asks for each of the others every ${POLL_MS / 1000} s, or less often if there are many`

export class KubernetesSource implements Source<ObjectUpdate> {
  readonly #options: KubernetesOptions
  readonly #client: Client
  readonly #writer: Writer | null
  readonly #store = new ObjectStore()
  readonly #loops: Loops
  readonly #chosen: Chosen
  readonly #needed: Needed
  /** False: it was closed before. */
  readonly #synced = Promise.withResolvers<boolean>()
  readonly #changed = new Debounce(() => this.#tell(), QUIET_MS, MOST_MS)
  readonly #endpointsChanged = new Throttle(
    () => this.#tellEndpoints(),
    ENDPOINTS_FIRST_MS,
    ENDPOINTS_EVERY_MS,
  )
  /** Those whose endpoints have changed. */
  readonly #services = new Set<string>()
  #onChange: (() => void) | null = null
  #onEndpoints: ((services: readonly string[]) => unknown) | null = null
  readonly #podPace = new PodPace(() => this.#hasChanges && this.#changed.touch())
  /** The compilation of what `current` has returned is over. */
  readonly compiled = (): void => this.#podPace.end()
  #waiting: NodeJS.Timeout | undefined
  #saving: NodeJS.Timeout | undefined
  #hasChanges = false
  #cacheTrouble = ''

  constructor(options: KubernetesOptions) {
    this.#options = options
    this.#client = new Client(options.identity)
    this.#chosen = new Chosen(options.settings)
    this.#loops = new Loops({
      client: this.#client,
      namespaces: options.settings.namespaces,
      onObject: (after, before) => this.#take(after, before),
      onState: state => this.#onState(state),
      onPolled: () => options.onPolled?.(POLLED_TEXT),
      pace: options.pace,
    })
    this.#needed = new Needed({ loops: this.#loops, store: this.#store, settings: options.settings })
    this.#writer = options.settings.status
      ? new Writer({
          client: this.#client,
          lease: new Lease({
            client: this.#client,
            namespace: options.identity.namespace,
            name: leaseName(options.settings),
            durationMs: options.pace?.leaseMs,
          }),
          find: key => this.#store.find(key),
          isOthers: (entry, { object }) =>
            this.#chosen.leavesOut(entry, object, key => this.#store.find(key)),
          onTrouble: options.onTrouble,
          spreadMs: options.pace?.spreadMs,
        })
      : null
  }

  /**
   * Starts the loops; resolves once all are synced, or with false when it is closed before, and
   * never rejects. With a cache it waits for a while only.
   */
  begin(): Promise<boolean> {
    const { cache, onCached } = this.#options
    const cached = cache?.read() ?? null
    this.#loops.cached = cached?.objects ?? []
    if (cached) {
      this.#waiting = setTimeout(() => {
        if (this.isSynced) return
        onCached?.(cached.ageMs)
        this.#synced.resolve(true)
      }, this.#options.pace?.cacheMs ?? CACHE_WAIT_MS)
    }
    for (const kind of [...RULE_KINDS, ENDPOINT_SLICE]) this.#loops.follow(kind)
    this.#needed.follow()
    return this.#synced.promise
  }

  current(): ObjectUpdate {
    this.#podPace.begin()
    const update = this.#store.update()
    this.#needed.handOver(update.to)
    return update
  }

  /** What was compiled of the objects up to this revision is served; so many were left out. */
  serves(upTo: number, leftOut: number): void {
    this.#needed.serve(upTo, leftOut)
  }

  forget(): void {
    this.#store.forget()
  }

  /** @param onEndpoints  Called with Services whose endpoints have changed, many at once. */
  async follow(onChange: () => void, onEndpoints: (services: readonly string[]) => unknown): Promise<void> {
    this.#onEndpoints = onEndpoints
    this.#endpointsChanged.touch()
    await this.open(onChange)
  }

  async open(onChange: () => void): Promise<void> {
    this.#onChange = onChange
    if (this.#hasChanges) this.#changed.touch()
  }

  async close(): Promise<void> {
    this.#synced.resolve(false)
    clearTimeout(this.#waiting)
    clearTimeout(this.#saving)
    this.#save()
    await this.#loops.close()
    this.#changed.cancel()
    this.#podPace.cancel()
    this.#endpointsChanged.cancel()
    await this.#writer?.close()
    this.#client.close()
  }

  objectsOf(service: string): ServiceObjects {
    const { endpoints, hasPods } = this.#store
    return {
      slices: endpoints.slicesOf(service),
      endpoints: endpoints.endpointsOf(service),
      pod: hasPods ? id => this.#store.get(` Pod ${id}`) : () => undefined,
      podsAt: hasPods ? address => this.#store.podsAt(address) : () => [],
      nodes: this.#store.nodes,
    }
  }

  changedSince(revision: number): string[] {
    return this.#store.endpoints.changedSince(revision)
  }

  /** Compiles everything again, though no rule has changed. */
  compileAnyway(): void {
    this.#store.stamp++
    this.#hasChanges = true
    this.#changed.touch()
  }

  /** What is asked of Pods from now on; what had not counted before may do so now. */
  usePods({
    selectsPods,
    filesHaveWorkloads,
  }: {
    readonly selectsPods: boolean
    readonly filesHaveWorkloads: boolean
  }): void {
    const { podUse } = this.#store
    const { hasLocality } = this.#options.settings
    this.#store.podUse = { selected: selectsPods, shared: filesHaveWorkloads, locality: hasLocality }
    if ((selectsPods && !podUse.selected) || (filesHaveWorkloads && !podUse.shared)) this.compileAnyway()
  }

  /** All objects, by key. */
  all(): Iterable<[string, Kept]> {
    return this.#store.all()
  }

  /** Where clients reach Gateways of Gateway API; undefined: nobody has said. */
  get addresses() {
    const { addresses } = this.#options.settings
    return addresses && { ...addresses, ...(this.writes && { local: bindableAddresses() }) }
  }

  get writes(): boolean {
    return this.#writer !== null
  }

  /** Writes status and Events, where the Settings want it. */
  report({
    statuses,
    events,
  }: {
    readonly statuses: ReadonlyMap<string, Wanted>
    readonly events: readonly Told[]
  }): void {
    this.#writer?.want(statuses, events)
  }

  get states(): readonly ReflectorState[] {
    return this.#loops.states
  }

  get isSynced(): boolean {
    return this.#loops.isSynced
  }

  /** What a start waits for, in words; '': nothing. */
  get awaits(): string {
    const waiting = this.states.filter(each => !each.isSynced)
    const [first] = [...waiting.filter(each => each.trouble !== ''), ...waiting]
    if (!first) return ''
    const others = waiting.length - 1
    const kinds = others === 0 ? first.title : `${first.title} and ${others} more`
    return `waiting for the Kubernetes API (${kinds}): ${first.trouble || 'no complete answer yet'}`
  }

  get server(): string {
    return this.#client.server
  }

  #onState(state: ReflectorState): void {
    this.#options.onState?.(state)
    if (state.kind === ENDPOINT_SLICE.kind && state.phase === 'absent') this.#loops.follow(ENDPOINTS)
    this.#needed.follow()
    if (!this.isSynced) return
    this.#synced.resolve(true)
    this.#loops.cached = []
    if (this.#hasChanges) this.#changed.touch()
  }

  #take(after: Kept | null, before: Kept | null): void {
    const [now, old] = this.#chosen.take(after, before)
    if (!this.#store.take(now, old)) return
    if (this.#options.cache) this.#saving ??= setTimeout(() => this.#save(), CACHE_EVERY_MS).unref()
    const [service, other] = [now, old].map(each => each && isEndpoints(each.object) && serviceOf(each))
    if (service === false || other === false) {
      this.#hasChanges = true
      const isPod = (after ?? before)?.object.kind === 'Pod'
      if (isPod && !this.#store.podUse.selected) this.#podPace.touch()
      else this.#changed.touch()
      return
    }
    if (service) this.#services.add(service)
    if (other && other !== service) this.#services.add(other)
    this.#endpointsChanged.touch()
  }

  #save(): void {
    this.#saving = undefined
    const { cache, onTrouble } = this.#options
    if (!cache || !this.isSynced) return
    try {
      cache.write(new Map(this.#store.all()).values())
      this.#cacheTrouble = ''
    } catch (error) {
      const trouble = `not written: the cache: ${error instanceof Error ? error.message : String(error)}`
      if (trouble !== this.#cacheTrouble) onTrouble?.(trouble)
      this.#cacheTrouble = trouble
    }
  }

  #tellEndpoints(): void {
    if (this.#onEndpoints === null) return
    const services = [...this.#services]
    this.#services.clear()
    if (services.length > 0) this.#onEndpoints(services)
  }

  /** Reports changes once every loop is synced. */
  #tell(): void {
    this.#needed.follow()
    if (!this.isSynced || this.#onChange === null) return
    this.#hasChanges = false
    this.#onChange()
  }
}
