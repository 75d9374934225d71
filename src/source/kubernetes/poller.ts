/**
 * Single objects beyond those that are watched (loops.ts): asked for one after the other, each
 * again after a while. A watch of each would be a connection of the API server for each.
 *
 * It asks for a list of one name and not for the object. So it needs the same rights as a watch,
 * and an object that is not there is an answer like any other.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, wallNowMs } from '../../base/clock.ts'
import { createRandom } from '../../base/random.ts'
import { BackOff } from './back-off.ts'
import type { Client } from './client.ts'
import { keyOf } from './events.ts'
import { type Failure, failureOf, waitAfter } from './failures.ts'
import { type Scope, titleOfScope } from './kinds.ts'
import { Known, type OnObject } from './known.ts'
import { type Kept, readObject } from './objects.ts'
import { absentAfter, DEFAULT_PACE, holdLeftMs, type Pace } from './pace.ts'
import { type Failing, PhaseKeeper, type ReflectorState } from './reflector-state.ts'
import { Requests } from './requests.ts'

type PollerOptions = {
  readonly client: Client
  readonly kind: Scope['kind']
  readonly onObject: OnObject
  /** Called when it is synced, and when phase or trouble change. */
  readonly onState: () => void
  readonly pace?: Pace | undefined
}

type Polled = {
  readonly scope: Scope
  readonly requests: Requests
  readonly backOff: BackOff
  readonly sinceMs: number
  /** Or nothing waits for it any more. */
  isKnown: boolean
  /** What is wrong with this one. */
  failure: Failure | null
  dueMs: number
  /** How long the next wait is while it is not there. */
  absentMs: number
}

type Failed = Polled & { failure: Failure }

/** How the title of a poller ends. */
export const POLLED = ' (polled)'
/** The time in which each is asked for, unless there are too many. */
export const POLL_MS = 60_000
/** Between two requests. */
const GAP_MS = 500
/** The first wait for one that is not there: somebody may be about to create it. */
const ABSENT_MS = 5_000

export class Poller {
  readonly #options: PollerOptions
  readonly #pace: Pace
  readonly #closing = new AbortController()
  readonly #random = createRandom(process.pid, wallNowMs() >>> 0, 11)
  readonly #known: Known
  readonly #state: PhaseKeeper
  readonly #polled = new Map<string, Polled>()
  #awake = new AbortController()
  /** The server has failed for two objects in turn: it may fail for all. */
  #isAway = false
  #running: Promise<void> | null = null

  constructor(options: PollerOptions) {
    this.#options = options
    this.#pace = options.pace ?? DEFAULT_PACE
    this.#known = new Known(options.onObject)
    this.#state = new PhaseKeeper(options.onState)
  }

  get size(): number {
    return this.#polled.size
  }

  /** How often each is asked for. */
  get everyMs(): number {
    const { pollMs = POLL_MS } = this.#pace
    return Math.max(pollMs, this.size * this.#gapMs)
  }

  get title(): string {
    return this.#options.kind.kind + POLLED
  }

  get state(): ReflectorState {
    const { kind, versions } = this.#options.kind
    const objects = this.#known.size
    const { failing, title } = this
    return { ...this.#state.now, objects, title, kind, version: versions[0], failing }
  }

  /** @param cached  The object of a cache, which counts until the first answer. */
  add(scope: Scope, cached: Iterable<Kept> = []): void {
    const key = titleOfScope(scope)
    if (this.#polled.has(key) || this.#closing.signal.aborted) return
    this.#known.seed(cached)
    const requests = new Requests({
      client: this.#options.client,
      scope,
      pace: this.#pace,
      random: this.#random,
      version: () => scope.kind.versions[0],
      signal: this.#closing.signal,
    })
    const absentMs = Math.min(ABSENT_MS, this.#pace.pollMs ?? POLL_MS)
    const backOff = new BackOff(this.#pace, this.#random)
    const polled = { scope, requests, backOff, sinceMs: monotonicMs(), dueMs: 0, absentMs }
    this.#polled.set(key, { ...polled, isKnown: false, failure: null })
    this.#state.update({ isSynced: false, phase: 'listing' })
    this.#awake.abort()
    this.#running ??= this.#run()
  }

  has(scope: Scope): boolean {
    return this.#polled.has(titleOfScope(scope))
  }

  /** Those that are not needed are given up: what was known of them is gone. */
  keepOnly(isNeeded: (scope: Scope) => boolean): void {
    for (const [key, { scope }] of this.#polled) {
      if (isNeeded(scope)) continue
      this.#polled.delete(key)
      this.#forget(scope)
      this.#tell()
      this.#options.onState()
    }
  }

  #forget({ namespace, name }: Scope): void {
    this.#known.delete(keyOf({ metadata: { namespace, name } }))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#awake.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    /** The one for which the server failed in the request before; null: it answered. */
    let failed: Polled | null = null
    while (!this.#closing.signal.aborted) {
      this.#awake = new AbortController()
      if (this.size === 0) {
        await this.#pause(POLL_MS)
        continue
      }
      const next = this.#next()
      const waitMs = next.dueMs - monotonicMs()
      if (waitMs > 0) {
        await this.#rest(waitMs)
        continue
      }
      const failure = await this.#ask(next)
      if (this.#closing.signal.aborted) return
      const failedMs = failure ? waitAfter(failure, next.backOff, this.#pace) : 0
      if (failure) next.dueMs = monotonicMs() + failedMs
      this.#report(next, failure)
      const isAway = failure !== null && !failure.isOfObject
      this.#isAway = isAway && failed !== null && (this.#isAway || failed !== next)
      // The server may fail for one object only, so another one is asked for before it has a rest.
      if (isAway && (this.#isAway || failure.retryMs > 0)) await this.#rest(failedMs)
      else if (isAway) await this.#pause(this.#gapMs)
      else if ([...this.#polled.values()].every(each => each.isKnown)) await this.#pause(this.#gapMs)
      failed = isAway ? next : null
    }
  }

  /** The one that is due first. */
  #next(): Polled {
    return [...this.#polled.values()].reduce((first, each) => (each.dueMs < first.dueMs ? each : first))
  }

  async #ask(polled: Polled): Promise<Failure | null> {
    this.#state.count('lists')
    try {
      const found: Kept[] = []
      await polled.requests.list(items => found.push(...items.flatMap(each => this.#read(each))))
      if (!this.has(polled.scope)) return null
      this.#take(polled, found[0] ?? null)
      return null
    } catch (error) {
      return failureOf(error)
    }
  }

  #read(item: unknown): Kept[] {
    const { kind, versions } = this.#options.kind
    return [readObject(item, kind, versions[0]) ?? []].flat()
  }

  #take(polled: Polled, found: Kept | null): void {
    this.#state.heard()
    if (found) this.#known.set(found)
    else this.#forget(polled.scope)
    polled.isKnown = true
    const { everyMs } = this
    polled.dueMs = monotonicMs() + (found ? everyMs : Math.min(polled.absentMs, everyMs))
    polled.absentMs = found ? ABSENT_MS : absentAfter(polled.absentMs, everyMs)
  }

  #report(polled: Polled, failure: Failure | null): void {
    const before = polled.failure?.message
    polled.failure = failure
    if (failure) this.#state.count('failures')
    if (failure && (failure.isOfObject || this.#heldMs(polled) === 0)) polled.isKnown = true
    this.#tell()
    if (failure?.message !== before) this.#options.onState()
  }

  #tell(): void {
    const isSynced = [...this.#polled.values()].every(each => each.isKnown)
    const [first, ...others] = this.#failing
    if (first) {
      const more = others.length > 0 ? `, and ${others.length} more` : ''
      const { message, concerns } = first.failure
      const trouble = `${titleOfScope(first.scope)}: ${message}${more}`
      this.#state.update({ phase: 'waiting', isSynced, trouble, concerns })
    } else if (isSynced) this.#state.synced()
    else this.#state.update({ phase: 'listing', isSynced, trouble: '' })
  }

  get #failing(): Failed[] {
    return [...this.#polled.values()].filter((each): each is Failed => each.failure !== null)
  }

  /** What fails for one object alone; a server that is away is one trouble for all of them. */
  get failing(): readonly Failing[] {
    const failing = this.#failing
    const ofServer = failing.find(each => !each.failure.isOfObject)
    return [
      ...failing
        .filter(each => each.failure.isOfObject)
        .map(({ scope, isKnown, failure: { message, concerns } }) => ({
          title: titleOfScope(scope),
          isSynced: isKnown,
          trouble: message,
          concerns,
        })),
      ...(ofServer
        ? [
            {
              title: this.title,
              isSynced: this.#state.now.isSynced,
              trouble: ofServer.failure.message,
              concerns: ofServer.failure.concerns,
            },
          ]
        : []),
    ]
  }

  get #gapMs(): number {
    return Math.min(GAP_MS, this.#pace.pollMs ?? GAP_MS)
  }

  /** Nothing waits any more for what the server has failed for long enough by then. */
  async #rest(ms: number): Promise<void> {
    const { signal } = this.#awake
    const untilMs = monotonicMs() + ms
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs = untilMs - monotonicMs()) {
      const all = [...this.#polled.values()]
      await this.#pause(Math.min(leftMs, ...all.map(each => this.#heldMs(each))))
      if (signal.aborted) return
      for (const each of all) each.isKnown ||= this.#heldMs(each) === 0
      this.#tell()
    }
  }

  /** How long others wait for one that fails; Infinity: they do not, or it may be read yet. */
  #heldMs({ isKnown, failure, sinceMs }: Polled): number {
    if (isKnown || (failure === null && !this.#isAway)) return Number.POSITIVE_INFINITY
    return holdLeftMs(sinceMs, this.#pace)
  }

  /** Ends early when it is closed, and when another object is to be asked for. */
  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#awake.signal }).catch(() => {})
  }
}
